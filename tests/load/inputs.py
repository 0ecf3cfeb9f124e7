"""Inputs from which one can tell whose they are."""

import io
import random
import string
from functools import cache

import numpy as np
from PIL import Image

from tests.viz.explorer.payloads import Payload

WORDS = [
    "bird",
    "boat",
    "bridge",
    "castle",
    "chair",
    "cloud",
    "desert",
    "door",
    "farm",
    "fire",
    "flower",
    "forest",
    "garden",
    "glass",
    "hand",
    "hill",
    "horse",
]
TOLERANCE = 12  # of 255, of a pixel after JPEG and resizing


def marker(number: int) -> str:
    """A word that nobody else has."""
    return "".join(random.Random(number).choices(string.ascii_lowercase, k=16))


def text(number: int, words: int = 6) -> str:
    """A text that begins with its marker."""
    return " ".join([marker(number), *random.Random(number).choices(WORDS, k=words)])


def is_string(payload: Payload, expected: str) -> bool:
    """Whether the tokens are those of a text, from [CLS] to [SEP]."""
    first, *pieces, last = payload.header["tokens"]
    return (first, last) == ("[CLS]", "[SEP]") and "".join(pieces) == expected.replace(" ", "")


def colours(number: int) -> np.ndarray:
    """[upper or lower half, channel] of a photo."""
    return np.random.default_rng(number).integers(0, 256, (2, 3), np.uint8)


@cache
def photo(number: int, side: int = 64) -> bytes:
    """A square PNG, the upper half in one colour and the lower in another."""
    file = io.BytesIO()
    Image.fromarray(np.repeat(colours(number), side // 2, axis=0)[:, None].repeat(side, axis=1)).save(file, "PNG")
    return file.getvalue()


def is_photo(payload: Payload, number: int) -> bool:
    """Whether every pixel, except around the middle, has the colour of this visitor's photo."""
    if "photo" not in payload.arrays:
        return False
    pixels = np.asarray(Image.open(io.BytesIO(payload.arrays["photo"].tobytes())), np.int16)
    middle, near = len(pixels) // 2, len(pixels) // 10
    halves = pixels[: middle - near], pixels[middle + near :]
    return all(np.abs(half - colour).max() <= TOLERANCE for half, colour in zip(halves, colours(number)))
