"""A language model that reads images from a folder, tried before it is used."""

from pathlib import Path

import torch
from PIL import Image
from transformers import PreTrainedModel

from headlens.model.description import Description
from headlens.model.huggingface.load.adapter import Adapter, folder_with
from headlens.model.huggingface.load.network import (
    VOCABULARIES,
    architecture_of,
    load_network,
    load_tokenizer,
    refusing,
)
from headlens.model.huggingface.load.slow_tokenizer import backend_of
from headlens.model.huggingface.multimodal.model import TransformersImageText
from headlens.model.huggingface.multimodal.placement import ImagePlacement, Tokens, image_placement_of
from headlens.model.huggingface.record.probe import probe
from headlens.model.huggingface.vision.own_processor import OwnProcessor, load_own_processor
from headlens.model.huggingface.vision.processor import PROCESSORS, pixel_format_of, read_processor


def load_image_text(
    folder: Path,
    config: dict[str, object],
    description: Description,
    *,
    device: torch.device,
    dtype: torch.dtype,
    adapter: Adapter | None = None,
) -> TransformersImageText:
    """The language model that reads images in a folder that save_pretrained wrote.

    Args:
        folder: with config.json, safetensors, a tokenizer and preprocessor_config.json.
        config: what `limits.read_config` read there.
        description: of the checkpoint.
        device: to run it on.
        dtype: to load and probe it in.
        adapter: to be merged into its weights; its own tokenizer and image processor come first.

    Raises CheckpointError for what cannot be loaded, is of a family whose images are not known here, or cannot be
    recorded exactly.
    """
    images = folder_with(PROCESSORS, folder, adapter)
    processor = read_processor(images)
    tokenizer = backend_of(load_tokenizer(folder_with(VOCABULARIES, folder, adapter)))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    network = load_network(folder, architecture_of(config), dtype, adapter=adapter).to(device)
    placement = image_placement_of(network, tokenizer)
    pixel_format = pixel_format_of(processor, placement.image_size)
    with refusing(
        f"{type(network).__name__} does not take one token for each patch of an image; take a model that does"
    ):
        result = probe(network, _probe_inputs(network, placement))
    return TransformersImageText(
        description,
        result,
        tokenizer,
        placement=placement,
        pixel_format=pixel_format,
        processor=_processor_of(images, placement),
    )


def _processor_of(folder: Path, placement: ImagePlacement) -> OwnProcessor | None:
    """The folder's image processor, where it makes the one picture that the model reads; others make tiles or patches.

    Raises CheckpointError.
    """
    if placement.tokens is not Tokens.PATCH:
        return None
    processor = load_own_processor(folder, (placement.patch, placement.patch), 3)
    fits = processor is not None and set(processor.read(Image.new("RGB", (64, 48))).pixels.shape[2:]) == {
        placement.image_size
    }
    return processor if fits else None


def _probe_inputs(network: PreTrainedModel, placement: ImagePlacement) -> dict[str, object]:
    """Noise for an image, of 3 x 4 tokens where the model reads any size, and random tokens around it."""
    token = placement.patch * placement.side  # pixels a side
    height, width = 3 * token, 4 * token
    if placement.image_size:
        height, width = placement.image_size, placement.image_size
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn(1, 3, height, width, generator=generator).to(network.device, network.dtype)
    before, *after = torch.randint(0, placement.token, (8,), generator=generator).tolist()
    image = [placement.token] * ((height // token) * (width // token))
    ids = torch.tensor([[before, *placement.before, *image, *placement.after, *after]], device=network.device)
    return placement.inputs(network, pixels, ids)
