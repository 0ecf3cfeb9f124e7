"""Which weights a folder holds, in a few characters."""

import hashlib
import re
from pathlib import Path

from headlens.model.description import SHORT

MAX_BYTES = 2_000_000_000  # of weights that are read once more for it: a second or two


def revision_of(folder: Path, base: Path | None = None) -> str:
    """Which weights: of an adapter, those of its base too; "" where either is not known."""
    if base is None:
        return _revision(folder)
    own, of_base = _revision(folder), _revision(base)
    return f"{own} on {of_base}" if own and of_base else ""


def _revision(folder: Path) -> str:
    """The Hub's commit, where the folder is of its cache; else the sha256 of the weights, in the order of their names;
    "" where they take long to read."""
    if folder.parent.name == "snapshots" and re.fullmatch(r"[0-9a-f]{40}", folder.name):
        return f"commit {folder.name[:SHORT]}"
    files = sorted(folder.glob("*.safetensors"))
    if not files or sum(file.stat().st_size for file in files) > MAX_BYTES:
        return ""
    whole = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while part := file.read(1 << 20):
                whole.update(part)
    return f"sha256 {whole.hexdigest()[:SHORT]}"
