"""Models by name: of the catalogue, of an allowed folder, or of the Hugging Face Hub."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from headlens.model import load_model
from headlens.model.errors import CheckpointError, InputError
from headlens.model.load import HUB_ID
from headlens.model.pretrained.registry import CATALOGUE
from headlens.model.progress import OnBytes
from headlens.model.protocol import Model
from headlens.model.runtime.folders import open_folder

if TYPE_CHECKING:
    from headlens.model.huggingface.load.adapter import Adapter

LOOK_AGAIN = 0.3  # seconds between two looks at a download


def is_hub(name: str) -> bool:
    """Whether a name is meant as an id of the Hub: a folder of that name comes first."""
    try:
        open_folder(name)
    except InputError:
        return HUB_ID.fullmatch(name) is not None
    return False


def downloads(name: str) -> bool:
    """Whether something of the Hub is needed for a name: itself, or an adapter's base that is not on this machine."""
    if name in CATALOGUE or is_hub(name):
        return name not in CATALOGUE
    adapter = _adapter_in(open_folder(name))
    return adapter is not None and _local_base(adapter) is None


def identity(name: str) -> str:
    """The name, and for a folder when it was last written: another checkpoint in it is another model.

    So it is for the folder of an adapter's base. Raises InputError for a folder that may not be opened.
    """
    if name in CATALOGUE or is_hub(name):
        return name
    folder = open_folder(name)
    adapter = _adapter_in(folder)
    base = None if adapter is None else _local_base(adapter)
    return "|".join([name, *(str(_written(each)) for each in (folder, base) if each is not None)])


def _written(folder: Path) -> int:
    """When something in a folder was written last, in nanoseconds."""
    return max((path.stat().st_mtime_ns for path in folder.iterdir()), default=0)


def _adapter_in(folder: Path) -> "Adapter | None":
    """The adapter in a folder, where it can be applied; why one cannot be is said when it is loaded."""
    if not (folder / "adapter_config.json").is_file():
        return None
    from headlens.model.huggingface.load.adapter import read_adapter  # it takes seconds

    try:
        return read_adapter(folder)
    except CheckpointError:
        return None


def _local_base(adapter: "Adapter") -> Path | None:
    from headlens.model.huggingface.load.adapter import local_base  # it takes seconds

    return local_base(adapter, open_folder)


def open_base(adapter: "Adapter", on_bytes: OnBytes, weights: bool = True) -> Path:
    """The folder of an adapter's base: one that a visitor may open, or downloaded; arguments as of `fetch`.

    Raises CheckpointError.
    """
    from headlens.model.huggingface.load.adapter import check_revision, no_base  # it takes seconds

    if (folder := _local_base(adapter)) is not None:
        return folder
    if HUB_ID.fullmatch(adapter.base) is None:
        raise no_base(adapter)
    check_revision(adapter)
    return fetch(adapter.base, on_bytes, weights)


def load(name: str, device: torch.device, on_bytes: OnBytes) -> Model:
    """A model, where a visitor may open it. Raises InputError, CheckpointError.

    What is loaded is what was allowed: the folder that a name was resolved to, or the one that was downloaded.
    """
    if name in CATALOGUE:
        return load_model(name, str(device))
    from headlens.model.huggingface.load.folder import load_folder  # it takes seconds

    folder = fetch(name, on_bytes) if is_hub(name) else open_folder(name)
    return load_folder(
        folder, name, device, dtype=torch.float32, open_base=lambda adapter: open_base(adapter, on_bytes)
    )


def fetch(name: str, on_bytes: OnBytes, weights: bool = True) -> Path:
    """Download a model from the Hub: its folder in the Hub's cache.

    Args:
        name: "organisation/name".
        on_bytes: called in this thread every LOOK_AGAIN seconds; what it raises stops the download.
        weights: also the weights; without them only the configuration and the tokenizer.

    Raises CheckpointError.
    """
    from headlens.model.huggingface.load.hub import download  # it takes a second

    progress, stopped = (0, 0), threading.Event()
    results = list[Path | CheckpointError]()

    def note(now: int, total: int) -> None:
        nonlocal progress
        progress = now, total
        if stopped.is_set():
            raise InterruptedError

    def work() -> None:
        try:
            results.append(download(name, note, weights))
        except CheckpointError as error:
            results.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            on_bytes(*progress)
            thread.join(LOOK_AGAIN)
    finally:
        stopped.set()
    if isinstance(results[0], CheckpointError):
        raise results[0]
    return results[0]
