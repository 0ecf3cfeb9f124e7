"""Heat over a photo: where each patch's weight is drawn, and the photo under it."""

import re

import numpy as np
import plotly.graph_objects as go
import pytest

from headlens.model.recording.parts import Photo
from headlens.viz.figures import patch_overlay, saliency_overlay
from headlens.viz.theme import DARK, LIGHT
from tests.viz.figures.decode import picture_in
from tests.viz.figures.inputs import grey_by_hand, photo_of, random_weights

ROWS, COLUMNS = 3, 5
PHOTO = photo_of(ROWS, COLUMNS)
WEIGHTS = random_weights(1 + ROWS * COLUMNS)


def overlay(photo: Photo = PHOTO, weights: np.ndarray = WEIGHTS, **options: object) -> go.Figure:
    options.setdefault("prefix_names", ("[CLS]",))
    return patch_overlay(photo, weights, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("prefix_names", [(), ("[CLS]",), ("[CLS]", "[REG0]", "[REG1]")])
def test_every_weight_lies_on_its_patch(prefix_names: tuple[str, ...]) -> None:
    prefix = len(prefix_names)
    weights = random_weights(prefix + ROWS * COLUMNS)
    heatmap = overlay(weights=weights, prefix_names=prefix_names).data[0]
    assert heatmap.z.shape == (ROWS, COLUMNS)
    assert heatmap.x is heatmap.y is None  # so that x and y are column and row, in the hover too
    assert "patch (%{y}, %{x})" in heatmap.hovertemplate
    for row in range(ROWS):
        for column in range(COLUMNS):
            assert heatmap.z[row, column] == weights[prefix + row * COLUMNS + column]
    assert (heatmap.zmin, heatmap.zmax) == (0, pytest.approx(max(weights[prefix:].tolist())))


def test_a_heavy_cls_does_not_pale_the_patches() -> None:
    weights = np.full(16, 0.01)
    weights[0], weights[7] = 0.82, 0.04
    assert overlay(weights=weights).data[0].zmax == 0.04


def test_prefix_tokens_are_bars_below_the_photo() -> None:
    weights = np.full(18, 0.05)
    weights[:3] = 0.079, 0.2, 0.051
    figure = overlay(weights=weights, prefix_names=("[CLS]", "[REG0]", "[REG1]"))
    bars = figure.data[1]
    assert list(bars.x) == [0.079, 0.2, 0.051]
    assert list(bars.y) == [0, 1, 2]
    assert list(bars.customdata) == ["[CLS]", "[REG0]", "[REG1]"]
    assert list(bars.text) == ["[CLS] 7.9 %", "[REG0] 20 %", "[REG1] 5.1 %"]
    assert (bars.orientation, bars.xaxis, bars.yaxis) == ("h", "x2", "y2")
    assert figure.layout.yaxis2.domain[1] < figure.layout.yaxis.domain[0]


def test_of_many_tokens_before_the_picture_the_largest_are_bars() -> None:
    weights = random_weights(40 + 15)
    names = tuple(f"<b>word</b> {index % 5}" for index in range(40))
    figure = overlay(weights=weights, prefix_names=names)
    bars = figure.data[1]
    largest = sorted(np.argsort(-weights[:40])[:6])
    assert list(bars.x) == [weights[index] for index in largest]
    assert len(set(bars.y)) == 6, "words that stand twice have a bar each"
    assert [label.count("<b>") for label in bars.text] == [0] * 6
    assert 0.3 < figure.layout.yaxis.domain[0] < 0.5


def test_without_prefix_tokens_there_are_no_bars() -> None:
    assert len(overlay(weights=WEIGHTS[1:], prefix_names=()).data) == 1


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 4), (1, 3), (2, 0), (2, 4)])
@pytest.mark.parametrize("prefix", [0, 1])
def test_the_query_s_patch_is_outlined(row: int, column: int, prefix: int) -> None:
    query = prefix + row * COLUMNS + column
    figure = overlay(weights=random_weights(prefix + 15), prefix_names=("[CLS]",) * prefix, query=query)
    assert len(figure.layout.shapes) == 2  # white on black: seen on any photo
    for box in figure.layout.shapes:
        assert (box.x0, box.x1) == (column - 0.5, column + 0.5)
        assert (box.y0, box.y1) == (row - 0.5, row + 0.5)


def test_several_patches_are_outlined_together() -> None:
    figure = overlay(query=(0, 1, 2, 6, 7, 9))  # of five in a row: [CLS], two of two rows, one by itself
    drawn = {(box.x0, box.x1, box.y0, box.y1) for box in figure.layout.shapes}
    assert drawn == {(-0.5, 1.5, -0.5, 1.5), (2.5, 3.5, 0.5, 1.5)}
    assert len(figure.layout.shapes) == 4  # white on black


