"""The errors that a person can fix: each message is one sentence that says what was wrong and what to do."""


class HeadlensError(ValueError):
    """Any refusal by Headlens; the message is fit to be shown as it is."""


class InputError(HeadlensError):
    """A text or an image that cannot be read or is out of bounds."""


class CheckpointError(HeadlensError):
    """A checkpoint that is missing or is not the file that it should be."""


class DeviceError(HeadlensError):
    """A device or number format that this machine does not have."""


class RecordingError(HeadlensError):
    """A recording whose parts contradict each other, or a file that is not a recording."""
