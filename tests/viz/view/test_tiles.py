"""Thumbnails of every head's matrix, by plain loops."""

import math
from itertools import pairwise

import numpy as np
import pytest

from headlens.viz.view.tiles import matrix_tiles
from tests.viz.figures.inputs import random_weights, special_at


def heavy_on(weights: np.ndarray, special: np.ndarray) -> np.ndarray:
    """The weights with most of each row on the special keys, as heads do it."""
    weights = weights + np.where(special, 2, 0)
    return (weights / weights.sum(axis=-1, keepdims=True)).astype(np.float32)


def levels_by_hand(matrix: list[list[float]], ordinary: list[int]) -> list[list[int]]:
    """0 to 255 up to the largest number in an ordinary column, or in any where none is ordinary."""
    columns = ordinary or range(len(matrix))
    limit = max(row[column] for row in matrix for column in columns) or 1.0
    return [[math.floor(min(number / limit, 1) * 255 + 0.5) for number in row] for row in matrix]


def assert_levels(result: np.ndarray, expected: list[list[int]]) -> None:
    """The same but for a number whose rounding float32 decides."""
    off = np.abs(result.astype(int) - np.array(expected))
    assert off.max() <= 1
    assert (off > 0).mean() < 0.01


@pytest.mark.parametrize("num_tokens", [1, 2, 17, 40])
@pytest.mark.parametrize("positions", [(), (0,), (0, -1)])
def test_a_small_matrix_is_drawn_cell_by_cell(num_tokens: int, positions: tuple[int, ...]) -> None:
    special = special_at(num_tokens, *positions)
    weights = heavy_on(random_weights(3, num_tokens, num_tokens), special)
    weights[1] *= 0.1
    tiles, tops = matrix_tiles(weights, special)
    assert tiles.shape == (3, num_tokens, num_tokens)
    assert tiles.dtype == np.uint8
    ordinary = [key for key in range(num_tokens) if not special[key]]
    for tile, top, head in zip(tiles, tops, weights, strict=True):
        assert_levels(tile, levels_by_hand(head.tolist(), ordinary))
        assert top == max(head[query, key] for query in range(num_tokens) for key in ordinary or range(num_tokens))
        assert tile[:, ordinary or slice(None)].max() == 255  # each head on its own scale


def blocks_by_hand(head: np.ndarray, bounds: list[int]) -> list[list[float]]:
    """The mean weight of each block of queries and keys."""
    return [
        [
            math.fsum(float(head[query, key]) for query in range(top, bottom) for key in range(left, right))
            / ((bottom - top) * (right - left))
            for left, right in pairwise(bounds)
        ]
        for top, bottom in pairwise(bounds)
    ]


@pytest.mark.parametrize("num_tokens", [41, 100, 512])
@pytest.mark.parametrize("positions", [(0, -1), tuple(range(20)), ()])
def test_a_large_matrix_is_drawn_by_means(num_tokens: int, positions: tuple[int, ...]) -> None:
    """With the first 20 tokens special, whole blocks of keys are: these may not set the scale."""
    special = special_at(num_tokens, *positions)
    weights = heavy_on(random_weights(2, num_tokens, num_tokens), special)
    weights[1] *= 0.1
    tiles, tops = matrix_tiles(weights, special)
    assert tiles.shape == (2, 40, 40)
    bounds = [block * num_tokens // 40 for block in range(41)]
    ordinary = [block for block in range(40) if not special[bounds[block] : bounds[block + 1]].all()]
    for tile, top, head in zip(tiles, tops, weights, strict=True):
        blocks = blocks_by_hand(head, bounds)
        assert_levels(tile, levels_by_hand(blocks, ordinary))
        assert top == pytest.approx(max(row[block] for row in blocks for block in ordinary))
        assert tile[:, ordinary].max() == 255


def test_where_every_token_is_special_they_set_the_scale() -> None:
    for num_tokens in (5, 60):
        tiles, _ = matrix_tiles(random_weights(2, num_tokens, num_tokens), special_at(num_tokens, *range(num_tokens)))
        assert tiles.max(axis=(1, 2)).tolist() == [255, 255]
