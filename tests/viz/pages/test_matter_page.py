"""The page Does it matter?: its numbers are those of the API, and everything chosen is in the address."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from headlens.model.effects.choices import Choice, target
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.explain.methods import explain
from headlens.model.effects.heads import ablate, head_effects
from headlens.model.effects.occlusion import removed_change
from headlens.model.huggingface.multimodal.model import TransformersImageText
from headlens.model.huggingface.text.model import TransformersText
from headlens.model.huggingface.text.sequence import TransformersSequence
from headlens.model.load import load_model
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.model.runtime.folders import FOLDERS
from headlens.viz.inputs.photo import QUESTION
from headlens.viz.inputs.samples import PHOTOS, TEXTS
from headlens.viz.pages.matter.words import number, score
from headlens.viz.pages.matter_page import DIGITS
from headlens.viz.view.visible import visible
from tests.model.huggingface.image_text_models import IMAGE, llava, save_with_text
from tests.model.huggingface.text_models import write_folder
from tests.sentences import is_one_sentence
from tests.viz.figures.decode import numbers_in
from tests.viz.pages.apps import SECONDS, address, as_read, errors, press, run

PROMPT = {"kind": "prompt", "tokens": "2"}
PHOTO = {"kind": "image", "size": "224"}


def open_matter(**parameters: str) -> AppTest:
    def script() -> None:
        from headlens.viz.pages import matter_page

        matter_page.page()

    app = AppTest.from_function(script, default_timeout=SECONDS)
    app.query_params.update(parameters)
    return run(app)


def metrics(app: AppTest) -> dict[str, str]:
    """The target's value now and before, and the candidate's score."""
    values = [metric.value for metric in app.metric]
    return dict(zip(("now", "before", "score now", "score before"), values))


def words(app: AppTest) -> str:
    return as_read("\n".join(each.value for each in app.markdown))


def traces(app: AppTest) -> list[dict[str, Any]]:
    return [trace for chart in app.get("plotly_chart") for trace in json.loads(chart.proto.spec)["data"]]


def grid(app: AppTest) -> dict[tuple[int, int], float]:
    """The number of each head that the grid shows."""
    (rows,) = (
        numbers_in(trace["customdata"]) for trace in traces(app) if trace.get("marker", {}).get("symbol") == "square"
    )
    return {(int(layer), int(head)): float(value) for layer, head, value in rows}


def type_candidate(app: AppTest, name: str, word: str) -> None:
    """A word that is not in the list; AppTest itself knows only what is."""
    widgets, box = app._tree.get_widget_states(), app.selectbox(key=f"matter_{name}")
    for widget in widgets.widgets:
        if widget.id == box.id:
            widget.string_value = word
    app._run(widgets)
    assert [error.message for error in app.exception] == []


@pytest.fixture(scope="module")
def paris(smollm2: TransformersText) -> Experiment:
    return Experiment(smollm2, smollm2.continued("The capital of France is", 2))


@pytest.mark.parametrize("by", ["mean", "zero"])
def test_heads_switched_off_on_a_prompt(by: str, paris: Experiment) -> None:
    app = open_matter(**PROMPT, off="12.0-23.4", by=by)
    assert errors(app) == []
    change = ablate(paris, [(12, 0), (23, 4)], target(paris), by=by)  # type: ignore[arg-type]
    assert change.probability_before is not None
    assert change.probability_after is not None
    assert metrics(app) == {
        "now": number(change.after, DIGITS),
        "before": number(change.before, DIGITS),
        "score now": score(change.probability_after),
        "score before": score(change.probability_before),
    }
    assert "the token after “is”: “Paris”, against “the”" in words(app)
    assert "Without 2 heads, the probability of “Paris” falls from 77" in words(app)


def test_the_grid_shows_what_was_measured(minilm: EncoderTextModel) -> None:
    first, second = TEXTS["A pair"].texts
    app = open_matter(sample="A pair", measure="exact")
    experiment = Experiment(minilm, minilm.read(first))
    asked = target(experiment, Choice("similarity"), other=second)
    similarity = float(minilm.record((first, second)).outputs["similarity"])
    assert metrics(app)["before"] == number(similarity, DIGITS)
    effects = head_effects(experiment, asked)
    found = grid(app)
    assert np.allclose([found[divmod(index, 12)] for index in range(72)], effects.ravel(), atol=1e-5)
    strongest = divmod(int(np.abs(effects).argmax()), 12)
    assert f"1. Without layer {strongest[0]}, head {strongest[1]}, how similar it is to" in words(app)
    rho = re.search(r"\(Spearman\) of \*\*(-?[\d.]+)\*\*", words(app))
    assert rho is not None
    assert 0.5 < float(rho[1]) <= 1


def test_a_pair_may_be_run_the_other_way_round(minilm: EncoderTextModel) -> None:
    app = open_matter(sample="A pair", run="1", off="2.9")
    first, second = TEXTS["A pair"].texts
    experiment = Experiment(minilm, minilm.read(second))
    change = ablate(experiment, [(2, 9)], target(experiment, Choice("similarity"), other=first))
    assert metrics(app)["now"] == number(change.after, DIGITS)
    assert f"how similar it is to “{first}”" in words(app)


def test_how_far_an_embedding_moves_has_no_slope() -> None:
    app = open_matter(off="3.1", part="heads")
    assert errors(app) == []
    assert metrics(app)["before"] == "0"
    assert any("gradients are zero there" in caption.value for caption in app.caption)
    app = open_matter(part="tokens", methods="chefer-gradient_input-rollout-occlusion")
    reasons = [as_read(caption.value) for caption in app.caption if caption.value.startswith(("Relevance", "Gradient"))]
    assert len(reasons) == 2
    assert all(is_one_sentence(ValueError(reason.partition(": ")[2])) for reason in reasons)
    assert len([trace for trace in traces(app) if trace["type"] == "heatmap"]) == 2


def test_explanations_of_a_photo(dinov2: EncoderImageModel) -> None:
    app = open_matter(**PHOTO, part="tokens", methods="chefer-attention")
    assert errors(app) == []
    experiment = Experiment(dinov2, dinov2.read(PHOTOS["Coffee"].read(), 224))
    asked = target(experiment)
    assert str(asked) in words(app)
    heats = [np.ravel(numbers_in(trace["z"])) for trace in traces(app) if trace["type"] == "heatmap"]
    for heat, method in zip(heats, ("chefer", "attention"), strict=True):
        np.testing.assert_allclose(heat, explain(experiment, asked, method).scores[1:], rtol=1e-3, atol=1e-6)


def test_options_of_the_methods(minilm: EncoderTextModel) -> None:
    first, second = TEXTS["A pair"].texts
    app = open_matter(
        sample="A pair", part="tokens", methods="chefer-rollout", share="0.9", fusion="max", first="4", last="99"
    )
    assert errors(app) == []
    experiment = Experiment(minilm, minilm.read(first))
    asked = target(experiment, Choice("similarity"), other=second)
    shown = [np.ravel(numbers_in(trace["z"])) for trace in traces(app) if trace["type"] == "heatmap"]
    expected = [
        explain(experiment, asked, "chefer", first_layer=4).scores,
        explain(experiment, asked, "rollout", share=0.9, fusion="max").scores,
    ]
    for found, scores in zip(shown, expected, strict=True):
        np.testing.assert_allclose(found, scores, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("part", ["heads", "tokens", "hand"])
def test_a_model_that_reads_one_text_and_writes_another(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    folder = write_folder("T5", tmp_path / "t5")
    given = {"kind": "prompt", "model": str(folder), "text": "the big cat sat on the mat", "tokens": "2"}
    app = open_matter(**given, part=part, stage="cross", off="0.1", gone="1")
    assert errors(app) == []
    model = load_model(str(folder), device="cpu")
    assert isinstance(model, TransformersSequence)
    experiment = Experiment(model, model.continued("the big cat sat on the mat", 2))
    asked = target(experiment)
    if part == "heads":
        assert metrics(app)["now"] == number(ablate(experiment, [(0, 1)], asked, stage="cross").after, DIGITS)
    elif part == "hand":
        assert len(app.get("plotly_chart")) == 2
    else:
        heats = [np.ravel(numbers_in(trace["z"])) for trace in traces(app) if trace["type"] == "heatmap"]
        np.testing.assert_allclose(heats[0], explain(experiment, asked, "chefer").scores, rtol=1e-3, atol=1e-6)


def test_a_region_of_a_photo(dinov2: EncoderImageModel) -> None:
    app = open_matter(**PHOTO, region="4.5.6.9", off="11.2")
    experiment = Experiment(dinov2, dinov2.read(PHOTOS["Coffee"].read(), 224))
    asked = target(experiment, Choice("saliency"), region=((4, 7), (5, 10)))
    assert "the mean saliency of patches (4, 5) to (6, 9)" in words(app)
    assert metrics(app)["now"] == number(ablate(experiment, [(11, 2)], asked).after, DIGITS)


def test_the_side_of_a_region_that_was_moved_takes_the_other_along() -> None:
    app = open_matter(**PHOTO, region="4.5.6.9")
    app.number_input(key="matter_from row").set_value(8)
    run(app)
    assert address(app)["region"] == "8.5.8.9"
    app.number_input(key="matter_to column").set_value(2)
    run(app)
    assert address(app)["region"] == "8.2.8.2"
    assert "the saliency of patch (8, 2)" in words(app)


def test_patches_among_words_are_called_by_their_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    folder = save_with_text(tmp_path / "llava", llava())
    app = open_matter(kind="image", model=str(folder), part="hand")
    patches = app.multiselect(key="matter_gone")
    assert patches.options == [f"({row}, {column})" for row in range(8) for column in range(8)]
    patches.select("(4, 5)")
    run(app)
    model = load_model(str(folder), device="cpu")
    assert isinstance(model, TransformersImageText)
    given = model.prompt(model.read(PHOTOS["Coffee"].read()), QUESTION)
    assert address(app)["gone"] == str(np.flatnonzero(np.array(given.ids) == IMAGE)[4 * 8 + 5])


def test_tokens_removed_by_hand(paris: Experiment) -> None:
    app = open_matter(**PROMPT, part="hand", gone="1-3", removed="mean")
    change = removed_change(paris, target(paris), [1, 3], "mean")
    assert metrics(app)["now"] == number(change.after, DIGITS)
    assert "Without “capital”, “France”, the probability of “Paris” falls" in words(app)
    press(app, "Clear")
    assert "gone" not in address(app)


def test_scores_are_made_on_demand() -> None:
    parameters = {"text": "A dog barks.", "part": "tokens", "methods": "occlusion-rollout"}
    app = open_matter(**parameters)
    assert not app.dataframe
    press(app, "Score, with 20 random orders")
    assert address(app)["scores"] == "20"
    table = app.dataframe[0].value
    assert set(table["Explanation"]) == {"Occlusion, one at a time", "Attention rollout"}
    assert "20 random orders: insertion − deletion" in words(app)
    differences = table["Insertion − deletion"].to_numpy()
    assert (np.diff(differences) <= 0).all()
    press(app, "Stop, and hide the scores")
    assert not app.dataframe


@pytest.mark.parametrize(
    ("name", "word"), [("answer", "supercalifragilistic"), ("against", "two words"), ("answer", "<b>x</b> $y$")]
)
def test_a_word_that_is_no_single_token(name: str, word: str) -> None:
    app = open_matter(**PROMPT)
    before = address(app)
    type_candidate(app, name, word)
    (error,) = errors(app)
    assert is_one_sentence(ValueError(error))
    assert word in error
    assert address(app) == before


def test_another_word_is_asked_about(paris: Experiment) -> None:
    app = open_matter(**PROMPT)
    type_candidate(app, "against", "London")
    asked = target(paris, against="London")
    assert str(asked) in words(app)
    assert metrics(app)["now"] == number(ablate(paris, (), asked).before, DIGITS)


def test_a_word_that_the_other_list_has_an_option_for_is_a_word(paris: Experiment) -> None:
    app = open_matter(**PROMPT)
    type_candidate(app, "answer", "second")
    asked = target(paris, candidate="second")
    assert address(app)["answer"] == str(asked.candidate)  # type: ignore[attr-defined]
    assert str(asked) in words(app)


def test_a_candidate_of_nothing_but_space_has_a_name(paris: Experiment) -> None:
    app = open_matter(**PROMPT)
    type_candidate(app, "answer", "   ")
    assert errors(app) == []
    assert app.selectbox(key="matter_answer").options[-1] == visible("   ")


def test_the_candidate_is_not_compared_with_itself(paris: Experiment) -> None:
    app = open_matter(**PROMPT)
    before = metrics(app)
    type_candidate(app, "against", "Paris")
    assert errors(app) == []
    assert "against" not in address(app)
    assert metrics(app) == before


def test_activation_patching_with_the_sample_pair(smollm2: TransformersText) -> None:
    app = open_matter(**PROMPT, by="other")
    press(app, "A sample pair")
    assert address(app)["text"] == "The nurse said that she"
    app = open_matter(**{name: str(value) for name, value in address(app).items()}, off="10.1-11.2")
    given = smollm2.continued("The nurse said that she", 1)
    experiment = Experiment(smollm2, given)
    other = Experiment(smollm2, smollm2.with_written(smollm2.read("The nurse said that he"), given.ids[-1:]))
    change = ablate(experiment, [(10, 1), (11, 2)], target(experiment), by=other)
    assert metrics(app)["now"] == number(change.after, DIGITS)
    app.text_input(key="matter_patch").set_value("Too short")
    run(app)
    (error,) = errors(app)
    assert is_one_sentence(ValueError(error))


@pytest.mark.parametrize("kind", [PROMPT, PHOTO, {}])
@pytest.mark.parametrize(
    "hostile",
    [
        {"off": "999.1-x.y-²-1.1.1", "ask": "next.99999", "stage": "<b>", "by": "nobody"},
        {"answer": "99999999", "against": "-1", "measure": "magic", "order": "size"},
        {"answer": "4000000", "against": "4000000", "part": "nothing", "query": "-1"},
        {"region": "9.9.1.1", "gone": "1-99999-x", "part": "hand", "removed": "fire"},
        {"region": "1.2.3", "methods": "voodoo-rollout", "part": "tokens", "scores": "7", "curve": "x"},
        {"layer": "77", "head": "0", "query": "1e9", "kind2": "x", "run": "7", "other": " "},
    ],
)
def test_hostile_addresses(kind: dict[str, str], hostile: dict[str, str]) -> None:
    assert errors(open_matter(**kind, **hostile)) == []


def test_what_is_pinned_comes_along(paris: Experiment) -> None:
    app = open_matter(**PROMPT, query="2", layer="7", head="3")
    assert "the token after “of”" in words(app)
    rings = [trace for trace in traces(app) if trace.get("marker", {}).get("symbol") == "square-open"]
    assert [(*numbers_in(ring["x"]), *numbers_in(ring["y"])) for ring in rings] == [(3, 7)]
    app = open_matter(**PROMPT, query="6")
    assert "the token after “Paris”" in words(app)


def test_json_of_every_chart_is_whole() -> None:
    for part in ("heads", "tokens", "hand"):
        for chart in open_matter(**PROMPT, part=part).get("plotly_chart"):
            assert "NaN" not in json.dumps(json.loads(chart.proto.spec))
