"""How weights become colours."""

import numpy as np


def colour_limit(weights: np.ndarray, special: np.ndarray) -> float:
    """The weight at the top of the colour scale: the largest on a key [..., key] that is not special.

    Heads rest on [CLS] and [SEP] with weights that would leave everything else pale; these are drawn as full.
    """
    ordinary = weights[..., ~special]
    limit = float((ordinary if ordinary.size else weights).max())
    return limit if limit > 0 else 1.0


def is_exceeded(weights: np.ndarray, special: np.ndarray) -> bool:
    """Whether a special key [..., key] has more than the top of the colour scale."""
    return float(weights.max()) > colour_limit(weights, special)


def to_levels(weights: np.ndarray, limit: np.ndarray | float) -> np.ndarray:
    """uint8 levels 0 to 255 along a scale that ends at the limit."""
    return np.rint(np.clip(weights / limit, 0, 1) * 255).astype(np.uint8)
