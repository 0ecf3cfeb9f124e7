"""The page Compare: what is compared. Photos, heads off, two heads, pairs by hand, a swap, predictions, exports."""

import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from headlens.model.comparison.alignment import align
from headlens.model.comparison.comparison import Comparison, compare
from headlens.model.comparison.corrections import corrected
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.recorded import record_without
from headlens.model.huggingface.vision.model import TransformersImage
from headlens.model.inputs.image_file import open_image
from headlens.model.inputs.paint import Rectangle, painted
from headlens.model.load import load_model
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.model.runtime.folders import FOLDERS
from headlens.viz.export.comparison import compare_script
from headlens.viz.inputs.paint import read_rectangle
from headlens.viz.inputs.samples import FIRST_PAIR, FIRST_PHOTO_PAIR, PAIRS, PHOTO_PAIRS, PHOTOS
from headlens.viz.inputs.text import TextRequest
from headlens.viz.pages.compare import take
from headlens.viz.pages.compare.correct import read_corrections
from tests.model.huggingface.image_models import FAMILIES, save
from tests.model.huggingface.text_models import write_folder
from tests.model.inputs.pictures import as_file, noise
from tests.paths import ROOT
from tests.viz.conftest import Ran
from tests.viz.figures.decode import numbers_in
from tests.viz.pages.apps import address, as_read, choose, errors, press, run
from tests.viz.pages.test_compare_page import charts, grid, open_compare, words

SHE, HE = PAIRS[FIRST_PAIR]
TOO_LONG = "a" * 100_001
CAT = PHOTOS["Cat"].read()
RECTANGLE = PHOTO_PAIRS[FIRST_PHOTO_PAIR][2]


def check_grid(app: AppTest, comparison: Comparison) -> None:
    """What the page shows of each head is what the API gives."""
    assert errors(app) == []
    _, divergence = comparison.partners()
    shown = grid(app)
    np.testing.assert_allclose([shown[head] for head in np.ndindex(divergence.shape)], divergence.ravel(), atol=1e-5)


@pytest.fixture(scope="module")
def nurse(minilm: EncoderTextModel) -> Comparison:
    return compare(minilm.record(SHE), minilm.record(HE))


def test_a_photo_and_the_same_painted_over(dinov2: EncoderImageModel) -> None:
    app = open_compare(kind="image")
    assert RECTANGLE is not None
    a, b = dinov2.record(CAT, 224), dinov2.record(painted(open_image(CAT), RECTANGLE), 224)
    check_grid(app, compare(a, b))
    assert grid(app)[divmod(int(compare(a, b).divergence.argmax()), 6)] > 0.05
    app.slider(key="compare_paint_across2").set_value((0, 40))
    run(app)
    assert address(app) == {"kind": "image", "sample": "Cat", "paint2": "0-26-40-52-grey"}
    check_grid(app, compare(a, dinov2.record(painted(open_image(CAT), Rectangle(0, 26, 40, 52)), 224)))
    press(app, "Take it off")
    assert address(app) == {"kind": "image", "sample": "Cat"}
    assert set(grid(app).values()) == {0}
    said = "take another photo B, paint over a part of it, choose another model of B, or switch heads of it off."
    assert f"**No head differs.** A and B come out the same: {said}" in words(app)
    assert not [button for button in app.button if button.label.startswith("layer ")]
    assert "Patches of A and B correspond by the part of the photo that they show" in folds(app)
    choose(app, compare_photo="Coffee")  # B is the same as A
    assert address(app)["sample"] == "Coffee"
    assert set(grid(app).values()) == {0}
    choose(app, compare_photo_pair="Two photos")
    assert address(app) == {"kind": "image", "sample": "Coffee", "sample2": "Cat"}
    assert "Patches of A and B correspond by their place in the photo" in folds(app)
    check_grid(app, compare(dinov2.record(PHOTOS["Coffee"].read(), 224), a))


