"""Which folders of the machine visitors may open models from."""

import os
from pathlib import Path

from headlens.model.errors import InputError

FOLDERS = "HEADLENS_FOLDERS"


def allowed_folders() -> list[Path]:
    """FOLDERS, separated as PATH is; by default the working folder and the user's cache."""
    text = os.environ.get(FOLDERS)
    if text is not None:
        return [Path(part).expanduser().resolve() for part in text.split(os.pathsep) if part]
    return [Path.cwd(), (Path.home() / ".cache").resolve()]


def open_folder(name: str, wanted: str = "one that save_pretrained wrote") -> Path:
    """The folder, resolved; wanted says which kind of folder it should be.

    Raises InputError for one that is not there, or lies or leads outside the allowed ones.
    """
    bounds = allowed_folders()
    refused = InputError(f"That folder is not one of those that may be opened; {FOLDERS} says which may.")
    try:
        folder = Path(name).expanduser().resolve()
        inside = any(folder.is_relative_to(bound) for bound in bounds)
        if not inside:
            raise refused  # whether it is there is nobody's business
        if not folder.is_dir():
            raise InputError(f"There is no such folder; give {wanted}.")
        inside_too = folder.glob("*/*") if (folder / "modules.json").is_file() else ()  # of sentence-transformers
        links = [path.resolve() for path in (*folder.iterdir(), *inside_too) if path.is_symlink()]
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"There is no such folder; give {wanted}.") from error
    if not all(any(link.is_relative_to(bound) for bound in bounds) for link in links):
        raise refused
    return folder
