"""The page Text: what it opens on, and what its address and its samples change."""

from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.model.recording.recording import Recording
from headlens.viz.inputs.samples import TEXTS
from tests.viz.pages.apps import address, choose, open_text, run, shown, view


def assert_shows(app: AppTest, recording: Recording, layer: int, head: int, query: int) -> None:
    """The explorer shows this head of this text from this token."""
    found = shown(app)
    assert found.header["tokens"] == list(recording.tokens)
    assert view(app) == (layer, head, query)
    np.testing.assert_allclose(found.weights(), recording.attention(layer, head), atol=5e-6, rtol=0)


def test_it_opens_on_the_trophy(trophy: Recording) -> None:
    app = open_text()
    assert_shows(app, trophy, 3, 1, 11)
    assert shown(app).header["link"] == "This link opens what you see."
    assert shown(app).header["more"] is False
    assert app.text_area(key="text_first").value == TEXTS["Trophy"].texts[0]
    assert app.text_area(key="text_second").value == ""
    assert len(app.metric) == len(app.error) == len(app.info) == 0
    assert app.session_state.text_sample == "Trophy"
    assert address(app) == {}
    (line,) = (caption.value for caption in app.caption)
    assert line.startswith("all-MiniLM-L6-v2 · 6 layers × 12 heads · 17 tokens · ")


@pytest.mark.parametrize("name", TEXTS)
def test_a_sample_sets_text_layer_head_and_query(name: str, minilm: EncoderTextModel) -> None:
    sample = TEXTS[name]
    app = choose(open_text(sample="Keys" if name == "Trophy" else "Trophy", layer="1", log="1"), text_sample=name)
    assert address(app) == ({} if name == "Trophy" else {"sample": name})
    first, second = (*sample.texts, "")[:2]
    assert (app.text_area(key="text_first").value, app.text_area(key="text_second").value) == (first, second)
    recording = minilm.record((first, second) if second else first)
    assert_shows(app, recording, sample.layer, sample.head, sample.query)
    similarity = [f"{float(recording.outputs['similarity']):.3f}"] if second else []
    assert [metric.value for metric in app.metric] == similarity


def test_a_sample_that_is_given_up_changes_nothing(trophy: Recording) -> None:
    app = choose(open_text(layer="2"), text_sample=None)
    assert_shows(app, trophy, 2, 1, 11)
    assert address(app) == {"layer": "2"}


CHOSEN: dict[str, Any] = {
    "layer": 4,
    "head": 10,
    "query": 3,
    "of": "layer-max",
    "direction": "by",
    "order": "key",
    "key": 2,
    "matrix": False,
    "log": True,
    "shared": True,
}


def written(chosen: dict[str, Any]) -> dict[str, str]:
    """As an address writes it."""
    return {name: str(int(value)) if isinstance(value, bool) else str(value) for name, value in chosen.items()}


def with_of(view: dict[str, Any]) -> dict[str, Any]:
    """The explorer's view, scope and reduction in one word as in the address."""
    of = "head" if view["scope"] == "head" else f"{view['scope']}-{view['reduction']}"
    return {name: (view | {"of": of})[name] for name in CHOSEN}


def test_an_address_opens_what_it_names(minilm: EncoderTextModel) -> None:
    app = open_text(sample="Bank", **written(CHOSEN))
    found = shown(app)
    assert found.header["tokens"] == list(minilm.record(TEXTS["Bank"].texts[0]).tokens)
    assert with_of(found.header["view"]) == CHOSEN
    assert found.header["figure"] is None
    assert app.session_state.text_sample == "Bank"


@pytest.mark.parametrize(("name", "value"), CHOSEN.items())
def test_what_is_wrong_in_an_address_falls_back_by_itself(name: str, value: object) -> None:
    found, start = (
        with_of(shown(open_text(**parameters)).header["view"])
        for parameters in ({**written(CHOSEN), name: "９9<x>"}, {})
    )
    assert found == {**CHOSEN, name: start[name]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"layer": "99", "head": "12"},
        {"layer": "-1", "head": "x", "sample": "<script>"},
        {"layer": "1.5", "head": "", "sample": ""},
        {"layer": "６", "query": "99", "unknown": "x" * 5000},
        {"own": "1"},
    ],
)
def test_a_wrong_address_opens_the_default(wrong: dict[str, str], trophy: Recording) -> None:
    assert_shows(open_text(**wrong), trophy, 3, 1, 11)


@pytest.mark.parametrize("texts", [("Heads look.",), ("Heads look.", "So do cats."), ("Heads look.", "")])
def test_texts_in_an_address_are_read(texts: tuple[str, ...], minilm: EncoderTextModel) -> None:
    app = open_text(**dict(zip(("text", "text2"), texts)), head="5")
    recording = minilm.record((texts[0], texts[1]) if len(texts) == 2 and texts[1] else texts[0])
    assert_shows(app, recording, 3, 5, 1)
    assert app.text_area(key="text_first").value == texts[0]
    assert app.session_state.text_sample is None
    assert shown(app).header["link"] == "Your text is in this link."


def test_a_text_in_an_address_that_cannot_be_read_opens_the_default(trophy: Recording) -> None:
    app = open_text(text="  ", layer="2")
    assert len(app.error) == 1
    assert_shows(app, trophy, 2, 1, 11)


def test_a_page_come_back_to_is_as_it_was_left() -> None:
    app = open_text(sample="Bank", layer="4")
    pages = {info["page_name"]: number for number, info in app._registered_pages.items()}
    app.query_params = {"size": "224"}
    app._page_hash = pages["Image"]
    assert shown(run(app)).header["grid"] == [16, 24]
    app.query_params = {}  # as the browser empties it
    app._page_hash = pages["Text"]
    assert address(run(app)) == {"sample": "Bank", "layer": "4"}
    assert view(app) == (4, 4, 5)
    assert app.text_area(key="text_first").value == TEXTS["Bank"].texts[0]
