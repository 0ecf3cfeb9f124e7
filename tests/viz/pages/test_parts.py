"""Pieces of both pages."""

import dataclasses

import pytest
from streamlit.testing.v1 import AppTest

from headlens.model.recording.recording import Recording
from tests.recordings import random_recording
from tests.viz.pages.apps import SECONDS, run


def speak(recording: "Recording") -> None:
    """A page of one line; Streamlit runs this source by itself, where no other name is known."""
    from headlens.viz.pages import parts

    parts.model_line(recording)


@pytest.mark.parametrize(("seconds", "took"), [(0.0123, "12 ms"), (0.9, "900 ms"), (1.26, "1.3 s"), (61.0, "61.0 s")])
def test_the_model_line(seconds: float, took: str) -> None:
    recording = dataclasses.replace(random_recording(num_layers=2), seconds=seconds, device="cuda")
    app = run(AppTest.from_function(speak, default_timeout=SECONDS, args=(recording,)))
    assert [line.value for line in app.caption] == [f"Random heads · 2 layers × 3 heads · 7 tokens · CUDA · {took}"]


def turn_pages() -> None:
    """A page named by the session."""
    import streamlit as st

    from headlens.viz.inputs.address import keep_address

    keep_address(st.session_state.get("open", "text"))


def test_a_page_come_back_to_has_its_address_again() -> None:
    app = AppTest.from_function(turn_pages, default_timeout=SECONDS)
    app.query_params["layer"] = "4"
    run(app)
    for name, expected in [("image", {}), ("text", {"layer": "4"}), ("image", {})]:
        app.query_params.clear()  # as Streamlit does between pages
        app.session_state["open"] = name
        assert dict(run(app).query_params) == expected


def test_an_address_that_is_followed_wins_over_the_one_kept() -> None:
    app = AppTest.from_function(turn_pages, default_timeout=SECONDS)
    app.query_params["layer"] = "4"
    run(app)
    app.session_state["open"] = "image"
    app.query_params = {}
    run(app)
    app.session_state["open"] = "text"
    app.query_params = {"head": "2"}
    assert dict(run(app).query_params) == {"head": "2"}
