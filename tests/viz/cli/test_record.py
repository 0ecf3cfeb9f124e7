"""`headlens record`, as a process: what fails is named and the rest kept, and no file is ever half there."""

import errno
import json
import resource
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from headlens.model.huggingface.text.model import TransformersText
from headlens.model.inputs.text import Chat
from headlens.model.load import load_model
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.model.recording import file as recording_file
from headlens.model.recording.recording import Recording
from tests.model.huggingface.caption_models import save
from tests.model.huggingface.chat_models import write_chat_model
from tests.model.huggingface.text_models import write_folder
from tests.paths import COFFEE, SAMPLES
from tests.viz.cli.conftest import Headlens, finish, names_in, start

BROKEN = 57  # the row of the CSV that is empty


def sentence(number: int) -> str:
    return f"The cat number {number} sat down" + " again" * (number % 7) + "."


def test_a_csv_with_a_broken_row(tmp_path: Path, minilm: EncoderTextModel) -> None:
    texts = ["" if row == BROKEN else sentence(row) for row in range(1, 201)]
    texts[9] = texts[8]  # the same text twice
    lines = "".join(f'{row};"{text}"\r\n' for row, text in enumerate(texts, 1))
    (tmp_path / "texts.csv").write_bytes(f"\ufeffid;text\r\n{lines}".encode())
    ran = finish(start("record", "texts.csv", "--column", "text", "--out", "out", "--json", folder=tmp_path))
    assert ran.code == 1
    assert ran.err.splitlines() == [
        f"failed: texts.csv, row {BROKEN}: The text is empty; type at least one word.",
        "199 of 200 recorded in out",
        "headlens: 1 of 200 failed, and the others are kept.",
    ]
    said = json.loads(ran.out)
    assert [entry["input"] for entry in said["failed"]] == [f"texts.csv, row {BROKEN}"]
    assert said["stopped"] is False
    files = [Path(entry["file"]).name for entry in said["recorded"]]
    assert files == sorted(files)  # in the order of the inputs
    assert set(files) == names_in(tmp_path / "out")
    assert len(files) == 199
    for row in (1, 10, 58, 200):
        (name,) = [name for name in files if name.startswith(f"{row:04}-")]
        recording = Recording.load(tmp_path / "out" / name)
        assert recording.texts == (texts[row - 1],)
        alone = minilm.record(texts[row - 1])
        np.testing.assert_allclose(recording.attention(5), alone.attention(5), atol=1e-5)


def test_a_run_is_of_texts_of_one_length(headlens: Headlens, tmp_path: Path) -> None:
    """Padding would give a causal model masks."""
    folder = write_folder("GPT-2", tmp_path / "model")
    texts = ["The trophy", "The trophy does not fit", "The bank", "The river is green"]
    assert headlens("record", *texts, "--model", folder, "--out", tmp_path / "out").code == 0
    recordings = [Recording.load(path) for path in sorted((tmp_path / "out").iterdir())]
    assert [recording.texts for recording in recordings] == [(text,) for text in texts]
    assert [recording.layers[0].mask for recording in recordings] == [None] * 4


