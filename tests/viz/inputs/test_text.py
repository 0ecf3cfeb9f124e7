"""The page Text: texts of one's own, good, bad and hostile."""

from typing import Any

import numpy as np
import pytest

from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.model.recording.recording import Recording
from headlens.viz.view.visible import visible
from tests.sentences import is_one_sentence
from tests.viz.hostile import HOSTILE
from tests.viz.pages.apps import address, choose, errors, look, open_text, run, shown, tell, upload, view

OWN = "Heads look where they like."
LONG = " ".join([OWN] * 80)


@pytest.mark.parametrize("text", [OWN, "Zwölf “Boxkämpfer” jagen 5 & 6 = 100 % Viktor?"])
def test_a_text_of_one_s_own_is_in_the_address(text: str, minilm: EncoderTextModel) -> None:
    app = look(open_text(sample="Bank", query="2", queries="2-3"), text)
    assert address(app) == {"text": text}
    found = shown(app)
    assert found.header["tokens"] == list(minilm.record(text).tokens)
    np.testing.assert_allclose(found.weights(), minilm.record(text).attention(3, 1), atol=5e-6, rtol=0)
    assert view(app) == (3, 1, 1)  # the first after [CLS]
    assert found.header["link"] == "Your text is in this link."
    assert app.session_state.text_sample is None
    assert app.text_area(key="text_first").value == text
    tell(app, view={**found.header["view"], "query": 3})
    assert address(app) == {"text": text, "query": "3"}
    assert view(look(app, text)) == (3, 1, 3)  # nothing new: it stays
    assert shown(open_text(**address(app))).header["tokens"] == found.header["tokens"]


def test_what_is_chosen_of_the_model_stays_with_another_text(minilm: EncoderTextModel) -> None:
    kept = {"of": "heads-mean", "layer": "2", "head": "4", "heads": "2~4-6", "direction": "by", "order": "distance"}
    switches = {"words": "1", "nospecial": "1"}
    app = look(open_text(query="3", queries="3-4", key="5", **kept, **switches), OWN)
    assert address(app) == {"text": OWN} | kept | switches
    assert view(app) == (2, 4, 1)
    assert address(choose(app, text_sample="Bank")) == {"sample": "Bank"} | switches  # it opens on a head of its own
    assert view(app)[:2] == (0, 4)


def test_a_head_of_a_sample_s_own_layer_is_kept_whole() -> None:
    app = open_text(sample="Bank")
    layer, head, _ = view(app)
    tell(app, view={**shown(app).header["view"], "head": head - 1})
    assert view(look(app, OWN))[:2] == (layer, head - 1)


def test_a_long_text_stays_in_the_session(minilm: EncoderTextModel) -> None:
    app = look(open_text(), LONG)
    assert address(app) == {"own": "1"}
    assert shown(app).header["tokens"] == list(minilm.record(LONG).tokens)
    assert shown(app).header["link"].startswith("Your text is not in this link")
    tell(app, view={**shown(app).header["view"], "layer": 5})
    assert address(app) == {"own": "1", "layer": "5", "head": "1"}
    assert shown(app).tokens == len(minilm.record(LONG).tokens)
    assert view(open_text(own="1")) == (3, 1, 11)  # to another visitor it is nothing


def test_a_text_is_recorded_when_asked_for_not_while_typed(trophy: Recording) -> None:
    app = choose(open_text(), text_first=OWN)
    assert (shown(app).header["tokens"], address(app)) == (list(trophy.tokens), {})


def test_a_second_sentence_makes_a_pair_and_without_it_there_is_none(minilm: EncoderTextModel) -> None:
    app = look(open_text(), OWN, "Heads rest on nothing.")
    recording = minilm.record((OWN, "Heads rest on nothing."))
    assert shown(app).header["tokens"] == list(recording.tokens)
    assert address(app) == {"text": OWN, "text2": "Heads rest on nothing."}
    assert [metric.value for metric in app.metric] == [f"{float(recording.outputs['similarity']):.3f}"]
    look(app, OWN, "  ")
    assert address(app) == {"text": OWN}
    assert len(app.metric) == 0


