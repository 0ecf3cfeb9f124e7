"""From a sound file to one channel of samples: its bounds are checked, then libsndfile decodes what is asked."""

import io
import os
from collections.abc import Iterator
from itertools import repeat
from numbers import Integral
from pathlib import Path
from typing import NamedTuple

import numpy as np

from headlens.model.errors import InputError

MAX_BYTES = 400_000_000  # of a file
MAX_CHANNELS = 8  # 7.1
RATES = (4_000, 192_000)  # samples a second, from and to
SHORTEST = 0.1  # seconds: the first convolutions of a model need a few hundred samples
LOUDEST = 1e4  # floats may pass 1, but what is so far above it is no sound
BLOCK = 65_536  # samples of each channel that are decoded at once
BEGINNINGS = (b"RIFF", b"RF64", b"fLaC")  # of the files that libsndfile is given; it knows 25 kinds
ENCODINGS = ("PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")


class Waveform(NamedTuple):
    """A sound as numbers."""

    samples: np.ndarray  # [sample] or [sample, channel] floats, -1 to 1
    rate: int  # samples a second


class Sound(NamedTuple):
    """A sound of one channel."""

    samples: np.ndarray  # [sample] float32
    rate: int  # samples a second
    cut: bool  # whether there was more of it


SoundSource = Waveform | str | Path | bytes


def open_sound(source: SoundSource, seconds: float) -> Sound:
    """The beginning of a sound, the mean of its channels.

    Args:
        source: a Waveform, or the path or the bytes of a .wav or .flac file, which soundfile reads (the extra "audio").
        seconds: that are read at most; what follows is not decoded.

    Raises InputError for what is no sound, out of bounds, or damaged; or where soundfile is not installed.
    """
    if isinstance(source, Waveform):
        sound = _mixed(iter([np.asarray(source.samples)]), source.rate, seconds)
    elif isinstance(source, str | Path | bytes):
        sound = _decoded(source if isinstance(source, bytes) else _read(source), seconds)
    else:
        raise InputError(f"A sound must be a Waveform, a path or the bytes of a file, not {type(source).__name__}.")
    if len(sound.samples) < SHORTEST * sound.rate:
        raise InputError(f"This sound is shorter than {SHORTEST} seconds; give a longer one.")
    if not (np.abs(sound.samples) <= LOUDEST).all():  # nan is not below it either
        raise InputError("This sound holds numbers that no sound has; save it again as a 16-bit WAV or FLAC.")
    return sound


def _read(path: str | Path) -> bytes:
    if not os.path.isfile(path):  # a named pipe would be waited for; and no odd path raises here
        raise InputError(f"There is no sound file {str(path)!r}; give the path of one.")
    try:
        with open(path, "rb") as file:
            return file.read(min(os.path.getsize(path), MAX_BYTES) + 1)  # enough to see that it is too large
    except OSError as error:
        raise InputError(f"The file {str(path)!r} cannot be read ({error.strerror}); give another.") from error


def _decoded(data: bytes, seconds: float) -> Sound:
    if len(data) > MAX_BYTES:
        raise InputError(f"This file is larger than {MAX_BYTES // 10**6} MB; cut the sound, or save it as FLAC.")
    if not data.startswith(BEGINNINGS):
        raise InputError("This file is not a sound that can be read; give a WAV or FLAC.")
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: it is there, and libsndfile is not
        raise InputError("Sound files are read by soundfile, which is not here: pip install soundfile.") from error
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            if file.subtype not in ENCODINGS:
                raise InputError("This sound is compressed in a way that is not read; save it as a 16-bit WAV or FLAC.")
            if file.channels > MAX_CHANNELS:
                raise InputError(f"This sound has {file.channels} channels, more than {MAX_CHANNELS}; mix them first.")
            blocks = (file.read(BLOCK, dtype="float32", always_2d=True) for _ in repeat(None))
            return _mixed(blocks, file.samplerate, seconds)
    except InputError:
        raise
    except Exception as error:  # soundfile raises errors of libsndfile, of io, and of numpy
        raise InputError("This sound file is damaged; save it again as a 16-bit WAV or FLAC.") from error


def _mixed(blocks: Iterator[np.ndarray], rate: int, seconds: float) -> Sound:
    """The mean of the channels of blocks [sample] or [sample, channel], as many as the seconds take."""
    if isinstance(rate, bool) or not isinstance(rate, Integral) or not RATES[0] <= rate <= RATES[1]:
        raise InputError(f"A sound must have {RATES[0]:,} to {RATES[1]:,} samples a second, not {rate!r:.20}.")
    most, found, mixed = round(seconds * rate), 0, []
    for block in blocks:
        if block.ndim not in (1, 2) or not np.issubdtype(block.dtype, np.floating):
            raise InputError("The samples of a Waveform must be floats from -1 to 1, [sample] or [sample, channel].")
        mixed.append((block if block.ndim == 1 else block.mean(axis=1)).astype(np.float32))
        found += len(block)
        if block.size == 0 or found > most:
            break
    samples = np.concatenate([*mixed, np.zeros(0, np.float32)])
    return Sound(samples[:most], int(rate), cut=found > most)