def test_ctrl_c_half_way_keeps_what_is_done(tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("".join(f"{sentence(number)}\n" for number in range(4_000)))
    out = tmp_path / "out"
    process = start("record", "@texts.txt", "--out", "out", "--json", folder=tmp_path)
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until and len(list(out.glob("*.safetensors"))) < 20:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    ran = finish(process)
    assert ran.code == 130
    assert "Traceback" not in ran.err
    said = json.loads(ran.out)
    assert said["stopped"] is True
    files = {Path(entry["file"]).name for entry in said["recorded"]}
    assert 20 <= len(files) < 4_000
    assert names_in(out) - files <= set(
        list(names_in(out) - files)[:1]
    )  # the last one may be there and not yet counted
    assert all(name.endswith(".safetensors") and not name.startswith(".") for name in names_in(out))
    for name in names_in(out):
        Recording.load(out / name)
    assert f"Stopped: {len(files):,} of 4,000 recorded in out" in ran.err


def test_a_folder_of_photos_with_a_truncated_one(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("coffee.jpg", "rocket.jpg"):
        shutil.copy(SAMPLES / name, photos)
    (photos / "truncated.jpg").write_bytes(COFFEE.read_bytes()[:20_000])
    (photos / "notes.txt").write_text("no photo")
    (photos / ".hidden.jpg").write_bytes(b"no photo")
    ran = finish(start("record", "photos", "--size", 224, "--out", "out", folder=tmp_path))
    assert ran.code == 1
    assert ran.out == ""
    failed, kept, _ = ran.err.splitlines()
    assert failed.startswith("failed: photos/truncated.jpg: This image is damaged")
    assert kept == "2 of 3 recorded in out"
    coffee, rocket = sorted((tmp_path / "out").iterdir())
    assert coffee.name.startswith("0001-coffee-")
    assert rocket.name.startswith("0002-rocket-")
    assert Recording.load(coffee).grid == (16, 24)


def test_photos_with_captions(headlens: Headlens, tmp_path: Path) -> None:
    folder, out = save(tmp_path / "model", "vit-gpt2"), tmp_path / "coffee.safetensors"
    code, _, err = headlens("record", COFFEE, "--model", folder, "--write", 3, "--out", out)
    assert code == 0, err
    recording = Recording.load(out)
    assert recording.grid == (4, 4)
    assert recording.of("cross").num_tokens == 1 + 3
    assert headlens("record", COFFEE, "--model", folder, "--out", out).code == 0
    assert Recording.load(out).of("cross").num_tokens == 1 + 20
    image = tmp_path / "cross.svg"
    code, _, err = headlens("figure", "overlay", out, "--stage", "cross", "--layer", 1, "--query", 2, "--out", image)
    assert code == 0, err
    assert "Layer 1, head 0: what “" in image.read_text()
    code, _, err = headlens("record", "A cat.", "--model", folder, "--out", tmp_path / "text")
    assert code == 2
    assert "reads photos, and 'A cat.' is no file" in err
    code, _, err = headlens("explain", COFFEE, "--model", folder)
    assert code == 2
    assert "writes captions, and what those rest on is not measured here" in err


def test_standard_input_and_pairs(tmp_path: Path) -> None:
    ran = finish(start("record", "-", "--out", "out", folder=tmp_path), "A cat.\n\n  A dog.  \n")
    assert ran.code == 0
    assert [Recording.load(path).texts for path in sorted((tmp_path / "out").iterdir())] == [("A cat.",), ("A dog.",)]


def test_two_columns_are_pairs(headlens: Headlens, tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("one,two\nA cat sleeps.,The kitten naps.\n")
    assert (
        headlens("record", path, "--column", "two", "--column", "one", "--out", tmp_path / "pair.safetensors").code == 0
    )
    assert Recording.load(tmp_path / "pair.safetensors").texts == ("The kitten naps.", "A cat sleeps.")


def test_a_text_that_begins_with_an_at(headlens: Headlens, tmp_path: Path) -> None:
    assert headlens("record", "@@you A cat.", "--out", tmp_path / "at.safetensors").code == 0
    assert Recording.load(tmp_path / "at.safetensors").texts == ("@you A cat.",)


def test_recorded_again_it_replaces_its_own_files_alone(headlens: Headlens, tmp_path: Path) -> None:
    def record(*texts: str) -> set[str]:
        assert headlens("record", *texts, "--out", tmp_path).code == 0
        return names_in(tmp_path)

    long = "A cat that sleeps on the warm windowsill of a quiet kitchen "
    first = record(f"{long}purrs.")
    assert record(f"{long}purrs.") == first
    both = record(f"{long}dreams.")
    assert len(both) == 2
    assert first < both


@pytest.fixture
def broken_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the third file on there is no room, after half of it."""
    left = 2

    def save(tensors: Mapping[str, torch.Tensor], path: Path, metadata: Mapping[str, str]) -> None:
        nonlocal left
        path.write_bytes(b"half of it")
        if left == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        left -= 1

    monkeypatch.setattr(recording_file, "save_file", save)


@pytest.mark.usefixtures("broken_disk")
def test_a_full_disk_leaves_no_half_file(headlens: Headlens, tmp_path: Path) -> None:
    code, out, err = headlens("record", *(f"Cat {number}." for number in range(5)), "--out", tmp_path, "--json")
    assert code == 1
    assert len(json.loads(out)["recorded"]) == len(names_in(tmp_path)) == 2
    assert err.splitlines()[0] == f"Stopped: 2 of 5 recorded in {tmp_path}"
    assert "could not be written (No space left on device)" in err


def test_a_limit_of_the_system_leaves_no_half_file(tmp_path: Path) -> None:
    """Where safetensors itself meets the end of the room: files of 300 kB at most, and the second one is larger."""
    (tmp_path / "texts.txt").write_text("A cat sleeps.\n" + "A cat sleeps, and a dog barks. " * 4)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    ran = finish(start("record", "@texts.txt", "--out", "out", folder=tmp_path, before=limit))
    assert ran.code == 1
    assert "could not be written" in ran.err.splitlines()[-1]
    assert "Traceback" not in ran.err
    assert [name[:11] for name in names_in(tmp_path / "out")] == ["0001-a-cat-"]


def test_what_cannot_be_saved_is_listed(headlens: Headlens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(text: str) -> None:
        raise ValueError("its tokens should be fewer")

    monkeypatch.setattr(recording_file, "parse", refuse)
    code, _, err = headlens("record", "A cat.", "A dog.", "--out", tmp_path)
    assert code == 1
    assert err.count("failed: ") == 2
    assert "its tokens should be fewer" in err
    assert names_in(tmp_path) == set()


def test_where_a_run_of_several_fails_each_is_tried_by_itself(
    headlens: Headlens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_batch = EncoderTextModel.record_batch

    def fragile(self: EncoderTextModel, texts: list[str], *arguments: object) -> list[Recording]:
        if "A dog." in texts:
            raise RuntimeError("no dogs")
        return record_batch(self, texts)

    monkeypatch.setattr(EncoderTextModel, "record_batch", fragile)
    code, _, err = headlens("record", "A cat.", "A dog.", "A cow.", "--out", tmp_path)
    assert code == 1
    assert err.splitlines()[:2] == ["failed: A dog.: RuntimeError: no dogs", f"2 of 3 recorded in {tmp_path}"]
    assert len(names_in(tmp_path)) == 2


def test_a_chat_is_recorded_with_its_answer(headlens: Headlens, tmp_path: Path) -> None:
    folder = write_chat_model("Qwen 3", tmp_path / "model")
    model = load_model(str(folder), device="cpu")
    assert isinstance(model, TransformersText)
    (tmp_path / "questions.txt").write_text("Who works?\nIs it green?\n")
    chat = "--system", "Be kind.", "--model", folder, "--device", "cpu"
    ran = headlens("record", f"@{tmp_path / 'questions.txt'}", *chat, "--write", 3, "--out", tmp_path / "written")
    assert ran.code == 0, ran.err
    for path, question in zip(sorted((tmp_path / "written").iterdir()), ("Who works?", "Is it green?"), strict=True):
        expected = model.write(Chat(question, "Be kind."), 3)
        found = Recording.load(path)
        assert (found.tokens, found.texts, found.segments) == (expected.tokens, expected.texts, expected.segments)
        assert found.special.tolist() == expected.special.tolist()
    one = tmp_path / "one.safetensors"
    assert headlens("record", "Who works?", "--chat", "--model", folder, "--out", one).code == 0
    assert Recording.load(one).texts == model.record(Chat("Who works?")).texts


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("A cat sleeps.", "--chat", "--model", "minilm-l6"), "minilm-l6 has no chat template"),
        ((COFFEE, "--chat"), "dinov2-focus has no chat template"),
        (("pairs.csv", "--column", "a", "--column", "b", "--chat"), "A chat has one message and no pair"),
    ],
)
def test_what_is_no_chat(
    arguments: tuple[str, ...], words: str, headlens: Headlens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pairs.csv").write_text("a,b\nOne.,Two.\n")
    ran = headlens("record", *arguments, "--out", tmp_path / "out")
    assert ran.code == 2
    assert words in ran.err
