"""Headlens without the page: load a model, record a text or an image, ask for any weight.

Nothing heavy is imported before it is used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from model.checkpoints.catalogue import Checkpoint
    from model.loaded import load_model
    from model.recording import Recording

__all__ = ["Recording", "list_models", "load_model"]


def list_models() -> "dict[str, Checkpoint]":
    """The catalogue: name -> what it is, who made it, its licence, where its files come from."""
    from model.checkpoints.catalogue import CATALOGUE

    return dict(CATALOGUE)


def __getattr__(name: str) -> Any:
    if name == "load_model":
        from model.loaded import load_model

        return load_model
    if name == "Recording":
        from model.recording import Recording

        return Recording
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