def test_what_was_chosen_stays_while_a_photo_is_changed() -> None:
    heads = {"layer": "2", "head": "3", "layer2": "1", "head2": "4", "edges": "soft"}
    app = open_compare(kind="image", query="150", query2="90", **heads)
    app.slider(key="compare_paint_across").set_value((10, 40))
    run(app)
    painted = {"kind": "image", "sample": "Cat", "paint": "10-30-40-60-grey", "paint2": "28-26-48-52-grey"}
    assert address(app) == painted | heads | {"query": "150", "query2": "90"}
    choose(app, compare_photo2="Coffee")  # it has as many patches
    assert address(app)["query2"] == "90"
    choose(app, compare_photo2="Astronaut")
    assert address(app) == painted | heads | {"query": "150", "sample2": "Astronaut"}
    choose(app, compare_size="letterboxed")  # its patches are others
    assert address(app) == painted | heads | {"sample2": "Astronaut", "size": "letterboxed", "size2": "224"}
    assert errors(app) == []


@pytest.mark.parametrize(
    "written", ["1-2-3", "9-9-1-1-grey", "0-0-5-5-red", "x-0-5-5-grey", "0-0-5-500-black", "-" * 99]
)
def test_what_is_no_rectangle(written: str) -> None:
    assert read_rectangle(written) is None
    assert read_rectangle("0-0-5-5-grey") == Rectangle(0, 0, 5, 5)


def test_an_address_with_what_is_no_rectangle() -> None:
    app = open_compare(kind="image", sample="Cat", paint2="9-9-1-1-grey")
    assert errors(app) == []
    assert set(grid(app).values()) == {0}


def test_one_photo_on_two_models_with_and_without_registers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    folders = []
    for family in ("dinov2", "dinov2-registers"):
        folders.append(tmp_path / family)
        save(folders[-1], FAMILIES[family][0]())
    app = open_compare(kind="image", sample="Coffee", model=str(folders[0]), model2=str(folders[1]))
    coffee = PHOTOS["Coffee"].read()
    recordings = []
    for folder in folders:
        model = load_model(str(folder), device="cpu")
        assert isinstance(model, TransformersImage)
        recordings.append(model.record(coffee))
    comparison = compare(recordings[0], recordings[1])
    check_grid(app, comparison)
    assert list(comparison.alignment.names)[:4] == ["[CLS]", "[REG0]", "[REG1]", "[REG2]"]
    assert "on [REG0], [REG1], [REG2]" in words(app)


def test_an_upload_is_compared_with_a_sample_and_what_is_no_photo_is_refused(dinov2: EncoderImageModel) -> None:
    app = open_compare(kind="image", sample="Cat")
    (field,) = (each for each in app.file_uploader if each.key == "compare_file2")
    photo = as_file(noise(260, 240))
    field.set_value([("photo.png", photo, "image/png")])
    run(app)
    assert address(app) == {"kind": "image", "sample": "Cat", "own2": "1"}
    assert any("Your photos are not in this link" in each.value for each in app.caption)
    check_grid(app, compare(dinov2.record(CAT, 224), dinov2.record(photo, 224)))
    (field,) = (each for each in app.file_uploader if each.key == "compare_file2")
    field.set_value([("photo.png", b"no photo", "image/png")])
    run(app)
    (said,) = errors(app)
    assert said.startswith("B: This file is not an image")
    again = open_compare(kind="image", sample="Cat", own2="1")
    assert any("went when its page was closed" in info.value for info in again.info)


