"""Atlases of buckets, from a server of S3 on this machine: they are those of the folders that were put there."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
from pyarrow.fs import LocalFileSystem, S3FileSystem, copy_files

from headlens.model.atlas import build as atlas_build
from headlens.model.atlas.build import Plan, build, here
from headlens.model.atlas.cluster import Worker, rows_of
from headlens.model.atlas.gather import BATCH_TOKENS, gather, reader_of
from headlens.model.atlas.gathered import Limits
from headlens.model.atlas.items import open_source
from headlens.model.atlas.packed import pack
from headlens.model.errors import InputError
from headlens.model.load import load_model
from tests.model.atlas.data_sets import sentences, write_photos
from tests.model.huggingface import image_models
from tests.model.huggingface.text_models import write_folder
from tests.sentences import is_one_sentence

LIMITS = Limits(best=3, vectors=4, positions=5)
KEYS = {"AWS_ACCESS_KEY_ID": "one", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true"}


class Bucket(NamedTuple):
    """A bucket of a server that is up."""

    system: S3FileSystem
    options: str

    def uri(self, path: str) -> str:
        return f"s3://bucket/{path}?{self.options}"

    def put(self, path: Path) -> str:
        """A file, or a folder with all in it; its URI."""
        if path.is_dir():
            copy_files(
                str(path),
                f"bucket/{path.name}",
                source_filesystem=LocalFileSystem(),
                destination_filesystem=self.system,
            )
        else:
            with self.system.open_output_stream(f"bucket/{path.name}") as file:
                file.write(path.read_bytes())
        return self.uri(path.name)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Its address."""
    moto = pytest.importorskip("moto.server")
    started = moto.ThreadedMotoServer("127.0.0.1", port=0)
    started.start()
    host, port = started.get_host_and_port()
    yield f"{host}:{port}"
    started.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(atlas_build, "SHARDS", {"texts": 8, "photos": 2})
    options = f"endpoint_override=http%3A%2F%2F{server}"
    system = S3FileSystem(endpoint_override=f"http://{server}", region="us-east-1", allow_bucket_creation=True)
    system.create_dir("bucket")
    return Bucket(system, options)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder("BERT", tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_models.save(tmp_path_factory.mktemp("vit"), image_models.made("ViT", **image_models.SHAPE))


def tables_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class StoppedError(Exception):
    """As if the plug had been pulled."""


def stop(done: int, now: int, total: int) -> None:
    if now:
        raise StoppedError


def test_photos(bucket: Bucket, vit: Path, tmp_path: Path) -> None:
    """The whole atlas is that of the folder, to the byte, also of one that was stopped."""
    folder, model = write_photos(tmp_path / "my photos"), load_model(str(vit), device="cpu")
    (folder / "birds").mkdir()
    (folder / "birds" / "ü #%+.png").write_bytes((folder / "0.png").read_bytes())
    own, other = (
        Plan(open_source(folder), model.description, LIMITS),
        Plan(open_source(bucket.put(folder)), model.description, LIMITS),
    )
    build(own, here(model, own), tmp_path / "here")
    with pytest.raises(StoppedError):
        build(other, here(model, other), tmp_path / "there", on_shard=stop)
    atlas = build(other, here(model, other), tmp_path / "there")
    assert (atlas.recorded, len(atlas.failed())) == (6, 1)
    assert tables_of(tmp_path / "there") == tables_of(tmp_path / "here")


@pytest.mark.parametrize("name", ["texts.txt", "texts.parquet"])
def test_texts(name: str, bucket: Bucket, bert: Path, tmp_path: Path) -> None:
    path, texts, model = tmp_path / name, sentences(20), load_model(str(bert), device="cpu")
    tables: list[dict[str, bytes]] = []
    if name == "texts.txt":
        path.write_text("\n".join(texts))
    else:
        parquet.write_table(arrow.table({"text": texts}), path)
    for given in (path, bucket.put(path)):
        plan = Plan(open_source(given, () if name == "texts.txt" else ("text",)), model.description, LIMITS)
        build(plan, here(model, plan), tmp_path / f"out{len(tables)}")
        tables.append(tables_of(tmp_path / f"out{len(tables)}"))
    assert tables[0] == tables[1]


def test_what_is_gone_is_listed(bucket: Bucket, vit: Path, tmp_path: Path) -> None:
    """By a worker of a cluster, to which the names are sent, and which reads the photos."""
    folder = write_photos(tmp_path / "photos")
    source = open_source(bucket.put(folder))
    items = list(source.read())
    bucket.system.delete_file("bucket/photos/1.png")
    worker = Worker(str(vit), "cpu", "photos", limits=LIMITS, size=None, tokens=BATCH_TOKENS)
    (row,) = rows_of([(7, items)], 1)
    (found,) = worker({"shards": np.array([row["shards"]])})["gathered"]
    gathered = gather(reader_of(load_model(str(vit), device="cpu"), "photos"), items, LIMITS)
    assert found == pack(gathered, {"shards": [7]})
    assert gathered.inputs == 4
    assert [failed.id for failed in gathered.failed.values()] == ["1.png", "broken.png"]
    assert gathered.failed[1].reason.startswith("'s3://bucket/photos/1.png' cannot be read (there is nothing there)")


def test_what_cannot_be_reached(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last has no server, and no region to ask for: Amazon's library gives up after some seconds."""
    for uri, reason in (
        (bucket.uri("photos").replace("bucket", "basket"), "there is nothing there"),
        (bucket.uri("nothing.txt"), "there is nothing there"),
        ("s3://bucket/a.txt?endpoint_override=127.0.0.1:1", "network connection"),
    ):
        with pytest.raises(InputError, match=rf"'s3://\w+/[\w.]+' cannot be read \({reason}\)") as caught:
            open_source(uri)
        assert is_one_sentence(caught.value)
