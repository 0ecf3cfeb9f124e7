"""Heat over photos, by plain loops."""

import numpy as np
import pytest

from headlens.viz.figures.tiles import blended, overlay_tiles
from headlens.viz.theme import HEAT, lookup_table
from tests.viz.figures.colours import rgb_of
from tests.viz.figures.inputs import grey_by_hand, photo_of, random_weights


@pytest.mark.parametrize(
    ("rows", "columns", "cell"), [(16, 16, 6), (16, 24, 4), (24, 16, 4), (32, 32, 3), (1, 3, 32), (2, 200, 1)]
)
def test_photo_tiles_are_about_96_pixels_long(rows: int, columns: int, cell: int) -> None:
    tiles = overlay_tiles(photo_of(rows, columns).pixels, random_weights(2, 3, rows, columns))
    assert tiles.shape == (2, 3, rows * cell, columns * cell, 3)
    assert tiles.dtype == np.uint8


def test_heat_is_blended_over_the_darkened_photo() -> None:
    colour = np.array([200, 100, 50], dtype=np.uint8)
    photo = np.broadcast_to(colour, (28, 42, 3)).copy()
    weights = np.zeros((2, 2, 2, 3))
    weights[0, 0] = [[0.0, 0.4, 0.1], [0.2, 0.0, 0.05]]
    weights[1, 0, 1, 2] = 1e-3  # a faint head, on its own scale
    tiles = overlay_tiles(photo, weights).astype(float)
    grey = grey_by_hand(colour)
    np.testing.assert_allclose(rgb_of(HEAT[-1]), [252, 255, 164])

    def patch(layer: int, head: int, row: int, column: int) -> np.ndarray:
        cell = tiles[layer, head, 32 * row : 32 * (row + 1), 32 * column : 32 * (column + 1)].reshape(-1, 3)
        assert (cell == cell[0]).all()
        return cell[0]

    np.testing.assert_allclose(patch(0, 0, 0, 0), [grey] * 3, atol=2)
    strongest = [0.15 * grey + 0.85 * top for top in (252, 255, 164)]
    np.testing.assert_allclose(patch(0, 0, 0, 1), strongest, atol=2)
    np.testing.assert_allclose(patch(1, 0, 1, 2), strongest, atol=2)
    for (row, column), share in {(0, 2): 0.25, (1, 0): 0.5, (1, 2): 0.125}.items():
        opacity = 0.85 * share**0.5
        heat = lookup_table(HEAT)[round(255 * share)]
        np.testing.assert_allclose(patch(0, 0, row, column), (1 - opacity) * grey + opacity * heat, atol=2)
    np.testing.assert_allclose(tiles[0, 1], grey, atol=2)  # looks at no patch at all


def test_the_small_photo_lies_the_right_way_round() -> None:
    photo = photo_of(16, 24).pixels
    tile = overlay_tiles(photo, np.zeros((1, 1, 16, 24)))[0, 0].astype(float)
    for row, column in [(2, 2), (2, 93), (61, 2), (61, 93), (32, 48)]:
        shown = photo[round((row + 0.5) * 3.5), round((column + 0.5) * 3.5)]
        np.testing.assert_allclose(tile[row, column], grey_by_hand(shown), atol=3)


def test_shares_are_blended_over_the_photo_pixel_by_pixel() -> None:
    photo = photo_of(2, 3).pixels
    shares = np.linspace(0, 1, photo.shape[0] * photo.shape[1]).reshape(photo.shape[:2])
    result = blended(photo, shares)
    assert (result.shape, result.dtype) == (photo.shape, np.uint8)
    for row, column in [(0, 0), (5, 30), (14, 20), (27, 41)]:
        opacity = 0.85 * shares[row, column] ** 0.5
        heat = lookup_table(HEAT)[round(255 * shares[row, column])]
        expected = (1 - opacity) * grey_by_hand(photo[row, column]) + opacity * heat
        np.testing.assert_allclose(result[row, column].astype(float), expected, atol=2)
