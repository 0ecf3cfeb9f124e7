"""Sounds to try, made here by formulas: nobody's, and no files."""

import functools
import io
import wave
from collections.abc import Callable

import numpy as np

RATE = 16_000  # samples a second
SECONDS = 3.0


def _time() -> np.ndarray:
    seconds: np.ndarray = np.arange(round(SECONDS * RATE)) / RATE
    return seconds


def two_tones() -> np.ndarray:
    """[sample]: 440 Hz, a pause, then 880 Hz."""
    time = _time()
    pitch = np.where(time < 1.5, 440, 880)
    sounds = (time % 1.5 > 0.25) & (time % 1.5 < 1.25)
    return np.where(sounds, 0.4 * np.sin(2 * np.pi * pitch * time), 0)


def rising() -> np.ndarray:
    """[sample]: from 200 to 4,000 Hz, by as many octaves each second."""
    time = _time()
    octaves = np.log2(4_000 / 200) / SECONDS  # a second
    samples: np.ndarray = 0.4 * np.sin(2 * np.pi * 200 * (2 ** (octaves * time) - 1) / (octaves * np.log(2)))
    return samples


def knocks() -> np.ndarray:
    """[sample]: noise that begins at once and dies away, six times."""
    time = _time()
    noise = np.random.default_rng(0).normal(0, 1, len(time))
    return np.clip(0.3 * noise * np.exp(-20 * (time % 0.5)), -1, 1)


SOUNDS: dict[str, Callable[[], np.ndarray]] = {"Two tones": two_tones, "Rising": rising, "Knocks": knocks}
FIRST_SOUND = "Two tones"


@functools.cache
def sample_file(name: str) -> bytes:
    """A sample as the bytes of a 16-bit WAV."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(np.rint(SOUNDS[name]() * 32_767).astype("<i2").tobytes())
    return file.getvalue()
