"""What can be taken away: the recording's own numbers, and a script that really makes it again."""

import base64
import csv
import gzip
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headlens.model import Chat, Recording, load_model
from headlens.model.analysis.joint import joined, last_word
from headlens.model.inputs.image_file import open_image
from headlens.model.recording.compare import compare
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.export import package
from headlens.viz.export.about import about_view
from headlens.viz.export.data import guarded, weights_csv, weights_npz
from headlens.viz.export.reproduce import Call, script_of
from headlens.viz.inputs.photo import PhotoRequest
from headlens.viz.inputs.prompt import PromptRequest
from headlens.viz.inputs.samples import FIRST_PROMPT
from headlens.viz.inputs.text import TextRequest
from headlens.viz.view.view import Direction, View, file_name
from tests.model.huggingface.caption_models import save
from tests.model.inputs.pictures import noise
from tests.recordings import random_recording
from tests.viz.conftest import Ran


def test_a_table_has_every_weight_to_nine_digits() -> None:
    recording = random_recording("causal")
    for head in (None, 2):
        rows = list(csv.DictReader(io.StringIO(weights_csv(recording, 1, head))))
        weights = recording.attention(1, head)
        assert len(rows) == (1 if head is not None else 3) * 49
        for row in rows:
            place = int(row["query"]), int(row["key"])
            of_head = weights if head is not None else weights[int(row["head"])]
            assert np.float32(row["weight"]) == of_head[place], "nine digits are a float32 again, bit by bit"
            assert (row["query_token"], row["key_token"]) == tuple(recording.tokens[at] for at in place)
    assert {int(row["head"]) for row in rows} == {2}


@pytest.mark.parametrize("direction", ["at", "by"])
def test_the_picture_s_numbers_are_a_table(direction: Direction) -> None:
    recording = random_recording("causal")
    view = View(1, 2, 4, direction=direction, queries=(1, 3, 4))
    rows = list(csv.DictReader(io.StringIO(package.shown(recording, view)["picture.csv"]().decode())))
    weights = recording.attention(1, 2)
    expected = weights[[1, 3, 4]].mean(axis=0) if direction == "at" else weights[:, [1, 3, 4]].sum(axis=1)
    np.testing.assert_allclose([float(row["weight"]) for row in rows], expected, atol=3e-6)
    assert [(int(row["position"]), row["token"]) for row in rows] == [*enumerate(recording.tokens)]


def test_arrays_have_names_and_the_same_bits() -> None:
    recording = random_recording()
    for layer, head in ((None, None), (1, None), (0, 2)):
        file = np.load(io.BytesIO(weights_npz(recording, layer, head)), allow_pickle=False)
        assert list(file["axes"]) == ["layer", "head", "query", "key"]
        assert file["weights"].shape == (len(file["layers"]), len(file["heads"]), 7, 7)
        for row, each in enumerate(file["layers"]):
            expected = recording.attention(int(each), head)
            np.testing.assert_array_equal(file["weights"][row], expected if head is None else expected[None])
        assert tuple(file["tokens"]) == recording.tokens
        assert json.loads(str(file["about"]))["model"] == recording.model.title
        assert "float32" in str(file["readme"])


def test_of_several_heads_the_data_say_which_they_hold() -> None:
    recording = random_recording()
    view = View(1, 2, 4, "heads", "max", heads=((0, 0), (1, 2)))
    files = package.data(recording, view)
    note = package.data_note(view, files)
    assert note.startswith("NPZ: every head of layer 1, each alone; CSV: its head 2; of the shown heads together")
    arrays = np.load(io.BytesIO(files["weights-layer1.npz"]()))
    assert (list(arrays["layers"]), list(arrays["heads"])) == ([1], [0, 1, 2])
    table = csv.DictReader(io.StringIO(files["weights-layer1-head2.csv"]().decode()))
    assert {(row["layer"], row["head"]) for row in table} == {("1", "2")}
    assert "CSV" not in package.data_note(view, {"weights-layer1.npz": bytes})
    assert package.data_note(View(1, 2, 4), files) == ""
    assert file_name(view) == "2heads-max"
    assert file_name(View(1, 2, 4, "all", "max")) == "all-max"


def test_too_many_for_a_sheet() -> None:
    with pytest.raises(ValueError, match="too many for a sheet"):
        weights_csv(random_recording(num_tokens=1_100, d_head=1), 0, 0)


