"""From a name to a model that is ready to record."""

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from headlens.model.device import pick_device, pick_dtype
from headlens.model.errors import InputError
from headlens.model.pretrained.registry import CATALOGUE
from headlens.model.protocol import Model

if TYPE_CHECKING:
    from headlens.model.huggingface.load.adapter import Adapter

HUB_ID = re.compile(r"[\w][\w.-]{0,95}/[\w.-]{1,96}", re.ASCII)


def load_model(name: str, device: str = "auto", dtype: str = "float32", *, part: str | None = None) -> Model:
    """A model, ready to record.

    Args:
        name: one of `list_models()`, a folder that transformers' save_pretrained wrote, or an id of the Hugging Face
            Hub, "organisation/name", which is downloaded unless it is in the cache. Of an adapter of the peft library,
            so is its base, and the two are merged.
        device: "auto" (cuda, else mps, else cpu), or one of these by name.
        dtype: "float32", on a GPU also "bfloat16", for checking also "float64".
        part: "text" for the text tower of a model with two (CLIP, SigLIP); by default the one for images is loaded.

    Raises:
        ValueError: for a name that is none of these.
        CheckpointError: for weights that are missing, damaged or too large, with what fixes them; for a model that
            cannot be recorded exactly.
        DeviceError: for a device or a dtype that this machine does not have.
    """
    torch_device = pick_device(device)
    torch_dtype = pick_dtype(dtype, torch_device)
    checkpoint = CATALOGUE.get(name) if isinstance(name, str) else None
    if checkpoint is not None:
        return checkpoint.loader(checkpoint, torch_device, torch_dtype)
    folder = _folder_of(name)
    from headlens.model.huggingface.load.folder import load_folder  # transformers takes seconds to import

    return load_folder(folder, str(name), torch_device, dtype=torch_dtype, part=part, open_base=open_base)


def open_base(adapter: "Adapter", weights: bool = True) -> Path:
    """The folder of an adapter's base: on this machine, or downloaded as `load_model` downloads; weights: these too.

    Raises CheckpointError.
    """
    from headlens.model.huggingface.load.adapter import check_revision, local_base, no_base
    from headlens.model.huggingface.load.hub import download

    if (folder := local_base(adapter, _any_folder)) is not None:
        return folder
    if HUB_ID.fullmatch(adapter.base) is None:
        raise no_base(adapter)
    check_revision(adapter)
    return download(adapter.base, weights=weights)


def _any_folder(name: str) -> Path:
    """Raises InputError for what is no folder."""
    with suppress(OSError, ValueError):  # of a name that is too long, or has a zero byte
        if Path(name).is_dir():
            return Path(name)
    raise InputError("There is no such folder; give one that save_pretrained wrote.")


def _folder_of(name: str) -> Path:
    """The folder that a name means, downloaded where it is an id of the Hub. Raises ValueError for another name."""
    if isinstance(name, str | Path) and str(name).strip() and Path(name).is_dir():
        return Path(name)
    if isinstance(name, str) and HUB_ID.fullmatch(name):
        from headlens.model.huggingface.load.hub import download

        return download(name)
    raise ValueError(
        f"There is no model {name!r}; give one of {', '.join(CATALOGUE)}, a folder, or an id of the Hugging Face Hub."
    )
