"""Data sets at a URI are the data sets of this machine: file:// goes through pyarrow as s3:// does."""

from datetime import timedelta
from pathlib import Path

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from headlens.model.atlas import files as atlas_files
from headlens.model.atlas.cluster import _read, _written
from headlens.model.atlas.files import Remote
from headlens.model.atlas.items import Item, open_source
from headlens.model.errors import InputError
from headlens.model.inputs import image_file
from tests.model.atlas.data_sets import write_photos
from tests.sentences import is_one_sentence

TEXTS = {
    "a.txt": "\ufeffOne.\r\n\n  Two. \nThree".encode() + b"\nGr\xf6\xdfe\n",
    "b.csv": '\ufeffid;text\r\n1;One\r\n2;"Two,\nand more"\r\n'.encode(),
    "c.jsonl": b'{"text": "One."}\n{broken\n{"text": 3}',
    "d ü#%.ndjson": b'{"text": "One."}',
}


@pytest.mark.parametrize("name", [*TEXTS, "e.parquet"])
def test_texts_are_those_of_the_path(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atlas_files, "BUFFER", 8)  # so that one is read in parts
    path = tmp_path / name
    if name in TEXTS:
        path.write_bytes(TEXTS[name])
    else:
        parquet.write_table(arrow.table({"text": ["One.", None, "Three."]}), path)
    columns = () if name == "a.txt" else ("text",)
    here, there = open_source(path, columns), open_source(path.as_uri(), columns)
    items = list(there.read())
    assert items == list(here.read())
    assert items[0].content in ("One.", "One")
    assert (there.name, there.kind, there.count, there.digest) == (here.name, "texts", here.count, here.digest)


def test_photos_are_those_of_the_path(tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "my photos")
    (folder / "birds").mkdir()
    (folder / "birds" / "r ü#%?.PNG").write_bytes((folder / "0.png").read_bytes())
    for name in (".hidden.png", "notes.txt"):
        (folder / name).touch()
    (folder / "folder.png").mkdir()
    here = open_source(folder)
    for uri in (folder.as_uri(), f"file://{folder}/"):  # a space as people write it
        there = open_source(uri)
        assert (there.name, there.kind, there.count, there.digest) == (here.name, "photos", here.count, here.digest)
        for one, other in zip(here.read(), there.read(), strict=True):
            assert one[:2] == other[:2]
            assert isinstance(one.content, Path)
            assert isinstance(other.content, Remote)
            if one.content.is_file():
                assert other.content.read_photo() == one.content.read_bytes()
            else:
                with pytest.raises(InputError, match="cannot be read"):
                    other.content.read_photo()


def test_items_reach_another_machine(tmp_path: Path) -> None:
    texts = [Item(0, "a:1", "One."), Item(1, "a:2", ("One.", "Two.")), Item(2, "a:3", None, "It is broken.")]
    assert _read(_written(texts)) == texts
    folder = write_photos(tmp_path / "photos")
    for given in (folder, folder.as_uri()):
        items = list(open_source(given).read())
        assert _read(_written(items)) == items
        assert len(_written(items)) < 300 * len(items), "they are sent, and not the photos"


def test_a_photo_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(b"a" * 100)
    photo = next(open_source(tmp_path.as_uri()).read()).content
    assert isinstance(photo, Remote)
    monkeypatch.setattr(image_file, "MAX_BYTES", 100)
    assert len(photo.read_photo()) == 100
    monkeypatch.setattr(image_file, "MAX_BYTES", 99)
    with pytest.raises(InputError, match="larger than"):
        photo.read_photo()


def test_one_that_goes_away_stops_with_a_sentence(tmp_path: Path) -> None:
    """As a network does, in the middle."""
    path = tmp_path / "texts.txt"
    path.write_text("One.")
    for given in (path, path.as_uri()):
        path.write_text("One.")
        source = open_source(given)
        path.unlink()
        with pytest.raises(InputError, match=r"cannot be read \(there is nothing there\)"):
            next(source.read())


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("file:///there/is/nothing.txt", r"'file:///there/is/nothing.txt' cannot be read \(there is nothing there\)"),
        ("http://example.com/a.txt", "'http' is no kind of address"),
        ("s3://key:secret@bucket/a.txt?colour=red", "'s3://bucket/a.txt' is no address that can be understood"),
        ("s3://key:secret@bucket:port:port/a.txt", "is no address that can be understood"),
    ],
)
def test_what_is_no_address(uri: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        open_source(uri)
    assert is_one_sentence(caught.value)
    assert "secret" not in str(caught.value)


def test_names_that_are_no_text(tmp_path: Path) -> None:
    Path(f"{tmp_path}/\udcff.png").touch()
    assert open_source(tmp_path).count == 1
    with pytest.raises(InputError, match="a name in it is not in UTF-8") as caught:
        open_source(tmp_path.as_uri())
    assert is_one_sentence(caught.value)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("When getting information for key 'a': AWS Error ACCESS_DENIED during HeadObject: No body.", "access denied"),
        ("AWS Error UNKNOWN (HTTP status 500) during HeadBucket operation: x", "unknown (http status 500)"),
        ("google::cloud::Status(UNAVAILABLE: Retry policy exhausted, with: Could not)", "unavailable"),
        ("Bucket 'a' not found", "Bucket 'a' not found"),
        ("Corrupt data. It has an end.\nAnd", "Corrupt data"),
        ("", "OSError"),
    ],
)
def test_what_the_libraries_say_is_made_short(said: str, reason: str) -> None:
    with pytest.raises(InputError) as caught, atlas_files.reading(Remote("s3://b/a")):
        raise OSError(said)
    assert str(caught.value) == (
        f"'s3://b/a' cannot be read ({reason}); check its name, the network and who may read it."
    )


def test_googles_library_gives_up() -> None:
    """Left alone, it tries for a quarter of an hour; what the address says goes before."""
    for uri, seconds in (("gs://anonymous@b/a", 30), ("gs://anonymous@b/a?retry_limit_seconds=7", 7)):
        system, path = atlas_files._opened(uri)
        assert path == "b/a"
        assert timedelta(seconds=seconds) in system.__reduce__()[1][0].values()
