"""How much heavy work runs at once; the rest waits its turn."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LOOK_AGAIN = 0.25  # seconds between two looks at the queue
OnWait = Callable[[int], object]  # called with how many are to go in first; what it raises leaves the queue


class WorkQueue:
    """Lets so many in at once, in the order in which they came.

    Twenty visitors who compute at once each take twenty times as long; one after the other, half are done in half the
    time, and what needs no turn is answered meanwhile.
    """

    def __init__(self, parallel: int) -> None:
        self._parallel = parallel
        self._tickets: list[object] = []  # in order; the first of them are inside
        self._changed = threading.Condition()

    def __len__(self) -> int:
        """How many are inside or wait."""
        return len(self._tickets)

    @contextmanager
    def enter(self, on_wait: OnWait) -> Iterator[None]:
        """Wait for a turn, and have it while the context lasts.

        Args:
            on_wait: called every LOOK_AGAIN seconds.
        """
        ticket = object()
        with self._changed:
            self._tickets.append(ticket)
        try:
            while (before := self._before(ticket)) > 0:
                on_wait(before)
            yield
        finally:
            with self._changed:
                self._tickets.remove(ticket)
                self._changed.notify_all()

    def _before(self, ticket: object) -> int:
        """How many must go first; waits up to LOOK_AGAIN seconds for it to be none."""

        def count() -> int:
            return max(0, self._tickets.index(ticket) + 1 - self._parallel)

        with self._changed:
            self._changed.wait_for(lambda: count() == 0, LOOK_AGAIN)
            return count()
