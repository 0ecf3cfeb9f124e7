"""`headlens compare` says what the API says."""

import csv
import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pytest

from headlens.model import load_model
from headlens.model.comparison.alignment import align
from headlens.model.comparison.comparison import Comparison, compare
from headlens.model.comparison.corrections import corrected
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.recorded import record_without
from headlens.model.huggingface.text.model import TransformersText
from headlens.model.inputs.image_file import open_image
from headlens.model.inputs.paint import Rectangle, painted
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from tests.model.huggingface.text_models import write_folder
from tests.paths import COFFEE
from tests.viz.cli.conftest import Headlens

CAT, ASTRONAUT = COFFEE.parent / "chelsea.jpg", COFFEE.parent / "astronaut.jpg"
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


def divergences(out: str) -> list[float]:
    return [row["divergence"] for row in json.loads(out)["rows"]]


def test_a_photo_and_the_same_painted_over(headlens: Headlens, dinov2: EncoderImageModel) -> None:
    code, out, err = headlens("compare", CAT, "--size", "224", "--paint-b", "28,26,48,52,black", "--json")
    assert (code, err) == (0, "")
    after = dinov2.record(painted(open_image(CAT), Rectangle(28, 26, 48, 52, "black")), 224)
    expected = compare(dinov2.record(CAT, 224), after).divergence
    assert expected.max() > 0.05
    np.testing.assert_allclose(divergences(out), expected.ravel(), atol=1e-5)


def test_a_model_and_the_same_with_heads_off(headlens: Headlens, minilm: EncoderTextModel) -> None:
    code, out, err = headlens("compare", SHE, "--off-b", "1.3-0.2", "--by", "zero", "--json")
    assert (code, err) == (0, "")
    without = record_without(Experiment(minilm, minilm.read(SHE)), [(0, 2), (1, 3)], by="zero")
    expected = compare(minilm.record(SHE), without).divergence
    assert (expected[0] == 0).all()
    assert expected.max() > 0
    np.testing.assert_allclose(divergences(out), expected.ravel(), atol=1e-6)


def test_pairs_of_one_s_own(headlens: Headlens, nurse: Comparison) -> None:
    code, out, err = headlens("compare", SHE, HE, "--pairs", "5.5-2.x", "--json")
    assert (code, err) == (0, "")
    alignment = corrected(nurse.alignment, nurse.a, nurse.b, [(5, 5), (2, None)])
    expected = compare(nurse.a, nurse.b, alignment).divergence
    assert np.abs(expected - nurse.divergence).max() > 1e-3
    np.testing.assert_allclose(divergences(out), expected.ravel(), atol=1e-6)


def test_pairs_of_patches(headlens: Headlens, dinov2: EncoderImageModel) -> None:
    """Of photos of two aspect ratios, so that a patch leaves several parts."""
    code, out, err = headlens("compare", CAT, ASTRONAUT, "--size", "224", "--pairs", "40.90-5.x-0.0", "--json")
    assert (code, err) == (0, "")
    a, b = dinov2.record(CAT, 224), dinov2.record(ASTRONAUT, 224)
    assert a.grid != b.grid
    expected = compare(a, b, corrected(align(a, b), a, b, [(40, 90), (5, None), (0, 0)])).divergence
    assert np.abs(expected - compare(a, b).divergence).max() > 1e-4
    np.testing.assert_allclose(divergences(out), expected.ravel(), atol=1e-5)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((SHE, "--paint", "1,2,3,4"), "--paint is of photos"),
        ((CAT, "--paint", "1,2,3"), "is no rectangle"),
        ((CAT, "--paint", "1,2,3,4,red"), "grey or black"),
        ((CAT, "--paint", "50,2,3,4"), "in per cent"),
        ((SHE, "--off", "1"), "names no heads"),
        ((SHE, "--off", "6.0"), "no head 0 in layer 6"),
        ((SHE, "--pairs", "1.y"), "names no pairs"),
        ((SHE, "--pairs", "99.0"), "A has the tokens 0 to"),
        ((CAT, "--size", "224", "--pairs", "0.999"), "A has the positions 0 to"),
    ],
    ids=str,
)
def test_what_is_refused(headlens: Headlens, given: tuple[object, ...], said: str) -> None:
    code, out, err = headlens("compare", *given)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_recording_is_not_changed_any_more(headlens: Headlens, nurse: Comparison, tmp_path: Path) -> None:
    nurse.a.save(tmp_path / "a.safetensors")
    code, _, err = headlens("compare", tmp_path / "a.safetensors", "--off", "0.0")
    assert code == 2
    assert "has been recorded" in err


def test_words_without_special_tokens(headlens: Headlens, nurse: Comparison) -> None:
    a, b = (each.without_special().merged("words") for each in (nurse.a, nurse.b))
    code, out, _ = headlens("compare", SHE, HE, "--words", "--without-special", "--json")
    assert code == 0
    rows = json.loads(out)["rows"]
    np.testing.assert_allclose([row["divergence"] for row in rows], compare(a, b).divergence.ravel(), atol=1e-6)
