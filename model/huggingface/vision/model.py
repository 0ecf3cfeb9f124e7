"""Vision transformers of transformers: an image in, a Recording out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.utils import ModelOutput

from headlens.model.base import Run
from headlens.model.description import Description
from headlens.model.errors import InputError
from headlens.model.huggingface.load.network import LOADING
from headlens.model.huggingface.record.predictions import Predictor
from headlens.model.huggingface.record.probe import ProbeResult
from headlens.model.huggingface.record.recorder import last_hidden_state
from headlens.model.huggingface.vision.labels import Labeller, check_labels
from headlens.model.huggingface.vision.own_processor import OwnProcessor
from headlens.model.inputs.image import ImageInput, PixelFormat, Size
from headlens.model.inputs.image_file import ImageSource, open_image
from headlens.model.readers import ImageReader
from headlens.model.recording.parts import Prediction


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


class TransformersImage(ImageReader[ModelOutput]):
    """A vision transformer of transformers, which gives each patch of an image one position.

    A recording's outputs: "embedding" [width], of [CLS], or where there is none the mean over the patches, of the last
    hidden state; of a model with a classifier, of its last layer, before the last norm. A classifier's ten most
    probable classes are in the recording's predictions.

    Args:
        description: of the checkpoint.
        probe_result: the model, and the way that records it.
        shape: how it reads an image.
        make_labeller: loads what scores labels beside this network; None where there is no tower for texts.
    """

    def __init__(
        self,
        description: Description,
        probe_result: ProbeResult,
        shape: ImageShape,
        make_labeller: Callable[[PreTrainedModel], Labeller] | None = None,
    ) -> None:
        network = probe_result.recorder.network
        self.predictor = Predictor(network, None)
        super().__init__(
            probe_result.setup(description, self.predictor.predicts, network.device),
            shape.patch[0],
            shape.short_side,
            pixel_format=shape.pixel_format,
        )
        self.probe_result = probe_result
        self.prefix = shape.prefix
        self._options = shape.options
        self._processor = shape.processor
        self.has_own_processor = shape.processor is not None
        self._trained_grid = shape.trained_grid
        self._is_fixed = shape.is_fixed
        if shape.is_fixed:
            self.sizes = (None,)
        self._make_labeller = make_labeller
        self._labeller: Labeller | None = None

    @property
    def network(self) -> PreTrainedModel:
        """The model itself."""
        return self.probe_result.recorder.network

    def read(self, image: ImageSource, size: Size | None = None) -> ImageInput:
        """The pixels and patches: without a size those that the model's own image processor makes.

        Raises InputError as `record` does.
        """
        if size is None and self._processor is not None:
            return self._processor.read(open_image(image))
        if self._is_fixed:
            raise InputError("This model reads images of one size alone; leave the size to its image processor.")
        return super().read(image, size)

    def batch_inputs(self, batch: Sequence[ImageInput]) -> dict[str, object]:
        """What the network's forward takes of several images of one shape."""
        pixels = torch.cat([image.pixels for image in batch])
        return {"pixel_values": pixels.to(self.device, self.network.dtype), **self._options}

    @property
    def reads_labels(self) -> bool:
        """Whether it scores labels that a person gives; else `labels` raises InputError."""
        return self._make_labeller is not None

    @property
    def has_labeller(self) -> bool:
        """Whether the tower for texts is loaded, which takes seconds."""
        return self._labeller is not None

    def labels(self, image: ImageSource, labels: Sequence[str], size: Size | None = None) -> Prediction:
        """How well each label fits an image, the best first: "This is a photo of {label}." (Radford et al. 2021).

        The scores are those that the model was trained for, and of transformers' pipeline: probabilities of one choice
        (CLIP), or of each label by itself (SigLIP). The first time loads the tower for texts.

        Args:
            image: as of `record`, and so is size.
            labels: 1 to 32, of at most 100 characters each.

        Raises InputError for what cannot be read and of a model without labels, CheckpointError for a text tower that
        cannot be loaded, DeviceError where there is not enough memory.
        """
        if self._make_labeller is None:
            raise InputError("This model has no tower for texts, by which labels are scored; take CLIP or SigLIP.")
        wanted, read = check_labels(labels), self.read(image, size)
        with LOADING:  # once, whoever asks meanwhile
            self._labeller = self._labeller or self._make_labeller(self.network)
        return self._labeller.prediction(self.batch_inputs([read]), wanted)

    def embeddings(self, batch: Sequence[ImageInput], run: Run[ModelOutput]) -> Tensor:
        """The last hidden state of each image's [CLS], or where there is none the mean over its patches."""
        rows = last_hidden_state(run.outputs)
        return rows[:, 0] if self.prefix else rows.mean(dim=1)

    def _outputs(self, image: ImageInput, run: Run[ModelOutput], index: int) -> dict[str, np.ndarray]:
        rows = last_hidden_state(run.outputs)[index].float().cpu()  # [token, width]
        return {"embedding": (rows[0] if self.prefix else rows.mean(dim=0)).numpy()}

    def _predictions(self, image: ImageInput, run: Run[ModelOutput], index: int) -> tuple[Prediction, ...]:
        return self.predictor.predictions(run.outputs, index, ())

    def _notes(self, image: ImageInput, run: Run[ModelOutput], index: int) -> dict[str, str]:
        notes = {**super()._notes(image, run, index), **self.predictor.unknown(run.outputs, index)}
        said = []
        if self._processor is None:
            said.append(
                "The model's own image processor needs torchvision, so the whole photo was resized here instead."
            )
        (rows, columns), trained = image.photo.grid, self._trained_grid
        if trained is not None and (rows, columns) != trained:
            said.append(
                f"The model was trained on {trained[0]} × {trained[1]} patches; their positions were stretched to "
                f"{rows} × {columns}."
            )
        return {**notes, "input": " ".join(said)} if said else notes
