"""What a folder says of its model, before it is loaded: its kind, its size, and the memory that it needs."""

import re
from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch
import transformers
from transformers import AutoConfig, AutoModel, AutoModelForImageTextToText, PretrainedConfig
from transformers.initialization import no_init_weights

from headlens.model.device import free_memory
from headlens.model.errors import CheckpointError
from headlens.model.huggingface.load.adapter import Adapter, OpenBase, folder_with, read_adapter, refuse_base
from headlens.model.huggingface.load.limits import MAX_LAYERS, read_config, stored_bytes
from headlens.model.huggingface.load.network import LOADING, architecture_of, refusing

OTHER_INPUTS = {  # of a network's forward, and what they are
    "pixel_values_videos": "video",
    "past_values": "series of numbers",
}
SOUND = ("input_features", "input_values")  # so are those that read sounds called
ROOM = 1.5  # factor of memory over the weights' size on disk, beside that of a wider number format


@dataclass(frozen=True)
class Facts:
    """What a folder says of its model, before it is loaded."""

    config: dict[str, object]  # its config.json
    kind: str  # "text", "characters", "causal", "sequence", "image", "image-text", "caption" or "sound"
    architecture: str  # the class that it was saved from
    parameters: int
    layers: int
    heads: int
    needed: int  # bytes of memory
    free: int  # bytes of memory
    device: torch.device  # that the memory is of
    licence: str  # "not stated" where the folder does not say it
    weights: Path  # the folder that holds them: of an adapter, its base's
    adapter: Adapter | None  # to be merged into them

    def title(self, name: str) -> str:
        """What a model that is so called is: of an adapter, with the name of its base."""
        return name if self.adapter is None else f"{name}, an adapter of {self.adapter.base_name}"

    def check_memory(self, name: str) -> None:
        """Raises CheckpointError where the model, so called, needs more than is free."""
        if self.needed > self.free:
            raise CheckpointError(
                f"{name} needs {self.needed / 1e9:.1f} GB of memory, but {self.free / 1e9:.1f} GB are free on "
                f"{self.device}; take a smaller model."
            )


def read_facts(
    folder: Path,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
    *,
    stored: bool = True,
    open_base: OpenBase = refuse_base,
) -> Facts:
    """What a folder would load, and the memory that it needs.

    Args:
        folder: of a model, or of an adapter.
        device: whose memory it is.
        dtype: of the weights in memory.
        stored: whether the weights are there already.
        open_base: finds the folder of an adapter's base.

    Raises CheckpointError for a folder that holds no model; for an adapter also what open_base raises.
    """
    adapter = read_adapter(folder)
    weights = folder if adapter is None else open_base(adapter)
    values = read_config(weights)
    config = _config(weights, values)
    if adapter is not None:
        values, config = _adapted(adapter, values, config, weights)
    architecture = architecture_of(values) or str(values["model_type"])
    if (reads := _reads_otherwise(config)) is not None:
        raise CheckpointError(
            f"{architecture} reads {reads}, which is not shown here; take a model of texts, images or sounds."
        )
    kind = _kind(config, architecture)
    part = config.vision_config if kind == "image" and hasattr(config, "vision_config") else config
    part = part if kind == "image" else part.get_text_config()
    layers, heads = (_largest(getattr(part, f"num_{what}", 0)) for what in ("hidden_layers", "attention_heads"))
    if not (0 <= layers <= MAX_LAYERS and 0 <= heads <= MAX_LAYERS):
        raise CheckpointError(
            f"The config.json in {folder.name!r} says {layers:,} layers of {heads:,} heads, which no model has."
        )
    parameters = _parameters(weights, config, kind, stored_bytes(weights) if stored else None)
    added = sum(map(prod, adapter.shapes.values())) if adapter is not None and stored else 0
    return Facts(
        config=values,
        kind=kind,
        architecture=architecture,
        parameters=parameters,
        layers=layers,
        heads=heads,
        needed=(parameters + added) * dtype.itemsize,
        free=free_memory(device),
        device=device,
        licence=_licence(folder),
        weights=weights,
        adapter=adapter,
    )


