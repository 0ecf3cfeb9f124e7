"""The page Text: what it opens on, and what its controls change."""

import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from model.loaded import TextModel
from model.recording import Recording
from tests.viz.colours import rgb_of
from tests.viz.decode import picture_in
from tests.viz.panels.apps import chart, choose, figure, headline, heat, markup, open_text
from viz.samples import TEXTS
from viz.theme import DARK, LIGHT, lookup_table


def assert_shows(app: AppTest, recording: Recording, layer: int, head: int, query: int) -> None:
    """The matrix, its outlined row, the sentence, the strip and the grid are all of this head and query."""
    np.testing.assert_allclose(heat(app, "text_heatmap"), recording.attention(layer, head), atol=1e-6)
    (box,) = figure(app, "text_heatmap")["layout"]["shapes"]
    assert (box["y0"], box["y1"]) == (query - 0.5, query + 0.5)
    token = recording.tokens[query]
    name = token if recording.special[query] else f"“{token}”"
    assert headline(app) == f"Layer {layer}, head {head}: what {name} looks at:"
    spans = [element for element in markup(app) if element.tag == "span"]
    assert [span.text for span in spans] == list(recording.tokens)
    assert [number for number, span in enumerate(spans) if "outline" in str(span.attributes["style"])] == [query]
    for span, weight in zip(spans, recording.attention(layer, head, query)):
        assert float(str(span.attributes["title"]).removesuffix(" %")) == pytest.approx(100 * weight, abs=0.006)
    assert chart(app, "text_heatmap").alt == f"Attention weights of layer {layer}, head {head}"
    assert f"headlens-text-layer{layer}-head{head}" in chart(app, "text_heatmap").config


def test_it_opens_on_the_trophy(trophy: Recording) -> None:
    app = open_text()
    assert_shows(app, trophy, 3, 1, 11)
    (targets,) = (element.text for element in markup(app) if element.attributes.get("class") == "headline")
    assert targets.replace("\xa0", " ").strip() == "trophy 51 %, suitcase 33 %"
    assert app.text_area(key="text_first").value == TEXTS["Trophy"].texts[0]
    assert app.text_area(key="text_second").value == ""
    assert len(app.metric) == len(app.error) == len(app.info) == 0
    (line,) = (caption.value for caption in app.caption)
    assert line.startswith("all-MiniLM-L6-v2 · 6 layers × 12 heads · 17 tokens · ")


def test_the_controls_change_the_picture(trophy: Recording) -> None:
    app = open_text()
    assert_shows(choose(app, text_layer=0), trophy, 0, 1, 11)
    assert_shows(choose(app, text_head=11), trophy, 0, 11, 11)
    assert_shows(choose(app, text_query=0), trophy, 0, 11, 0)
    assert_shows(choose(app, text_layer=5, text_head=4, text_query=16), trophy, 5, 4, 16)


def test_the_bars_are_the_query_s_strongest_keys(trophy: Recording) -> None:
    bars = figure(choose(open_text(), text_query=9), "text_bars")["data"][0]
    weights = trophy.attention(3, 1, 9)
    order = sorted(range(17), key=lambda key: -weights[key])[:10]
    names = [trophy.tokens[key] if trophy.special[key] else f"“{trophy.tokens[key]}”" for key in order]
    assert bars["customdata"] == names


def test_the_grid_holds_every_head_in_its_place(trophy: Recording) -> None:
    app = open_text()
    picture = picture_in(figure(app, "text_grid")["data"][0]["source"])
    pitch = 17 + (picture.shape[1] - 12 * 17) // 11
    table = lookup_table(LIGHT.weights).astype(int)
    for layer in range(6):
        for head in range(12):
            weights = trophy.attention(layer, head).astype(float)
            steps = np.rint(np.clip(weights / weights[:, 1:-1].max(), 0, 1) * 255).astype(int)
            shown = picture[layer * pitch : layer * pitch + 17, head * pitch : head * pitch + 17, :3]
            assert np.abs(shown - table[steps]).max() <= 4  # a step to and fro, where float32 rounds
    (box,) = figure(choose(app, text_layer=2, text_head=7), "text_grid")["layout"]["shapes"]
    assert box["x0"] < 7 * pitch + 8 < box["x1"]
    assert box["y0"] < 2 * pitch + 8 < box["y1"]


def test_logarithmic_colours(trophy: Recording) -> None:
    app = choose(open_text(), text_log=True)
    weights = trophy.attention(3, 1).astype(float)
    top = np.log10(weights[:, 1:-1].max())
    np.testing.assert_allclose(heat(app, "text_heatmap"), np.maximum(np.log10(weights), top - 4), atol=1e-4)


@pytest.mark.parametrize("name", TEXTS)
def test_a_sample_sets_text_layer_head_and_query(name: str, minilm: TextModel) -> None:
    sample = TEXTS[name]
    app = open_text(text_sample="Keys" if name == "Trophy" else "Trophy", text_layer="1", text_head="0")
    choose(app, text_sample=name)
    first, second = (*sample.texts, "")[:2]
    assert (app.text_area(key="text_first").value, app.text_area(key="text_second").value) == (first, second)
    recording = minilm.record((first, second) if second else first)
    assert_shows(app, recording, sample.layer, sample.head, sample.query)
    if second:
        assert [metric.value for metric in app.metric] == [f"{float(recording.outputs['similarity']):.3f}"]
    else:
        assert len(app.metric) == 0


def test_a_sample_that_is_given_up_changes_nothing(trophy: Recording) -> None:
    app = choose(open_text(), text_sample=None)
    assert_shows(app, trophy, 3, 1, 11)
    assert_shows(choose(app, text_head=0), trophy, 3, 0, 11)


def test_an_address_opens_what_it_names(minilm: TextModel) -> None:
    app = open_text(text_sample="Bank", text_layer="4", text_head="10")
    assert_shows(app, minilm.record(TEXTS["Bank"].texts[0]), 4, 10, TEXTS["Bank"].query)


@pytest.mark.parametrize(
    "address",
    [
        {"text_layer": "99", "text_head": "12"},
        {"text_layer": "-1", "text_head": "x"},
        {"text_layer": "1.5", "text_head": ""},
        {"text_layer": "", "text_sample": "", "text_log": ""},
        {"text_sample": "<script>", "text_log": "perhaps"},
        {"text_layer": "６", "text_query": "99", "unknown": "x" * 5000},
    ],
)
def test_a_wrong_address_opens_the_default(address: dict[str, str], trophy: Recording) -> None:
    assert_shows(open_text(**address), trophy, 3, 1, 11)


@pytest.mark.parametrize(("name", "theme"), [("light", LIGHT), ("dark", DARK)])
def test_figures_take_the_page_s_look(name: str, theme: object) -> None:
    app = open_text(theme=name)
    colours = [rgb_of(colour) for _, colour in figure(app, "text_heatmap")["data"][0]["colorscale"]]
    assert colours == [rgb_of(colour) for colour in theme.weights]  # type: ignore[attr-defined]
    for key in ("text_heatmap", "text_grid", "text_bars"):
        assert figure(app, key)["layout"]["font"]["color"] == theme.text  # type: ignore[attr-defined]


def test_figures_are_saved_as_chosen() -> None:
    app = open_text()
    for written, saved in [("PNG", "png"), ("SVG", "svg")]:
        choose(app, export=written)
        for key in ("text_heatmap", "text_grid", "text_bars"):
            image = json.loads(chart(app, key).config)["toImageButtonOptions"]
            assert (image["format"], image["scale"]) == (saved, 2)