@pytest.mark.parametrize("token", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_token_is_a_formula(token: str) -> None:
    recording = replace(random_recording(num_tokens=2), tokens=(token, "b"))
    (row, *_) = csv.DictReader(io.StringIO(weights_csv(recording, 0, 0), newline=""))
    assert row["query_token"] == f"'{token}" == guarded(token)


def files_of(request: Any, tmp_path: Path) -> tuple[Recording, Path]:
    """The recording of a page's request, and its zip in a folder."""
    model: Any = load_model(request.model, "cpu")
    for name, content in request.call.files.items():
        (tmp_path / name).write_bytes(content)
    recording = eval(request.call.code, {"model": model, "HERE": tmp_path, "open_image": open_image, "Chat": Chat})
    view = request.start(recording)
    files = {
        **package.figures(recording, view, millimetres=85, caption=True),
        **package.data(recording, view),
        "recording.safetensors": lambda: package.saved(recording),
        **package.again(recording, request.model, request.call),
    }
    content = package.zipped(files, about_view(recording, view), millimetres=85)
    folder = tmp_path / "unzipped"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    return recording, folder


def gray() -> bytes:
    file = io.BytesIO()
    noise(96, 64).convert("L").save(file, "PNG")
    return file.getvalue()


REQUESTS = {
    "a text": TextRequest("minilm-l6", ("It's “quoted”, and \\ too.",)),
    "a pair": TextRequest("minilm-l6", ("A cat sleeps.", "The kitten naps.")),
    "a prompt": PromptRequest(FIRST_PROMPT.model, FIRST_PROMPT.prompt, 2),
    "a chat": PromptRequest(FIRST_PROMPT.model, "It's “quoted”.", 2, "Be 'brief'.", chat=True),
    "a chat alone": TextRequest(FIRST_PROMPT.model, ("Birds fly.", "Say why."), chat=True),
    "a photo": PhotoRequest("dinov2-focus", gray(), 224, stretch=False),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REQUESTS)
def test_the_script_makes_the_recording_again(name: str, tmp_path: Path, run_script: Callable[[Path], Ran]) -> None:
    recording, folder = files_of(REQUESTS[name], tmp_path)
    assert compare(Recording.load(folder / "recording.safetensors"), recording).equal
    kinds = package.kinds_of(recording)
    assert {f"{kind}.{ending}" for kind in kinds for ending in ("svg", "png")} <= {
        path.name for path in folder.iterdir()
    }
    assert recording.model.title in (folder / "README.txt").read_text()
    ran = run_script(folder / "reproduce.py")
    assert (ran.returncode, ran.stdout) == (0, "All tokens and arrays are equal.\n"), ran.stderr


@pytest.mark.slow
def test_the_script_writes_a_caption_again(tmp_path: Path, run_script: Callable[[Path], Ran]) -> None:
    folder = save(tmp_path / "model", "blip")
    recording, unzipped = files_of(PhotoRequest(str(folder), gray(), 224, stretch=False, tokens=3), tmp_path)
    cross = RecordingEntry("cross", joined(recording.of("cross")))
    view = View(1, 0, query=last_word(cross.recording))
    for name, make in package.figures(cross.recording, view, millimetres=85, caption=True).items():
        assert len(make()) > 1_000, name
    assert b"positions of the photo" in everything_in(package.explorer_file(cross, view, caption=True))
    ran = run_script(unzipped / "reproduce.py")
    assert (ran.returncode, ran.stdout) == (0, "All tokens and arrays are equal.\n"), ran.stderr


def everything_in(page: bytes) -> bytes:
    """What a file of the explorer has packed in it."""
    packed = page.rpartition(b"</script>")[0].rpartition(b">")[2]
    return gzip.decompress(base64.b64decode(packed))


@pytest.mark.slow
def test_the_script_says_what_differs(tmp_path: Path) -> None:
    model: Any = load_model("minilm-l6", "cpu")
    recording = model.record("Cats sleep.")
    recording.save(tmp_path / "recording.safetensors")
    script = script_of(recording, "minilm-l6", Call("model.record('Cats sleep!')"))
    (tmp_path / "reproduce.py").write_text(script)
    ran = subprocess.run([sys.executable, str(tmp_path / "reproduce.py")], capture_output=True, text=True)
    assert "other tokens" in ran.stdout, ran.stderr
    assert ran.returncode == 1


def test_what_differs_is_measured() -> None:
    one, other = random_recording(), random_recording()
    assert compare(one, other).equal
    other.layers[1].value[0, 0, 0] += 0.25
    result = compare(one, other)
    assert (result.equal, result.largest) == (False, 0.25)
    assert str(result) == "Not equal: the arrays differ by at most 0.25."
    assert not compare(one, random_recording(num_tokens=6)).close
    other.layers[1].value[0, 0, 0] -= 0.25 - 1e-5
    assert str(compare(one, other)).startswith("Equal up to rounding")


def test_nothing_is_made_before_it_is_asked_for() -> None:
    recording = random_recording()
    entry = RecordingEntry("x", recording)
    files = {
        **package.figures(recording, View(0, 0, 0), millimetres=85, caption=True),
        **package.data(recording, View(0, 0, 0)),
    }
    assert all(callable(make) for make in files.values())
    assert entry.nbytes == recording.nbytes
