"""Every head's matrix as a thumbnail: what the head grid of a text is made of."""

from itertools import pairwise

import numpy as np

from headlens.viz.view.scale import colour_limit, to_levels

MATRIX_SIDE = 40  # cells of a thumbnail at most


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
