"""What is given on the command line, as single inputs: texts, pairs of texts, photos, sounds."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from headlens.model.errors import InputError
from headlens.viz.cli.tables import lines_of, rows_of

# Of what model/inputs/image_file.py reads; another file of a folder is no photo.
PHOTOS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif")
SOUNDS = (".wav", ".flac")  # of model/inputs/sound_file.py


class Item(NamedTuple):
    """One input."""

    content: str | tuple[str, str] | Path  # a text, a pair of texts, the path of a photo or a sound
    name: str  # what to call it in a message: the text itself, its place in a file, the path


def collect(given: Sequence[str], files: Sequence[Path], columns: Sequence[str]) -> list[Item]:
    """All inputs, in their order.

    Args:
        given: each a text; `@path`, a text file of one a line; `-`, the same on standard input; a photo or a sound; a
            folder of them; with columns the path of a CSV. `@@…` is a text that begins with @.
        files: text files of one a line, or CSVs where there are columns.
        columns: of a CSV; two make pairs.

    Raises InputError for what cannot be read, and where there is nothing.
    """
    if len(columns) > 2:
        raise InputError("Give one --column, or two for pairs of texts.")
    items = [item for each in given for item in _items(each, columns)]
    items += [item for path in files for item in _table(path, columns)]
    if not items:
        raise InputError(
            "There is no input; give a text, @file.txt, -, a CSV with --column, a photo or sound, or a folder of them."
        )
    return items


def _items(given: str, columns: Sequence[str]) -> Iterator[Item]:
    if given == "-":
        return _table(None, columns)
    if given.startswith("@@"):
        return iter([_text(given[1:])])
    if given.startswith("@"):
        return _table(Path(given[1:]), columns)
    if os.path.isdir(given):  # a long text is no path, and Path.is_dir raises
        return _files(Path(given))
    if columns:
        return _table(Path(given), columns)
    if not os.path.isfile(given):
        if " " not in given and given.lower().endswith((*PHOTOS, *SOUNDS, ".csv", ".txt", ".safetensors")):
            raise InputError(
                f"There is no file {given!r:.80}; a text that looks like one is given with @file.txt or -."
            )
        return iter([_text(given)])
    if given.lower().endswith((*PHOTOS, *SOUNDS)):
        return iter([Item(Path(given), given)])
    raise InputError(
        f"{given!r:.80} is a file and no photo or sound; write @{given:.80} for a text on each line, or add --column "
        "for a CSV."
    )


def _text(text: str) -> Item:
    return Item(text, text)


def _table(path: Path | None, columns: Sequence[str]) -> Iterator[Item]:
    """The texts of a file, of standard input where there is no path."""
    where = "standard input" if path is None else str(path)
    data = _bytes_of(path, where)
    if columns:
        for number, texts in rows_of(data, columns, where=where):
            yield Item(texts[0] if len(texts) == 1 else (texts[0], texts[1]), f"{where}, row {number}")
        return
    if path is not None and path.suffix.lower() == ".csv":
        raise InputError(f"{where!r:.80} is a CSV; say with --column which of its columns holds the texts.")
    for line_number, line in lines_of(data, where=where):
        yield Item(line, f"{where}, line {line_number}")


def _bytes_of(path: Path | None, where: str) -> bytes:
    if path is None:
        return sys.stdin.buffer.read()
    if not os.path.isfile(path):
        raise InputError(f"There is no file {where!r:.80}; give the path of one.")
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{where!r:.80} cannot be read ({error.strerror}); give another file.") from error


def _files(folder: Path) -> Iterator[Item]:
    """By name; hidden files and other folders in it are left out."""
    try:
        paths = sorted(
            path for path in folder.iterdir() if path.suffix.lower() in (*PHOTOS, *SOUNDS) and path.is_file()
        )
    except OSError as error:
        raise InputError(f"The folder {str(folder)!r} cannot be read ({error.strerror}); give another.") from error
    paths = [path for path in paths if not path.name.startswith(".")]
    if not paths:
        raise InputError(
            f"There is no photo or sound in the folder {str(folder)!r}; these end with {', '.join((*PHOTOS, *SOUNDS))}."
        )
    return iter([Item(path, str(path)) for path in paths])
