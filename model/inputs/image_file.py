"""From a file, whatever is in it, to an upright 8-bit RGB image: its bounds are checked, then Pillow decodes it."""

import contextlib
import ctypes
import io
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError, _imaging

from headlens.model.errors import InputError
from headlens.model.inputs.decode_limits import check_limits

MAX_BYTES = 400_000_000  # of a file: MAX_PIXELS of the widest format, 16-bit RGBA, take 320 million
MAX_PIXELS = 40_000_000  # before decoding
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")  # JPEG is MPO too; no EPS: it would start Ghostscript
FULL = (0.0, 65_535.0)  # the range of 16 bits
BAND = 2**20  # pixels that are float64 at once, on their way to 8 bits

# Pillow warns of odd metadata, of which nothing but the orientation is read, and of sizes that MAX_PIXELS is below.
warnings.filterwarnings("ignore", module=r"PIL\.")
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
logging.getLogger("PIL").addHandler(logging.NullHandler())
with contextlib.suppress(OSError, AttributeError):  # libtiff writes to stderr what an InputError says
    ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)

ImageSource = Image.Image | str | Path | bytes


def open_image(source: ImageSource, *, stretch: bool = True) -> Image.Image:
    """An upright 8-bit RGB image, its pixels counted before they are decoded.

    Args:
        source: a PIL image, a path, or the bytes of a file.
        stretch: whether 16-bit greyscale that uses a part of its range (12 bits of a microscope, millimetres of depth)
            becomes black to white; else its range is that of 16 bits.

    Raises InputError for what is no image, or too large.
    """
    with _opened(source) as image:
        return _to_rgb(image, stretch)


def range_used(source: ImageSource) -> tuple[int, int] | None:
    """The darkest and the brightest value of 16-bit greyscale that uses a part of its range; None for other images.

    Raises InputError as `open_image` does.
    """
    with _opened(source) as image:
        if not image.mode.startswith("I;16"):
            return None
        _check_size(image)
        low, high = _extremes(image)
        return (int(low), int(high)) if (low, high) != FULL and low < high else None


def check_bytes(count: int) -> None:
    """Raises InputError for a file of more bytes than are read."""
    if count > MAX_BYTES:
        raise InputError(f"This file is larger than {MAX_BYTES // 10**6} MB; save it as PNG or JPEG.")


@contextlib.contextmanager
def _opened(source: ImageSource) -> Iterator[Image.Image]:
    """An image before it is decoded; what a decoder raises inside the context becomes an InputError."""
    if not isinstance(source, Image.Image | str | Path | bytes):
        raise InputError(f"An image must be a PIL image, a path or the bytes of a file, not {type(source).__name__}.")
    try:
        if isinstance(source, Image.Image):
            yield source
            return
        data = source if isinstance(source, bytes) else _read(source)
        check_bytes(len(data))
        check_limits(data)
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            yield image
    except UnidentifiedImageError:
        raise InputError(
            "This file is not an image that can be read; give a JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF."
        ) from None
    except Image.DecompressionBombError:
        raise InputError(f"This image has more than {MAX_PIXELS // 10**6} million pixels; shrink it.") from None
    except InputError:
        raise
    except Exception as error:  # decoders raise anything: OSError, SyntaxError, struct.error, EOFError, …
        raise InputError(
            "This image is damaged or of a kind that cannot be decoded; save it again as PNG or JPEG."
        ) from error


def _read(path: str | Path) -> bytes:
    if not os.path.isfile(path):  # a named pipe would be waited for; and no odd path raises here
        raise InputError(f"There is no image file {str(path)!r}; give the path of one.")
    try:
        with open(path, "rb") as file:
            # Enough to see that it is too large; so many bytes are taken before they are read.
            return file.read(min(os.path.getsize(path), MAX_BYTES) + 1)
    except OSError as error:
        raise InputError(f"The file {str(path)!r} cannot be read ({error.strerror}); give another.") from error


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if width * height == 0:
        raise InputError(f"This image is {width} x {height} pixels; there is nothing to look at.")
    if width * height > MAX_PIXELS:
        raise InputError(
            f"This image has {width} x {height} pixels, more than {MAX_PIXELS // 10**6} million; shrink it."
        )


def _to_rgb(image: Image.Image, stretch: bool) -> Image.Image:
    _check_size(image)
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        image = _to_8_bit(image, stretch)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _to_8_bit(image: Image.Image, stretch: bool) -> Image.Image:
    """Integers and floats, whose range no file states, by the one they use; of 16 bits, only where it is to stretch."""
    low, high = _extremes(image)
    if image.mode.startswith("I;16") and (not stretch or low == high):
        low, high = FULL
    grey = Image.new("L", image.size)
    for band, numbers in _bands(image):
        scaled = np.rint((numbers - low) / max(high - low, 1e-12) * 255)
        grey.paste(Image.fromarray(scaled.astype(np.uint8)), band)
    return grey


def _extremes(image: Image.Image) -> tuple[float, float]:
    lows, highs = zip(*[(numbers.min(), numbers.max()) for _, numbers in _bands(image)])
    return float(min(lows)), float(max(highs))


def _bands(image: Image.Image) -> Iterator[tuple[tuple[int, int, int, int], np.ndarray]]:
    """Some rows at a time, where they are and [row, column]: as float64, a whole image takes eight times the memory."""
    width, height = image.size
    rows = max(1, BAND // width)
    for top in range(0, height, rows):
        band = (0, top, width, min(top + rows, height))
        with np.errstate(invalid="ignore"):  # a damaged file may hold signalling nan, of which a cast warns
            yield band, np.nan_to_num(np.asarray(image.crop(band)).astype(np.float64), posinf=0.0, neginf=0.0)
