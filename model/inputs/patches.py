"""An image cut into its patches, and patches joined to an image; of numpy or torch, with channels first or last."""

from typing import TypeVar

import numpy as np
from torch import Tensor

Pixels = TypeVar("Pixels", np.ndarray, Tensor)


def cut_patches(pixels: Pixels, grid: tuple[int, int], axis: int) -> Pixels:
    """Patches row by row: [..., height, width, ...] becomes [..., patch, height of one, width of one, ...].

    Args:
        pixels: whose height and width are multiples of the grid.
        grid: (rows, columns) of the patches.
        axis: which one the height is; the width comes next.
    """
    rows, columns = grid
    first = axis % pixels.ndim
    before, (height, width), after = pixels.shape[:first], pixels.shape[first : first + 2], pixels.shape[first + 2 :]
    size = height // rows, width // columns
    apart = pixels.reshape(*before, rows, size[0], columns, size[1], *after)
    return apart.swapaxes(first + 1, first + 2).reshape(*before, rows * columns, *size, *after)


def join_patches(patches: Pixels, grid: tuple[int, int], axis: int) -> Pixels:
    """The image of patches [..., patch, height, width, ...], as `cut_patches` cuts it.

    Args:
        patches: row by row.
        grid: (rows, columns) of them.
        axis: which one counts the patches; height and width of one come next.
    """
    rows, columns = grid
    first = axis % patches.ndim
    before, after = patches.shape[:first], patches.shape[first + 3 :]
    height, width = patches.shape[first + 1 : first + 3]
    apart = patches.reshape(*before, rows, columns, height, width, *after).swapaxes(first + 1, first + 2)
    return apart.reshape(*before, rows * height, columns * width, *after)