def test_heads_are_off_in_b(minilm: EncoderTextModel) -> None:
    app = open_compare(text=SHE, off2="1.3-0.2-9.9-x", by="zero")
    whole = minilm.record(SHE)
    without = record_without(Experiment(minilm, minilm.read(SHE)), [(0, 2), (1, 3)], by="zero")
    check_grid(app, compare(whole, without))
    assert app.multiselect(key="compare_off_B").value == [(0, 2), (1, 3)]
    app.multiselect(key="compare_off_B").set_value([(2, 1)])
    run(app)
    assert address(app)["off2"] == "2.1"
    check_grid(app, compare(whole, record_without(Experiment(minilm, minilm.read(SHE)), [(2, 1)], by="zero")))
    shown = grid(app)
    assert all(shown[layer, head] == 0 for layer in range(3) for head in range(12))
    assert opened(app) == "Heads off: B layer 2 head 1"
    press(app, "Swap A and B")
    assert (address(app)["off"], address(app)["by"], "off2" in address(app)) == ("2.1", "zero", False)


def test_heads_of_the_last_layer_change_no_attention() -> None:
    app = open_compare(text=SHE, off="5.1-5.2", off2="5.3")
    assert opened(app) == "Heads off: A 2 heads, B layer 5 head 3"
    assert set(grid(app).values()) == {0}
    assert (
        "No head differs. A head that is off changes what later layers look at, and the last layer has none"
        in words(app).replace("*", "")
    )


def opened(app: AppTest) -> str:
    """The label of the popover with the heads that are off."""
    (label,) = (each.proto.popover.label for each in app.get("popover") if "Heads off" in each.proto.popover.label)
    return str(label)


def folds(app: AppTest) -> list[str]:
    """The titles of what is folded."""
    return [each.label for each in app.expander]


def captions(app: AppTest) -> list[str]:
    """Each as it is read."""
    return [as_read(caption.value) for caption in app.caption]


def test_what_is_said_of_the_inputs_says_of_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_compare(text="A cat. " * 300, text2="A dog. " * 400)
    assert [info.value[:3] for info in app.info] == ["A: ", "B: "]
    assert [line[:3] for line in captions(app) if "tokens ·" in line] == ["A: ", "B: "]
    same = open_compare(text="A cat.")
    (line,) = (line for line in captions(same) if "tokens ·" in line)
    assert not line.startswith("A: ")
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    gone = str(tmp_path / "gone")
    app = open_compare(model=gone, model2=gone)
    assert [said[:28] for said in errors(app)] == ["A: There is no such folder; ", "B: There is no such folder; "]


@pytest.mark.parametrize("given", [{"text": "", "text2": "cat"}, {"text": "cat"}, {"text": "cat", "text2": ""}])
def test_one_text_is_both(given: dict[str, str]) -> None:
    app = open_compare(**given)
    assert [area.value for area in app.text_area] == ["cat", ""]
    app.text_area(key="compare_a").set_value(" ")
    app.text_area(key="compare_b").set_value("A dog.")
    press(app, "Compare")
    assert address(app) == {"text": "A dog."}


def test_the_zip_is_as_large_as_is_said() -> None:
    app = open_compare()
    app.session_state["compare_take"] = True
    run(app)
    (label,) = (each.proto.label for each in app.get("download_button") if "ZIP" in each.proto.label)
    found = re.fullmatch(r"ZIP, about (.*) MB", label)
    assert found is not None
    assert 1.1 < float(found[1]) < 1.4  # a text's: 1.2 MB


def test_two_heads_of_one_recording(minilm: EncoderTextModel) -> None:
    app = open_compare(text=SHE, layer="3", head="1", layer2="5", head2="2")
    assert errors(app) == []
    assert "Layer 3, head 1, beside layer 5, head 2 of B" in words(app)
    recording = minilm.record(SHE)
    between = compare(recording, recording).between((3, 1), (5, 2))
    assert between > 0.05
    assert any(f"{between:.3f}" in caption.value for caption in app.caption)
    choose(app, compare_other=None)
    assert address(app) == {"text": SHE, "layer": "3", "head": "1"}
    assert "Layer 3, head 1\n" in words(app) + "\n"


