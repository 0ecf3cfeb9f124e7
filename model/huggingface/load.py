"""A model of transformers from a local folder: bounded, loaded, and recorded exactly or refused."""

from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedModel

from model.errors import CheckpointError
from model.huggingface.bounds import read_config, stored_bytes
from model.huggingface.probe import Probed, probe
from model.huggingface.text import TransformersText, num_positions_of, probe_inputs

ROOM = 1.5  # a model may take so much more memory than its weights do on disk, times the wider number format


def load_text(folder: Path, dtype: torch.dtype) -> tuple[TransformersText, Tokenizer, Probed]:
    """A text model with its tokenizer. Raises CheckpointError."""
    config = read_config(folder)
    network = _load(folder, config, dtype)
    tokenizer = _tokenizer(folder)
    limit = tokenizer.model_max_length
    num_positions = num_positions_of(network, int(limit) if limit < 10**9 else 10**9)
    inputs, real = probe_inputs(network, num_positions)
    probed = probe(network, inputs, real)
    return TransformersText(probed.recorder, num_positions), tokenizer.backend_tokenizer, probed


def _load(folder: Path, config: dict[str, Any], dtype: torch.dtype) -> PreTrainedModel:
    stored = stored_bytes(folder)
    loader = _architecture(config)
    try:
        parsed = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        with torch.device("meta"):
            asked = sum(p.numel() * p.element_size() for p in AutoModel.from_config(parsed).parameters())
        if asked > 4 * ROOM * stored:  # float32 of what may be stored in bytes
            raise CheckpointError(
                f"The config.json in {folder.name!r} asks for {asked:,} bytes of weights, but {stored:,} are there."
            )
        network = loader.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=dtype
        )
    except CheckpointError:
        raise
    except Exception as error:  # a folder may hold anything, and transformers raises anything
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"transformers cannot load {folder.name!r}: {reason}") from error
    return network.eval()


def _architecture(config: dict[str, Any]) -> Any:
    """The class that the checkpoint was saved from, head and all, else the bare model."""
    names = config.get("architectures")
    named = getattr(transformers, str(names[0]), None) if isinstance(names, list) and names else None
    return named if isinstance(named, type) and issubclass(named, PreTrainedModel) else AutoModel


def _tokenizer(folder: Path) -> Any:
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"The tokenizer in {folder.name!r} cannot be loaded: {reason}") from error
    if getattr(tokenizer, "backend_tokenizer", None) is None:
        raise CheckpointError(f"The tokenizer in {folder.name!r} has no tokenizer.json, which is read here; save one.")
    return tokenizer
