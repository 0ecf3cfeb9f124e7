"""`headlens record` of sounds, and what is said where a model hears none."""

from pathlib import Path

import numpy as np
import pytest

from headlens.model.load import load_model
from headlens.model.recording.recording import Recording
from tests.model.huggingface.sound_models import speech, write
from tests.model.inputs.sounds import file_of
from tests.viz.cli.conftest import Headlens


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of two sounds, one that is none, and a text."""
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    (sounds / "a.wav").write_bytes(file_of(speech(0.5), 16_000))
    (sounds / "b.FLAC").write_bytes(file_of(speech(0.7, 44_100), 44_100, "FLAC"))
    (sounds / "c.wav").write_bytes(b"no sound")
    (sounds / "notes.txt").write_text("These are notes.")
    return sounds


def test_a_folder_of_sounds(headlens: Headlens, folder: Path, tmp_path: Path) -> None:
    model = write("wav2vec2-ctc", tmp_path / "model")
    ran = headlens("record", str(folder), "--model", str(model), "--out", str(tmp_path / "out"))
    assert ran.code == 1
    assert "2 of 3 recorded" in ran.err
    assert "c.wav: This file is not a sound that can be read; give a WAV or FLAC." in ran.err
    first, second = sorted((tmp_path / "out").iterdir())
    for path, name in ((first, "a.wav"), (second, "b.FLAC")):
        same = load_model(str(model), device="cpu").record(folder / name)  # type: ignore[attr-defined]
        np.testing.assert_array_equal(Recording.load(path).attention(1), same.attention(1))
        assert Recording.load(path).notes["heard"] == same.notes["heard"]
    ran = headlens(
        "figure", "overlay", str(first), "--layer", "1", "--head", "0", "--query", "3", "--out", tmp_path / "a.svg"
    )
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("record", "{folder}/a.wav", "--out", "out"), "dinov2-focus hears no sounds, and "),
        (("record", "A cat.", "--model", "{model}", "--out", "out"), "hears sounds, and 'A cat.' is none"),
        (("record", "{folder}/a.wav", "--model", "{model}", "--size", "224", "--out", "out"), "--size is of photos"),
        (("heads", "A cat.", "--model", "{model}"), "what its outputs rest on is not measured here"),
        (("record", "no.flac", "--model", "{model}", "--out", "out"), "There is no file 'no.flac'"),
    ],
)
def test_what_does_not_fit(
    command: tuple[str, ...], said: str, headlens: Headlens, folder: Path, tmp_path: Path
) -> None:
    model = write("ast", tmp_path / "model")
    ran = headlens(*(part.format(folder=folder, model=model) for part in command))
    assert ran.code != 0
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_a_model_is_looked_at(headlens: Headlens, tmp_path: Path) -> None:
    ran = headlens("models", str(write("whisper", tmp_path / "model")))
    assert ran.code == 0
    assert "sounds" in ran.out
