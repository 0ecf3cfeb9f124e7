"""How a folder's model wants its images: what its preprocessor_config.json says, bounded."""

import math
from pathlib import Path

from headlens.model.errors import CheckpointError
from headlens.model.huggingface.load.limits import read_json
from headlens.model.inputs.image import SIZES, PixelFormat

PROCESSORS = ("preprocessor_config.json", "processor_config.json")


def read_processor(folder: Path) -> dict[str, object]:
    """What the image processor was saved with, by itself or inside a processor. Raises CheckpointError."""
    alone, inside = folder / "preprocessor_config.json", folder / "processor_config.json"
    settings = None
    if alone.is_file():
        settings = read_json(alone)
    elif inside.is_file():
        whole = read_json(inside)
        settings = whole.get("image_processor") if isinstance(whole, dict) else None
    if not isinstance(settings, dict):
        raise CheckpointError(
            f"There is no preprocessor_config.json in {folder.name!r}; save the image processor there, which says how "
            "images are read."
        )
    return settings


def pixel_format_of(processor: dict[str, object], fixed: int | None = None, *, channels: int = 3) -> PixelFormat:
    """Mean, std and sizes by an image processor's settings; fixed: the one size of a model that has no other.

    Raises CheckpointError for numbers that no pixels can have.
    """
    factor = (
        255 * _numbers(processor.get("rescale_factor") or 1 / 255, 1)[0] if processor.get("do_rescale", True) else 255
    )
    mean, std = (0.0,) * channels, (1.0,) * channels
    if processor.get("do_normalize", True):
        mean, std = (_numbers(processor.get(name, 0.5), channels) for name in ("image_mean", "image_std"))
    if factor <= 0 or min(std) <= 0:
        raise CheckpointError(
            "The preprocessor_config.json divides by nothing; save the model's image processor again."
        )
    if fixed is not None:
        sizes = (fixed, fixed)
    else:
        size = size_of(processor, SIZES[0])
        sizes = (min(SIZES[0], size), max(SIZES[1], size))
    # Pixels in 0 to 1, times the factor, less the mean, divided by the std.
    return PixelFormat(tuple(m / factor for m in mean), tuple(s / factor for s in std), sizes, fixed is not None)


def size_of(processor: dict[str, object], otherwise: int) -> int:
    """Pixels of the short side that the processor makes; where it does not say, `otherwise`. Raises CheckpointError."""
    size = processor.get("size", otherwise)
    if isinstance(size, dict):
        size = size.get("shortest_edge", size.get("height", otherwise))
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= 2 * SIZES[1]:
        raise CheckpointError(
            f"The preprocessor_config.json asks for images of {size!r:.40} pixels, which are not read."
        )
    return size


def _numbers(setting: object, count: int) -> tuple[float, ...]:
    values = list(setting) if isinstance(setting, list | tuple) else [setting] * count
    numbers = [float(value) for value in values if isinstance(value, int | float) and math.isfinite(value)]
    if len(values) != count or len(numbers) != count:
        wanted = "three numbers" if count == 3 else "one number"
        raise CheckpointError(f"The preprocessor_config.json says {setting!r:.60} where it should say {wanted}.")
    return tuple(numbers)
