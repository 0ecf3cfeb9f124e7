"""`headlens explain` and `headlens heads` say what the API says."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from headlens.model import load_model
from headlens.model.effects.choices import Choice, choices, target
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.explain.methods import METHODS, explain
from headlens.model.effects.heads import head_effects
from headlens.model.huggingface.text.model import TransformersText
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from tests.model.huggingface.image_text_models import llava, save_with_text
from tests.model.huggingface.text_models import CORPUS, write_folder
from tests.paths import COFFEE
from tests.viz.cli.conftest import Headlens

TEXT, OTHER = "A cat sleeps on the sofa.", "The kitten naps."
ASKED = ("--target", "similarity", "--other", OTHER)


@pytest.fixture(scope="module")
def experiment(minilm: EncoderTextModel) -> Experiment:
    return Experiment(minilm, minilm.read(TEXT))


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("method", METHODS)
def test_explain(
    headlens: Headlens, experiment: Experiment, minilm: EncoderTextModel, tmp_path: Path, method: str
) -> None:
    path = tmp_path / "scores.csv"
    code, out, err = headlens("explain", TEXT, "--method", method, *ASKED, "--out", path, "--json")
    assert (code, err) == (0, "")
    said = json.loads(out)
    asked = target(experiment, Choice("similarity"), other=OTHER)
    explanation = explain(experiment, asked, method)
    np.testing.assert_allclose(said["scores"], explanation.scores, rtol=1e-5)
    assert (said["signed"], said["held"]) == (explanation.signed, explanation.held)
    assert said["target"] == str(asked)
    assert said["revision"] == minilm.description.revision
    assert said["tokens"] == list(minilm.record(TEXT).tokens)
    rows = rows_of(path)
    assert [row["token"] for row in rows] == said["tokens"]
    assert [np.float32(row["score"]) for row in rows] == [np.float32(score) for score in said["scores"]]


@pytest.mark.parametrize("by", ["mean", "zero"])
@pytest.mark.parametrize("method", ["exact", "gradient", "sensitivity"])
def test_heads(headlens: Headlens, experiment: Experiment, tmp_path: Path, method: str, by: str) -> None:
    path = tmp_path / "effects.csv"
    code, out, err = headlens("heads", TEXT, "--method", method, "--by", by, *ASKED, "--out", path, "--json")
    assert (code, err) == (0, "")
    asked = target(experiment, Choice("similarity"), other=OTHER)
    effects = head_effects(experiment, asked, method=method, by=by)  # type: ignore[arg-type]  # they are literals
    said = json.loads(out)
    np.testing.assert_allclose(said["effects"], effects, rtol=1e-4, atol=1e-6)
    assert (said["method"], said["by"], said["stage"]) == (method, by, "encoder")
    rows = rows_of(path)
    assert [(int(row["layer"]), int(row["head"])) for row in rows] == list(np.ndindex(6, 12))
    assert [np.float32(row["effect"]) for row in rows] == [np.float32(each) for each in np.ravel(said["effects"])]


def test_tables_for_people(headlens: Headlens) -> None:
    code, out, _ = headlens("explain", TEXT, "--other", OTHER)  # similarity goes without saying
    assert code == 0
    assert "how similar it is to “The kitten naps.”" in out
    code, out, _ = headlens("heads", TEXT)
    assert code == 0
    assert out.splitlines()[0] == "how far the sentence's embedding moves"
    assert [line.split()[0] for line in out.splitlines()[3:]] == [str(layer) for layer in range(6)]


def test_what_can_be_asked_about_is_listed(headlens: Headlens, experiment: Experiment) -> None:
    for command in ("explain", "heads"):
        code, out, _ = headlens(command, TEXT, "--target", "list")
        assert code == 0
        assert [line.split()[0] for line in out.splitlines()] == [str(choice) for choice in choices(experiment)]


def test_a_pair_is_read_together(headlens: Headlens, minilm: EncoderTextModel) -> None:
    code, out, _ = headlens("explain", TEXT, "--pair", OTHER, "--method", "rollout", "--json")
    assert code == 0
    assert json.loads(out)["tokens"] == list(minilm.record((TEXT, OTHER)).tokens)


def test_a_photo(headlens: Headlens, dinov2: EncoderImageModel) -> None:
    options = ("--size", 224, "--region", "3:5,4:6", "--method", "rollout")
    code, out, _ = headlens("explain", COFFEE, *options, "--json")
    assert code == 0
    said = json.loads(out)
    experiment = Experiment(dinov2, dinov2.read(COFFEE, 224))
    asked = target(experiment, Choice("saliency"), region=((3, 5), (4, 6)))
    assert said["target"] == str(asked)
    assert said["tokens"] == list(dinov2.record(COFFEE, 224).tokens)
    np.testing.assert_allclose(said["scores"], explain(experiment, asked, "rollout").scores, rtol=1e-4)


def test_a_word_that_is_written(headlens: Headlens, smollm2: TransformersText) -> None:
    prompt = "The capital of France is"
    options = ("--model", "smollm2-135m", "--write", 2, "--candidate", "Paris", "--against", "London")
    code, out, _ = headlens("explain", prompt, *options, "--json")
    assert code == 0
    said = json.loads(out)
    experiment = Experiment(smollm2, smollm2.continued(prompt, 2))
    asked = target(experiment, candidate="Paris", against="London")
    assert said["target"] == str(asked) == "the token after “is”: “Paris”, against “London”"
    assert said["tokens"] == list(smollm2.write(prompt, 2).tokens)
    np.testing.assert_allclose(said["scores"], explain(experiment, asked).scores, rtol=1e-3, atol=1e-6)
    code, out, _ = headlens("heads", prompt, *options, "--target", "next.3", "--method", "gradient", "--json")
    assert code == 0
    assert json.loads(out)["target"].startswith("the token after “France”")


def test_a_model_that_writes_another_text(headlens: Headlens, tmp_path: Path) -> None:
    folder = write_folder("T5", tmp_path / "T5")
    code, out, err = headlens("explain", CORPUS[0], "--model", folder, "--json")
    assert code == 0, err
    model = load_model(str(folder), device="cpu")
    assert isinstance(model, TransformersText)
    experiment = Experiment(model, model.continued(CORPUS[0]))
    said = json.loads(out)
    assert said["tokens"] == list(model.record(CORPUS[0]).of("encoder").tokens)
    np.testing.assert_allclose(said["scores"], explain(experiment, target(experiment)).scores, rtol=1e-3, atol=1e-7)
    assert headlens("heads", CORPUS[0], "--model", folder, "--stage", "cross", "--json").code == 0
    assert headlens("heads", CORPUS[0], "--model", folder, "--pair", "A head").code == 2


def test_a_photo_among_tokens(headlens: Headlens, tmp_path: Path) -> None:
    folder = save_with_text(tmp_path, llava())
    options = ("--model", folder, "--text", "the trophy", "--method", "gradient_input", "--json")
    code, out, err = headlens("explain", COFFEE, *options)
    assert code == 0, err
    tokens = json.loads(out)["tokens"]
    patches = [index for index, name in enumerate(tokens) if name.startswith("(")]
    assert patches == list(range(patches[0], patches[-1] + 1))  # they stand together, with words around them
    assert tokens[patches[0]] == "(0, 0)"
    assert "".join(tokens[patches[-1] + 1 :]).endswith("trophy")


def test_a_terminal_is_not_moved_by_tokens(headlens: Headlens, tmp_path: Path) -> None:
    folder = write_folder("GPT-2", tmp_path / "model")
    code, out, err = headlens("explain", "The \x1b[31m \u202etrophy", "--model", folder, "--method", "attention")
    assert code == 0, err
    assert "⟨202E⟩" in out
    assert not {"\x1b", "\u202e"} & set(out)


@pytest.mark.parametrize(("given", "sought"), [("none", None), ("others", "others"), ("second", "second"), ("#42", 42)])
def test_against(headlens: Headlens, smollm2: TransformersText, given: str, sought: int | str | None) -> None:
    options = ("--model", "smollm2-135m", "--against", given, "--method", "attention", "--json")
    code, out, err = headlens("explain", "The sea is", *options)
    assert code == 0, err
    experiment = Experiment(smollm2, smollm2.read("The sea is"))
    assert json.loads(out)["target"] == str(target(experiment, against=sought))
