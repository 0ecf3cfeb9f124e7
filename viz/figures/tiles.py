"""Every head as a small picture: what the head grid is made of."""

from itertools import pairwise

import numpy as np

from headlens.viz.figures.pictures import darkened, shrunk
from headlens.viz.figures.scale import colour_limit, to_levels
from headlens.viz.theme import HEAT, HEAT_OPACITY, lookup_table

MATRIX_SIDE = 40  # cells of a thumbnail at most
PHOTO_SIDE = 96  # pixels of a thumbnail's longer side


def matrix_tiles(weights: np.ndarray, special: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A layer's matrices [head, query, key] as uint8 levels [head, side, side] of each head's own scale, and its top.

    Above MATRIX_SIDE tokens a cell is the mean of the weights in it; special keys do not set the scale. The queries may
    be a sample of the tokens.
    """
    num_queries, num_keys = weights.shape[1:]
    if num_keys <= MATRIX_SIDE:
        tops = np.array([colour_limit(head, special) for head in weights])
        return to_levels(weights, tops[:, None, None]), tops
    rows, columns = (np.arange(MATRIX_SIDE + 1) * count // MATRIX_SIDE for count in (num_queries, num_keys))
    # By slices along the queries, which lie far apart: reduceat over both axes takes 40 times as long.
    means = np.stack([weights[:, first:end].mean(axis=1) for first, end in pairwise(rows)], axis=1)
    cells = np.add.reduceat(means, columns[:-1], axis=2) / np.diff(columns)
    own = np.add.reduceat(~special, columns[:-1]) > 0  # cells that hold an ordinary token
    tops = np.array([colour_limit(head, ~own) for head in cells])
    return to_levels(cells, tops[:, None, None]), tops


def overlay_tiles(image: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The weights [layer, head, row, column] as heat over a small photo: uint8 [layer, head, height, width, 3]."""
    rows, columns = weights.shape[-2:]
    cell = max(1, round(PHOTO_SIDE / max(rows, columns)))
    photo = darkened(shrunk(image, rows * cell, columns * cell)).astype(np.float32)
    levels = to_levels(weights, np.maximum(weights.max(axis=(-2, -1), keepdims=True), 1e-12))
    return _heated(photo, levels.repeat(cell, axis=-2).repeat(cell, axis=-1))


def blended(pixels: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Shares [height, width] in 0 to 1 as heat over the darkened photo of that size: uint8 [height, width, 3]."""
    return _heated(darkened(pixels).astype(np.float32), to_levels(shares, 1.0))


def _heated(photo: np.ndarray, levels: np.ndarray) -> np.ndarray:
    opacity = HEAT_OPACITY * np.sqrt(levels[..., None] / 255, dtype=np.float32)
    heat = lookup_table(HEAT).astype(np.float32)[levels]
    return (photo * (1 - opacity) + heat * opacity).astype(np.uint8)
