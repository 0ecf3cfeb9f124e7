"""The bundled checkpoints: one module each in `bundled`, where they are found."""

import importlib
import pkgutil

from headlens.model.pretrained import bundled
from headlens.model.pretrained.checkpoint import Checkpoint


def _find() -> dict[str, Checkpoint]:
    names = [module.name for module in pkgutil.iter_modules(bundled.__path__)]
    modules = [importlib.import_module(f"{bundled.__name__}.{name}") for name in names]
    checkpoints: list[Checkpoint] = sorted((module.CHECKPOINT for module in modules), key=lambda each: each.rank)
    return {checkpoint.name: checkpoint for checkpoint in checkpoints}


CATALOGUE = _find()


def default_for(kinds: tuple[str, ...]) -> Checkpoint:
    """The model that a page of these kinds starts with. Raises LookupError where there is none."""
    for checkpoint in CATALOGUE.values():
        if checkpoint.kind in kinds:
            return checkpoint
    raise LookupError(f"No bundled model is of the kinds {', '.join(kinds)}.")


def loading_note(name: str) -> str:
    """What is said while a model loads, of the catalogue or not."""
    return CATALOGUE[name].loading_note if name in CATALOGUE else Checkpoint.loading_note
