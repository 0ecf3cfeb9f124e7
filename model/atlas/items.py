"""The inputs of a data set, one by one, each with an id: photos of a folder, or texts of a file."""

import csv
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

from headlens.model.atlas.arrow import pyarrow_parquet
from headlens.model.atlas.files import Place, about, files_in, place_of, reading
from headlens.model.errors import InputError

# Of what headlens.model.inputs.image_file reads; another file of a folder is no photo.
PHOTOS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif")
TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")  # whose texts are in a column
LONGEST = 1_000_000  # bytes of a line, so that a file without line breaks ends; longer texts are refused anyway
DELIMITERS = ",;\t"  # a sheet is saved with ";" where numbers have decimal commas
ROWS = 1_024  # of a parquet file that are in memory at once

Content = str | tuple[str, str] | Place


class Item(NamedTuple):
    """One input."""

    number: int  # its place in the data set, from 0
    id: str  # "reviews.csv:17", "birds/robin.jpg": the same as long as the data set is
    content: Content | None  # a text, a pair of texts, the place of a photo; None: it cannot be read
    reason: str = ""  # why not


@dataclass(frozen=True)
class Source:
    """A data set that can be gone through again from any place."""

    name: str
    kind: str  # "photos" or "texts"
    count: int
    digest: str  # hexadecimal; another one where the data set is another
    read: Callable[[], Iterator[Item]]

    def shards(self, size: int, done: frozenset[int] = frozenset()) -> Iterator[tuple[int, list[Item]]]:
        """The inputs in their order, size at once, with the number of each shard; those that are done are left out."""
        items = self.read()
        shards = iter(lambda: list(islice(items, size)), [])
        return ((number, shard) for number, shard in enumerate(shards) if number not in done)


def open_source(given: str | Path, columns: Sequence[str] = ()) -> Source:
    """The data set at a path or a URI.

    Args:
        given: a folder of photos, those of its folders too; a text file of one text a line, blank lines left out; a
            CSV, JSON lines or parquet file. A URI (s3://bucket/folder, gs://, file://) is read by pyarrow, with the
            credentials that this machine has.
        columns: of a table, where the texts are; two make pairs.

    Raises InputError for what is none of these, cannot be read, or has no input in it.
    """
    place = place_of(given)
    if len(columns) > 2 or len(set(columns)) < len(columns):
        raise InputError("Give one --column, or two different ones for pairs of texts.")
    with reading(place):
        return _opened(place, tuple(columns))


def _opened(place: Place, columns: tuple[str, ...]) -> Source:
    is_table, name = place.suffix.lower() in TABLES, f"{place.name or str(place)!r:.80}"
    if about(place).is_folder:
        if columns:
            raise InputError(f"{name} is a folder, of photos alone; leave out --column, or give a table.")
        source = _folder(place)
        if source.count == 0:
            raise InputError(
                f"There is no photo in the folder {name} (they end with {', '.join(PHOTOS)}); texts come in one file, "
                "a text a line."
            )
        return source
    if is_table and not columns:
        raise InputError(f"{name} is a table; say with --column which of its columns holds the texts.")
    if columns and not is_table:
        raise InputError(
            f"{name} is no table that can be read ({', '.join(TABLES)}); save it as one, or leave out --column where "
            "each line is a text."
        )
    if place.suffix.lower() in PHOTOS:
        raise InputError(f"{name} is a photo; give the folder that it is in.")
    if not is_table and _is_binary(place):
        raise InputError(f"{name} is no text in UTF-8; save it as one, a text a line, or give a folder of photos.")
    source = _file(place, columns)
    if source.count == 0:
        raise InputError(f"There is no text in {name}; give another data set.")
    return source


def _is_binary(place: Place) -> bool:
    """A text has no null characters, and one in UTF-16 is full of them."""
    with place.open("rb") as file:
        return b"\0" in file.read(1_024)


def _folder(folder: Place) -> Source:
    """By name; hidden files and folders are left out. Photos are not read to tell whether they are the same."""
    files = sorted(
        (name, size)
        for name, size in files_in(folder)
        if name.lower().endswith(PHOTOS) and not any(part.startswith(".") for part in name.split("/"))
    )
    names = [name for name, _ in files]
    return Source(
        folder.name,
        "photos",
        len(names),
        _digest(json.dumps(files)),
        lambda: (Item(number, _written(name), folder / name) for number, name in enumerate(names)),
    )


def _written(name: str) -> str:
    """A name of a file may have bytes that are no text."""
    return os.fsencode(name).decode(errors="replace")


