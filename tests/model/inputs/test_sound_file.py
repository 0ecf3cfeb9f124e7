"""Sound files: what is read of them, and what is refused."""

import os
import random
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from headlens.model.errors import InputError
from headlens.model.inputs import sound_file
from headlens.model.inputs.sound_file import Sound, Waveform, open_sound
from tests.model.inputs.sounds import file_of, tone, wav_that_says
from tests.sentences import is_one_sentence

RATE = 16_000
TONE = tone(440, 0.5, RATE)


@pytest.mark.parametrize(
    ("kind", "encoding", "near"),
    [
        ("WAV", "PCM_16", 2**-15),
        ("WAV", "PCM_24", 2**-23),
        ("WAV", "FLOAT", 0),
        ("WAV", "DOUBLE", 0),
        ("WAV", "PCM_U8", 2**-7),
        ("WAV", "ULAW", 0.02),
        ("WAVEX", "PCM_32", 2**-23),
        ("RF64", "PCM_16", 2**-15),
        ("FLAC", "PCM_16", 2**-15),
        ("FLAC", "PCM_24", 2**-23),
    ],
)
def test_every_kind_of_file(kind: str, encoding: str, near: float, tmp_path: Path) -> None:
    data = file_of(TONE, RATE, kind, encoding)
    path = tmp_path / "a sound"
    path.write_bytes(data)
    for source in (data, path, str(path)):
        sound = open_sound(source, 30)
        assert (sound.rate, sound.cut, sound.samples.dtype, sound.samples.shape) == (RATE, False, np.float32, (8000,))
        np.testing.assert_allclose(sound.samples, TONE, atol=near)


