"""Weights and photos made by hand."""

import numpy as np

from headlens.model.recording.parts import Photo
from tests.recordings import softmax


def random_weights(*shape: int) -> np.ndarray:
    """float32 rows that sum to one over the last axis, peaked enough that no two are alike."""
    scores = np.random.default_rng(shape[-1]).normal(size=shape)
    return softmax(3 * scores).astype(np.float32)


def special_at(num_tokens: int, *places: int) -> np.ndarray:
    """[token] bool, true at the places alone."""
    flags = np.zeros(num_tokens, dtype=bool)
    flags[list(places)] = True
    return flags


def photo_of(rows: int, columns: int, aspect: float = 1.5, patch: int = 14) -> Photo:
    """A photo that grows redder to the right, greener downwards, and is never quite black."""
    down, right = np.mgrid[: rows * patch, : columns * patch]
    red, green = 255 * right / right.max(), 255 * down / down.max()
    return Photo(np.stack((red, green, np.full_like(red, 90)), axis=-1).astype(np.uint8), aspect, (rows, columns))


def grey_by_hand(pixel: np.ndarray) -> float:
    """A pixel's luma as ITU-R BT.601 weighs red, green and blue, at 60 %."""
    red, green, blue = (float(value) for value in pixel)
    return 0.6 * (0.299 * red + 0.587 * green + 0.114 * blue)
