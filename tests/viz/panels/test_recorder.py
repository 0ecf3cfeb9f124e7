"""Recordings behind the pages: one for each input, none for a run that was stopped."""

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from model.loaded import TextModel
from model.nn.encoder import OnLayer
from model.recording import Recording
from tests.recordings import random_recording
from tests.viz.panels.apps import MAIN, SECONDS
from viz.panels import recorder


class StoppedError(Exception):
    """As Streamlit's own, when a visitor has moved on."""


@pytest.fixture(autouse=True)
def empty_store() -> None:
    """Nothing is kept from other tests."""
    recorder._store.clear()


def runner(model: TextModel, stop_at: int | None = None) -> Callable[[OnLayer], Recording]:
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
def test_a_run_that_is_stopped_leaves_nothing(layer: int, minilm: TextModel) -> None:
    with pytest.raises(StoppedError):
        recorder.record("minilm-l6", (b"One sentence.",), "", runner(minilm, layer))
    recorded = recorder.record("minilm-l6", (b"One sentence.",), "", runner(minilm))
    assert recorded.recording.num_layers == 6
    assert recorder.record("minilm-l6", (b"One sentence.",), "", never) == recorded


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


def test_whatever_changes_the_result_is_in_the_key() -> None:
    recordings = [random_recording(num_tokens=number) for number in range(1, len(INPUTS) + 1)]
    made = [recorder.record(*given, giving(recording)) for given, recording in zip(INPUTS, recordings)]
    assert len({recorded.key for recorded in made}) == len(INPUTS)
    for given, recording in zip(INPUTS, recordings):
        assert recorder.record(*given, never).recording is recording


def test_a_long_run_shows_its_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped half-way, so that the bar is still there."""
    monkeypatch.setattr(recorder, "SHOW_PROGRESS_AFTER", -1)
    record = TextModel.record

    def stopped(self: TextModel, text: Any, on_layer: OnLayer) -> Recording:
        def until(layer: int) -> None:
            on_layer(layer)
            if layer == 2:
                raise StoppedError

        return record(self, text, on_layer=until)

    monkeypatch.setattr(TextModel, "record", stopped)
    app = AppTest.from_file(MAIN, default_timeout=SECONDS).run()
    (bar,) = app.get("progress")
    assert bar.proto.text == "Recording: layer 3 of 6 done"
    assert bar.proto.value == 50


def test_models_are_loaded_once() -> None:
    assert recorder.get_model("minilm-l6") is recorder.get_model("minilm-l6")
