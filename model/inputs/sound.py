"""A sound as a model reads it, and as a picture: time from left to right, low frequencies at the bottom."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from headlens.model.recording.parts import Photo

ASPECT = 4.0  # of the picture, whatever its numbers of bands and frames


@dataclass(frozen=True, eq=False)
class SoundInput:
    """A sound as a model reads it."""

    inputs: Mapping[str, Tensor]  # what the model's own feature extractor makes, on an axis of a batch of one
    photo: Photo  # the spectrogram
    names: tuple[str, ...]  # of the positions on it, row by row
    note: str  # what is to be known of it; "" where that is nothing
    written: tuple[int, ...] = ()  # the tokens that a decoder reads


def resampled(samples: np.ndarray, rate: int, to: int) -> np.ndarray:
    """Samples [sample] at another rate, by a polyphase filter that lets nothing above the lower Nyquist rate through.

    `scipy.signal.resample_poly` with its own filter: a Kaiser window, beta 5, of 20 periods.
    """
    if rate == to:
        return samples
    from scipy.signal import resample_poly  # takes long to import

    common = math.gcd(rate, to)
    return np.asarray(resample_poly(samples, to // common, rate // common), np.float32)


def time_names(count: int, step: float) -> tuple[str, ...]:
    """What to call frames that begin `step` seconds after one another: "1.24 s"."""
    decimals = 2 if step >= 0.01 else 4
    return tuple(f"{index * step:.{decimals}f} s" for index in range(count))


def spectrogram_pixels(levels: np.ndarray) -> np.ndarray:
    """Levels [band, column], the lowest band first, as pixels [height, width, 3] uint8: grey, the loudest white."""
    low, high = float(levels.min()), float(levels.max())
    grey = np.rint((levels[::-1] - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)
