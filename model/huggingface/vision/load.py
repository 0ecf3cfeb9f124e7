"""A vision transformer from a folder, tried before it is used."""

import functools
from dataclasses import replace
from pathlib import Path

import torch

from headlens.model.description import Description
from headlens.model.huggingface.load.adapter import Adapter, folder_with
from headlens.model.huggingface.load.network import architecture_of, load_network, refusing, vision_class
from headlens.model.huggingface.record.probe import probe
from headlens.model.huggingface.vision.labels import TRAINED, Labeller
from headlens.model.huggingface.vision.model import TransformersImage
from headlens.model.huggingface.vision.patches import form_of, noise_images, prefix_of
from headlens.model.huggingface.vision.processor import PROCESSORS, read_processor
from headlens.model.huggingface.vision.shape import shape_of


def load_image(
    folder: Path,
    config: dict[str, object],
    description: Description,
    *,
    device: torch.device,
    dtype: torch.dtype,
    adapter: Adapter | None = None,
) -> TransformersImage:
    """The vision transformer in a folder that save_pretrained wrote: of a model with two towers, the one for images.

    Args:
        folder: with config.json, safetensors and preprocessor_config.json.
        config: what `limits.read_config` read there.
        description: of the checkpoint.
        device: to run it on.
        dtype: to load and probe it in.
        adapter: to be merged into its weights; its own image processor comes first.

    Raises CheckpointError for what cannot be loaded, or cannot be recorded exactly with one position a patch.
    """
    images = folder_with(PROCESSORS, folder, adapter)
    processor = read_processor(images)
    saved = architecture_of(config)
    classifies = "ForImageClassification" in saved
    network = load_network(folder, saved if classifies else vision_class(config), dtype, adapter=adapter).to(device)
    form = form_of(network)
    inputs = {"pixel_values": noise_images(network, form), **form.options}
    name = type(network).__name__
    with refusing(f"{name} cannot be run on an image alone; take a model that reads nothing else"):
        result = probe(network, inputs)
    stages = [*result.recorder.run(inputs).stages.values()]
    prefix = prefix_of(stages[0] if len(stages) == 1 else (), form, network)
    shape = shape_of(images, processor, network, form, prefix=prefix)
    # The last one alone: of models of images it is what leaves the last layer, before the last norm.
    shape = replace(shape, options={**shape.options, "output_hidden_states": -1})
    labels = saved in TRAINED and adapter is None  # the towers of an adapted model would not fit each other
    make_labeller = functools.partial(Labeller, folder, saved) if labels else None
    return TransformersImage(description, result, shape, make_labeller)
