"""Vision transformers of transformers: an image in, a Recording out."""

from collections.abc import Callable, Sequence

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
from headlens.model.huggingface.vision.shape import ImageShape, ShapedReader
from headlens.model.inputs.image import ImageInput, Size
from headlens.model.inputs.image_file import ImageSource
from headlens.model.readers import ImageReader
from headlens.model.recording.parts import Prediction


class TransformersImage(ShapedReader[ImageInput], ImageReader[ModelOutput]):
    """A vision transformer of transformers, which gives each patch of an image one position.

    A recording's outputs: "embedding" [width], of [CLS], or where there is none the mean over the patches, of the last
    hidden state; of a model with a classifier, of its last layer, before the last norm; and "norms" [token]. A
    classifier's ten most probable classes are in the recording's predictions.

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
        super().__init__(probe_result.setup(description, self.predictor.predicts, network.device), shape)
        self.probe_result = probe_result
        self.prefix = shape.prefix
        self._make_labeller = make_labeller
        self._labeller: Labeller | None = None

    @property
    def network(self) -> PreTrainedModel:
        """The model itself."""
        return self.probe_result.recorder.network

    def batch_inputs(self, batch: Sequence[ImageInput]) -> dict[str, object]:
        """What the network's forward takes of several images of one shape."""
        pixels = torch.cat([image.pixels for image in batch])
        return {"pixel_values": pixels.to(self.device, self.network.dtype), **self.shape.options}

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

    def _before_norm(self, run: Run[ModelOutput]) -> Tensor | None:
        states: tuple[Tensor | None, ...] = run.outputs.get("hidden_states") or (None,)
        return states[-1]

    def _outputs(self, image: ImageInput, run: Run[ModelOutput], index: int) -> dict[str, np.ndarray]:
        rows = last_hidden_state(run.outputs)[index].float().cpu()  # [token, width]
        return {"embedding": (rows[0] if self.prefix else rows.mean(dim=0)).numpy()}

    def _predictions(self, image: ImageInput, run: Run[ModelOutput], index: int) -> tuple[Prediction, ...]:
        return self.predictor.predictions(run.outputs, index, ())

    def _notes(self, image: ImageInput, run: Run[ModelOutput], index: int) -> dict[str, str]:
        return {
            **super()._notes(image, run, index),
            **self.predictor.unknown(run.outputs, index),
            **self.size_notes(image.photo),
        }
