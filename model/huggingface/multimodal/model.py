"""Images inside a language model: which patches each token of a text looks at."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import PreTrainedModel
from transformers.utils import ModelOutput

from headlens.model.base import Run
from headlens.model.description import Description
from headlens.model.errors import InputError
from headlens.model.huggingface.multimodal.placement import ImagePlacement
from headlens.model.huggingface.multimodal.reorder import vision_stage
from headlens.model.huggingface.record.predictions import Predictor
from headlens.model.huggingface.record.probe import ProbeResult
from headlens.model.huggingface.record.reorder import reordered
from headlens.model.huggingface.text.model import LONGEST, num_positions_of
from headlens.model.huggingface.vision.own_processor import OwnProcessor
from headlens.model.inputs.image import ImageInput, PixelFormat, Size, patch_names
from headlens.model.inputs.image_file import ImageSource, open_image
from headlens.model.inputs.image_text import ImagePrompt
from headlens.model.inputs.text import read_text
from headlens.model.inputs.token_names import TokenNames
from headlens.model.progress import OnLayer
from headlens.model.readers import PhotoReader
from headlens.model.recording.parts import Prediction
from headlens.model.recording.recording import Recording

SHORT_SIDE = 448  # pixels, of models that read any size
RESIZED_HERE = "The whole photo was resized here, not by the model's own image processor, which may make several of it."
ROOM = 16  # tokens that an image must leave for a text


class TransformersImageText(PhotoReader[ImagePrompt, ModelOutput]):
    """A language model of transformers that reads an image in front of its text; one at a time.

    Args:
        description: of the checkpoint.
        probe_result: the model, and the way that records it.
        tokenizer: that neither pads nor cuts.
        placement: where the image stands in the prompt.
        pixel_format: how the vision part wants its pixels.
        processor: its own image processor, where it makes one picture of a photo.
    """

    def __init__(
        self,
        description: Description,
        probe_result: ProbeResult,
        tokenizer: Tokenizer,
        *,
        placement: ImagePlacement,
        pixel_format: PixelFormat,
        processor: OwnProcessor | None,
    ) -> None:
        network = probe_result.recorder.network
        self._token_names = TokenNames(tokenizer)
        self.predictor = Predictor(network, self._token_names)
        super().__init__(
            probe_result.setup(description, self.predictor.predicts, network.device),
            placement.patch * placement.side,
            placement.image_size or SHORT_SIDE,
            pixel_format=pixel_format,
        )
        self.probe_result = probe_result
        self.tokenizer = tokenizer
        self.max_tokens = num_positions_of(network, LONGEST)
        self._placement = placement
        self._processor = processor
        self.has_own_processor = processor is not None
        if placement.image_size is not None:
            self.sizes = (None,)

    @property
    def network(self) -> PreTrainedModel:
        """The model itself."""
        return self.probe_result.recorder.network

    @property
    def image_token(self) -> int:
        """The id of the token that stands for each patch in a prompt."""
        return self._placement.token

    def record(
        self, image: ImageSource, text: str, size: Size | None = None, *, on_layer: OnLayer | None = None
    ) -> Recording:
        """Run an image and a text behind it, and record every head of the language model.

        The recording's positions are not in the order of the prompt: those that are no patch come first, and count as
        its prefix; then the patches, row by row. Who may look at whom, the order of the prompt, is in the masks. The
        ten most probable next tokens are in the predictions. Where the vision part has one position a patch, its
        attention is the stage "vision".

        Args:
            image: a PIL image, a path, or the bytes of a file.
            text: what stands behind the image; over the model's positions it is cut, and notes["input"] says so.
            size: pixels of the short side, of models that read any size.
            on_layer: called with each layer's index as it is done, the vision part's first; what it raises stops the
                run.

        Raises InputError for an image or a text that cannot be read or is out of bounds, DeviceError where there is
        not enough memory.
        """
        return self.record_batch([(image, text)], size, on_layer)[0]

    def record_batch(
        self, pairs: Sequence[tuple[ImageSource, str]], size: Size | None = None, on_layer: OnLayer | None = None
    ) -> list[Recording]:
        """The recording of each image and text, from one run each; raises as `record` does."""
        return self._record_batch([self.prompt(self.read(image, size), text) for image, text in pairs], on_layer)

    def read(self, image: ImageSource, size: Size | None = None) -> ImageInput:
        """The pixels of an image, and the grid of what its tokens stand for. Raises InputError as `record` does."""
        if size is None and self._processor is not None:
            return self._processor.read(open_image(image))
        return super().read(image, size)

    def prompt(self, image: ImageInput, text: str) -> ImagePrompt:
        """The tokens of a text, with an image behind what it begins with by itself.

        Raises InputError for a text that cannot be read, or has no room beside the image.
        """
        rows, columns = image.photo.grid
        placement = self._placement
        frame = (*placement.before, *[placement.token] * (rows * columns), *placement.after)
        room = self.max_tokens - len(frame)
        if room < ROOM:
            raise InputError(
                f"This image takes {len(frame):,} of the model's {self.max_tokens:,} tokens, which leaves no room for "
                "a text; give a smaller size."
            )
        text_input = read_text(self.tokenizer, text, room)
        if placement.token in text_input.ids:
            raise InputError("The text itself has a token that stands for an image; leave it out.")
        first = int(np.argmin(text_input.special))
        ids = (*text_input.ids[:first], *frame, *text_input.ids[first:])
        return ImagePrompt(image, ids, text_input.notes(self.max_tokens, "beside the image, "))

    def groups(self, batch: Sequence[ImagePrompt]) -> list[list[int]]:
        """Each in a run of its own."""
        return [[index] for index in range(len(batch))]

    def batch_inputs(self, batch: Sequence[ImagePrompt]) -> dict[str, object]:
        """What the network's forward takes of one prompt. Raises ValueError for several."""
        (prompt,) = batch
        pixels = prompt.image.pixels.to(self.device, self.network.dtype)
        return self._placement.inputs(self.network, pixels, torch.tensor([list(prompt.ids)], device=self.device))

    def _recording(self, prompt: ImagePrompt, run: Run[ModelOutput], index: int) -> Recording:
        rows, columns = prompt.image.photo.grid
        is_patch = torch.tensor([token_id == self._placement.token for token_id in prompt.ids])
        order = torch.cat([(~is_patch).nonzero(), is_patch.nonzero()]).flatten().to(self.device)
        others = [token_id for token_id in prompt.ids if token_id != self._placement.token]
        num_tokens = len(prompt.ids)
        recording = Recording(
            layers=reordered(run.stages["decoder"], order),
            tokens=(*self._token_names.of_ids(others), *patch_names(rows, columns)),
            words=(None,) * num_tokens,
            special=np.arange(num_tokens) < len(others),
            segments=(0,) * num_tokens,
            model=self.description,
            seconds=run.seconds,
            device=str(self.device),
            prefix_tokens=len(others),
            photo=prompt.image.photo,
            notes=self._notes(prompt, run, index),
            predictions=self._predictions(prompt, run, index),
            stage="decoder",
        )
        vision = vision_stage(recording, run.stages.get("vision", ()), self._placement)
        return recording if vision is None else replace(recording, stages={"vision": vision})

    def _notes(self, prompt: ImagePrompt, run: Run[ModelOutput], index: int) -> dict[str, str]:
        notes = {**self._common_notes, **prompt.notes}
        if self._processor is not None:
            return notes
        return {**notes, "input": " ".join([RESIZED_HERE, *([notes["input"]] if "input" in notes else [])])}

    def _predictions(self, prompt: ImagePrompt, run: Run[ModelOutput], index: int) -> tuple[Prediction, ...]:
        """Of the last token alone, which is the last one before the patches in the recording."""
        predictions = self.predictor.predictions(run.outputs, index, prompt.ids[-1:])
        position = sum(token_id != self._placement.token for token_id in prompt.ids) - 1
        return tuple(prediction._replace(position=position) for prediction in predictions[-1:])
