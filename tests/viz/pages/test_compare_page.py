"""The page Compare: its numbers are those of the API, and everything chosen is in the address."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from headlens.model.comparison.comparison import Comparison, compare
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.recorded import record_without
from headlens.model.huggingface.text.model import TransformersText
from headlens.model.load import load_model
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.model.runtime.folders import FOLDERS
from headlens.viz.inputs.samples import FIRST_PAIR, PAIRS
from headlens.viz.view.visible import visible
from headlens.viz.view.wording import percent
from headlens.viz.view.words import name_of
from tests.model.huggingface.text_models import write_folder
from tests.sentences import is_one_sentence
from tests.viz.explorer.payloads import pair_weights
from tests.viz.figures.decode import numbers_in
from tests.viz.pages.apps import SECONDS, address, as_read, choose, errors, press, run, shown, tell

SHE, HE = PAIRS[FIRST_PAIR]


def open_compare(**parameters: str) -> AppTest:
    def script() -> None:
        from headlens.viz.pages import compare_page

        compare_page.page()

    app = AppTest.from_function(script, default_timeout=SECONDS)
    app.query_params.update(parameters)
    return run(app)


def words(app: AppTest) -> str:
    return as_read("\n".join(each.value for each in [*app.markdown, *app.subheader]))


def charts(app: AppTest) -> list[list[dict[str, Any]]]:
    """The traces of each figure."""
    return [json.loads(chart.proto.spec)["data"] for chart in app.get("plotly_chart")]


def grid(app: AppTest) -> dict[tuple[int, int], float]:
    """The divergence of each head of A, from the grid or from the best matches."""
    trace = next(trace for trace in charts(app)[0] if "customdata" in trace)
    return {(int(row[0]), int(row[1])): row[-1] for row in numbers_in(trace["customdata"])}


def check_head(app: AppTest, comparison: Comparison, head: tuple[int, int], other: tuple[int, int]) -> None:
    """The columns hold the heads' weights, from the query that differs most where the address says none."""
    payload = shown(app)
    for found, weights in zip(pair_weights(payload), comparison.weights(*head, other)):
        np.testing.assert_allclose(found, weights, atol=1e-5)
    if not {"query", "query2"} & set(address(app)):
        most = np.abs(np.nan_to_num(comparison.difference(*head, other))).max(axis=1)
        query = payload.header["view"]["query"]
        assert most.max() == 0 or most[comparison.alignment.main_places[0][query]] == most.max()


def take(app: AppTest, a: str, b: str) -> AppTest:
    """Type two texts and press Compare."""
    app.text_area(key="compare_a").set_value(a)
    app.text_area(key="compare_b").set_value(b)
    return press(app, "Compare")


@pytest.fixture(scope="module")
def nurse(minilm: EncoderTextModel) -> Comparison:
    return compare(minilm.record(SHE), minilm.record(HE))


def test_it_opens_on_the_head_that_differs_most(nurse: Comparison) -> None:
    app = open_compare()
    assert errors(app) == []
    measured = grid(app)
    np.testing.assert_allclose([measured[head] for head in np.ndindex(6, 12)], nurse.divergence.ravel(), atol=1e-6)
    most = divmod(int(nurse.divergence.argmax()), 12)
    assert f"Layer {most[0]}, head {most[1]}" in words(app)
    check_head(app, nurse, most, most)
    own, theirs = nurse.unpaired(*most)
    assert (
        f"Without a partner: {percent(own)} of A's weight, on “she”; {percent(theirs)} of B's weight, on “he”"
        in words(app)
    )
    difference = np.abs(np.nan_to_num(nurse.difference(*most)))
    query, key = np.unravel_index(difference.argmax(), difference.shape)
    names = nurse.alignment.names
    assert names[key] == "he"  # which A has not
    weight = percent(float(nurse.weights(*most)[1][query, key]))
    said = f"It differs most in how much “{names[query]}” looks at “he”: “he” has no partner in A; {weight} in B."
    assert said in words(app)
    assert address(app) == {}


def test_heads_are_chosen_by_the_address_and_by_buttons(nurse: Comparison) -> None:
    app = open_compare(layer="3", head="1", order="size")
    check_head(app, nurse, (3, 1), (3, 1))
    ordered = sorted(np.ndindex(6, 12), key=lambda head: -nurse.divergence[head])
    rows = numbers_in(charts(app)[0][0]["customdata"])
    assert [tuple(map(int, row[:2])) for row in rows][:10] == ordered[:10]
    listed = [button.label for button in app.button if button.label.startswith("layer ")]
    assert listed == [
        f"layer {layer}, head {head}: {nurse.divergence[layer, head]:.3f}" for layer, head in ordered[:10]
    ]
    press(app, listed[4])
    assert address(app) == {"layer": str(ordered[4][0]), "head": str(ordered[4][1]), "order": "size"}
    check_head(app, nurse, ordered[4], ordered[4])
    choose(app, compare_head=(2, 7))
    assert (address(app)["layer"], address(app)["head"]) == ("2", "7")
    check_head(app, nurse, (2, 7), (2, 7))


