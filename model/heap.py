"""The heap of this process, where the C library is glibc ("The GNU C Library", Memory Allocation Tunables).

A process that only builds an atlas has settings of its own:

- What a batch leaves behind is freed at once. glibc would give it back to the kernel and take it anew for the next
  batch, whose pages the kernel fills with zeros first: a tenth of the time of a small model. It keeps it here.
- Around each tensor, which starts at a multiple of 64 bytes, a few bytes are left. In glibc's cache of small pieces of
  a thread they are taken for something small that stays, next to which a freed tensor has no room for another one of
  its size: the heap grew for thousands of inputs. Without that cache it does not.
"""

import ctypes
import os
import sys
from contextlib import suppress

VARIABLE = "GLIBC_TUNABLES"  # read once, as a process starts
STARTED = "HEADLENS_HEAP"  # set: it was started again, even where the other one is taken away
LARGEST_OF_HEAP = 32 * 2**20  # bytes; it takes no larger number
SETTINGS = ":".join(
    f"glibc.malloc.{name}={value}"
    for name, value in (("trim_threshold", 2**40), ("mmap_threshold", LARGEST_OF_HEAP), ("tcache_count", 0))
)


def start_again_with_own_heap() -> None:
    """Start this process again with the settings, unless it has such; on other systems than Linux nothing is done.

    It is the same process, with the same command line and files, but all that it had in memory is gone. Where that
    cannot be (a program that came from standard input has been read), it goes on as it is.
    """
    started = VARIABLE in os.environ or STARTED in os.environ
    if sys.platform != "linux" or started or not sys.executable or sys.argv[0] in ("", "-"):
        return
    with suppress(OSError):
        command, settings = [sys.executable, *sys.orig_argv[1:]], {VARIABLE: SETTINGS, STARTED: "1"}
        os.execve(sys.executable, command, os.environ | settings)


def trim() -> None:
    """Give back what the C library keeps; where that is not glibc, nothing happens."""
    if sys.platform == "linux" and (malloc_trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        malloc_trim(0)
