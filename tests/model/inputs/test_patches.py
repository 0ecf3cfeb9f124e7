"""Images cut into patches, against slices."""

import numpy as np
import pytest
import torch

from headlens.model.inputs.patches import cut_patches, join_patches

ROWS, COLUMNS, HEIGHT, WIDTH = 2, 3, 4, 5  # of the grid, and of one patch


def image(channels_last: bool) -> np.ndarray:
    numbers = np.arange(ROWS * HEIGHT * COLUMNS * WIDTH * 3)
    return numbers.reshape(
        (ROWS * HEIGHT, COLUMNS * WIDTH, 3) if channels_last else (3, ROWS * HEIGHT, COLUMNS * WIDTH)
    )


@pytest.mark.parametrize("patch", range(ROWS * COLUMNS))
def test_a_patch_is_a_slice_of_the_image(patch: int) -> None:
    row, column = divmod(patch, COLUMNS)
    down, across = slice(row * HEIGHT, (row + 1) * HEIGHT), slice(column * WIDTH, (column + 1) * WIDTH)
    last = cut_patches(image(True), (ROWS, COLUMNS), axis=0)
    assert last.shape == (ROWS * COLUMNS, HEIGHT, WIDTH, 3)
    np.testing.assert_array_equal(last[patch], image(True)[down, across])
    first = cut_patches(torch.from_numpy(image(False))[None], (ROWS, COLUMNS), axis=-2)
    assert first.shape == (1, 3, ROWS * COLUMNS, HEIGHT, WIDTH)
    np.testing.assert_array_equal(first[0, :, patch], image(False)[:, down, across])


def test_joined_it_is_the_same_image() -> None:
    last, first = image(True), torch.from_numpy(image(False))[None]
    grid = ROWS, COLUMNS
    np.testing.assert_array_equal(join_patches(cut_patches(last, grid, axis=0), grid, axis=0), last)
    np.testing.assert_array_equal(join_patches(cut_patches(first, grid, axis=-2), grid, axis=-3), first)