def _adapted(
    adapter: Adapter, values: dict[str, object], config: PretrainedConfig, base: Path
) -> tuple[dict[str, object], PretrainedConfig]:
    """The configuration of the adapted model, of its base's. Raises CheckpointError."""
    if "quantization_config" in values:
        raise CheckpointError(
            f"The base of {adapter.folder.name!r} is quantised, and nothing can be merged into such weights; put the "
            f"base in full precision beside it, under the name {adapter.last!r:.60}."
        )
    own = folder_with(("config.json",), base, adapter)
    if own != base:
        family, values = values["model_type"], read_config(own, of_adapter=True)
        config = _config(own, values)
        if values["model_type"] != family:
            raise CheckpointError(
                f"The config.json in {own.name!r} is of {values['model_type']!r:.40}, but its base is {family!r:.40}; "
                "give the base that it was trained on."
            )
    return {**values, "architectures": [adapter.architecture(config, architecture_of(values))]}, config


def _config(folder: Path, values: dict[str, object]) -> PretrainedConfig:
    """By transformers, of a folder whose config.json has these values. Raises CheckpointError."""
    what = f"transformers cannot read the config.json in {folder.name!r}; save the model again with save_pretrained"
    if "auto_map" in values:
        what = (
            f"The model in {folder.name!r} needs code that comes with it, which is not run here; take a copy that "
            "transformers reads by itself, such as those of florence-community for Florence-2"
        )
    with refusing(what):
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        config.get_text_config()  # some have several, and raise
    return config


def _reads_otherwise(config: PretrainedConfig) -> str | None:
    """What a model reads, if that is neither a text nor an image of pixels."""
    network = transformers.MODEL_MAPPING.get(type(config), None)
    if config.model_type == "pix2struct":
        return "an image in flattened patches, with their places among the pixels"
    if config.model_type == "speech-encoder-decoder":
        return "sound and writes a text of it in a decoder of its own"
    if type(config) in transformers.MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING:
        return "video"
    return OTHER_INPUTS.get(getattr(network, "main_input_name", ""))


def _kind(config: PretrainedConfig, architecture: str) -> str:
    writes_of_images = config.model_type in ("vision-encoder-decoder", "florence2")
    if writes_of_images or architecture == "BlipForConditionalGeneration":
        return "caption"
    if config.model_type == "canine":
        return "characters"
    network = transformers.MODEL_MAPPING.get(type(config), None)
    if getattr(network, "main_input_name", "") in SOUND:
        return "sound"
    if config.is_encoder_decoder is True:
        return "sequence"
    if hasattr(config, "vision_config") and hasattr(config, "text_config"):
        return (
            "image-text" if getattr(config, "image_token_id", getattr(config, "image_token_index", None)) else "image"
        )
    if getattr(network, "main_input_name", "") == "pixel_values":  # BEiT too, whose vocabulary is of pictures
        return "image"
    causal = type(config) in transformers.MODEL_FOR_CAUSAL_LM_MAPPING
    writes = "CausalLM" in architecture or "LMHead" in architecture
    return "causal" if causal and writes and type(config) not in transformers.MODEL_FOR_MASKED_LM_MAPPING else "text"


def _parameters(folder: Path, config: PretrainedConfig, kind: str, stored: int | None) -> int:
    """How many there would be; no more than the bytes that are stored could hold."""
    cannot = refusing(
        f"transformers cannot build the model in {folder.name!r}; save the model again with save_pretrained"
    )
    auto_class = AutoModelForImageTextToText if kind == "caption" else AutoModel
    with cannot:
        with LOADING, torch.device("meta"), no_init_weights():
            network = auto_class.from_config(config, attn_implementation="eager")  # whatever kernel it names
        network.tie_weights()  # of words that are read and written, to be counted once
    parameters: int = sum(weights.numel() for weights in network.parameters())
    if stored is not None and parameters > 4 * ROOM * stored:  # stored in as little as a byte each
        raise CheckpointError(
            f"The config.json in {folder.name!r} asks for {parameters:,} parameters, but {stored:,} bytes are there."
        )
    return parameters


def _largest(value: object) -> int:
    """A number of a configuration; of a list, one for each part of the model, the largest."""
    numbers = value if isinstance(value, list | tuple) else [value]
    return max((number for number in numbers if isinstance(number, int)), default=0)


def _licence(folder: Path) -> str:
    """As the model card's front matter says it."""
    card = folder / "README.md"
    text = card.read_bytes()[:20_000].decode("utf-8", "replace") if card.is_file() else ""
    match = re.search(r"\A---\s.*?^license:\s*([\w.-]{1,40})\s*$", text, re.DOTALL | re.MULTILINE)
    return match[1] if match else "not stated"
