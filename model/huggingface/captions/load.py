"""A model that writes captions from a folder, tried before it is used."""

from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedModel

from headlens.model.description import Description
from headlens.model.errors import CheckpointError
from headlens.model.huggingface.captions.florence import task_prompt_of
from headlens.model.huggingface.captions.model import TransformersCaption
from headlens.model.huggingface.load.network import load_network, load_tokenizer, refusing
from headlens.model.huggingface.load.slow_tokenizer import backend_of
from headlens.model.huggingface.record.probe import probe
from headlens.model.huggingface.text.generate import greedy, write_of
from headlens.model.huggingface.text.model import LONGEST, num_positions_of
from headlens.model.huggingface.vision.patches import form_of, noise_images, prefix_of
from headlens.model.huggingface.vision.processor import read_processor
from headlens.model.huggingface.vision.shape import shape_of
from headlens.model.inputs.token_names import TokenNames

CLASSES = {  # of each type of model: the class that writes, its parts, and the name of what its decoder reads
    "vision-encoder-decoder": ("VisionEncoderDecoderModel", "encoder", "decoder", "decoder_input_ids"),
    "blip": ("BlipForConditionalGeneration", "vision_model", "text_decoder", "input_ids"),
    "florence2": (
        "Florence2ForConditionalGeneration",
        "model.vision_tower",
        "model.language_model.decoder",
        "decoder_input_ids",
    ),
}
LENGTH = 6  # tokens of the caption that it is tried on


def load_captions(
    folder: Path, config: dict[str, object], description: Description, *, device: torch.device, dtype: torch.dtype
) -> TransformersCaption:
    """The model that writes captions in a folder that save_pretrained wrote.

    Args:
        folder: with config.json, safetensors, a tokenizer and preprocessor_config.json.
        config: what `limits.read_config` read there; its model_type is one of CLASSES.
        description: of the checkpoint.
        device: to run it on.
        dtype: to load and probe it in.

    Raises CheckpointError for what cannot be loaded, has no encoder with one position a patch, does not write, or
    cannot be recorded exactly.
    """
    processor = read_processor(folder)
    tokenizer = backend_of(load_tokenizer(folder))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    architecture, encoder_name, decoder_name, ids_name = CLASSES[str(config["model_type"])]
    network = load_network(folder, architecture, dtype).to(device)
    encoder, decoder = network.get_submodule(encoder_name), network.get_submodule(decoder_name)
    asked = task_prompt_of(folder, network, TokenNames(tokenizer)) if config["model_type"] == "florence2" else None
    form = form_of(encoder) if asked is None else asked.form
    pixels = noise_images(encoder, form)
    name = f"{type(decoder).__name__} behind {type(encoder).__name__}"
    with refusing(f"{name} does not write of an image alone; take a model that does"):
        writing = network if network.config.is_encoder_decoder else decoder  # BLIP's decoder writes by its own settings
        writing.generation_config = greedy(writing)
        write_of(network, tokenizer, {"pixel_values": pixels[:1], **form.options}, count=1)
    with refusing(f"{name} cannot be run on an image and its caption; take another model"):
        ids = _noise_ids(decoder, len(pixels))
        # Of one image: TrOCR's scores have the batch among the heads.
        result = probe(network, {"pixel_values": pixels[:1], ids_name: ids[:1], **form.options})
    if asked is None:
        stages = result.recorder.run({"pixel_values": pixels, ids_name: ids, **form.options}).stages
        if len(stages) != 3:
            raise CheckpointError(
                f"{name} does not look at the image by cross-attention, so nothing of it can be shown."
            )
        prefix = prefix_of(next(iter(stages.values())), form, encoder)
    else:
        prefix = asked.prefix
    return TransformersCaption(
        description,
        result,
        shape_of(folder, processor, encoder, form, prefix=prefix),
        tokenizer,
        ids_name=ids_name,
        max_tokens=num_positions_of(decoder, LONGEST),
        order=None if asked is None else asked.order,
    )


def _noise_ids(decoder: PreTrainedModel, count: int) -> Tensor:
    """Random tokens [count, LENGTH], none of them the one that pads, which some models do not look at."""
    config = decoder.config
    ids = torch.randint(0, config.vocab_size, (count, LENGTH), generator=torch.Generator().manual_seed(0))
    if (pad := config.pad_token_id) is not None:
        ids[ids == pad] = (pad + 1) % config.vocab_size
    return ids.to(decoder.device)
