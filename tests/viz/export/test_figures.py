"""Figures for saving: the recording's own numbers, and nothing for what there is not."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.export import figures
from headlens.viz.theme import LIGHT
from headlens.viz.view.view import View
from tests.viz.figures.decode import numbers_in, picture_in

TEXT = View(3, 1, query=11)
PHOTO = View(11, 4, query=1 + 6 * 24 + 8)


def save(recording: Recording, view: View, name: object, file_format: object = "png", page: str = "text") -> Any:
    request = {"name": name, "format": file_format, "at": 7}
    return figures.saved_figure(page, RecordingEntry("an id", recording), view, request=request, theme=LIGHT)


def expected(recording: Recording, view: View) -> np.ndarray:
    if view.scope == "head":
        weights = recording.attention(view.layer, view.head)
    else:
        weights = np.stack([recording.attention(layer) for layer in range(recording.num_layers)]).max(axis=(0, 1))
    return weights[view.query] if view.direction == "at" else weights[:, view.query]


VARIANTS: list[dict[str, Any]] = [
    {},
    {"direction": "by"},
    {"scope": "all", "reduction": "max"},
    {"scope": "all", "reduction": "max", "direction": "by"},
]


@pytest.mark.parametrize("change", VARIANTS)
def test_the_strip_s_tints(change: dict[str, Any], trophy: Recording) -> None:
    view = dataclasses.replace(TEXT, **change)
    result = save(trophy, view, "picture")["figure"]["layout"]["annotations"]
    assert [note["text"] for note in result] == list(trophy.tokens)
    weights = expected(trophy, view)
    tints = [float(note["bgcolor"].removesuffix(")").rpartition(",")[2]) for note in result]
    assert tints == pytest.approx(0.8 * np.clip(weights / weights[1:-1].max(), 0, 1), abs=1e-3)


@pytest.mark.parametrize("change", VARIANTS)
def test_the_heat_over_the_photo(change: dict[str, Any], coffee: Recording) -> None:
    view = dataclasses.replace(PHOTO, edges="smooth", strength=40, **change)
    heatmap, bar = save(coffee, view, "picture", page="image")["figure"]["data"]
    weights = expected(coffee, view)
    np.testing.assert_allclose(numbers_in(heatmap["z"]), weights[1:].reshape(16, 24), atol=3e-4)
    np.testing.assert_allclose(numbers_in(bar["x"]), weights[:1], atol=3e-4)
    assert heatmap["zsmooth"] == "best"
    assert heatmap["colorscale"][-1][1].endswith(",0.400)")


@pytest.mark.parametrize("change", VARIANTS)
@pytest.mark.parametrize("kind", ["trophy", "coffee"])
def test_the_bars_are_the_strongest(kind: str, change: dict[str, Any], request: pytest.FixtureRequest) -> None:
    recording = request.getfixturevalue(kind)
    view = dataclasses.replace(TEXT if kind == "trophy" else PHOTO, **change)
    (bars,) = save(recording, view, "bars")["figure"]["data"]
    strongest = sorted(expected(recording, view), reverse=True)[:10]
    np.testing.assert_allclose(numbers_in(bars["x"]), strongest, atol=3e-4)


@pytest.mark.parametrize(("kind", "heads"), [("trophy", (6, 12)), ("coffee", (12, 6))])
def test_every_head_is_in_the_grid(kind: str, heads: tuple[int, int], request: pytest.FixtureRequest) -> None:
    recording = request.getfixturevalue(kind)
    result = save(recording, TEXT if kind == "trophy" else PHOTO, "heads")
    picture = picture_in(result["figure"]["data"][0]["source"])
    rows, columns = (17, 17) if kind == "trophy" else (16 * 4, 24 * 4)
    gap = max(1, round(columns * 0.08))
    assert picture.shape[:2] == (heads[0] * (rows + gap) - gap, heads[1] * (columns + gap) - gap)
    height = result["height"] - figures.HEADING
    assert result["width"] / height == pytest.approx(heads[1] * columns / (heads[0] * rows), rel=0.01)


def test_the_file_says_what_it_shows(trophy: Recording) -> None:
    result = save(trophy, TEXT, "bars", "svg")
    assert (result["name"], result["format"], result["at"]) == ("headlens-text-layer3-head1-bars", "svg", 7)
    result = save(trophy, dataclasses.replace(TEXT, scope="layer", reduction="mean"), "picture", page="image")
    assert result["name"] == "headlens-image-layer-mean-picture"


@pytest.mark.parametrize(
    ("name", "file_format"),
    [("matrix", "png"), ("", "png"), (None, "png"), ("bars", "pdf"), ("bars", None), (3, "png")],
)
def test_nothing_for_what_there_is_not(name: object, file_format: object, trophy: Recording) -> None:
    assert save(trophy, TEXT, name, file_format) is None
    assert figures.saved_figure("text", RecordingEntry("t", trophy), TEXT, request={}, theme=LIGHT) is None


def test_titles_say_what_is_seen(trophy: Recording, coffee: Recording) -> None:
    def title(recording: Recording, view: View, name: str) -> str:
        return save(recording, view, name)["figure"]["layout"]["title"]["text"]

    assert title(trophy, TEXT, "picture") == "Layer 3, head 1: what “it” looks at"
    assert title(trophy, dataclasses.replace(TEXT, scope="all", reduction="max", direction="by"), "bars") == (
        "All layers, maximum of all heads: who looks at “it”"
    )
    assert title(trophy, TEXT, "heads") == "All heads, layers down, heads across: every query and every key"
    assert title(coffee, PHOTO, "heads") == "All heads, layers down, heads across: what patch (6, 8) looks at"
