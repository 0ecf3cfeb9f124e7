"""A vision transformer from a folder, tried before it is used."""

from collections.abc import Mapping
from pathlib import Path

import torch

from headlens.model.description import Description
from headlens.model.errors import CheckpointError
from headlens.model.huggingface.load.network import architecture_of, load_network, refusing, vision_class
from headlens.model.huggingface.record.probe import probe
from headlens.model.huggingface.vision.model import ImageShape, TransformersImage
from headlens.model.huggingface.vision.patches import noise_images, num_prefix, options_of
from headlens.model.huggingface.vision.processor import pixel_format_of, read_processor, size_of
from headlens.model.inputs.image import SIZES


def load_image(
    folder: Path, config: dict[str, object], description: Description, *, device: torch.device, dtype: torch.dtype
) -> TransformersImage:
    """The vision transformer in a folder that save_pretrained wrote: of a model with two towers, the one for images.

    Args:
        folder: with config.json, safetensors and preprocessor_config.json.
        config: what `limits.read_config` read there.
        description: of the checkpoint.
        device: to run it on.
        dtype: to load and probe it in.

    Raises CheckpointError for what cannot be loaded, or cannot be recorded exactly with one position a patch.
    """
    processor = read_processor(folder)
    saved = architecture_of(config)
    classifies = "ForImageClassification" in saved
    network = load_network(folder, saved if classifies else vision_class(config), dtype).to(device)
    vision_config = getattr(network.config, "vision_config", network.config)
    name = type(network).__name__
    if hasattr(vision_config, "depths"):
        raise CheckpointError(
            f"{name} works in windows or on a grid that shrinks from layer to layer, so it has no weights over all "
            "patches; take a plain vision transformer."
        )
    patch = _side(getattr(vision_config, "patch_size", None))
    if patch < 1 or getattr(vision_config, "num_channels", 3) != 3:
        raise CheckpointError(f"{name} reads no square patches of RGB; take another model.")
    options: Mapping[str, object] = options_of(network, patch)
    inputs = {"pixel_values": noise_images(network, patch), **options}
    with refusing(f"{name} cannot be run on an image"):
        result = probe(network, inputs)
    prefix = _prefix(str(vision_config.model_type), num_prefix(result, inputs))
    if classifies:
        options = {**options, "output_hidden_states": True}
    short_side = size_of(processor, _side(getattr(vision_config, "image_size", None)) or SIZES[0])
    shape = ImageShape(patch, prefix, pixel_format_of(processor), short_side, options)
    return TransformersImage(description, result, shape)


def _side(value: object) -> int:
    """Pixels of one side of a square, which some configurations give twice; 0 for what is no square."""
    first, *others = value if isinstance(value, list | tuple) and value else [value]
    return first if isinstance(first, int) and all(other == first for other in others) else 0


def _prefix(model_type: str, count: int) -> tuple[str, ...]:
    if model_type == "deit" and count == 2:
        return "[CLS]", "[DIST]"
    if count == 0:
        return ()
    return ("[CLS]", *(f"[REG{index}]" for index in range(count - 1)))
