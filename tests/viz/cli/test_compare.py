"""`headlens compare` says what the API says."""

import csv
import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pytest

from headlens.model import load_model
from headlens.model.comparison.comparison import Comparison, compare
from headlens.model.huggingface.text.model import TransformersText
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from tests.model.huggingface.text_models import write_folder
from tests.paths import COFFEE
from tests.viz.cli.conftest import Headlens

CAT = COFFEE.parent / "chelsea.jpg"
SHE, HE = "The nurse said that she was tired.", "The nurse said that he was very tired."


@pytest.fixture(scope="module")
def nurse(minilm: EncoderTextModel) -> Comparison:
    return compare(minilm.record(SHE), minilm.record(HE))


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("saved_first", [False, True])
def test_all_heads(headlens: Headlens, nurse: Comparison, tmp_path: Path, saved_first: bool) -> None:
    given: list[object] = [SHE, HE]
    if saved_first:
        given = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
        nurse.a.save(tmp_path / "a.safetensors")
        nurse.b.save(tmp_path / "b.safetensors")
    path = tmp_path / "heads.csv"
    code, out, err = headlens("compare", *given, "--out", path, "--json")
    assert (code, err) == (0, "")
    rows, said = rows_of(path), json.loads(out)
    assert list(rows[0]) == ["layer", "head", "divergence"]
    assert [(int(row["layer"]), int(row["head"])) for row in rows] == list(np.ndindex(6, 12))
    for divergences in ([float(row["divergence"]) for row in rows], [row["divergence"] for row in said["rows"]]):
        np.testing.assert_allclose(divergences, nurse.divergence.ravel(), atol=1e-6)
    assert (said["model"], said["model_b"]) == ("minilm-l6", "minilm-l6")


def test_the_ten_heads_that_differ_most(headlens: Headlens, nurse: Comparison) -> None:
    code, out, _ = headlens("compare", SHE, HE)
    assert code == 0
    heading, *lines, note = out.splitlines()
    assert heading.split() == ["layer", "head", "divergence"]
    order = np.argsort(-nurse.divergence.ravel())[:10]
    heads = [divmod(int(index), 12) for index in order]
    expected = [[*map(str, head), f"{nurse.divergence[head]:.4f}"] for head in heads]
    assert [line.split() for line in lines] == expected
    own, theirs = np.mean([nurse.unpaired(*head) for head in heads], axis=0)
    assert theirs > own > 0
    words = f"{own:.1%} of A's weight and {theirs:.1%} of B's lie on positions without a partner."
    assert note == f"In these heads, {words}"


def test_one_head(headlens: Headlens, nurse: Comparison, tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    code, out, err = headlens("compare", SHE, HE, "--layer", 3, "--head", 1, "--out", path)
    assert (code, out, err) == (0, "", "")
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    own, theirs = nurse.weights(3, 1)
    for name, weights in (("a", own), ("b", theirs), ("difference", nurse.difference(3, 1))):
        found = np.array([np.nan if row[name] is None else row[name] for row in rows]).reshape(weights.shape)
        np.testing.assert_allclose(found, weights, atol=1e-6)
    names = nurse.alignment.names
    assert [(row["query_token"], row["key_token"]) for row in rows[: len(names)]] == [("[CLS]", name) for name in names]
    code, out, _ = headlens("compare", SHE, HE, "--layer", 3, "--head", 1)
    largest = np.nanmax(np.abs(nurse.difference(3, 1)))
    assert code == 0
    assert abs(float(out.splitlines()[1].split()[-1])) == pytest.approx(largest, abs=1e-4)
    assert len(out.splitlines()) == 12


def test_two_models_on_one_text(headlens: Headlens, minilm: EncoderTextModel, tmp_path: Path) -> None:
    folder = write_folder("BERT", tmp_path / "BERT")
    text = "The keys are on the table."
    path = tmp_path / "matches.csv"
    code, _, err = headlens("compare", text, "--model", folder, "--model-b", "minilm-l6", "--out", path)
    assert (code, err) == (0, "")
    model = load_model(str(folder), device="cpu")
    assert isinstance(model, TransformersText)
    comparison = compare(model.record(text), minilm.record(text))
    assert not comparison.same_shape
    matches = comparison.matches()
    for row in rows_of(path):
        of_head = matches[int(row["layer"]), int(row["head"])]
        assert float(row["divergence"]) == pytest.approx(of_head.min(), abs=1e-5)
        assert of_head[int(row["layer_b"]), int(row["head_b"])] == pytest.approx(of_head.min(), abs=1e-6)
    code, out, _ = headlens("compare", text, "--model", folder, "--model-b", "minilm-l6", "--layer", 0, "--head", 1)
    assert code == 0
    assert "Beside it: layer " in out


def test_two_photos(headlens: Headlens, dinov2: EncoderImageModel) -> None:
    code, out, err = headlens("compare", COFFEE, CAT, "--size", "224", "--json")
    assert (code, err) == (0, "")
    expected = compare(dinov2.record(COFFEE, 224), dinov2.record(CAT, 224)).divergence
    np.testing.assert_allclose([row["divergence"] for row in json.loads(out)["rows"]], expected.ravel(), atol=1e-5)


def test_nothing_in_common(headlens: Headlens, tmp_path: Path, minilm: EncoderTextModel) -> None:
    comparison = compare(minilm.record("cat"), minilm.record("cat"))
    for name, tokens in (("a", ("x", "y", "z")), ("b", ("u", "v", "w"))):
        dataclasses.replace(comparison.a, tokens=tokens, texts=(), offsets=()).save(tmp_path / f"{name}.safetensors")
    code, out, err = headlens("compare", tmp_path / "a.safetensors", tmp_path / "b.safetensors", "--json")
    assert (code, err) == (0, "")
    said = json.loads(out)
    assert {row["divergence"] for row in said["rows"]} == {None}
    assert said["note"] == "In these heads, nothing is compared: A and B have no position in common."
