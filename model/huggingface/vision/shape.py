"""How a vision transformer of transformers reads an image: by its own image processor, or resized here."""

from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedModel
from transformers.utils import ModelOutput

from headlens.model.base import Input, Setup
from headlens.model.errors import CheckpointError, InputError
from headlens.model.huggingface.vision.own_processor import OwnProcessor, load_own_processor
from headlens.model.huggingface.vision.patches import Form, channels_of, has_learned_positions
from headlens.model.huggingface.vision.processor import pixel_format_of, size_of
from headlens.model.inputs.image import SIZES, ImageInput, PixelFormat, Size
from headlens.model.inputs.image_file import ImageSource, open_image
from headlens.model.readers import PhotoReader
from headlens.model.recording.parts import Photo


@dataclass(frozen=True)
class ImageShape:
    """How a vision transformer reads an image."""

    patch: tuple[int, int]  # pixels, height and width; a square, unless is_fixed
    prefix: tuple[str, ...]  # what to call the positions before the patches
    pixel_format: PixelFormat
    short_side: int  # pixels, where no size is asked for and there is no processor
    options: Mapping[str, object]  # that its forward takes beside the pixels
    trained_grid: tuple[int, int] | None = None  # rows and columns of its table of positions, if it has one
    is_fixed: bool = False  # whether it reads what its image processor makes, and nothing else
    processor: OwnProcessor | None = None  # None: it cannot be run here


def shape_of(
    folder: Path, processor: dict[str, object], network: PreTrainedModel, form: Form, *, prefix: tuple[str, ...]
) -> ImageShape:
    """How a folder's vision transformer reads images.

    Args:
        folder: with its image processor.
        processor: what `read_processor` read there.
        network: that reads images, or the part that does.
        form: of what it reads.
        prefix: what to call the positions before the patches.

    Raises CheckpointError for an image processor that is damaged, or that a model of one size needs and that cannot be
    run here.
    """
    channels, trained = channels_of(network), form.trained
    sides = None if trained is None else (trained[0] * form.patch[0], trained[1] * form.patch[1])
    short_side = size_of(processor, SIZES[0] if sides is None else min(sides))
    pixel_format = pixel_format_of(processor, channels=channels)
    own_processor = load_own_processor(folder, form.patch, channels)
    if form.is_fixed and own_processor is None:
        raise CheckpointError(
            f"{type(network).__name__} reads images of one size, and its image processor cannot be run here."
        )
    return ImageShape(
        form.patch,
        prefix,
        pixel_format,
        short_side,
        options=form.options,
        trained_grid=trained if has_learned_positions(network) else None,
        is_fixed=form.is_fixed,
        processor=own_processor,
    )


class ShapedReader(PhotoReader[Input, ModelOutput], ABC):
    """A model that reads an image in this way.

    Args:
        setup: of the model.
        shape: how it reads an image.
    """

    def __init__(self, setup: Setup[ModelOutput], shape: ImageShape) -> None:
        super().__init__(setup, shape.patch[0], shape.short_side, pixel_format=shape.pixel_format)
        self.shape = shape
        self.has_own_processor = shape.processor is not None
        if shape.is_fixed:
            self.sizes = (None,)

    def read(self, image: ImageSource, size: Size | None = None) -> ImageInput:
        """The pixels and patches: without a size those that the model's own image processor makes.

        Raises InputError as `record` does.
        """
        if size is None and self.shape.processor is not None:
            return self.shape.processor.read(open_image(image))
        if self.shape.is_fixed:
            raise InputError("This model reads images of one size alone; leave the size to its image processor.")
        return super().read(image, size)

    def size_notes(self, photo: Photo) -> dict[str, str]:
        """For a recording's notes: what to know of the size that a photo was read at."""
        said = []
        if self.shape.processor is None:
            said.append(
                "The model's own image processor needs torchvision, so the whole photo was resized here instead."
            )
        (rows, columns), trained = photo.grid, self.shape.trained_grid
        if trained is not None and (rows, columns) != trained:
            said.append(
                f"The model was trained on {trained[0]} × {trained[1]} patches; their positions were stretched to "
                f"{rows} × {columns}."
            )
        return {"input": " ".join(said)} if said else {}
