"""Pieces of both pages, on recordings made by hand: whole hostile tokens, which no tokenizer leaves whole."""

import dataclasses

import pytest
from streamlit.testing.v1 import AppTest

from model.recording import Recording
from tests.recordings import random_recording
from tests.viz.hostile import HOSTILE
from tests.viz.panels.apps import SECONDS, markup, run
from viz import wording


def speak(recording: "Recording") -> None:
    """A page of words alone; Streamlit runs this source by itself, where no other name is known."""
    from viz.panels import parts

    parts.model_line(recording)
    for query in range(recording.num_tokens):
        parts.sentence(recording, 1, 2, query)
        parts.head_in_words(recording, 1, 2, query)


def spoken(recording: Recording) -> AppTest:
    return run(AppTest.from_function(speak, default_timeout=SECONDS, args=(recording,)))


def test_hostile_tokens_stay_text() -> None:
    recording = dataclasses.replace(random_recording(num_tokens=len(HOSTILE)), tokens=HOSTILE)
    elements = markup(spoken(recording))
    assert [element.tag for element in elements] == ["div", "b", "small", "p"] * len(HOSTILE)
    assert all(element.attributes.keys() <= {"class"} for element in elements)
    for query, token in enumerate(HOSTILE):
        box, title, _, paragraph = elements[4 * query : 4 * query + 4]
        assert title.text == f"Layer 1, head 2: what “{token}” looks at:"
        targets = wording.targets(recording, recording.attention(1, 2, query))
        assert box.text.replace("\xa0", " ").strip() == targets
        assert paragraph.text.startswith(f"From “{token}” the head spreads over ")


def test_the_share_of_special_tokens_and_the_reason_are_told() -> None:
    recording = dataclasses.replace(random_recording(), special=random_recording().special | True)
    for element in markup(spoken(recording)):
        if element.tag == "small":
            share, _, why = element.text.replace("\xa0", " ").partition(") ")
            assert share.startswith("(")
            assert share.count(" % to token") == 7
            assert why == wording.WHY_SPECIAL


@pytest.mark.parametrize(("seconds", "took"), [(0.0123, "12 ms"), (0.9, "900 ms"), (1.26, "1.3 s"), (61.0, "61.0 s")])
def test_the_model_line(seconds: float, took: str) -> None:
    app = spoken(dataclasses.replace(random_recording(num_layers=2), seconds=seconds, device="cuda"))
    assert [line.value for line in app.caption] == [f"Random heads · 2 layers × 3 heads · 7 tokens · CUDA · {took}"]
