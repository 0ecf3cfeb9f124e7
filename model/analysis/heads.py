"""What one head's weights say: what a query looks at most, how far, and over how many tokens."""

import math

import numpy as np

FAR = 6  # residues; those that are as far apart or farther touch only where the protein is folded


def strongest(weights: np.ndarray, count: int, leave_out: np.ndarray | None = None) -> list[tuple[int, float]]:
    """The count largest weights [key] as (key, weight), the largest first, without the keys [key] bool left out."""
    order = np.argsort(-weights, kind="stable")
    if leave_out is not None:
        order = order[~leave_out[order]]
    return [(int(key), float(weights[key])) for key in order[:count]]


def spread(weights: np.ndarray) -> np.ndarray:
    """Over how many keys each query spreads: exp of the entropy of its weights [..., query, key] -> [..., query].

    1 is one key alone, the number of keys is all alike (the perplexity of the row; entropy as in Clark et al. 2019,
    "What Does BERT Look At?", section 3.3).
    """
    logarithms = np.log(weights, where=weights > 0, out=np.zeros_like(weights))
    keys: np.ndarray = np.exp(-(weights * logarithms).sum(axis=-1))
    return keys


def token_distance(weights: np.ndarray, queries: np.ndarray | None = None) -> np.ndarray:
    """How many tokens away each query looks on average: weights [..., query, key] -> [..., query].

    The queries are the positions of the rows; without them the rows are all tokens.
    """
    keys = np.arange(weights.shape[-1])
    distances: np.ndarray = (weights * np.abs(_or_all(queries, weights)[:, None] - keys)).sum(axis=-1)
    return distances


def patch_distance(weights: np.ndarray, grid: tuple[int, int], queries: np.ndarray | None = None) -> np.ndarray:
    """How many patches away each patch looks on average, straight across the grid: [..., patch, patch] -> [..., patch].

    The weights are of patches alone and need not sum to one: they are taken relative to their sum
    (Dosovitskiy et al. 2021, figure 11 and appendix D.7, there in pixels). The queries are as in `token_distance`.
    """
    row, column = np.divmod(np.arange(grid[0] * grid[1]), grid[1])
    rows = _or_all(queries, weights)
    away = np.hypot(row[rows, None] - row, column[rows, None] - column)
    distances: np.ndarray = (weights * away).sum(axis=-1) / np.maximum(weights.sum(axis=-1), 1e-12)
    return distances


def pooled(weights: np.ndarray, size: int = 512) -> np.ndarray:
    """A matrix [query, key] in cells, as `Recording.pooled` makes them: [cell, cell]."""
    num_tokens = len(weights)
    starts = np.arange(0, num_tokens, math.ceil(num_tokens / size))
    counts = np.diff(np.append(starts, num_tokens))
    sums = np.add.reduceat(np.add.reduceat(weights, starts, axis=1), starts, axis=0)
    cells: np.ndarray = sums / counts[:, None].astype(weights.dtype)
    return cells


def _or_all(queries: np.ndarray | None, weights: np.ndarray) -> np.ndarray:
    return np.arange(weights.shape[-2]) if queries is None else queries
