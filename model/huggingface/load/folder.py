"""A model of transformers from a local folder: bounded, loaded, and recorded exactly or refused."""

from pathlib import Path
from typing import TypeAlias

import torch

from headlens.model.description import Description
from headlens.model.errors import CheckpointError
from headlens.model.huggingface.captions.load import load_captions
from headlens.model.huggingface.captions.model import TransformersCaption
from headlens.model.huggingface.load.adapter import OpenBase, read_adapter, refuse_base
from headlens.model.huggingface.load.facts import read_facts
from headlens.model.huggingface.load.network import LOADING, cast, text_class
from headlens.model.huggingface.load.revision import revision_of
from headlens.model.huggingface.multimodal.load import load_image_text
from headlens.model.huggingface.multimodal.model import TransformersImageText
from headlens.model.huggingface.sound.load import load_sound
from headlens.model.huggingface.sound.model import TransformersSound
from headlens.model.huggingface.text.load import load_text
from headlens.model.huggingface.text.model import TransformersText
from headlens.model.huggingface.vision.load import load_image
from headlens.model.huggingface.vision.model import TransformersImage

TransformersModel: TypeAlias = (
    TransformersText | TransformersImage | TransformersImageText | TransformersCaption | TransformersSound
)
UNADAPTED = {"caption": "writes captions", "sound": "hears sounds"}  # kinds that are not read with an adapter


def load_folder(
    folder: Path,
    name: str,
    device: torch.device,
    *,
    dtype: torch.dtype,
    description: Description | None = None,
    part: str | None = None,
    open_base: OpenBase = refuse_base,
) -> TransformersModel:
    """The model in a folder that save_pretrained wrote, ready to record.

    Args:
        folder: with config.json, safetensors and a tokenizer, image processor or feature extractor.
        name: to call it by.
        device: to run it on.
        dtype: to run it in.
        description: of it, where more is known than the folder says.
        part: "text" for the text tower of a model with two (CLIP, SigLIP), by default the one for images.
        open_base: finds the folder of an adapter's base.

    Raises CheckpointError for a folder without a model, one that is damaged or too large, or a model that cannot be
    recorded exactly.
    """
    adapter = read_adapter(folder)
    base = None if adapter is None else open_base(adapter)  # which may be a download: others load meanwhile
    with LOADING:
        return _load(folder, name, device, dtype=dtype, description=description, part=part, base=base)


def _load(
    folder: Path,
    name: str,
    device: torch.device,
    *,
    dtype: torch.dtype,
    description: Description | None,
    part: str | None,
    base: Path | None,
) -> TransformersModel:
    load_dtype = torch.float32 if dtype == torch.bfloat16 else dtype  # bfloat16 rounds by more than the probe lets pass
    facts = read_facts(folder, device, load_dtype, open_base=lambda _: base or folder)
    facts.check_memory(name)
    adapter, weights = facts.adapter, facts.weights
    if description is None:
        kind = "text" if part == "text" else facts.kind
        revision = revision_of(folder, None if adapter is None else weights)
        description = Description(name, facts.title(name), kind, "not stated", facts.licence, revision=revision)
    model: TransformersModel
    if facts.kind == "image" and part != "text":
        model = load_image(weights, facts.config, description, device=device, dtype=load_dtype, adapter=adapter)
    elif facts.kind in UNADAPTED and adapter is not None:
        raise CheckpointError(
            f"{name} is an adapter of a model that {UNADAPTED[facts.kind]}, to which none is applied here; merge it "
            "with merge_and_unload() of the peft library, save_pretrained into a new folder, and give that one."
        )
    elif facts.kind == "caption":
        model = load_captions(folder, facts.config, description, device=device, dtype=load_dtype)
    elif facts.kind == "sound":
        model = load_sound(folder, facts.config, description, device=device, dtype=load_dtype)
    elif facts.kind == "image-text":
        model = load_image_text(weights, facts.config, description, device=device, dtype=load_dtype, adapter=adapter)
    else:
        architecture = text_class(facts.config) if facts.kind == "image" else facts.architecture
        model = load_text(weights, architecture, description, device=device, dtype=load_dtype, adapter=adapter)
    if dtype != load_dtype:
        cast(model.network, dtype)
    return model
