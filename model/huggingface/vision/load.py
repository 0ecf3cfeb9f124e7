"""A vision transformer from a folder, tried before it is used."""

import functools
from pathlib import Path

import torch

from headlens.model.description import Description
from headlens.model.errors import CheckpointError
from headlens.model.huggingface.load.network import architecture_of, load_network, refusing, vision_class
from headlens.model.huggingface.record.probe import probe
from headlens.model.huggingface.vision.labels import TRAINED, Labeller
from headlens.model.huggingface.vision.model import ImageShape, TransformersImage
from headlens.model.huggingface.vision.own_processor import load_own_processor
from headlens.model.huggingface.vision.patches import (
    channels_of,
    form_of,
    has_learned_positions,
    noise_images,
    num_prefix,
)
from headlens.model.huggingface.vision.processor import pixel_format_of, read_processor, size_of
from headlens.model.inputs.image import SIZES

PATCHLESS = {  # what keeps a family's positions from being one a patch
    "vit_mae": "hides most patches at random before its first layer",
    "yolos": "has detection tokens behind the patches",
}


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
    if (why := PATCHLESS.get(vision_config.model_type)) is not None:
        raise CheckpointError(f"{name} {why}, so it has no weights over all patches; take a plain vision transformer.")
    patch = _sides(getattr(vision_config, "patch_size", None))
    channels = channels_of(network)
    if patch is None or min(patch) < 1:
        raise CheckpointError(f"{name} does not say how large its patches are; take a plain vision transformer.")
    if channels not in (1, 3):
        raise CheckpointError(f"{name} reads {channels} channels, but a photo has one or three; take another model.")
    sides = _sides(getattr(vision_config, "image_size", None))
    trained = None if sides is None else (sides[0] // patch[0], sides[1] // patch[1])
    form = form_of(network, patch, trained)
    inputs = {"pixel_values": noise_images(network, form), **form.options}
    with refusing(f"{name} cannot be run on an image alone; take a model that reads nothing else"):
        result = probe(network, inputs)
    short_side = size_of(processor, SIZES[0] if sides is None else min(sides))
    pixel_format = pixel_format_of(processor, channels=channels)
    own_processor = load_own_processor(folder, patch, channels)
    if form.is_fixed and own_processor is None:
        raise CheckpointError(f"{name} reads images of one size, and its image processor cannot be run here.")
    shape = ImageShape(
        patch,
        _prefix(str(vision_config.model_type), num_prefix(result, inputs, form)),
        pixel_format,
        short_side,
        options={**form.options, **({"output_hidden_states": True} if classifies else {})},
        trained_grid=trained if has_learned_positions(network) else None,
        is_fixed=form.is_fixed,
        processor=own_processor,
    )
    make_labeller = functools.partial(Labeller, folder, saved) if saved in TRAINED else None
    return TransformersImage(description, result, shape, make_labeller)


def _sides(value: object) -> tuple[int, int] | None:
    """Pixels of both sides, height first, where a configuration says them."""
    height, width = value if isinstance(value, list | tuple) and len(value) == 2 else (value, value)
    return (height, width) if isinstance(height, int) and isinstance(width, int) else None


def _prefix(model_type: str, count: int) -> tuple[str, ...]:
    if model_type == "deit" and count == 2:
        return "[CLS]", "[DIST]"
    if count == 0:
        return ()
    return ("[CLS]", *(f"[REG{index}]" for index in range(count - 1)))
