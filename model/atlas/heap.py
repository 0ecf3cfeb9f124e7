"""The heap of a process that only builds an atlas."""

import ctypes
import sys

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # parameters of glibc's mallopt, see mallopt(3)
MOST_KEPT = 2**31 - 1  # bytes that may lie unused at the end of the heap
LARGEST = 32 * 2**20  # bytes of what may lie in the heap; it takes no larger number


def keep_freed_memory() -> None:
    """Let glibc keep what is freed; elsewhere nothing is done. It holds for the whole process, until that ends.

    What a batch leaves behind is freed at once. glibc would give it back to the kernel and take it anew for the next
    batch, whose pages the kernel fills with zeros first: a tenth of the time of a small model.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(TRIM_THRESHOLD, MOST_KEPT)
        mallopt(MMAP_THRESHOLD, LARGEST)