@pytest.mark.parametrize("query", [None, 0])
def test_cls_has_no_place_in_the_photo(query: int | None) -> None:
    assert not overlay(query=query).layout.shapes


def drawn_aspect(figure: go.Figure) -> float:
    """Width / height of what the main axes span, by their ranges and their scale ratio."""
    across, down = figure.layout.xaxis, figure.layout.yaxis
    assert down.scaleanchor == "x"
    width, height = (abs(axis.range[1] - axis.range[0]) for axis in (across, down))
    return width / (height * down.scaleratio)


@pytest.mark.parametrize("grid", [(3, 5), (5, 3), (4, 4), (1, 7)])
@pytest.mark.parametrize("aspect", [0.31, 1.0, 1.4987, 4.0])
def test_the_photo_keeps_its_own_shape(grid: tuple[int, int], aspect: float) -> None:
    """The pixels are rounded to whole patches, which distorts them a little; the picture is drawn straight again."""
    photo = photo_of(*grid, aspect=aspect)
    weights = random_weights(1 + grid[0] * grid[1])
    assert drawn_aspect(overlay(photo, weights)) == pytest.approx(aspect)
    assert drawn_aspect(saliency_overlay(photo, np.zeros(photo.pixels.shape[:2]))) == pytest.approx(aspect)


@pytest.mark.parametrize("kind", ["patches", "saliency"])
def test_the_photo_lies_darkened_and_grey_under_all_cells(kind: str) -> None:
    figure = overlay() if kind == "patches" else saliency_overlay(PHOTO, np.zeros((42, 70)))
    (image,) = figure.layout.images
    rows, columns = figure.data[0].z.shape
    assert (image.xref, image.yref, image.sizing, image.layer) == ("x", "y", "stretch", "below")
    assert (image.xanchor, image.yanchor) == (None, None)  # Plotly's own: left and top
    assert (image.x, image.y, image.sizex, image.sizey) == (-0.5, -0.5, columns, rows)
    assert list(figure.layout.xaxis.range) == [-0.5, columns - 0.5]
    assert list(figure.layout.yaxis.range) == [rows - 0.5, -0.5]  # row 0 on top
    shown = picture_in(image.source).astype(float)
    assert shown.shape == PHOTO.pixels.shape
    expected = np.array([[grey_by_hand(pixel) for pixel in line] for line in PHOTO.pixels])
    assert np.abs(shown - expected[..., None]).max() < 8  # WebP is not exact
    assert np.abs(shown - expected[..., None]).mean() < 1.5


@pytest.mark.parametrize("strength", [0.1, 0.5, 1.0])
def test_strength_is_the_opacity_of_the_strongest_heat(strength: float) -> None:
    colours = [colour for _, colour in overlay(strength=strength).data[0].colorscale]
    opacities = [float(re.split("[,)]", colour)[3]) for colour in colours]
    assert (opacities[0], opacities[-1]) == (0, pytest.approx(strength))
    assert opacities == sorted(opacities)


def test_patches_are_crisp_unless_they_are_to_be_smooth() -> None:
    assert overlay().data[0].zsmooth is False
    assert overlay(smooth=True).data[0].zsmooth == "best"


@pytest.mark.parametrize(
    ("count", "prefix_names", "named"),
    [(15, ("[CLS]",), ["(15,)", "1 prefix"]), (16, (), ["(16,)", "0 prefix"]), (17, ("[CLS]",), ["(17,)", "1 prefix"])],
)
def test_sizes_that_differ_are_named(count: int, prefix_names: tuple[str, ...], named: list[str]) -> None:
    with pytest.raises(ValueError, match="3 x 5 patches") as caught:
        overlay(weights=np.zeros(count), prefix_names=prefix_names)
    assert all(part in str(caught.value) for part in named)


@pytest.mark.parametrize(
    ("height", "width", "step"),
    [(90, 100, 1), (224, 224, 2), (224, 336, 2), (448, 672, 4), (252, 224, 2), (1036, 1036, 9)],
)
def test_saliency_is_drawn_as_it_is_at_screen_resolution(height: int, width: int, step: int) -> None:
    saliency = np.random.default_rng(0).random((height, width), dtype=np.float32)
    heatmap = saliency_overlay(PHOTO, saliency).data[0]
    assert heatmap.z.shape == (-(-height // step), -(-width // step))
    for row, line in enumerate(heatmap.z):
        assert line.tolist() == [saliency[row * step, column * step] for column in range(len(line))]
    assert (heatmap.zmin, heatmap.zmax) == (0, 1)
    assert "patch" not in heatmap.hovertemplate


def test_the_colours_are_the_theme_s() -> None:
    for theme in (LIGHT, DARK):
        figure = overlay(theme=theme)
        assert figure.layout.font.color == figure.data[1].textfont.color == theme.text
        assert figure.data[1].marker.color == theme.bar
