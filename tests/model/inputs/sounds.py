"""Sound files, well-made and hostile."""

import io
import struct

import numpy as np
import soundfile


def tone(pitch: float, seconds: float, rate: int) -> np.ndarray:
    """[sample] float32: a sine of half the largest amplitude."""
    return (0.5 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def file_of(samples: np.ndarray, rate: int, kind: str = "WAV", encoding: str | None = None) -> bytes:
    """The bytes of a file of samples [sample] or [sample, channel]."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=encoding)
    return file.getvalue()


def wav_that_says(rate: int, channels: int, size: int, data: bytes = b"\0" * 64) -> bytes:
    """A 16-bit WAV whose header claims a size of its data, whatever is there."""
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * 2 & 0xFFFFFFFF, channels * 2 & 0xFFFF, 16)
    body = b"WAVE" + b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", min(0xFFFFFFFF, size + 36)) + body
