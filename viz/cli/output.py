"""What a command prints and writes."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import typer

from headlens.model.errors import InputError
from headlens.viz.cli.failed import RunFailedError


def check_ending(path: Path, *endings: str) -> str:
    """How the name of a file to write ends, in small letters. Raises InputError where it is none of the endings."""
    ending = path.suffix.lower()
    if ending not in endings:
        raise InputError(f"{path.name!r} should end with {' or '.join(endings)}, which says what to write.")
    if not path.parent.is_dir():
        raise InputError(
            f"There is no folder {str(path.parent)!r} to write {path.name!r} to; make it, or take another."
        )
    return ending


def write_out(path: Path, data: bytes | str) -> None:
    """Write a file, whole or not at all. Raises RunFailedError."""
    from headlens.viz.export.files import write_whole

    try:
        write_whole(path, data.encode() if isinstance(data, str) else data)
    except OSError as error:
        raise RunFailedError(
            f"{path.name!r} could not be written ({error.strerror}); choose another folder."
        ) from error


def print_json(value: Mapping[str, object] | Sequence[object]) -> None:
    """On one line of standard output, in ASCII: a name of a file may have bytes that are no text."""
    typer.echo(json.dumps(value))


def finite(value: float) -> float | None:
    """The number; None for those that JSON has no sign for."""
    return value if math.isfinite(value) else None


def print_table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as they have to be, the last one as it is."""
    lines = [tuple(heading), *map(tuple, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heading) - 1)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths)]
        typer.echo("  ".join([*cells, line[-1]]).rstrip())


def number(value: float) -> str:
    """With nine digits, which tell every float32 from all others."""
    return f"{value:.9g}"