def _file(place: Place, columns: tuple[str, ...]) -> Source:
    """It is gone through once, to count: what is in it says whether it is the same, and no time of a file does."""
    ending = place.suffix.lower()
    if ending == ".parquet":
        rows = _parquet_rows
    elif ending in (".csv", ".tsv"):
        rows = _csv_rows
    else:
        rows = _lines if not columns else _json_rows

    def read() -> Iterator[Item]:
        with reading(place):
            for number, (row, content, reason) in enumerate(rows(place, columns)):
                yield Item(number, f"{_written(place.name)}:{row}", content, reason)

    count, digest = 0, hashlib.sha256(json.dumps(columns).encode())
    for item in read():
        count += 1
        digest.update(repr(item).encode())
    return Source(place.name, "texts", count, digest.hexdigest(), read)


Row = tuple[int, Content | None, str]  # its number in the file, from 1; the text or the pair; why there is none


def _lines(place: Place, columns: tuple[str, ...]) -> Iterator[Row]:
    with place.open("rb") as file:
        for number, line in _limited(file):
            row = _decoded(number, line)
            if row[1] != "":
                yield row


def _json_rows(place: Place, columns: tuple[str, ...]) -> Iterator[Row]:
    with place.open("rb") as file:
        for number, line in _limited(file):
            _, text, reason = _decoded(number, line)
            if text == "":
                continue
            if not isinstance(text, str):
                yield number, None, reason
                continue
            try:
                row = json.loads(text)
            except (ValueError, RecursionError):
                yield number, None, "This line is no JSON; write one object a line."
                continue
            yield _cells(number, row if isinstance(row, dict) else {}, columns)


def _csv_rows(place: Place, columns: tuple[str, ...]) -> Iterator[Row]:
    with TextIOWrapper(place.open("rb"), encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        first = file.readline(LONGEST)
        file.seek(0)
        csv.field_size_limit(LONGEST)
        reader = csv.reader(file, delimiter=max(DELIMITERS, key=first.count))
        try:
            names = next(reader, [])
            _check_columns(columns, names, place.name)
            for number, row in enumerate(reader, 1):
                cells = dict(zip(names, row))
                try:
                    "".join(cells.values()).encode()
                except UnicodeEncodeError:  # it has bytes that are no text
                    yield number, None, NO_UTF8
                else:
                    yield _cells(number, cells, columns)
        except csv.Error as error:
            raise InputError(f"{place.name!r:.80} is no CSV that can be read ({error}); save it again.") from error


def _parquet_rows(place: Place, columns: tuple[str, ...]) -> Iterator[Row]:
    parquet = pyarrow_parquet()
    try:
        with place.open("rb") as opened, parquet.ParquetFile(opened) as file:
            _check_columns(columns, file.schema_arrow.names, place.name)
            number = 0
            for batch in file.iter_batches(batch_size=ROWS, columns=list(columns)):
                for row in batch.to_pylist():
                    number += 1
                    yield _cells(number, row, columns)
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{place.name!r:.80} is no parquet file that can be read; save it again.") from error


NO_UTF8 = "This is no text in UTF-8; save it as one."


def _limited(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """The lines with their numbers from 1; None for one that is longer than LONGEST, which is skipped."""
    number = 0
    while line := file.readline(LONGEST + 1):
        number += 1
        if len(line) > LONGEST and not line.endswith(b"\n"):
            while (rest := file.readline(LONGEST)) and not rest.endswith(b"\n"):
                pass
            yield number, None
        else:
            yield number, line


def _decoded(number: int, line: bytes | None) -> Row:
    if line is None:
        return number, None, f"This line has more than {LONGEST:,} bytes; shorten it."
    try:
        return number, line.decode("utf-8-sig" if number == 1 else "utf-8").strip(), ""
    except UnicodeDecodeError:
        return number, None, NO_UTF8


def _cells(number: int, row: Mapping[str, object], columns: tuple[str, ...]) -> Row:
    texts = [row.get(column) for column in columns]
    for column, text in zip(columns, texts):
        if not isinstance(text, str):
            said = "nothing" if text is None else f"a value of type {type(text).__name__}"
            return number, None, f"The column {column!r:.40} holds {said} here, where a text should be."
    first, *others = (str(text) for text in texts)
    return number, (first, others[0]) if others else first, ""


def _check_columns(columns: Sequence[str], names: Sequence[str], where: str) -> None:
    for column in columns:
        if column not in names:
            known = ", ".join(map(repr, names)) or "none, for it is empty"
            raise InputError(f"There is no column {column!r:.40} in {where!r:.80}; its columns are {known:.200}.")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
