"""Files that appear whole or not at all: whoever opens one never finds half of it, whatever stopped its writing."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PART = ".headlens-*.part"


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """The path of a temporary file in the same folder, to be written inside the context; then it takes the place.

    It is removed where anything is raised, KeyboardInterrupt too, and what was there before stays. What a link leads to
    is replaced, not the link. Raises OSError, also for what is there and is no file: a device would be replaced.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        raise OSError(errno.EEXIST, "it is there and is no file")
    part = path.with_name(PART.replace("*", secrets.token_hex(8)))  # whatever the length of the name itself
    try:
        part.touch(exist_ok=False)
        mode = stat.S_IMODE((path if path.exists() else part).stat().st_mode)
        yield part
        part.chmod(mode)  # safetensors puts a file of its own there, which nobody else may read
        os.replace(part, path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def remove_parts(folder: Path, before: float) -> None:
    """Remove the temporary files that were left in a folder where a writing was killed.

    Those written to since a time, in seconds as `time.time` gives them, may be of a writing that goes on, and stay.
    """
    for part in folder.glob(PART):
        with suppress(OSError):
            if part.stat().st_mtime < before:
                part.unlink()
