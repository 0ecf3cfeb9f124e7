"""Giving freed memory back to the system."""

import threading
from collections.abc import Callable

from headlens.model.heap import trim

EVERY = 32_000_000  # bytes that are freed before memory is given back again


class FreedMemory:
    """Counts what is freed, and gives it back in portions, beside whatever runs.

    glibc keeps what a thread has freed for other allocations of the same arena, and each run of a page is a thread of
    its own: without this, a server that held 640 MB after 2,000 recordings took up to 1,030 MB from the system.
    """

    def __init__(self, give_back: Callable[[], None] = trim, every: int = EVERY) -> None:
        self._give_back = give_back
        self._every = every
        self._bytes = 0
        self._lock = threading.Lock()

    def add(self, nbytes: int) -> None:
        """So many bytes have been freed."""
        with self._lock:
            self._bytes += nbytes
            if self._bytes < self._every:
                return
            self._bytes = 0
        threading.Thread(target=self._give_back, daemon=True).start()
