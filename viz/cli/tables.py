"""Texts in a file: one a line, or a column of a CSV."""

import csv
import io
from collections.abc import Iterator, Sequence

from headlens.model.errors import InputError

LONGEST = 10_000_000  # characters of a cell, so that a quote that is never closed ends; longer texts are refused anyway
DELIMITERS = ",;\t"  # a sheet is saved with ";" where numbers have decimal commas


def lines_of(data: bytes, *, where: str) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, numbered from 1. Raises InputError for what is no text."""
    lines = _decoded(data, where).split("\n")  # not at form feeds and such, which stand inside of texts
    return ((number, line.strip()) for number, line in enumerate(lines, 1) if line.strip())


def rows_of(data: bytes, columns: Sequence[str], *, where: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The cells of each row in some columns, by the names in the first row. Rows are numbered from 1, without it.

    A cell that is missing or empty is an empty text. Raises InputError for what is no CSV, or has no such column.
    """
    text = _decoded(data, where)
    first = text.partition("\n")[0]
    csv.field_size_limit(LONGEST)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(DELIMITERS, key=first.count))
    try:
        names = next(reader, [])
        for column in columns:
            if column not in names:
                known = ", ".join(map(repr, names)) or "none, for it is empty"
                raise InputError(f"There is no column {column!r:.40} in {where}; its columns are {known:.200}.")
        places = [names.index(column) for column in columns]
        for number, row in enumerate(reader, 1):
            yield number, tuple(row[place] if place < len(row) else "" for place in places)
    except csv.Error as error:
        raise InputError(f"{where!r:.80} is no CSV that can be read ({error}); save it again.") from error


def _decoded(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{where!r:.80} is no text in UTF-8; save it as one.") from error