def test_pairs_are_corrected_and_taken_back(nurse: Comparison) -> None:
    app = open_compare()
    choose(app, compare_token_A=5, compare_token_B=5)
    press(app, "Pair")
    assert address(app) == {"pairs": "5.5"}
    check_grid(app, compare(nurse.a, nurse.b, corrected(nurse.alignment, nurse.a, nurse.b, [(5, 5)])))
    assert "Every token has a partner." in words(app)
    choose(app, compare_token_A=1, compare_token_B=None)
    press(app, "Pair")
    assert address(app) == {"pairs": "5.5-1.x"}
    labels = [as_read(button.label) for button in app.button if button.label.endswith("✕")]
    assert labels == ["she (5) = he (5) ✕", "The (1) = no token ✕"]
    app.button(key="compare_unpair_0").click()
    run(app)
    assert address(app) == {"pairs": "1.x"}
    press(app, "As found")
    check_grid(app, nurse)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("3.4-5.x-x.7", ((3, 4), (5, None), (None, 7))),
        ("x.x-1-.-a.1-١.1-1.2.3-9999999.1", ()),
        ("", ()),
        ("0.0-" * 5_000, ((0, 0),) * 64),
    ],
)
def test_an_address_of_pairs(written: str, read: tuple[tuple[int | None, int | None], ...]) -> None:
    assert read_corrections(written) == read


def test_pairs_that_are_not_there_are_left_out(nurse: Comparison) -> None:
    check_grid(open_compare(pairs="77.1-1.77"), nurse)
    app = open_compare(kind="image", sample="Cat", pairs="7777.1-1.7777")
    assert set(grid(app).values()) == {0}
    assert "Patches of A and B correspond by the part of the photo that they show" in folds(app)


