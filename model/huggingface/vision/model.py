"""Vision transformers of transformers: an image in, a Recording out."""

import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from headlens.model.attention.point import Call
from headlens.model.device import enough_memory, synchronize
from headlens.model.errors import CheckpointError, InputError
from headlens.model.huggingface.load.network import architecture_of, load_network, refusing, vision_class
from headlens.model.huggingface.record.predictions import predictions_of
from headlens.model.huggingface.record.probe import ProbeResult, probe
from headlens.model.huggingface.vision.patches import num_prefix, options_of, pictures
from headlens.model.huggingface.vision.processor import pixel_format_of, read_processor, size_of
from headlens.model.inputs.image import SIZES, ImageInput, PixelFormat, Size, patch_names, read_image
from headlens.model.inputs.image_file import ImageSource
from headlens.model.progress import OnLayer
from headlens.model.recording.parts import Description
from headlens.model.recording.recording import Recording


class TransformersImage:
    """A vision transformer of transformers, which gives each patch of an image one position.

    Args:
        description: of the checkpoint.
        probed: the model, and the way that records it.
        options: that its forward takes beside the pixels.
        patch: pixels a side.
        prefix: what to call the positions before the patches.
        reading: how it wants its pixels.
        size: pixels of the short side where none are asked for.
    """

    def __init__(
        self,
        description: Description,
        probed: ProbeResult,
        options: dict[str, Any],
        patch: int,
        prefix: tuple[str, ...],
        reading: PixelFormat,
        size: int,
    ) -> None:
        self.description = description
        self.probed = probed
        self.network = probed.recorder.network
        self.device = self.network.device
        self.num_layers = probed.num_calls
        self.prefix = prefix
        self._options = options
        self._patch = patch
        self._reading = reading
        self._size = size

    def read(self, image: ImageSource, size: Size | None = None) -> ImageInput:
        """The pixels and patches of an image, as `record` reads it. Raises InputError as `record` does."""
        if size == "letterbox":
            raise InputError('"letterbox" is for the saliency decoder alone; give the pixels of the short side.')
        return read_image(image, self._patch, self._size if size is None else size, self._reading)

    def inputs(self, given: ImageInput) -> dict[str, Any]:
        """What the network's forward takes of an image that was read."""
        return {"pixel_values": given.pixels.to(self.device, self.network.dtype), **self._options}

    def calls(self, network: nn.Module, on_layer: OnLayer | None = None) -> AbstractContextManager[list[Call]]:
        """The calls of attention that a twin of the network makes inside the context."""
        return self.probed.recorder.calls(network, on_layer)

    @torch.inference_mode()
    def record(self, image: ImageSource, size: Size | None = None, on_layer: OnLayer | None = None) -> Recording:
        """Run an image and record every head.

        The outputs: "embedding" [width], of [CLS], or where there is none the mean over the patches, of the last hidden
        state; of a model with a classifier, of its last layer, before the last norm. A classifier's ten most probable
        classes are in the recording's predictions.

        Args:
            image: a PIL image, a path, or the bytes of a file.
            size: pixels of the short side, 224 to 1036; None: as many as the model's own image processor makes.
            on_layer: called with each layer's number as it is done; what it raises stops the run.

        Raises InputError for an image that cannot be read or is out of bounds, DeviceError where there is not enough
        memory.
        """
        given = self.read(image, size)
        rows, columns = given.photo.grid
        num_prefix = len(self.prefix)
        num_tokens = num_prefix + rows * columns
        started = time.perf_counter()
        with enough_memory(self.device):
            run = self.probed.recorder.run(self.inputs(given), on_layer)
            synchronize(self.device)
        (layers,) = run.stages.values()
        hidden = run.outputs.get("last_hidden_state")
        hidden = (run.outputs.hidden_states[-1] if hidden is None else hidden)[0].float().cpu()  # [token, width]
        return Recording(
            layers=tuple(heads.first() for heads in layers),
            tokens=(*self.prefix, *patch_names(rows, columns)),
            words=(None,) * num_tokens,
            special=np.arange(num_tokens) < num_prefix,
            segments=(0,) * num_tokens,
            model=self.description,
            seconds=time.perf_counter() - started,
            device=str(self.device),
            prefix_tokens=num_prefix,
            photo=given.photo,
            notes={"exact": self.probed.note},
            outputs={"embedding": (hidden[0] if num_prefix else hidden.mean(dim=0)).numpy()},
            predictions=predictions_of(self.network, None, run.outputs, ()),
        )


def load_image(
    folder: Path, config: dict[str, Any], description: Description, device: torch.device, dtype: torch.dtype
) -> TransformersImage:
    """The vision transformer in a folder that save_pretrained wrote: of a model with two towers, the one for images.

    Args:
        folder: with config.json, safetensors and preprocessor_config.json.
        config: what `bounds.read_config` read there.
        description: of the checkpoint.
        device: to run it on.
        dtype: to load and probe it in.

    Raises CheckpointError for what cannot be loaded, or cannot be recorded exactly with one position a patch.
    """
    processor = read_processor(folder)
    named = architecture_of(config)
    architecture = named if "ForImageClassification" in named else vision_class(config)
    network = load_network(folder, architecture, dtype).to(device)
    shape = getattr(network.config, "vision_config", network.config)
    name = type(network).__name__
    if hasattr(shape, "depths"):
        raise CheckpointError(
            f"{name} works in windows or on a grid that shrinks from layer to layer, so it has no weights over all "
            "patches; take a plain vision transformer."
        )
    patch = _side(getattr(shape, "patch_size", None))
    if patch < 1 or getattr(shape, "num_channels", 3) != 3:
        raise CheckpointError(f"{name} reads no square patches of RGB; take another model.")
    options = options_of(network, patch)
    inputs = {"pixel_values": pictures(network, patch), **options}
    with refusing(f"{name} cannot be run on an image"):
        probed = probe(network, inputs)
    prefix = _prefix(str(shape.model_type), num_prefix(probed, inputs))
    size = size_of(processor, _side(getattr(shape, "image_size", None)) or SIZES[0])
    if architecture == named:
        options["output_hidden_states"] = True
    return TransformersImage(description, probed, options, patch, prefix, pixel_format_of(processor), size)


def _side(given: object) -> int:
    """Pixels of one side of a square, which some configurations give twice; 0 for what is no square."""
    first, *others = given if isinstance(given, list | tuple) and given else [given]
    return first if isinstance(first, int) and all(other == first for other in others) else 0


def _prefix(model_type: str, count: int) -> tuple[str, ...]:
    if model_type == "deit" and count == 2:
        return "[CLS]", "[DIST]"
    return (("[CLS]",) if count else ()) + tuple(f"[REG{number}]" for number in range(count - 1))
