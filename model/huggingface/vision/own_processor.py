"""A photo as a model's own image processor reads it, to the bit."""

import functools
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import AutoImageProcessor
from transformers.image_processing_utils import BaseImageProcessor

from headlens.model.errors import CheckpointError, InputError
from headlens.model.huggingface.load.network import refusing
from headlens.model.inputs.image import ImageInput, check_aspect
from headlens.model.recording.parts import Photo

MAX_SIDE = 2_072  # pixels of what a processor makes
ENOUGH = 64  # levels of grey that a line is fitted through
ZOOMS = 3
NEARLY = 0.005  # of a side: what is closer to the photo's edge counts as the edge


class OwnProcessor:
    """transformers' image processor of a folder.

    Args:
        processor: that works on PIL images.
        patch: pixels, height and width.
        channels: of the model's pixels, 3 or 1.
    """

    def __init__(self, processor: BaseImageProcessor, patch: tuple[int, int], channels: int) -> None:
        self._processor = processor
        self._patch = patch
        self._mode = "L" if channels == 1 else "RGB"
        self._window = functools.lru_cache(64)(self._find_window)  # a photo is read to be checked, and to be recorded

    def read(self, photo: Image.Image) -> ImageInput:
        """The pixels that the processor makes of an upright 8-bit photo, and which part of the photo they show.

        Raises InputError for a photo that it cannot read.
        """
        check_aspect(photo)
        pixels = torch.from_numpy(self._run(photo.convert(self._mode)))[None].float()
        shown = self._run(photo.convert(self._mode), do_rescale=False, do_normalize=False)
        rows, columns = (side // patch for side, patch in zip(shown.shape[1:], self._patch))
        if rows * columns == 0:
            raise InputError("The model's image processor makes less than one patch of this photo; give another size.")
        height, width = rows * self._patch[0], columns * self._patch[1]  # a model reads whole patches alone
        shown = np.rint(shown[:, :height, :width]).clip(0, 255).astype(np.uint8).transpose(1, 2, 0)
        picture = np.ascontiguousarray(np.broadcast_to(shown, (height, width, 3)))
        window = self._window(photo.size, (height, width))
        top, left, bottom, right = window
        aspect = (right - left) * photo.width / ((bottom - top) * photo.height)
        return ImageInput(pixels, Photo(picture, aspect, (rows, columns), window))

    def _run(self, photo: Image.Image, **options: bool) -> np.ndarray:
        """[channel, height, width]."""
        try:
            made = self._processor(images=photo, return_tensors="np", **options)["pixel_values"]
        except Exception as error:  # a folder's processor may raise anything
            raise InputError("The model's own image processor cannot read this photo; choose a size for it.") from error
        return np.asarray(made[0])

    def _find_window(self, size: tuple[int, int], shown: tuple[int, int]) -> tuple[float, float, float, float]:
        """Which part of a photo is shown, (top, left, bottom, right) in shares of its height and width.

        It is tried out, for processors resize, crop and pad in many ways: a photo whose pixels say how far down, or to
        the right, they are is processed like it, and a line fitted through what comes out.
        """
        inside = self._made_of(np.full(size[::-1], 255, np.uint8), shown) > 250  # and not padding
        edges = [self._find_edges(axis, size, inside) for axis in (0, 1)]
        (top, bottom), (left, right) = edges
        return top, left, bottom, right

    def _find_edges(self, axis: int, size: tuple[int, int], inside: np.ndarray) -> tuple[float, float]:
        """From where to where one axis of what is shown goes, in shares of the photo's; inside [height, width] bool."""
        side, length = size[1 - axis], inside.shape[axis]
        middles = (np.arange(side) + 0.5) / side
        low, high = 0.0, 1.0  # of the ramp
        for _ in range(ZOOMS):
            ramp = (255 * (middles - low) / (high - low)).clip(0, 255).round().astype(np.uint8)
            plane = np.broadcast_to(ramp[:, None] if axis == 0 else ramp[None], size[::-1])
            across = self._made_of(plane, inside.shape).compress(inside.any(axis=axis), axis=1 - axis)
            line = low + (high - low) * across.mean(axis=1 - axis) / 255
            levels = (line - low) / (high - low) * 255
            fit = np.flatnonzero((levels > 10) & (levels < 245))  # where no edge plays a part
            if side < 3 or len(fit) < 2:
                break
            slope, start = np.polyfit(fit + 0.5, line[fit], 1)
            if np.ptp(levels[fit]) >= ENOUGH:
                return _snapped(start, 0.0), _snapped(start + slope * length, 1.0)
            middle, reach = start + slope * length / 2, abs(slope) * length + 4 * (high - low) / 255
            low, high = (
                middle - reach,
                middle + reach,
            )  # a small part of a large photo: the next ramp rises over it alone
        return 0.0, 1.0

    def _made_of(self, grey: np.ndarray, shown: tuple[int, int]) -> np.ndarray:
        """One channel of what a grey picture becomes, [height, width], without what is no whole patch."""
        made = self._run(
            Image.fromarray(np.ascontiguousarray(grey)).convert(self._mode), do_rescale=False, do_normalize=False
        )
        return made[0, : shown[0], : shown[1]]


def load_own_processor(folder: Path, patch: tuple[int, int], channels: int) -> OwnProcessor | None:
    """The image processor in a folder; None where it needs what is not installed.

    Raises CheckpointError for one that is damaged, or makes no single picture of a photo.
    """
    try:
        processor = AutoImageProcessor.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, backend="pil"
        )
    except ImportError:
        return None
    except Exception as error:  # a folder may hold anything
        raise CheckpointError(
            f"transformers cannot load the image processor in {folder.name!r}; save it again with save_pretrained."
        ) from error
    own = OwnProcessor(processor, patch, channels)
    what = f"The image processor in {folder.name!r} makes no pixels that the model reads"
    with refusing(f"{what}; save the one that it was trained with"):
        _check_sizes(processor, folder)
        made = own._run(Image.new(own._mode, (64, 48)))
        if made.ndim != 3 or made.shape[0] != channels:
            raise ValueError(f"pixels of shape {made.shape}")
    return own


def _check_sizes(processor: BaseImageProcessor, folder: Path) -> None:
    """Raises CheckpointError where it would make pictures that memory has no room for."""
    for name in ("size", "crop_size", "pad_size"):
        size = getattr(processor, name, None)
        for value in dict(size).values() if size is not None else ():
            if value is not None and not 1 <= value <= MAX_SIDE:
                raise CheckpointError(
                    f"The image processor in {folder.name!r} makes pictures of {value:,} pixels, which are not read."
                )


def _snapped(share: float, edge: float) -> float:
    return edge if abs(share - edge) < NEARLY else float(share)
