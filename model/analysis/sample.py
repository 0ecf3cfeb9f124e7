"""Which queries stand for all of them, where there are too many to take each."""

import numpy as np

from headlens.model.recording.recording import Recording

LONG = 2_048  # tokens above which a sample is taken
SAMPLE = 64


def sampled_queries(num_tokens: int) -> np.ndarray:
    """All queries [query], or above LONG tokens SAMPLE of them, evenly spaced."""
    if num_tokens <= LONG:
        return np.arange(num_tokens)
    return np.linspace(0, num_tokens - 1, SAMPLE).round().astype(int)


def looking_queries(recording: Recording) -> np.ndarray:
    """The positions that look at others, or above LONG of them a sample; of joined cross-attention those of segment 1.

    See `headlens.model.analysis.joint.joined`.
    """
    is_joined = recording.stage == "cross" and recording.keys is None
    positions = np.flatnonzero(recording.segments) if is_joined else np.arange(recording.num_tokens)
    picked: np.ndarray = positions[sampled_queries(len(positions))]
    return picked
