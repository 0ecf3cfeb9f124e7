"""The network of a folder, by the class that fits: the whole model, or one tower of it."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from headlens.model.errors import CheckpointError
from headlens.model.huggingface.load.limits import read_json

transformers.utils.logging.disable_progress_bar()  # progress bars do not belong in a server's log
transformers.utils.logging.set_verbosity_error()

# While it loads, transformers switches off initialisation and tying in the whole process; two loads at once would leave
# them off.
LOADING = threading.RLock()
VOCABULARIES = ("tokenizer.json", "*vocab*", "*.model", "*.spm")  # names of the files of all families
MAX_TEMPLATE = 1_000_000  # bytes of a chat template; those of agents have some 20,000
UNUSED = re.compile(r"pooler|position_ids|mask_token")  # what no attention depends on, and checkpoints often lack


def architecture_of(config: dict[str, object]) -> str:
    """The class that a checkpoint was saved from, by its config.json; "" where that does not say."""
    names = config.get("architectures")
    return str(names[0]) if isinstance(names, list) and names else ""


def vision_class(config: dict[str, object]) -> str | None:
    """The class of the vision tower of a model with two, CLIP's "CLIPVisionModel"; None where there is none."""
    return _tower(config, "VisionModel")


def text_class(config: dict[str, object]) -> str | None:
    """The class of the text tower, CLIP's "CLIPTextModel"; None where there is none."""
    return _tower(config, "TextModel")


def _tower(config: dict[str, object], kind: str) -> str | None:
    try:
        whole = type(AutoConfig.for_model(config["model_type"])).__name__
    except (ValueError, KeyError):
        return None
    name = whole.removesuffix("Config") + kind
    return name if hasattr(transformers, name) else None


def load_network(folder: Path, architecture: str | None, dtype: torch.dtype) -> PreTrainedModel:
    """A network with all its weights, in eval mode.

    Args:
        folder: with config.json and safetensors.
        architecture: a class of transformers; None or an unknown one: the bare model of the configuration.
        dtype: of the weights.

    Raises CheckpointError for what cannot be loaded, or lacks weights.
    """
    candidate: Any = getattr(transformers, architecture or "", None)
    is_known = isinstance(candidate, type) and issubclass(candidate, PreTrainedModel)
    network_class = candidate if is_known else AutoModel
    tower = re.search(r"(Vision|Text)Model$", architecture or "")
    inside = {rf"^{tower[1].lower()}_model\.": ""} if tower else None  # where a whole model's checkpoint has a tower
    kernels = {"attn_implementation": "eager"} if _names_kernel(read_json(folder / "config.json")) else {}
    for mapping in (None, inside) if inside else (None,):
        with refusing(f"transformers cannot load {folder.name!r}; save the model again with save_pretrained"):
            network, loading = network_class.from_pretrained(
                folder,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=dtype,
                output_loading_info=True,
                key_mapping=mapping,
                **kernels,
            )
        missing = sorted(key for key in loading["missing_keys"] if not UNUSED.search(key))
        if not missing:
            break
    if missing:  # transformers would make them up
        raise CheckpointError(
            f"The weights in {folder.name!r} lack {missing[0]} and {len(missing) - 1} others; save the whole model "
            "again with save_pretrained."
        )
    return network.eval().requires_grad_(False)


def _names_kernel(config: object) -> bool:
    """Whether a configuration, or a part of it, asks for a way to compute attention, which may need what is not here.

    Headlens chooses by itself.
    """
    if not isinstance(config, dict):
        return False
    return any(name.endswith("attn_implementation") or _names_kernel(value) for name, value in config.items())


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The folder's tokenizer, where it is one of the tokenizers library. Raises CheckpointError."""
    tokenizer = open_tokenizer(folder)
    if getattr(tokenizer, "backend_tokenizer", None) is None:
        raise CheckpointError(
            f"{type(tokenizer).__name__}, the tokenizer in {folder.name!r}, works without a tokenizer.json, by which "
            "texts are read here; take a model with another one."
        )
    return tokenizer


def open_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The folder's tokenizer, as transformers wraps it. Raises CheckpointError."""
    missing = CheckpointError(
        f"There is no tokenizer in {folder.name!r}; save the model's own there, with tokenizer.save_pretrained(folder)."
    )
    has_vocabulary = any(path for pattern in VOCABULARIES for path in folder.glob(pattern))
    if not has_vocabulary and not (folder / "tokenizer_config.json").is_file():
        raise missing  # transformers would make up a vocabulary of special tokens
    for path in (*folder.glob("*.jinja"), *folder.glob("*/*.jinja")):
        if path.stat().st_size > MAX_TEMPLATE:
            raise CheckpointError(
                f"The chat template {path.name!r} is larger than a megabyte; take it out of the folder."
            )
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # a folder may hold anything
        damaged = CheckpointError(
            f"The tokenizer in {folder.name!r} cannot be loaded; save it again with tokenizer.save_pretrained(folder)."
        )
        raise (damaged if has_vocabulary else missing) from error
    if not has_vocabulary and getattr(tokenizer, "backend_tokenizer", None) is not None:  # others may need no file
        raise missing
    return tokenizer


def cast(network: PreTrainedModel, dtype: torch.dtype) -> None:
    """Weights to a number format, in place; buffers, such as rotary frequencies, keep theirs."""
    for parameter in network.parameters():
        parameter.data = parameter.data.to(dtype)
    for part in network.modules():
        if isinstance(part, PreTrainedModel):
            part.config.dtype = dtype  # as from_pretrained would have it


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Raises CheckpointError for whatever is raised in the context: what, as a sentence; its cause is the detail."""
    try:
        yield
    except CheckpointError:
        raise
    except Exception as error:  # a folder may hold anything, and transformers and somebody's model raise anything
        raise CheckpointError(f"{what}.") from error
