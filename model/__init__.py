"""Headlens without the page: load a model, record a text or an image, ask for any weight.

Nothing heavy is imported before it is used.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headlens.model.comparison.comparison import compare
    from headlens.model.inputs.text import Chat
    from headlens.model.load import load_model
    from headlens.model.pretrained.checkpoint import Checkpoint
    from headlens.model.recording.recording import Recording

    __version__: str

__all__ = ["Chat", "Recording", "__version__", "compare", "list_models", "load_model"]


def list_models() -> "dict[str, Checkpoint]":
    """The catalogue: name -> what it is, who made it, its licence, where its files come from."""
    from headlens.model.pretrained.registry import CATALOGUE

    return dict(CATALOGUE)


def __getattr__(name: str) -> object:
    if name == "load_model":
        from headlens.model.load import load_model

        return load_model
    if name == "compare":
        from headlens.model.comparison.comparison import compare

        return compare
    if name == "Chat":
        from headlens.model.inputs.text import Chat

        return Chat
    if name == "Recording":
        from headlens.model.recording.recording import Recording

        return Recording
    if name == "__version__":
        from importlib import metadata

        try:
            return metadata.version("headlens")
        except metadata.PackageNotFoundError:  # a checkout that runs without being installed
            return "0+checkout"
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
