"""Data sets as inputs with ids: what is broken has a reason, and the rest is there."""

import csv
import gzip
import json
import os
from pathlib import Path

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from headlens.model.atlas import items as atlas_items
from headlens.model.atlas.items import Item, open_source
from headlens.model.errors import InputError
from tests.model.inputs.pictures import noise
from tests.sentences import is_one_sentence

TEXTS = ["Birds fly.", "Ein Satz, mit Komma; und Größe.", "", "中文"]


def read(path: Path, *columns: str) -> list[Item]:
    source = open_source(path, columns)
    items = list(source.read())
    assert source.count == len(items)
    assert [item.number for item in items] == list(range(len(items)))
    assert len({item.id for item in items}) == len(items)
    return items


def contents(items: list[Item]) -> list[object]:
    return [item.content for item in items]


def test_a_text_a_line(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_bytes("\ufeffOne.\r\n\n  Two\u2028two. \n".encode() + "Größe".encode("latin-1") + b"\nThree")
    items = read(path)
    assert [item.id for item in items] == ["texts.txt:1", "texts.txt:3", "texts.txt:4", "texts.txt:5"]
    assert contents(items) == ["One.", "Two\u2028two.", None, "Three"]
    assert items[2].reason == "This is no text in UTF-8; save it as one."


def test_a_line_without_an_end_is_no_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atlas_items, "LONGEST", 20)
    path = tmp_path / "texts.txt"
    path.write_text("a" * 20 + "\n" + "b" * 95 + "\nshort\n" + "c" * 21)
    items = read(path)
    assert contents(items) == ["a" * 20, None, "short", None]
    assert "more than 20 bytes" in items[1].reason
    assert [item.id for item in items] == [f"texts.txt:{line}" for line in (1, 2, 3, 4)]


@pytest.mark.parametrize(("name", "delimiter"), [("reviews.csv", ";"), ("reviews.tsv", "\t")])
def test_a_csv(name: str, delimiter: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerows([["id", "review"], *enumerate(TEXTS, 1), ["short"]])
    items = read(path, "review")
    assert contents(items) == [*TEXTS, None]
    assert items[1].id == f"{name}:2"
    assert items[4].reason == "The column 'review' holds nothing here, where a text should be."


def test_a_csv_with_a_broken_row(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    path.write_bytes("review\nGood.\nGröße\n".encode("latin-1"))
    items = read(path, "review")
    assert contents(items) == ["Good.", None]
    assert items[1].reason == "This is no text in UTF-8; save it as one."


def test_pairs_of_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    rows = [{"one": text, "other": "It is."} for text in TEXTS]
    lines = [*map(json.dumps, rows), "{broken", '{"one": "alone"}', '{"one": 3, "other": ""}', "[" * 5_000]
    path.write_text("\n".join(lines))
    items = read(path, "one", "other")
    assert contents(items) == [*((text, "It is.") for text in TEXTS), None, None, None, None]
    assert [item.reason for item in items[4:]] == [
        "This line is no JSON; write one object a line.",
        "The column 'other' holds nothing here, where a text should be.",
        "The column 'one' holds a value of type int here, where a text should be.",
        "This line is no JSON; write one object a line.",
    ]


def test_a_parquet_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atlas_items, "ROWS", 3)
    path = tmp_path / "texts.parquet"
    parquet.write_table(arrow.table({"text": [*TEXTS, None], "number": range(5)}), path)
    items = read(path, "text")
    assert contents(items) == [*TEXTS, None]
    assert items[4].id == "texts.parquet:5"


def test_a_folder_of_photos(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "birds/robin.png", ".hidden.png", ".git/x.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        noise(8, 8).save(tmp_path / name, "PNG") if name != "notes.txt" else (tmp_path / name).touch()
    items = read(tmp_path)
    assert [item.id for item in items] == ["a.png", "b.JPG", "birds/robin.png"]
    assert contents(items) == [tmp_path / item.id for item in items]
    digest = open_source(tmp_path).digest
    assert open_source(tmp_path).digest == digest
    os.utime(tmp_path / "b.JPG", (0, 0))  # it was copied, say
    assert open_source(tmp_path).digest == digest
    noise(9, 9).save(tmp_path / "a.png")
    assert open_source(tmp_path).digest != digest


def test_shards_in_order_and_without_those_done(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(f"Text {number}." for number in range(10)))
    source = open_source(path)
    shards = dict(source.shards(4))
    assert [len(shard) for shard in shards.values()] == [4, 4, 2]
    assert [item.number for shard in shards.values() for item in shard] == list(range(10))
    assert dict(source.shards(4, frozenset({1}))) == {0: shards[0], 2: shards[2]}


@pytest.mark.parametrize(
    ("name", "data", "columns", "words"),
    [
        ("texts.txt", b"\n \n", (), "There is no text in"),
        ("texts.txt", b"a", ("text",), "is no table"),
        ("texts.txt", "Größe".encode("utf-16"), (), "is no text in UTF-8"),
        ("texts.txt.gz", gzip.compress(b"A cat."), (), "is no text in UTF-8"),
        ("robin.JPG", b"\xff\xd8\xff", (), "is a photo; give the folder that it is in"),
        ("texts.csv", b"text\na", (), "say with --column"),
        ("texts.csv", b"text\na", ("texts",), "There is no column 'texts'"),
        ("texts.csv", b"", ("text",), "none, for it is empty"),
        ("texts.csv", b"text\na", ("a", "b", "c"), "Give one --column, or two different ones"),
        ("texts.csv", b"text\na", ("text",) * 2, "Give one --column, or two different ones"),
        ("texts.parquet", b"PAR1 is no file", ("text",), "is no parquet file"),
    ],
)
def test_what_is_no_data_set(name: str, data: bytes, columns: tuple[str, ...], words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=words) as caught:
        open_source(tmp_path / name, columns)
    assert is_one_sentence(caught.value)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        open_source(tmp_path / "nothing.txt")
    with pytest.raises(InputError, match=r"no photo in the folder .* texts come in one file"):
        open_source(tmp_path)
    with pytest.raises(InputError, match="is a folder, of photos alone; leave out --column"):
        open_source(tmp_path, ("text",))


def test_a_file_is_the_same_while_its_content_is(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("A cat.\nA dog.\n")
    digest = open_source(path).digest
    os.utime(path, (0, 0))
    assert open_source(path).digest == digest
    path.write_text("A cat.\nA cow.\n")
    assert open_source(path).digest != digest
