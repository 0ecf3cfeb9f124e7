"""How rows of vectors compare: embeddings, filters, positions, a token over the layers."""

import numpy as np
import torch
from torch import Tensor


def cosines(rows: np.ndarray, row: np.ndarray) -> np.ndarray:
    """The cosine of one vector [width] to each of the rows [..., width]: [...]."""
    norms = np.linalg.norm(rows, axis=-1) * np.linalg.norm(row, axis=-1)
    similarity: np.ndarray = (rows * row).sum(axis=-1) / np.maximum(norms, 1e-12)
    return similarity


@torch.inference_mode()
def nearest(table: Tensor, index: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows of a table [row, width] that are most like one of them: their indices and their cosines, [count]."""
    row = table[index]
    similarity = (table @ row).float() / (table.norm(dim=-1) * row.norm()).float().clamp(min=1e-12)
    largest = similarity.topk(min(count, len(table)))
    return largest.indices.cpu().numpy(), largest.values.cpu().numpy()


def principal_filters(filters: np.ndarray, count: int) -> np.ndarray:
    """The first principal components of a patch embedding's filters [width, ...]: [count, ...], of norm one.

    Dosovitskiy et al. 2021, section 4.5 and figure 7, left.
    """
    flat = filters.reshape(len(filters), -1)
    _, _, components = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
    return components[:count].reshape(count, *filters.shape[1:])


def cosines_over_layers(
    stream: np.ndarray, query: int, neighbours: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How a token's row moves through the stream [layer, token, width].

    Returns:
        Three cosines for each layer: to where it began, the mean to its neighbours [neighbour], and the mean to all
        tokens.
    """
    own = stream[:, query]
    to_all = cosines(stream, own[:, None])  # [layer, token]
    return cosines(own, own[0]), to_all[:, neighbours].mean(axis=-1), to_all.mean(axis=-1)


def neighbours(
    num_tokens: int, query: int, *, prefix_tokens: int = 0, grid: tuple[int, int] | None = None
) -> np.ndarray:
    """The positions beside one: the tokens before and after it, or the patches around a patch; of [CLS], all others."""
    positions = np.arange(num_tokens)
    beside: np.ndarray
    if grid is None:
        beside = abs(positions - query) == 1
    elif query < prefix_tokens:
        beside = positions != query
    else:
        row, column = np.divmod(positions - prefix_tokens, grid[1])
        own_row, own_column = divmod(query - prefix_tokens, grid[1])
        away = abs(row - own_row) + abs(column - own_column)
        beside = (away == 1) & (positions >= prefix_tokens)
    return np.flatnonzero(beside)
