"""Models by name: of the catalogue, of an allowed folder, or of the Hugging Face Hub."""

import threading
from pathlib import Path

import torch

from headlens.model import load_model
from headlens.model.errors import CheckpointError, InputError
from headlens.model.load import HUB_ID
from headlens.model.pretrained.registry import CATALOGUE
from headlens.model.progress import OnBytes
from headlens.model.protocol import Model
from headlens.model.runtime.folders import open_folder

LOOK_AGAIN = 0.3  # seconds between two looks at a download


def is_hub(name: str) -> bool:
    """Whether a name is meant as an id of the Hub: a folder of that name comes first."""
    try:
        open_folder(name)
    except InputError:
        return HUB_ID.fullmatch(name) is not None
    return False


def identity(name: str) -> str:
    """The name, and for a folder when it was last written: another checkpoint in it is another model.

    Raises InputError for a folder that may not be opened.
    """
    if name in CATALOGUE or is_hub(name):
        return name
    folder = open_folder(name)
    return f"{name}|{max((path.stat().st_mtime_ns for path in folder.iterdir()), default=0)}"


def load(name: str, device: torch.device, on_bytes: OnBytes) -> Model:
    """A model, where a visitor may open it. Raises InputError, CheckpointError.

    What is loaded is what was allowed: the folder that a name was resolved to, or the one that was downloaded.
    """
    if name in CATALOGUE:
        return load_model(name, str(device))
    from headlens.model.huggingface.load.folder import load_folder  # it takes seconds

    folder = fetch(name, on_bytes) if is_hub(name) else open_folder(name)
    return load_folder(folder, name, device, dtype=torch.float32)


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
