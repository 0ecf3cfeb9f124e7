"""What is given on the command line, as single inputs and names of files."""

import io
import sys
from pathlib import Path

import pytest

from headlens.model.errors import InputError
from headlens.viz.cli.inputs import Item, collect
from headlens.viz.cli.naming import file_name
from headlens.viz.cli.tables import lines_of, rows_of


def rows(text: str, *columns: str) -> list[tuple[int, tuple[str, ...]]]:
    return list(rows_of(text.encode(), columns, where="table.csv"))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_columns_of_a_csv(delimiter: str) -> None:
    text = f'id{delimiter}text\r\n1{delimiter}"a ""b"",\nc"\r\n2\r\n3{delimiter}d{delimiter}e\r\n'
    assert rows(text, "text") == [(1, ('a "b",\nc',)), (2, ("",)), (3, ("d",))]
    assert rows(text, "text", "id")[0] == (1, ('a "b",\nc', "1"))


def test_a_csv_of_one_column() -> None:
    assert rows("\ufefftext\na, b\n".replace("a, b", '"a, b"'), "text") == [(1, ("a, b",))]


@pytest.mark.parametrize("text", ["", "id\n1\n"])
def test_a_column_that_is_not_there(text: str) -> None:
    with pytest.raises(InputError, match="There is no column 'text'"):
        rows(text, "text")


def test_a_quote_that_is_never_closed() -> None:
    with pytest.raises(InputError, match="is no CSV that can be read"):
        rows('text\n"' + "a" * 10_000_001, "text")


def test_lines() -> None:
    assert list(lines_of(b"\xef\xbb\xbfone\r\n\n  two\x0cthree \n", where="-")) == [(1, "one"), (3, "two\x0cthree")]


def test_each_way_to_give_an_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts.txt").write_text("one\ntwo\n")
    (tmp_path / "photo.JPG").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "b.png").write_bytes(b"")
    (tmp_path / "folder" / "a.webp").write_bytes(b"")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"from a pipe\n")))
    long = "a long text " * 100  # too long for the name of a file
    given = ["a text", long, "@@me", "@texts.txt", "-", "photo.JPG", "folder"]
    assert collect(given, [Path("texts.txt")], []) == [
        Item("a text", "a text"),
        Item(long, long),
        Item("@me", "@me"),
        Item("one", "texts.txt, line 1"),
        Item("two", "texts.txt, line 2"),
        Item("from a pipe", "standard input, line 1"),
        Item(Path("photo.JPG"), "photo.JPG"),
        Item(Path("folder/a.webp"), "folder/a.webp"),
        Item(Path("folder/b.png"), "folder/b.png"),
        Item("one", "texts.txt, line 1"),
        Item("two", "texts.txt, line 2"),
    ]


def name(content: str | tuple[str, str] | Path, number: int = 1, made: str = "model") -> str:
    return file_name(Item(content, ""), number, made=made)


def test_names_show_the_input() -> None:
    assert name("The cat — sleeps!")[:20] == "0001-the-cat-sleeps-"
    assert name(Path("photos/My cat.jpeg"), 12)[:12] == "0012-my-cat-"
    assert name("Überall 日本語")[:17] == "0001-überall-日本語-"
    assert len(name("word " * 1_000).encode()) < 100
    assert len(name("語" * 1_000).encode()) < 255
    assert "/" not in name("../../etc/passwd")
    assert name("!?").count("-") == 1
    assert name("\udc80")  # of an argument that is no text


def test_no_name_is_another_s() -> None:
    long = "the same beginning of two long sentences "
    names = [
        name(f"{long} a"),
        name(f"{long} b"),
        name(f"{long} a", 2),
        name(f"{long} a", made="another model"),
        name(("a", "b")),
        name(("a b", "")),
        name("a b"),
        name(Path("one/photo.jpg")),
        name(Path("two/photo.jpg")),
    ]
    assert len(set(names)) == len(names)
    assert name("a") == name("a")


@pytest.mark.parametrize("name", ["nosuch.jpg", "photos/nosuch.PNG", "nosuch.csv", "nosuch.safetensors"])
def test_the_name_of_a_file_that_is_not_there_is_no_text(name: str) -> None:
    with pytest.raises(InputError, match="There is no file"):
        collect([name], [], [])
    assert [item.content for item in collect(["We saw a.jpg"], [], [])] == ["We saw a.jpg"]