@pytest.mark.parametrize("wrong", [{"layer": "6", "head": "0"}, {"layer": "-1", "head": "x"}, {"layer": "3"}])
def test_a_head_that_is_not_there_is_the_first(wrong: dict[str, str], nurse: Comparison) -> None:
    app = open_compare(**wrong)
    assert errors(app) == []
    most = divmod(int(nurse.divergence.argmax()), 12)
    check_head(app, nurse, most, most)


def test_texts_of_one_s_own(minilm: EncoderTextModel) -> None:
    chosen = {"layer": "3", "head": "1", "query": "2", "direction": "by", "matrix": "1", "off2": "0.1", "order": "size"}
    app = open_compare(pairs="5.5", **chosen)
    take(app, SHE, HE)
    assert address(app) == chosen | {"pairs": "5.5"}  # pairs of the same texts stay
    take(app, "A cat sat.", "A dog sat down.")
    assert address(app) == {"text": "A cat sat.", "text2": "A dog sat down.", **chosen}
    without = record_without(Experiment(minilm, minilm.read("A dog sat down.")), [(0, 1)])
    check_head(app, compare(minilm.record("A cat sat."), without), (3, 1), (3, 1))
    assert shown(app).header["view"]["query"] == 2
    choose(app, compare_sample="Two banks")
    assert address(app) == dict(zip(("text", "text2"), PAIRS["Two banks"])) | chosen
    assert [area.value for area in app.text_area] == list(PAIRS["Two banks"])


def test_the_same_text_twice_is_the_same() -> None:
    app = open_compare()
    take(app, "A cat sat.", "  ")
    assert address(app) == {"text": "A cat sat."}
    assert set(grid(app).values()) == {0}
    assert "It is the same in A and in B. Every token has a partner." in words(app)
    assert [area.value for area in app.text_area] == ["A cat sat.", ""]


def test_a_text_that_is_refused_stays_to_be_corrected(nurse: Comparison) -> None:
    app = open_compare()
    take(app, "A cat.", "long " * 30_000)
    (said,) = errors(app)
    assert said.startswith("Of B: ")
    assert is_one_sentence(ValueError(said))
    assert app.text_area(key="compare_a").value == "A cat."
    most = divmod(int(nurse.divergence.argmax()), 12)
    check_head(app, nurse, most, most)  # what was there before


def test_texts_too_long_for_an_address() -> None:
    app = open_compare()
    take(app, "A cat. " * 60, "A dog. " * 400)
    assert errors(app) == []
    assert address(app) == {"own": "1"}
    assert any("Your texts are not in this link" in caption.value for caption in app.caption)
    assert any("512" in info.value for info in app.info)  # B was cut
    again = open_compare(own="1")
    assert any("too long" in info.value for info in again.info)


def test_a_stranger_s_tokens_are_no_markdown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_compare(text="a $ * < b", text2="a b")
    assert errors(app) == []
    (said,) = (each.value for each in app.markdown if "Without a partner" in each.value)
    assert "“\\$”, “\\*”, “\\<”" in said
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    folder = str(write_folder("GPT-2", tmp_path / "gpt2"))  # its tokenizer keeps what cannot be seen
    app = open_compare(model=folder, text="The big \u202e trophy", text2="The big trophy")
    assert errors(app) == []
    assert "⟨202E⟩" in words(app)
    assert "\u202e" not in words(app)
    assert not any("\u202e" in chart.proto.spec or "\\u202e" in chart.proto.spec for chart in app.get("plotly_chart"))


def test_equal_words_have_their_positions() -> None:
    app = open_compare(text="A fox saw a fox there.", text2="A dog ran.", layer="3", head="1")
    assert errors(app) == []
    assert "of A's weight, on “fox” (2), “saw”, “a”, “fox” (5), “there”" in words(app)


def test_nothing_in_common_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    folder = write_folder("GPT-2", tmp_path / "gpt2")
    app = open_compare(model=str(folder), text="cat", text2="dog mat")
    assert errors(app) == []
    assert any("in common" in info.value for info in app.info)
    assert charts(app) == []