@pytest.mark.parametrize("channels", [2, 8])
def test_channels_are_mixed(channels: int) -> None:
    each = np.stack([tone(200 * (1 + channel), 0.3, 192_000) for channel in range(channels)], axis=1)
    for source in (file_of(each, 192_000, "WAV", "FLOAT"), Waveform(each, 192_000)):
        sound = open_sound(source, 30)
        assert sound.rate == 192_000
        np.testing.assert_allclose(sound.samples, each.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("seconds", [0.2, 0.4999, 0.5, 7])
def test_it_is_cut(seconds: float) -> None:
    for source in (file_of(TONE, RATE, "FLAC"), Waveform(TONE, RATE)):
        sound = open_sound(source, seconds)
        count = min(8000, round(seconds * RATE))
        assert len(sound.samples) == count
        assert sound.cut == (count < 8000)
        np.testing.assert_allclose(sound.samples, TONE[:count], atol=2**-15)


def test_no_more_is_decoded_than_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = 0
    read = soundfile.SoundFile.read

    def counting(file: soundfile.SoundFile, *args: object, **options: object) -> np.ndarray:
        nonlocal decoded
        block: np.ndarray = read(file, *args, **options)
        decoded += len(block)
        return block

    monkeypatch.setattr(soundfile.SoundFile, "read", counting)
    open_sound(file_of(np.zeros(3_000_000, np.float32), RATE), 1)
    assert decoded <= RATE + sound_file.BLOCK


def test_a_header_that_claims_hours_costs_nothing() -> None:
    started = time.perf_counter()
    sound = open_sound(wav_that_says(RATE, 1, 0xFFFFFFF0, b"\1\0" * 8000), 30)
    assert len(sound.samples) == 8000
    assert time.perf_counter() - started < 1


def outcome(data: bytes, seconds: float) -> Sound | InputError:
    """What is read, or why it is not."""
    try:
        return open_sound(data, seconds)
    except InputError as error:
        return error


def flac_that_claims_hours() -> bytes:
    """36 bits of the header say how many samples there are."""
    data = bytearray(file_of(TONE, RATE, "FLAC"))
    data[21] |= 0x0F
    data[22:26] = b"\xff" * 4
    return bytes(data)


def test_a_flac_that_claims_hours() -> None:
    read = outcome(flac_that_claims_hours(), 30)
    assert is_one_sentence(read) if isinstance(read, InputError) else len(read.samples) <= 8000


def nan() -> np.ndarray:
    samples = TONE.copy()
    samples[100] = np.nan
    return samples


REFUSED = {
    "a text": (b"This is no sound.\n" * 100, "WAV or FLAC"),
    "empty": (b"", "WAV or FLAC"),
    "a photo": (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "WAV or FLAC"),
    "an mp3": (b"ID3\x04" + b"\0" * 100, "WAV or FLAC"),
    "a header alone": (file_of(TONE, RATE)[:12], "damaged"),
    "a flac's beginning": (file_of(TONE, RATE, "FLAC")[:40], "damaged"),
    "no samples": (file_of(TONE[:0], RATE), "shorter than 0.1"),
    "too short": (file_of(TONE[:1000], RATE), "shorter than 0.1"),
    "nan": (file_of(nan(), RATE, "WAV", "FLOAT"), "no sound has"),
    "infinite": (file_of(np.full(8000, np.inf), RATE, "WAV", "DOUBLE"), "no sound has"),
    "beyond all loudness": (file_of(np.full(8000, 1e30), RATE, "WAV", "FLOAT"), "no sound has"),
    "nine channels": (file_of(np.zeros((8000, 9)), RATE), "9 channels"),
    "a rate too high": (file_of(TONE, 384_000), "samples a second"),
    "a rate too low": (file_of(TONE, 1_000), "samples a second"),
    "compressed": (file_of(TONE, RATE, "WAV", "IMA_ADPCM"), "compressed"),
    "no channels": (wav_that_says(RATE, 0, 64), ""),
    "65,535 channels": (wav_that_says(RATE, 65_535, 64), ""),
    "a rate of 0": (wav_that_says(0, 1, 64), ""),
    "integers": (Waveform(np.zeros(8000, np.int16), RATE), "floats"),
    "three axes": (Waveform(np.zeros((2, 8000, 2)), RATE), "floats"),
    "a rate that is no number": (Waveform(TONE, "fast"), "samples a second"),  # type: ignore[arg-type]
    "a nan Waveform": (Waveform(nan(), RATE), "no sound has"),
    "a list": ([0.1, 0.2], "Waveform"),
    "no file": ("/nowhere/there is.wav", "no sound file"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_sound_is_refused(name: str) -> None:
    source, words = REFUSED[name]
    with pytest.raises(InputError) as caught:
        open_sound(source, 30)  # type: ignore[arg-type]
    assert is_one_sentence(caught.value)
    assert words in str(caught.value)


def test_a_file_larger_than_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sound_file, "MAX_BYTES", 10_000)
    path = tmp_path / "long.wav"
    path.write_bytes(file_of(TONE, RATE))
    for source in (path, path.read_bytes()):
        with pytest.raises(InputError, match="larger than"):
            open_sound(source, 30)


def test_without_soundfile_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(InputError) as caught:
        open_sound(wav_that_says(RATE, 1, 64), 30)
    assert is_one_sentence(caught.value)
    assert "pip install soundfile" in str(caught.value)
    assert len(open_sound(Waveform(TONE, RATE), 30).samples) == 8000, "numbers need no decoder"


@pytest.mark.parametrize("kind", ["WAV", "FLAC"])
def test_damaged_files_never_raise_anything_else(kind: str) -> None:
    whole, chance = file_of(TONE, RATE, kind), random.Random(0)
    outcomes = set()
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(chance.choice([1, 4, 30])):
            data[chance.randrange(chance.choice([60, len(data)]))] = chance.randrange(256)
        data = data[: chance.choice([len(data), chance.randrange(len(data))])]
        read = outcome(bytes(data), 2)
        outcomes.add(type(read))
        if isinstance(read, InputError):
            assert is_one_sentence(read)
            continue
        assert np.isfinite(read.samples).all()
        assert len(read.samples) <= 2 * read.rate
    assert outcomes == {InputError, Sound}


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(InputError, match="no sound file"):
        open_sound(tmp_path / "pipe.wav", 30)
