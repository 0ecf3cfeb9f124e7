"""Captions: a photo in, the most probable text of it out, and which patches each of its words looked at."""

from collections.abc import Sequence

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import PreTrainedModel
from transformers.utils import ModelOutput

from headlens.model.base import Run
from headlens.model.description import Description
from headlens.model.device import enough_memory
from headlens.model.huggingface.record.predictions import Predictor
from headlens.model.huggingface.record.probe import ProbeResult
from headlens.model.huggingface.record.reorder import reordered
from headlens.model.huggingface.record.written import with_written
from headlens.model.huggingface.text.generate import room_for, write_of
from headlens.model.huggingface.vision.shape import ImageShape, ShapedReader
from headlens.model.inputs.image import ImageInput, Size, patch_names
from headlens.model.inputs.image_file import ImageSource
from headlens.model.inputs.image_text import CaptionedImage
from headlens.model.inputs.token_names import TokenNames
from headlens.model.progress import OnLayer
from headlens.model.protocol import CAPTION_TOKENS, OnToken
from headlens.model.recording.recording import Recording


class TransformersCaption(ShapedReader[CaptionedImage]):
    """A model of transformers that reads a photo and writes of it, in a decoder with cross-attention; one at a time.

    A recording is that of the encoder, within the photo (stage "vision"; "encoder" of one that reads words too), and
    has the stages "decoder", within what was written, and "cross", from what was written to the encoder's positions.
    The ten most probable next tokens after each are in the predictions of both.

    Args:
        description: of the checkpoint.
        probe_result: the model, and the way that records it.
        shape: how its encoder reads an image.
        tokenizer: that neither pads nor cuts.
        ids_name: what the network's forward calls the decoder's tokens.
        max_tokens: that the decoder can read.
        order: of the encoder's positions [token], the patches last, where it reads words behind them.
    """

    def __init__(
        self,
        description: Description,
        probe_result: ProbeResult,
        shape: ImageShape,
        tokenizer: Tokenizer,
        *,
        ids_name: str,
        max_tokens: int,
        order: Tensor | None = None,
    ) -> None:
        network = probe_result.recorder.network
        self._token_names = TokenNames(tokenizer)
        self.predictor = Predictor(network, self._token_names)
        super().__init__(probe_result.setup(description, self.predictor.predicts, network.device), shape)
        self.probe_result = probe_result
        self.tokenizer = tokenizer
        self.max_tokens = max_tokens
        self._ids_name = ids_name
        self._order = order

    @property
    def network(self) -> PreTrainedModel:
        """The model itself."""
        return self.probe_result.recorder.network

    def record(
        self,
        image: ImageSource,
        size: Size | None = None,
        *,
        count: int = CAPTION_TOKENS,
        on_token: OnToken | None = None,
        on_layer: OnLayer | None = None,
    ) -> Recording:
        """Write of an image, each token the most probable one, and record every head of encoder and decoder.

        Args:
            image: a PIL image, a path, or the bytes of a file.
            size: pixels of the short side; None: as the model's own image processor makes it.
            count: tokens at most; it ends before where the model ends it, or has no more positions.
            on_token: called with what is written as it grows; what it raises stops the writing.
            on_layer: called with each layer's index as it is done, the encoder's first; what it raises stops the run.

        Raises InputError for an image that cannot be read or is out of bounds, or a count that is no whole number from
        1; DeviceError where there is not enough memory.
        """
        return self._record_batch([self.captioned(self.read(image, size), count, on_token)], on_layer)[0]

    def captioned(
        self, image: ImageInput, count: int = CAPTION_TOKENS, on_token: OnToken | None = None
    ) -> CaptionedImage:
        """An image that was read, and what the model writes of it, as `record` records them; raises as it does."""
        room = room_for(count, self.max_tokens - 1)
        inputs = {**self._pixels(image), **self.shape.options}
        with enough_memory(self.device):
            written = write_of(self.network, self.tokenizer, inputs, count=room, on_token=on_token)
        return CaptionedImage(image, written.before, written.ids)

    def groups(self, batch: Sequence[CaptionedImage]) -> list[list[int]]:
        """Each in a run of its own."""
        return [[index] for index in range(len(batch))]

    def batch_inputs(self, batch: Sequence[CaptionedImage]) -> dict[str, object]:
        """What the network's forward takes of one image and its caption. Raises ValueError for several."""
        (caption,) = batch
        ids = torch.tensor([list(caption.ids)], device=self.device)
        return {**self._pixels(caption.image), self._ids_name: ids, **self.shape.options}

    def _pixels(self, image: ImageInput) -> dict[str, object]:
        return {"pixel_values": image.pixels.to(self.device, self.network.dtype)}

    def _recording(self, caption: CaptionedImage, run: Run[ModelOutput], index: int) -> Recording:
        (rows, columns), prefix = caption.image.photo.grid, self.shape.prefix
        num_patches, num_written = len(prefix) + rows * columns, len(caption.ids)
        reading = "encoder" if "encoder" in run.stages else "vision"
        if self._order is None:
            own = run.layers(reading, index, (num_patches, num_patches))
            cross = run.layers("cross", index, (num_written, num_patches))
        else:
            own = reordered(run.stages[reading], self._order)
            cross = reordered(run.stages["cross"], self._order, keys_alone=True)
        encoder = Recording(
            layers=own,
            tokens=(*prefix, *patch_names(rows, columns)),
            words=(None,) * num_patches,
            special=np.arange(num_patches) < len(prefix),
            segments=(0,) * num_patches,
            model=self.description,
            seconds=run.seconds,
            device=str(self.device),
            prefix_tokens=len(prefix),
            photo=caption.image.photo,
            notes={**self._common_notes, **self.size_notes(caption.image.photo)},
            stage="vision" if self._order is None else "encoder",
        )
        return with_written(
            encoder,
            caption.ids,
            names=self._token_names,
            text=self.tokenizer.decode(list(caption.written)),
            layers={
                "decoder": run.layers("decoder", index, (num_written, num_written)),
                "cross": cross,
            },
            predictions=self.predictor.predictions(run.outputs, index, caption.ids),
            notes=self._common_notes,
        )
