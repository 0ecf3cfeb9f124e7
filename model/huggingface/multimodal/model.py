"""Images inside a language model: which patches each token of a text looks at."""

import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import PreTrainedModel

from headlens.model.device import enough_memory, synchronize
from headlens.model.errors import InputError
from headlens.model.huggingface.load.network import architecture_of, load_network, load_tokenizer, refusing
from headlens.model.huggingface.multimodal.placement import ImagePlacement, image_placement_of
from headlens.model.huggingface.multimodal.reorder import reordered, vision_stage
from headlens.model.huggingface.record.predictions import predictions_of
from headlens.model.huggingface.record.probe import ProbeResult, probe
from headlens.model.huggingface.text.model import LONGEST, num_positions_of, token_text
from headlens.model.huggingface.vision.processor import pixel_format_of, read_processor
from headlens.model.inputs.image import ImageInput, PixelFormat, Size, patch_names, read_image
from headlens.model.inputs.image_file import ImageSource
from headlens.model.inputs.text import read_text
from headlens.model.progress import OnLayer
from headlens.model.recording.parts import Description
from headlens.model.recording.recording import Recording

SIZE = 448  # pixels of the short side, of models that read any


class TransformersImageText:
    """A language model of transformers that reads an image in front of its text.

    Args:
        description: of the checkpoint.
        probed: the model, and the way that records it.
        tokenizer: that neither pads nor cuts.
        placing: where the image stands in the prompt.
        reading: how the vision part wants its pixels.
    """

    def __init__(
        self,
        description: Description,
        probed: ProbeResult,
        tokenizer: Tokenizer,
        placing: ImagePlacement,
        reading: PixelFormat,
    ) -> None:
        self.description = description
        self.probed = probed
        self.network = probed.recorder.network
        self.device = self.network.device
        self.tokenizer = tokenizer
        self.num_layers = probed.num_calls
        self.max_tokens = num_positions_of(self.network, LONGEST)
        self._placing = placing
        self._reading = reading

    def read(self, image: ImageSource, size: Size | None = None) -> ImageInput:
        """The pixels of an image, and the grid of what its tokens stand for. Raises InputError as `record` does."""
        if size == "letterbox":
            raise InputError('"letterbox" is for the saliency decoder alone; give the pixels of the short side.')
        size = (self._placing.image_size or SIZE) if size is None else size
        return read_image(image, self._placing.patch * self._placing.side, size, self._reading)

    @torch.inference_mode()
    def record(
        self, image: ImageSource, text: str, size: Size | None = None, on_layer: OnLayer | None = None
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
            on_layer: called with each layer's number as it is done, the vision part's first; what it raises stops the
                run.

        Raises InputError for an image or a text that cannot be read or is out of bounds, DeviceError where there is
        not enough memory.
        """
        given = self.read(image, size)
        rows, columns = given.photo.grid
        ids, notes = self._prompt(text, rows * columns)
        started = time.perf_counter()
        with enough_memory(self.device):
            pixels = given.pixels.to(self.device, self.network.dtype)
            inputs = self._placing.inputs(self.network, pixels, torch.tensor([ids], device=self.device))
            run = self.probed.recorder.run(inputs, on_layer)
            synchronize(self.device)
        patches = torch.tensor([number == self._placing.token for number in ids])
        num_others = int((~patches).sum())
        order = torch.cat([(~patches).nonzero(), patches.nonzero()]).flatten().to(self.device)
        predictions = predictions_of(self.network, self.tokenizer, run.outputs, ids[-1:])
        others = [number for number in ids if number != self._placing.token]
        recording = Recording(
            layers=reordered(run.stages["decoder"], order),
            tokens=(*(token_text(self.tokenizer, number) for number in others), *patch_names(rows, columns)),
            words=(None,) * len(ids),
            special=np.arange(len(ids)) < num_others,
            segments=(0,) * len(ids),
            model=self.description,
            seconds=time.perf_counter() - started,
            device=str(self.device),
            prefix_tokens=num_others,
            photo=given.photo,
            notes=notes,
            predictions=tuple(prediction._replace(position=num_others - 1) for prediction in predictions[-1:]),
            stage="decoder",
        )
        vision = vision_stage(recording, run.stages.get("vision", ()), self._placing)
        return recording if vision is None else dataclasses.replace(recording, stages={"vision": vision})

    def _prompt(self, text: str, num_patches: int) -> tuple[list[int], dict[str, str]]:
        """The ids of a prompt, the image behind what a text begins with by itself, and notes of what was cut."""
        frame = (*self._placing.before, *[self._placing.token] * num_patches, *self._placing.after)
        room = self.max_tokens - len(frame)
        if room < 16:
            raise InputError(
                f"This image takes {len(frame):,} of the model's {self.max_tokens:,} tokens, which leaves no room for "
                "a text; give a smaller size."
            )
        given = read_text(self.tokenizer, text, room)
        if self._placing.token in given.ids:
            raise InputError("The text itself has a token that stands for an image; leave it out.")
        first = int(np.argmin(given.special))
        notes = {"exact": self.probed.note, **given.notes(self.max_tokens, "beside the image, ")}
        return [*given.ids[:first], *frame, *given.ids[first:]], notes


def load_image_text(
    folder: Path, config: dict[str, Any], description: Description, device: torch.device, dtype: torch.dtype
) -> TransformersImageText:
    """The language model that reads images in a folder that save_pretrained wrote.

    Args:
        folder: with config.json, safetensors, a tokenizer and preprocessor_config.json.
        config: what `bounds.read_config` read there.
        description: of the checkpoint.
        device: to run it on.
        dtype: to load and probe it in.

    Raises CheckpointError for what cannot be loaded, is of a family whose images are not known here, or cannot be
    recorded exactly.
    """
    processor = read_processor(folder)
    tokenizer = load_tokenizer(folder).backend_tokenizer
    tokenizer.no_truncation()
    tokenizer.no_padding()
    network = load_network(folder, architecture_of(config), dtype).to(device)
    placing = image_placement_of(network, tokenizer)
    reading = pixel_format_of(processor, placing.image_size)
    with refusing(f"{type(network).__name__} does not take one token for each patch of an image"):
        probed = probe(network, _probe_inputs(network, placing))
    return TransformersImageText(description, probed, tokenizer, placing, reading)


def _probe_inputs(network: PreTrainedModel, placing: ImagePlacement) -> dict[str, Any]:
    """Noise for an image, of 3 x 4 tokens where the model reads any size, and random tokens around it."""
    token = placing.patch * placing.side
    height, width = (placing.image_size,) * 2 if placing.image_size else (3 * token, 4 * token)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn(1, 3, height, width, generator=generator).to(network.device, network.dtype)
    before, *after = torch.randint(0, placing.token, (8,), generator=generator).tolist()
    image = [placing.token] * ((height // token) * (width // token))
    ids = torch.tensor([[before, *placing.before, *image, *placing.after, *after]], device=network.device)
    return placing.inputs(network, pixels, ids)
