"""Vision transformers of transformers: an image in, a Recording out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedModel
from transformers.utils import ModelOutput

from headlens.model.base import Run
from headlens.model.description import Description
from headlens.model.huggingface.record.predictions import Predictor
from headlens.model.huggingface.record.probe import ProbeResult
from headlens.model.inputs.image import ImageInput, PixelFormat
from headlens.model.readers import ImageReader
from headlens.model.recording.parts import Prediction


@dataclass(frozen=True)
class ImageShape:
    """How a vision transformer reads an image."""

    patch: int  # pixels a side
    prefix: tuple[str, ...]  # what to call the positions before the patches
    pixel_format: PixelFormat
    short_side: int  # pixels, where no size is asked for
    options: Mapping[str, object]  # that its forward takes beside the pixels


class TransformersImage(ImageReader[ModelOutput]):
    """A vision transformer of transformers, which gives each patch of an image one position.

    A recording's outputs: "embedding" [width], of [CLS], or where there is none the mean over the patches, of the last
    hidden state; of a model with a classifier, of its last layer, before the last norm. A classifier's ten most
    probable classes are in the recording's predictions.

    Args:
        description: of the checkpoint.
        probe_result: the model, and the way that records it.
        shape: how it reads an image.
    """

    def __init__(self, description: Description, probe_result: ProbeResult, shape: ImageShape) -> None:
        network = probe_result.recorder.network
        self._predictor = Predictor(network, None)
        super().__init__(
            probe_result.setup(description, self._predictor.predicts, network.device),
            shape.patch,
            shape.short_side,
            pixel_format=shape.pixel_format,
        )
        self.probe_result = probe_result
        self.prefix = shape.prefix
        self._options = shape.options

    @property
    def network(self) -> PreTrainedModel:
        """The model itself."""
        return self.probe_result.recorder.network

    def batch_inputs(self, batch: Sequence[ImageInput]) -> dict[str, object]:
        """What the network's forward takes of several images of one shape."""
        pixels = torch.cat([image.pixels for image in batch])
        return {"pixel_values": pixels.to(self.device, self.network.dtype), **self._options}

    def _outputs(self, image: ImageInput, run: Run[ModelOutput], index: int) -> dict[str, np.ndarray]:
        hidden = run.outputs.get("last_hidden_state")
        hidden = run.outputs.hidden_states[-1] if hidden is None else hidden
        rows = hidden[index].float().cpu()  # [token, width]
        return {"embedding": (rows[0] if self.prefix else rows.mean(dim=0)).numpy()}

    def _predictions(self, image: ImageInput, run: Run[ModelOutput], index: int) -> tuple[Prediction, ...]:
        logits = run.outputs.get("logits")
        return self._predictor.predictions(None if logits is None else logits[index], ())
