"""Heads in the order of what was measured of them, and how far one looks."""

import numpy as np

from headlens.model.analysis.heads import patch_distance, token_distance
from headlens.model.recording.recording import Recording

MeasuredHead = tuple[int, int, float | None]  # layer, head, what was measured; None where nothing could be


def head_order(
    measured: np.ndarray | None, num_layers: int, num_heads: int, *, by_layer: bool = False
) -> list[MeasuredHead]:
    """All heads with what was measured of them [layer, head], nan where nothing could be.

    They stand by layer and head, if by_layer or if nothing was measured (None); else the largest first.
    """
    numbers = np.full((num_layers, num_heads), np.nan) if measured is None else measured.astype(float)
    heads = [(layer, head, float(value)) for (layer, head), value in np.ndenumerate(numbers)]
    if measured is not None and not by_layer:
        heads.sort(key=lambda entry: -np.nan_to_num(entry[2], nan=-np.inf))
    return [(layer, head, None if np.isnan(value) else value) for layer, head, value in heads]


def reach(recording: Recording, weights: np.ndarray, queries: np.ndarray) -> float:
    """How far the rows [query, key] of a head look on average: in tokens, or in patches, from patches to patches.

    0 where no patch looks at any, as from what was written of a photo.
    """
    if recording.grid is None:
        return float(token_distance(weights, queries).mean())
    first = recording.prefix_tokens
    patches = queries >= first
    if not patches.any():
        return 0.0
    return float(patch_distance(weights[patches, first:], recording.grid, queries[patches] - first).mean())