def test_what_sees_one_token_alone_is_not_the_largest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In B of a causal model “cat” comes first and sees itself alone: that it looks there with 100 % says nothing."""
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    folder = str(write_folder("GPT-2", tmp_path / "gpt2"))
    texts = "The big cat sat", "cat sat"
    app = open_compare(model=folder, text=texts[0], text2=texts[1], layer="0", head="1")
    assert errors(app) == []
    model = load_model(folder, device="cpu")
    assert isinstance(model, TransformersText)
    comparison = compare(model.record(texts[0]), model.record(texts[1]))
    difference = np.abs(np.nan_to_num(comparison.difference(0, 1)))
    first = int(comparison.alignment.main_places[1][0])
    assert comparison.alignment.paired[first]
    assert difference.max() == difference[first].max()  # trivially
    difference[first] = 0
    query, key = np.unravel_index(difference.argmax(), difference.shape)
    looks, at = (visible(comparison.alignment.names[place]) for place in (query, key))
    assert f"“{looks}” looks at “{at}”" in words(app)
    assert comparison.alignment.main_places[0][shown(app).header["view"]["query"]] == query


def test_two_models_on_one_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minilm: EncoderTextModel) -> None:
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    folder = str(write_folder("BERT", tmp_path / "mine"))
    app = open_compare(text="The keys are on the table.", model=folder, model2="minilm-l6", layer="1", head="2")
    assert errors(app) == []
    model = load_model(folder, device="cpu")
    assert isinstance(model, TransformersText)
    text = "The keys are on the table."
    comparison = compare(model.record(text), minilm.record(text))
    heads, divergence = comparison.partners()
    measured = grid(app)
    np.testing.assert_allclose([measured[head] for head in np.ndindex(divergence.shape)], divergence.ravel(), atol=1e-5)
    other = int(heads[1, 2][0]), int(heads[1, 2][1])
    assert f"Layer 1, head 2, beside layer {other[0]}, head {other[1]} of B" in words(app)
    check_head(app, comparison, (1, 2), other)
    choose(app, compare_b_model=folder)
    assert address(app) == {"text": text, "model": folder, "model2": folder}
    assert set(grid(app).values()) == {0}


def test_b_has_the_model_of_a_where_none_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    folder = str(write_folder("BERT", tmp_path / "mine"))
    app = open_compare(model=folder)
    assert errors(app) == []
    assert len(grid(app)) == 8
    assert app.selectbox(key="compare_b_model").value == folder


def test_a_model_of_photos_is_refused() -> None:
    app = open_compare(model2="dinov2-focus")
    (said,) = errors(app)
    assert said.startswith("B: Texts are compared by models that read a text")
    assert is_one_sentence(ValueError(said))
    assert len(charts(app)) == 1


def test_what_is_pinned_is_in_the_address(nurse: Comparison) -> None:
    app = open_compare(layer="3", head="1")
    start = shown(app).header
    assert (start["view"]["query2"], start["sent"]) == (None, False)
    pinned = start["view"] | {"query": None, "query2": 5, "direction": "by", "matrix": True}  # "he", which A has not
    tell(app, view=pinned | {"of": start["id"], "has": start["id"], "at": 1})
    assert address(app) == {"layer": "3", "head": "1", "query2": "5", "direction": "by", "matrix": "1"}
    assert shown(app).header["view"] == pinned
    assert len(shown(app).header["matrices"]) == 3
    again = shown(open_compare(**address(app)))
    assert (again.header["view"], again.header["id"]) == (pinned, shown(app).header["id"])
    same = shown(app).header
    tell(app, view=pinned | {"query2": 2, "of": same["id"], "has": same["id"], "at": 2})
    assert (shown(app).header["sent"], shown(app).arrays) == (True, {})
    assert address(app)["query2"] == "2"
    tell(app, view=pinned | {"query": 4, "of": "another pair", "has": same["id"], "at": 3})  # told too late
    assert address(app)["query2"] == "2"
    assert not shown(app).header["sent"]
    check_head(app, nurse, (3, 1), (3, 1))


def test_long_texts_have_no_matrices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headlens.viz.explorer.compared.LARGEST_DRAWN", 8)
    app = open_compare(matrix="1")
    assert errors(app) == []
    assert shown(app).header["matrices"] == []
    assert "drawn up to" in shown(app).header["matrixNote"]


def test_the_largest_of_two_sizes_is_of_the_patches_that_are_pinned(
    dinov2: EncoderImageModel, sample_photo: Callable[[str], Path]
) -> None:
    """The place that differs most is a part of a patch of each; the queries are these patches, not A's and its own."""
    sizes = {"size": "224", "size2": "336"}
    app = open_compare(kind="image", sample="Cat", layer="10", head="4", **sizes)
    assert errors(app) == []
    a, b = (dinov2.record(sample_photo("chelsea"), int(size)) for size in sizes.values())
    comparison = compare(a, b)
    difference = np.nan_to_num(comparison.difference(10, 4))
    query, key = np.unravel_index(np.abs(difference).argmax(), difference.shape)
    (own, own_key), (theirs, their_key) = ((int(at[query]), int(at[key])) for at in comparison.alignment.main_positions)
    assert comparison.alignment.counterparts[0][own] != theirs
    view = shown(app).header["view"]
    partner = (view["query"], view["query2"])
    assert partner in [(own, theirs), (None, theirs)]
    assert partner[0] is not None or comparison.alignment.counterparts[1][theirs] == own
    weights = [each[query, key] for each in comparison.weights(10, 4)]
    assert (
        f"how much A's {name_of(a, own)} and B's {name_of(b, theirs)} look at the part of A's {name_of(a, own_key)} "
        f"that B's {name_of(b, their_key)} shows: {percent(float(weights[0]))} in A, {percent(float(weights[1]))} in B."
    ) in words(app)
