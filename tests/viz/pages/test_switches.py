"""Words, and special tokens left out, on the pages: the switches, the address, and what the explorer is sent."""

import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.viz.pages.apps import address, open_image, open_text, run, shown, tell

TEXT = "The untranslatable lexicographer barked."
WORDS = ["[CLS]", "The", "untranslatable", "lexicographer", "barked", ".", "[SEP]"]


def flip(app: AppTest, name: str) -> AppTest:
    (toggle,) = (toggle for toggle in app.toggle if toggle.key == f"text_{name}")
    toggle.set_value(not toggle.value)
    return run(app)


def test_words_are_those_of_the_recording(minilm) -> None:
    recording = minilm.record(TEXT)
    app = open_text(text=TEXT, query="4")
    assert shown(app).header["groups"] is None
    flip(app, "words")
    assert address(app) == {"text": TEXT, "query": "4", "words": "1"}
    sent, merged = shown(app), recording.merged("words")
    assert sent.header["tokens"] == WORDS
    assert sent.header["unit"] == "word"
    assert sent.header["view"]["query"] == 2  # the word of the token that is pinned
    assert sent.header["wording"]["who"]["head"] == "Layer {layer}, head {head}, merged into words"
    levels = sent.preview()[3, 1]
    np.testing.assert_allclose(levels[~merged.special], merged.attention(3, 1, 2)[~merged.special], atol=2e-3)
    assert sent.arrays["query"].size == recording.query(3, 1).size  # the page merges weights of tokens itself
    flip(app, "words")
    assert address(app) == {"text": TEXT, "query": "4"}
    assert shown(app).header["view"]["query"] == 4


def test_an_address_counts_in_tokens_whatever_is_shown() -> None:
    app = open_text(text=TEXT, query="4", words="1")
    pinned = {**shown(app).header["view"], "head": 5}
    tell(app, view=pinned)
    assert address(app) == {
        "text": TEXT,
        "query": "4",
        "words": "1",
        "layer": "3",
        "head": "5",
    }  # another head, the same token
    tell(app, view={**pinned, "query": 4, "order": "key", "key": 3})
    assert {name: address(app)[name] for name in ("query", "key")} == {"query": "10", "key": "7"}  # first of theirs
    again = shown(open_text(**address(app))).header["view"]
    assert (again["query"], again["key"]) == (4, 3)
    without = {name: value for name, value in address(app).items() if name != "words"}
    assert shown(open_text(**without)).header["view"]["query"] == 10
    beyond = shown(open_text(text=TEXT, query="12", words="1"))
    assert beyond.header["view"]["query"] == 6  # [SEP], whose position as a token is beyond the number of words


def test_special_tokens_are_left_out_and_the_page_says_so(minilm) -> None:
    recording = minilm.record(TEXT)
    app = flip(open_text(text=TEXT, query="4"), "nospecial")
    assert address(app)["nospecial"] == "1"
    assert any("Left out: \\[CLS\\], \\[SEP\\]" in caption.value for caption in app.caption)
    sent, left = shown(app), recording.without_special()
    assert sent.header["wording"]["who"]["head"].endswith(", special tokens left out")
    assert sent.header["figure"]["about"]["weights"] == "special tokens left out"
    np.testing.assert_allclose(sent.weights(), left.attention(3, 1), atol=1e-5)
    np.testing.assert_allclose(sent.weights().sum(axis=1), 1, atol=1e-5)
    assert not sent.weights()[:, recording.special].any()
    flip(app, "words")
    assert shown(app).header["wording"]["who"]["head"].endswith(", special tokens left out, merged into words")
    assert len({shown(app).header["id"], sent.header["id"], shown(open_text(text=TEXT)).header["id"]}) == 3


def test_the_figure_that_is_saved_says_so(minilm) -> None:
    app = open_text(text=TEXT, query="4", words="1", nospecial="1")
    saved = shown(tell(app, save={"name": "bars", "format": "svg", "at": 5})).header["save"]
    title = "Layer 3, head 1, special tokens left out, merged into words: what “untranslatable” looks at"
    assert saved["figure"]["layout"]["title"]["text"] == title
    assert saved["about"]["weights"] == "special tokens left out, merged into words"
    assert "weights to them summed" in saved["about"]["pooled"]
    weights = minilm.record(TEXT).without_special().merged("words").attention(3, 1, 2)
    drawn = json.dumps(saved["figure"]["layout"]["annotations"])
    assert f"{100 * weights.max():.0f}" in drawn


def test_of_a_photo_there_are_no_words_and_cls_is_left_out(coffee) -> None:
    app = open_image(nospecial="1", words="1")
    switches = {toggle.key for toggle in app.toggle} & {"image_words", "image_nospecial"}
    assert switches == {"image_nospecial"}
    sent = shown(app)
    assert sent.header["groups"] is None
    expected = coffee.without_special().attention(11, 4, sent.header["view"]["query"])
    np.testing.assert_allclose(sent.arrays["row"], expected, atol=1e-5)
    assert sent.arrays["row"].sum() == pytest.approx(1, abs=1e-4)
    assert sent.arrays["row"][0] == 0