@pytest.mark.parametrize("text", ["", "   \n\t ", "x" * 100_001, "\u200b"])
def test_what_cannot_be_read_gets_one_sentence_and_changes_nothing(text: str) -> None:
    app = open_text(sample="Bank", layer="2")
    before, bank = address(app), shown(app).header
    look(app, text)
    (message,) = errors(app)
    assert is_one_sentence(ValueError(message))
    assert (address(app), shown(app).header) == (before, bank)
    assert app.text_area(key="text_first").value == text
    run(app)
    assert errors(app) == []  # said once
    assert app.text_area(key="text_first").value == text


def test_after_an_error_one_s_own_text_is_still_there() -> None:
    app = look(open_text(), OWN)
    own = shown(app).header
    look(app, " ")
    assert len(errors(app)) == 1
    assert (address(app), shown(app).header) == ({"text": OWN}, own)
    look(app, OWN)
    assert (errors(app), address(app)) == ([], {"text": OWN})


def test_a_shorter_text_has_a_query_that_is_in_it() -> None:
    app = look(open_text(query="16"), "Hi")
    assert shown(app).header["tokens"] == ["[CLS]", "Hi", "[SEP]"]
    assert view(app) == (3, 1, 1)


def test_a_text_that_is_cut_says_so() -> None:
    app = look(open_text(), "word " * 600)
    (note,) = (info.value for info in app.info)
    assert "512 tokens: 510 of 600 were kept" in note
    assert is_one_sentence(ValueError(note))
    assert shown(app).tokens == 512


def test_a_text_file_is_read(minilm: EncoderTextModel) -> None:
    app = upload(open_text(), "Ein Satz – für Köpfe.".encode(), "a.txt", "text/plain")
    assert address(app) == {"text": "Ein Satz – für Köpfe."}
    assert shown(app).header["tokens"] == list(minilm.record("Ein Satz – für Köpfe.").tokens)
    assert app.text_area(key="text_first").value == "Ein Satz – für Köpfe."


def test_the_mark_that_some_editors_begin_a_file_with_is_no_text() -> None:
    assert address(upload(open_text(), "\ufeffA boat.".encode(), "a.txt", "text/plain")) == {"text": "A boat."}


def test_a_link_without_its_text_says_so() -> None:
    app = open_text(own="1")
    assert ([note.value[:22] for note in app.info], view(app)) == (["The text of this link "], (3, 1, 11))
    assert len(look(app, OWN).info) == 0


def test_an_empty_text_file_changes_nothing() -> None:
    app = upload(open_text(), b"", "a.txt", "text/plain")
    assert (len(errors(app)), address(app), view(app)) == (1, {}, (3, 1, 11))


@pytest.mark.parametrize("text", ["<img src=x onerror=alert(1)>", " ".join(HOSTILE)])
def test_hostile_texts_stay_text(text: str, minilm: EncoderTextModel) -> None:
    app = look(open_text(), text, text)
    assert errors(app) == []
    assert shown(app).header["tokens"] == [visible(token) for token in minilm.record((text, text)).tokens]


def test_the_model_runs_once_for_each_text(text_runs: list[Any]) -> None:
    app = open_text()
    first = app.text_area(key="text_first").value
    for change in ({"layer": 0}, {"head": 7}, {"query": 2}, {"scope": "all", "reduction": "mean"}, {"order": "spread"}):
        tell(app, view={**shown(app).header["view"], **change})
    tell(app, save={"name": "heads", "format": "png", "at": 1})
    assert text_runs == [first]
    look(app, OWN)
    look(app, OWN)
    look(app, OWN, OWN)
    assert text_runs == [first, OWN, (OWN, OWN)]
    choose(app, text_sample="Trophy")
    open_text()  # another visitor
    assert text_runs == [first, OWN, (OWN, OWN)]


def test_visitors_do_not_see_each_other_s_texts(trophy: Recording, minilm: EncoderTextModel) -> None:
    one, other = open_text(), open_text()
    look(one, OWN)
    run(other)
    assert shown(run(one)).header["tokens"] == list(minilm.record(OWN).tokens)
    assert shown(other).header["tokens"] == list(trophy.tokens)
