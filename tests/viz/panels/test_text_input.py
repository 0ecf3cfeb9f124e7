"""The page Text: texts of one's own, good, bad and hostile."""

from typing import Any

import numpy as np
import pytest

from model.loaded import TextModel
from model.recording import Recording
from tests.sentences import is_one_sentence
from tests.viz.hostile import HOSTILE
from tests.viz.panels.apps import choose, errors, figure, headline, heat, look, markup, open_text

OWN = "Heads look where they like."
LONG = " ".join([OWN] * 4)


@pytest.mark.parametrize("text", [OWN, LONG])
def test_a_text_of_one_s_own(text: str, minilm: TextModel) -> None:
    app = look(open_text(), text)
    np.testing.assert_allclose(heat(app, "text_heatmap"), minilm.record(text).attention(3, 1), atol=1e-6)
    assert headline(app) == "Layer 3, head 1: what “heads” looks at:"  # the first after [CLS]
    assert app.session_state.text_query == 1
    assert app.session_state.text_sample is None
    assert app.text_area(key="text_first").value == text
    choose(app, text_layer=4)
    np.testing.assert_allclose(heat(app, "text_heatmap"), minilm.record(text).attention(4, 1), atol=1e-6)
    choose(app, text_query=3)
    assert app.session_state.text_query == look(app, text).session_state.text_query == 3  # nothing new: it stays


def test_a_text_is_recorded_when_asked_for_not_while_typed(trophy: Recording) -> None:
    app = choose(open_text(), text_first=OWN)
    np.testing.assert_allclose(heat(app, "text_heatmap"), trophy.attention(3, 1), atol=1e-6)


def test_a_second_sentence_makes_a_pair_and_without_it_there_is_none(minilm: TextModel) -> None:
    app = look(open_text(), OWN, "Heads rest on nothing.")
    recording = minilm.record((OWN, "Heads rest on nothing."))
    np.testing.assert_allclose(heat(app, "text_heatmap"), recording.attention(3, 1), atol=1e-6)
    assert [metric.value for metric in app.metric] == [f"{float(recording.outputs['similarity']):.3f}"]
    look(app, OWN, "  ")
    np.testing.assert_allclose(heat(app, "text_heatmap"), minilm.record(OWN).attention(3, 1), atol=1e-6)
    assert len(app.metric) == 0


@pytest.mark.parametrize("text", ["", "   \n\t ", "x" * 100_001, "\u200b"])
def test_what_cannot_be_read_gets_one_sentence_and_changes_nothing(text: str, trophy: Recording) -> None:
    app = look(open_text(), text)
    (message,) = errors(app)
    assert is_one_sentence(ValueError(message))
    np.testing.assert_allclose(heat(app, "text_heatmap"), trophy.attention(3, 1), atol=1e-6)
    assert headline(app) == "Layer 3, head 1: what “it” looks at:"
    assert app.text_area(key="text_first").value == text
    choose(app, text_layer=2)
    assert errors(app) == []
    np.testing.assert_allclose(heat(app, "text_heatmap"), trophy.attention(2, 1), atol=1e-6)
    assert app.text_area(key="text_first").value == text


def test_after_an_error_one_s_own_text_is_still_there(minilm: TextModel) -> None:
    app = choose(look(open_text(), OWN), text_query=4)
    look(app, " ")
    assert len(errors(app)) == 1
    assert headline(app) == "Layer 3, head 1: what “they” looks at:"
    look(app, OWN)
    assert errors(app) == []
    np.testing.assert_allclose(heat(app, "text_heatmap"), minilm.record(OWN).attention(3, 1), atol=1e-6)


def test_a_shorter_text_has_a_query_that_is_in_it() -> None:
    app = choose(open_text(), text_query=16)
    choose(app, text_sample="Keys", text_query=11)
    look(app, "Hi")
    assert headline(app) == "Layer 3, head 1: what “hi” looks at:"
    assert app.selectbox(key="text_query").options == ["0 · [CLS]", "1 · hi", "2 · [SEP]"]


def test_a_text_that_is_cut_says_so() -> None:
    app = look(open_text(), "word " * 600)
    (note,) = (info.value for info in app.info)
    assert "512 tokens: 510 of 600 were kept" in note
    assert is_one_sentence(ValueError(note))
    assert heat(app, "text_heatmap").shape == (512, 512)


@pytest.mark.parametrize("text", ["<img src=x onerror=alert(1)>", " ".join(HOSTILE)])
def test_hostile_texts_stay_text(text: str, minilm: TextModel) -> None:
    app = look(open_text(), text, text)
    assert errors(app) == []
    elements = markup(app)
    assert {element.tag for element in elements} <= {"div", "b", "small", "span", "p", "style"}
    assert {name for element in elements for name in element.attributes} <= {"class", "dir", "title", "style"}
    tokens = list(minilm.record((text, text)).tokens)
    assert [element.text for element in elements if element.tag == "span"] == tokens
    for query in (1, tokens.index("[SEP]") - 1):
        choose(app, text_query=query)
        assert headline(app) == f"Layer 3, head 1: what “{tokens[query]}” looks at:"


def test_the_model_runs_once_for_each_text(text_runs: list[Any]) -> None:
    app = open_text()
    first = app.text_area(key="text_first").value
    assert text_runs == [first]
    for values in ({"text_layer": 0}, {"text_head": 7}, {"text_query": 2}, {"text_log": True}, {"export": "SVG"}):
        choose(app, **values)
    assert text_runs == [first]
    look(app, OWN)
    look(app, OWN)
    look(app, OWN, OWN)
    assert text_runs == [first, OWN, (OWN, OWN)]
    choose(app, text_sample="Trophy")
    open_text()  # another visitor
    assert text_runs == [first, OWN, (OWN, OWN)]


def test_visitors_do_not_see_each_other_s_texts(trophy: Recording, minilm: TextModel) -> None:
    one, other = open_text(), open_text()
    look(one, OWN)
    choose(other, text_query=3)
    choose(one, text_head=5)
    np.testing.assert_allclose(heat(one, "text_heatmap"), minilm.record(OWN).attention(3, 5), atol=1e-6)
    np.testing.assert_allclose(heat(other, "text_heatmap"), trophy.attention(3, 1), atol=1e-6)


def test_texts_of_one_length_have_grids_of_their_own(text_runs: list[Any]) -> None:
    """The tiles are kept by the recording's key."""
    one = figure(look(open_text(), "Red cats sleep."), "text_grid")["data"][0]["source"]
    other = figure(look(open_text(), "Old dogs bark."), "text_grid")["data"][0]["source"]
    assert len(text_runs) == 3
    assert one != other
