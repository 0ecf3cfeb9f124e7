"""Positions against the formulas, written in plain loops and matrices."""

import math

import numpy as np
import pytest
import torch

from headlens.model.nn.positional import LearnedPositions, PositionGrid, SinusoidalPositions, sinusoidal_positions


@pytest.mark.parametrize(("num_positions", "width"), [(1, 2), (50, 16), (512, 384)])
def test_sinusoidal_is_the_papers_formula(num_positions: int, width: int) -> None:
    encodings = sinusoidal_positions(num_positions, width)
    assert encodings.shape == (num_positions, width)
    assert encodings.dtype == torch.float32
    for position in range(0, num_positions, 7):
        for column in range(width):
            angle = position / 10_000 ** (2 * (column // 2) / width)
            expected = math.cos(angle) if column % 2 else math.sin(angle)
            assert abs(encodings[position, column].item() - expected) < 1e-7


def test_sinusoidal_needs_an_even_width() -> None:
    with pytest.raises(ValueError, match="not 7"):
        sinusoidal_positions(3, 7)


@pytest.mark.parametrize("kind", [LearnedPositions, SinusoidalPositions])
def test_the_first_rows_belong_to_the_first_tokens(kind: type[LearnedPositions] | type[SinusoidalPositions]) -> None:
    positions = kind(9, 4)
    table = positions.weight if isinstance(positions, LearnedPositions) else sinusoidal_positions(9, 4)
    assert torch.equal(positions(5), table[:5])


def resizing_matrix(before: int, after: int) -> np.ndarray:
    """[after, before]: Keys's cubic convolution with a = -0.75, half-pixel centres, edges repeated."""
    a, matrix = -0.75, np.zeros((after, before))
    for position in range(after):
        centre = (position + 0.5) * before / after - 0.5
        for source in range(math.floor(centre) - 1, math.floor(centre) + 3):
            x = abs(centre - source)
            near, far = (a + 2) * x**3 - (a + 3) * x**2 + 1, a * (x**3 - 5 * x**2 + 8 * x - 4)
            matrix[position, min(max(source, 0), before - 1)] += near if x <= 1 else far
    return matrix


@pytest.mark.parametrize(("rows", "columns"), [(4, 9), (9, 4), (2, 3), (3, 7), (6, 5), (1, 1), (16, 24)])
def test_grid_is_resized_by_cubic_convolution(rows: int, columns: int) -> None:
    grid = PositionGrid(3, 5, width=6)
    learned = grid.weight.detach().double().numpy()
    expected = np.einsum("rR,cC,RCw->rcw", resizing_matrix(3, rows), resizing_matrix(5, columns), learned)
    found = grid(rows, columns).detach().numpy()
    np.testing.assert_allclose(found, expected.reshape(rows * columns, 6), atol=1e-7, rtol=0)


def test_grid_of_the_learned_size_is_unchanged() -> None:
    grid = PositionGrid(3, 5, width=6)
    assert torch.equal(grid(3, 5), grid.weight.reshape(15, 6))
    assert torch.equal(grid(3, 5)[7], grid.weight[1, 2])


def test_wide_and_high_grids_differ() -> None:
    grid = PositionGrid(5, 5, width=6)
    wide, high = grid(2, 8).reshape(2, 8, 6), grid(8, 2).reshape(8, 2, 6)
    assert (wide - high.transpose(0, 1)).abs().max() > 1e-3
    turned = PositionGrid(5, 5, width=6)
    turned.weight.data = grid.weight.data.transpose(0, 1).clone()
    torch.testing.assert_close(wide, turned(8, 2).reshape(8, 2, 6).transpose(0, 1), atol=1e-7, rtol=0)
