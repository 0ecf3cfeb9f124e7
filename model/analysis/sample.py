"""Which queries stand for all of them, where there are too many to take each."""

import numpy as np

LONG = 2_048  # tokens above which a sample is taken
SAMPLE = 64


def sampled_queries(num_tokens: int) -> np.ndarray:
    """All queries [query], or above LONG tokens SAMPLE of them, evenly spaced."""
    if num_tokens <= LONG:
        return np.arange(num_tokens)
    return np.linspace(0, num_tokens - 1, SAMPLE).round().astype(int)
