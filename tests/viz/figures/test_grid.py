"""The picture of all heads, decoded and read pixel by pixel."""

import numpy as np
import plotly.graph_objects as go
import pytest

from headlens.viz.figures import head_grid
from headlens.viz.theme import DARK, LIGHT, Theme, lookup_table
from tests.viz.figures.decode import picture_in

LEVELS = np.random.default_rng(1).integers(0, 256, (3, 4, 5, 7), dtype=np.uint8)  # layer, head, height, width


def gaps_of(picture: np.ndarray, tiles: np.ndarray) -> tuple[int, int]:
    """Rows and columns between tiles, from the sizes alone."""
    layers, heads, height, width = tiles.shape[:4]
    down, across = picture.shape[0] - layers * height, picture.shape[1] - heads * width
    assert down % (layers - 1) == across % (heads - 1) == 0
    return down // (layers - 1), across // (heads - 1)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize("width", [7, 40])
def test_every_step_is_its_colour_in_its_place_and_gaps_are_clear(theme: Theme, width: int) -> None:
    tiles = np.random.default_rng(width).integers(0, 256, (3, 4, 5, width), dtype=np.uint8)
    picture = picture_in(head_grid(tiles, theme=theme).data[0].source)
    down, across = gaps_of(picture, tiles)
    assert down > 0 < across
    table = lookup_table(theme.weights)
    expected = np.zeros_like(picture)
    for layer in range(3):
        for head in range(4):
            for row in range(5):
                for column in range(width):
                    place = layer * (5 + down) + row, head * (width + across) + column
                    expected[place] = [*table[tiles[layer, head, row, column]], 255]
    np.testing.assert_array_equal(picture, expected)


def test_photos_stand_in_their_places() -> None:
    colours = np.random.default_rng(2).integers(0, 256, (3, 4, 1, 1, 3), dtype=np.uint8)
    tiles = np.broadcast_to(colours, (3, 4, 24, 32, 3))
    picture = picture_in(head_grid(tiles).data[0].source)
    down, across = gaps_of(picture, tiles)
    for layer in range(3):
        for head in range(4):
            y, x = layer * (24 + down), head * (32 + across)
            shown = picture[y + 4 : y + 20, x + 4 : x + 28].astype(float)
            assert np.abs(shown[..., :3].mean(axis=(0, 1)) - colours[layer, head, 0, 0]).max() < 6  # WebP is not exact
            assert (shown[..., 3] == 255).all()
    assert (picture[24 : 24 + down, :, 3] == 0).all()
    assert (picture[:, 32 : 32 + across, 3] == 0).all()


def centre_of(figure: go.Figure, layer: int, head: int) -> tuple[float, float]:
    """x and y of a tile's middle: pixel n of go.Image is drawn from n - 0.5 to n + 0.5."""
    down, across = gaps_of(picture_in(figure.data[0].source), LEVELS)
    return head * (7 + across) + 3, layer * (5 + down) + 2


def test_an_unseen_point_in_the_middle_of_each_tile_takes_the_clicks() -> None:
    figure = head_grid(LEVELS, title="what a tile is")
    points = figure.data[1]
    assert points.marker.opacity == 0
    assert [tuple(pair) for pair in points.customdata] == [(layer, head) for layer in range(3) for head in range(4)]
    for x, y, (layer, head) in zip(points.x, points.y, points.customdata):
        assert (x, y) == centre_of(figure, layer, head)
    assert points.hovertemplate == ("Layer %{customdata[0]}, head %{customdata[1]}<br>what a tile is<extra></extra>")
    assert figure.data[0].hoverinfo == "skip"


def test_the_axes_number_layers_down_and_heads_across() -> None:
    figure = head_grid(LEVELS)
    across, down = figure.layout.xaxis, figure.layout.yaxis
    assert list(across.ticktext) == ["0", "1", "2", "3"]
    assert list(down.ticktext) == ["0", "1", "2"]
    assert list(across.tickvals) == [centre_of(figure, 0, head)[0] for head in range(4)]
    assert list(down.tickvals) == [centre_of(figure, layer, 0)[1] for layer in range(3)]
    height, width = picture_in(figure.data[0].source).shape[:2]
    assert across.range[0] < -0.5 < width - 0.5 < across.range[1]
    assert down.range[1] < -0.5 < height - 0.5 < down.range[0]  # layer 0 on top
    assert down.scaleanchor == "x"


@pytest.mark.parametrize(("layer", "head"), [(0, 0), (0, 3), (2, 0), (1, 2), (2, 3)])
def test_the_selected_tile_is_outlined(layer: int, head: int) -> None:
    figure = head_grid(LEVELS, [(layer, head)])
    (box,) = figure.layout.shapes
    for other_layer in range(3):
        for other_head in range(4):
            x, y = centre_of(figure, other_layer, other_head)
            left, right, top, bottom = x - 3.5, x + 3.5, y - 2.5, y + 2.5
            if (other_layer, other_head) == (layer, head):
                assert box.x0 < left < right < box.x1
                assert box.y0 < top < bottom < box.y1
            else:
                assert box.x1 < left or right < box.x0 or box.y1 < top or bottom < box.y0


def test_without_a_selection_nothing_is_outlined() -> None:
    assert not head_grid(LEVELS).layout.shapes


def test_one_head_alone() -> None:
    picture = picture_in(head_grid(LEVELS[:1, :1], [(0, 0)]).data[0].source)
    np.testing.assert_array_equal(picture[..., :3], lookup_table(LIGHT.weights)[LEVELS[0, 0]])


@pytest.mark.parametrize(
    ("tiles", "named"),
    [
        (LEVELS.astype(np.float32), ["float32", "4"]),
        (LEVELS.astype(np.int64), ["int64", "4"]),
        (LEVELS[0], ["uint8", "3"]),
        (LEVELS[..., None, None], ["uint8", "6"]),
    ],
)
def test_other_arrays_are_no_tiles(tiles: np.ndarray, named: list[str]) -> None:
    with pytest.raises(ValueError, match="Tiles must be uint8 with 4 or 5 axes") as caught:
        head_grid(tiles)
    assert all(part in str(caught.value) for part in named)
