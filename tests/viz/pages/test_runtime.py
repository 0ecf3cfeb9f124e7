"""Recordings behind the pages: one for each input, none for a run that was stopped."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.model.progress import OnLayer
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import Visitor
from headlens.viz.pages import runtime
from tests.recordings import random_recording
from tests.viz.pages.apps import MAIN, SECONDS


class StoppedError(Exception):
    """As Streamlit's own, when a visitor has moved on."""


@pytest.fixture(autouse=True)
def empty_store() -> None:
    """Nothing is kept from other tests."""
    runtime.shared().recordings.clear()


def runner(model: EncoderTextModel, stop_at: int | None = None) -> Callable[[OnLayer], Recording]:
    def run(on_layer: OnLayer) -> Recording:
        def until(layer: int) -> None:
            on_layer(layer)
            if layer == stop_at:
                raise StoppedError

        return model.record("One sentence.", on_layer=until)

    return run


def giving(recording: Recording) -> Callable[[OnLayer], Recording]:
    return lambda on_layer: recording


def never(on_layer: OnLayer) -> Recording:
    raise AssertionError("run although it is kept")


@pytest.mark.parametrize("layer", [0, 3, 5])
def test_a_run_that_is_stopped_leaves_nothing(layer: int, minilm: EncoderTextModel) -> None:
    with pytest.raises(StoppedError):
        runtime.record("minilm-l6", (b"One sentence.",), "", run=runner(minilm, layer), sample=True)
    request = runtime.record("minilm-l6", (b"One sentence.",), "", run=runner(minilm), sample=True)
    assert request.entry().recording.num_layers == 6
    runtime.record("minilm-l6", (b"One sentence.",), "", run=never, sample=True)


INPUTS: list[tuple[str, tuple[bytes, ...], str]] = [
    ("minilm-l6", (b"ab", b"c"), ""),
    ("minilm-l6", (b"a", b"bc"), ""),
    ("minilm-l6", (b"c", b"ab"), ""),
    ("minilm-l6", (b"abc",), ""),
    ("minilm-l6", (b"abc", b""), ""),
    ("minilm-l6", (b"abc",), "224"),
    ("minilm-l6", (b"abc",), "448"),
    ("dinov2-focus", (b"abc",), "448"),
]


def test_whatever_changes_the_result_is_in_the_id() -> None:
    recordings = [random_recording(num_tokens=number) for number in range(1, len(INPUTS) + 1)]
    requests = [
        runtime.record(*input, run=giving(recording), sample=True) for input, recording in zip(INPUTS, recordings)
    ]
    assert len({request.id for request in requests}) == len(INPUTS)
    for input, recording in zip(INPUTS, recordings):
        assert runtime.record(*input, run=never, sample=True).entry().recording is recording


def test_a_long_run_shows_its_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped half-way, so that the bar is still there."""
    monkeypatch.setattr(runtime, "SHOW_PROGRESS_AFTER", -1)
    record = EncoderTextModel.record

    def stopped(self: EncoderTextModel, text: Any, on_layer: OnLayer) -> Recording:
        def until(layer: int) -> None:
            on_layer(layer)
            if layer == 2:
                raise StoppedError

        return record(self, text, on_layer=until)

    monkeypatch.setattr(EncoderTextModel, "record", stopped)
    app = AppTest.from_file(MAIN, default_timeout=SECONDS).run()
    (bar,) = app.get("progress")
    assert bar.proto.text == "Recording: layer 3 of 6 done"
    assert bar.proto.value == 50


def test_models_are_loaded_once() -> None:
    assert runtime.get_model("minilm-l6") is runtime.get_model("minilm-l6")


def visit(text: str) -> tuple[AppTest, str]:
    """A visitor with a text of their own, and its id."""
    app = AppTest.from_string(
        f"""
import streamlit as st
from tests.recordings import random_recording
from headlens.viz.pages import runtime
request = runtime.record("minilm-l6", ({text.encode()!r},), "", run=lambda on_layer: random_recording())
st.write(request.id)
""",
        default_timeout=SECONDS,
    ).run()
    assert not app.exception
    return app, app.markdown[0].value


def test_what_a_visitor_looked_at_is_kept_for_them_and_for_no_sample() -> None:
    _, id = visit("one")
    entry = runtime.shared().recordings.get(id, Visitor())
    assert entry is not None
    assert entry.owners is not None
    assert len(entry.owners) == 2  # that visitor, and the one who asked here


def test_a_page_holds_no_recording_so_that_the_store_decides(minilm: EncoderTextModel) -> None:
    request = runtime.record("minilm-l6", (b"One sentence.",), "", run=runner(minilm), sample=True)
    reference = weakref.ref(request.entry().recording)
    runtime.shared().recordings.clear()
    gc.collect()
    assert reference() is None
    assert request.entry().recording.num_layers == 6  # made again, and nobody had to ask


class Ring:
    """Garbage that only a collection finds."""

    def __init__(self) -> None:
        self.itself = self


def test_old_garbage_is_collected_though_the_models_are_large() -> None:
    """Python waits with a full collection until a quarter as much is new as the last one left."""
    runtime.shared().models.clear()
    runtime.get_model("minilm-l6")
    rings = [Ring() for _ in range(10_000)]
    gc.collect(1)  # they are old now
    seen = weakref.ref(rings[0])
    rings.clear()
    for _ in range(100_000):
        Ring()
    assert seen() is None
