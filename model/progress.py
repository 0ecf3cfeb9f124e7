"""How a caller follows a run."""

from collections.abc import Callable

OnLayer = Callable[[int], object]  # called with the index of each layer as it is done; what it raises stops the run
OnBytes = Callable[[int, int], object]  # called with the bytes that are here, and of how many; what it raises stops it
OnStep = Callable[[int, int], object]  # called with how many runs are done, and of how many; what it raises stops them


def no_step(done: int, total: int) -> None:
    """A progress callback that does nothing."""