def shown_comparison(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the page hands on to be taken away, each time that it is drawn."""
    handed: list[tuple[Any, ...]] = []
    monkeypatch.setattr(
        "headlens.viz.pages.compare_page.take_comparison", lambda *given: handed.append(given), raising=True
    )
    return handed


def test_a_swap_negates_the_difference_and_leaves_the_divergence(monkeypatch: pytest.MonkeyPatch) -> None:
    handed = shown_comparison(monkeypatch)
    app = open_compare(pairs="5.5-1.x", layer="3", head="1", layer2="4", head2="2", query="5")
    before = grid(app)
    press(app, "Swap A and B")
    assert address(app) == {
        "text": HE,
        "text2": SHE,
        "pairs": "5.5-x.1",
        "layer": "4",
        "head": "2",
        "layer2": "3",
        "head2": "1",
        "query2": "5",
    }
    assert grid(app) == pytest.approx(before, abs=1e-6)
    (_, one, *heads), (_, other, *back) = handed
    assert back == heads[::-1]
    names = [list(sides.comparison.alignment.names) for sides in (one, other)]
    own, theirs = (
        sides.comparison.difference(*head, beside) for sides, head, beside in ((one, *heads), (other, *back))
    )
    groups = [
        list(zip(*(places.groups for places in pair)))
        for pair in (
            (one.comparison.alignment.a, one.comparison.alignment.b),
            (other.comparison.alignment.b, other.comparison.alignment.a),
        )
    ]
    order = [groups[1].index(group) for group in groups[0]]
    np.testing.assert_allclose(theirs[np.ix_(order, order)], -own, atol=1e-6)
    assert np.nanmax(np.abs(own)) > 0.1
    assert sorted(names[0]) == sorted(names[1])
    press(app, "Swap A and B")
    assert address(app) == {"pairs": "5.5-1.x", "layer": "3", "head": "1", "layer2": "4", "head2": "2", "query": "5"}


def type_texts(app: AppTest, a: str, b: str) -> None:
    """Into the fields, without a press."""
    app.text_area(key="compare_a").set_value(a)
    app.text_area(key="compare_b").set_value(b)


def fields(app: AppTest) -> tuple[str | None, str | None]:
    return app.text_area(key="compare_a").value, app.text_area(key="compare_b").value


def test_what_was_typed_is_swapped_too(minilm: EncoderTextModel) -> None:
    app = open_compare(layer="3", head="1", query="5", pairs="1.x")
    (button,) = (button for button in app.button if button.label == "Swap A and B")
    assert button.form_id == "compare_form"  # else a browser does not send what was typed
    type_texts(app, SHE, "A cat sat.")
    press(app, "Swap A and B")
    assert fields(app) == ("A cat sat.", SHE)
    assert address(app) == {"text": "A cat sat.", "text2": SHE, "layer": "3", "head": "1", "query2": "5"}
    check_grid(app, compare(minilm.record("A cat sat."), minilm.record(SHE)))
    type_texts(app, "A dog sat.", "")  # B is A's
    press(app, "Swap A and B")
    assert fields(app) == ("A dog sat.", "")
    assert "type another text B" in words(app)
    type_texts(app, TOO_LONG, "A cow sat.")
    press(app, "Swap A and B")
    assert len(errors(app)) == 1
    assert fields(app) == ("A cow sat.", TOO_LONG)  # to be corrected
    assert address(app)["text"] == "A dog sat."


def test_a_swap_of_photos_and_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    folder = str(save(tmp_path / "dinov2", FAMILIES["dinov2"][0]()))
    app = open_compare(kind="image", model2=folder, sample="Cat", sample2="Coffee", paint="1-2-30-40-black")
    assert errors(app) == []
    press(app, "Swap A and B")
    assert errors(app) == []
    found = address(app)
    assert (found["model"], found["model2"], found["sample"], found["sample2"]) == (
        folder,
        "dinov2-focus",
        "Coffee",
        "Cat",
    )
    assert found["paint2"] == "1-2-30-40-black"
    assert "paint" not in found


def test_the_best_matches_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minilm: EncoderTextModel) -> None:
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    folder = str(write_folder("BERT", tmp_path / "mine"))
    text = "The bank of [MASK] is green."
    app = open_compare(text=text, model=folder, model2="minilm-l6")
    mine = load_model(folder, device="cpu")
    comparison = compare(mine.record(text), minilm.record(text))  # type: ignore[attr-defined]  # it reads texts
    heat, best = charts(app)[0]
    np.testing.assert_allclose(numbers_in(heat["z"]), comparison.matches().reshape(8, 72), atol=1e-5)
    partners, divergence = comparison.partners()
    rows = numbers_in(best["customdata"])
    np.testing.assert_array_equal(rows[:, 2:4].reshape(2, 4, 2), partners)
    np.testing.assert_allclose(rows[:, 4], divergence.ravel(), atol=1e-5)
    assert "A predicts nothing" not in words(app).replace("*", "")
    assert "B predicts nothing: its model has no head for that" in words(app).replace("*", "")
    (button,) = (button for button in app.button if button.label == "Swap A and B")
    assert "the closest head is found" in button.proto.help
    np.testing.assert_array_equal(numbers_in(best["x"]), rows[:, 2] * 12 + rows[:, 3])


def test_predictions_stand_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    folder = str(write_folder("BERT", tmp_path / "mine"))
    texts = "The capital of [MASK] is Paris.", "The bank of [MASK] is green."
    app = open_compare(model=folder, text=texts[0], text2=texts[1])
    assert errors(app) == []
    model = load_model(folder, device="cpu")
    ranges = [json.loads(chart.proto.spec)["layout"]["xaxis"]["range"] for chart in app.get("plotly_chart")[-2:]]
    assert ranges[0] == ranges[1]
    largest = [max(numbers_in(chart[0]["x"])) for chart in charts(app)[-2:]]
    assert largest[0] != largest[1]
    assert ranges[0] == pytest.approx([0, max(largest)])
    for chart, text in zip(charts(app)[-2:], texts):
        ((_, candidates, *_),) = model.record(text).predictions  # type: ignore[attr-defined]
        np.testing.assert_allclose(sorted(numbers_in(chart[0]["x"])), sorted(each[1] for each in candidates), atol=1e-6)
    (cosine,) = (metric.value for metric in app.metric if metric.label.startswith("Cosine"))
    one, other = (model.record(text).outputs["embedding"][0] for text in texts)  # type: ignore[attr-defined]
    assert float(cosine) == pytest.approx(one @ other / np.linalg.norm(one) / np.linalg.norm(other), abs=1e-4)


def test_texts_and_photos_are_each_kept() -> None:
    app = open_compare()
    app.text_area(key="compare_a").set_value("A cat sat.")
    press(app, "Compare")
    choose(app, compare_kind="image")
    assert address(app) == {"kind": "image"}
    assert errors(app) == []
    choose(app, compare_kind="text")
    assert address(app)["text"] == "A cat sat."


def test_what_is_taken_away_compares_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dinov2: EncoderImageModel, run_script: Callable[[Path], Ran]
) -> None:
    handed: dict[str, Any] = {}
    monkeypatch.setattr(
        take, "take_files", lambda page, findings, about, **rest: handed.update(rest, findings=findings, about=about)
    )
    open_compare(kind="image", off2="3.1", layer="4", head="2", pairs="5.40-7.x")
    files: dict[str, Callable[[], bytes]] = dict(handed["others"])
    for finding in handed["findings"]():
        files |= finding.files(handed["about"], millimetres=85, caption=True)
    for row in handed["rows"].values():
        files |= row
    for name, make in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(make())
    assert {
        "heads.svg",
        "heads.csv",
        "difference.png",
        "difference.csv",
        "comparison.npz",
        "a/photo",
        "b/photo",
    } <= set(files)
    assert RECTANGLE is not None
    after = dinov2.read(painted(open_image(CAT), RECTANGLE), 224)
    a, b = dinov2.record(CAT, 224), record_without(Experiment(dinov2, after), [(3, 1)])
    expected = compare(a, b, corrected(align(a, b), a, b, [(5, 40), (7, None)]))
    assert np.abs(expected.divergence - compare(a, b).divergence).max() > 1e-4
    arrays = np.load(tmp_path / "comparison.npz")
    np.testing.assert_allclose(arrays["divergence"], expected.divergence, atol=1e-5)
    np.testing.assert_allclose(arrays["difference"], expected.difference(4, 2), atol=1e-5)
    ran = run_script(tmp_path / "compare.py")
    assert ran.returncode == 0, ran.stderr
    assert "No divergence differs" in ran.stdout
    (tmp_path / "b" / "photo").unlink()
    alone = run_script(tmp_path / "compare.py")
    assert (alone.returncode, alone.stderr) == (1, "Put beside this file what the zip has there: b/photo.\n")


def test_the_script_saved_alone_compares_texts(
    tmp_path: Path, nurse: Comparison, run_script: Callable[[Path], Ran]
) -> None:
    calls = TextRequest("minilm-l6", (SHE,)).call, TextRequest("minilm-l6", (HE,)).call
    script = compare_script(nurse.a, ("minilm-l6", "minilm-l6"), calls, [])
    (tmp_path / "compare.py").write_text(script)
    ran = by_itself(tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "Put comparison.npz beside this file" in ran.stdout
    np.savez(tmp_path / "headlens-compare-comparison.npz", divergence=nurse.divergence)
    assert "No divergence differs" in run_script(tmp_path / "compare.py").stdout


def by_itself(folder: Path) -> "subprocess.CompletedProcess[str]":
    """compare.py of a folder, in a process of its own."""
    return subprocess.run(
        [sys.executable, "compare.py"],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT / ".src"), "PATH": "", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_zip_says_what_is_in_it() -> None:
    from headlens.viz.export import package
    from headlens.viz.export.comparison import README

    content = package.zipped({"a": lambda: b"x"}, {"model": "m"}, millimetres=85, readme=README)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert "compare.py makes both again" in archive.read("README.txt").decode()
