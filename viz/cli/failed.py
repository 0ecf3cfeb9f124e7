"""What is no fault of the input."""

from headlens.model.errors import HeadlensError


class RunFailedError(HeadlensError):
    """A run that began and could not be finished, or not for all inputs; the command exits with 1."""
