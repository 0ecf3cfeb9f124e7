"""An atlas in a folder: stopped and gone on with, and read by others than this project."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType

import numpy as np
import pandas
import pyarrow.parquet as parquet
import pytest

from headlens.model.atlas import build as atlas_build
from headlens.model.atlas import open_atlas, tables
from headlens.model.atlas.build import PROGRESS, Plan, Shard, build, here
from headlens.model.atlas.gathered import Gathered, Limits
from headlens.model.atlas.items import open_source
from headlens.model.atlas.schema import MANIFEST, TABLES
from headlens.model.atlas.tables import rounded
from headlens.model.errors import InputError
from headlens.model.load import load_model
from headlens.model.protocol import Model
from headlens.model.recording.whole import whole_file
from tests.model.huggingface.text_models import write_folder
from tests.sentences import is_one_sentence

TextFile = Callable[[int], Path]
LIMITS = Limits(best=3, vectors=4, positions=5)


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atlas_build, "SHARDS", {"texts": 8, "photos": 2})


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load_model(str(write_folder("BERT", tmp_path_factory.mktemp("bert"))), device="cpu")


def plan_of(path: Path, model: Model, *columns: str) -> Plan:
    return Plan(open_source(path, columns), model.description, LIMITS)


def tables_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class StoppedError(Exception):
    """As if the plug had been pulled."""


def stopping_after(count: int) -> Callable[[int, int, int], None]:
    def on_shard(done: int, now: int, total: int) -> None:
        if now >= count:
            raise StoppedError

    return on_shard


def test_one_that_was_stopped_goes_on_to_the_same_bytes(bert: Model, text_file: TextFile, tmp_path: Path) -> None:
    plan = plan_of(text_file(40), bert)
    whole = build(plan, here(bert, plan), tmp_path / "whole")
    told: list[tuple[int, int, int]] = []
    for _ in range(2):
        with pytest.raises(StoppedError):
            build(plan, here(bert, plan), tmp_path / "stopped", on_shard=stopping_after(8))
        assert {path.name for path in (tmp_path / "stopped").iterdir()} == {PROGRESS}
    build(plan, here(bert, plan), tmp_path / "stopped", on_shard=lambda *counts: told.append(counts))
    assert told == [(16, 0, 40), (24, 8, 40), (32, 16, 40), (40, 24, 40)]
    assert tables_of(tmp_path / "stopped") == tables_of(tmp_path / "whole")
    assert whole.recorded == 40


def test_it_may_be_stopped_before_any_step(bert: Model, text_file: TextFile, tmp_path: Path) -> None:
    """As by Ctrl-C, which comes between any two; no shard is counted twice then, and none is left out."""
    plan, code = plan_of(text_file(24), bert), atlas_build._run.__code__
    parts = {number: part for (number,), part in here(bert, plan)(plan.source.shards(plan.shard, frozenset()))}

    def engine(shards: Iterable[Shard]) -> Iterator[tuple[Sequence[int], Gathered]]:
        return (([number], parts[number]) for number, _ in shards)

    build(plan, engine, tmp_path / "whole")
    lines = sorted({line for _, _, line in code.co_lines() if line is not None and line > code.co_firstlineno})
    stopped = []
    for line in lines:
        left = 2  # times that the line may come before it stops there

        def stop(frame: FrameType, event: str, _: object, line: int = line) -> object:
            nonlocal left
            if frame.f_code is code and event == "line" and frame.f_lineno == line:
                left -= 1
                if left == 0:
                    raise StoppedError
            return stop if frame.f_code is code else None

        folder = tmp_path / str(line)
        sys.settrace(stop)  # type: ignore[arg-type]
        try:
            build(plan, engine, folder)
        except StoppedError:
            stopped.append(line)
        finally:
            sys.settrace(None)
        build(plan, engine, folder)
        assert tables_of(folder) == tables_of(tmp_path / "whole"), f"stopped before line {line}"
    assert len(stopped) > 4


def test_shards_may_come_in_any_order(bert: Model, text_file: TextFile, tmp_path: Path) -> None:
    plan = plan_of(text_file(30), bert)
    build(plan, here(bert, plan), tmp_path / "whole")
    engine = here(bert, plan)

    build(plan, lambda shards: engine(reversed(list(shards))), tmp_path / "backwards")
    assert tables_of(tmp_path / "backwards") == tables_of(tmp_path / "whole")


def test_what_is_done_is_kept_in_time(bert: Model, text_file: TextFile, tmp_path: Path) -> None:
    plan, folder = plan_of(text_file(24), bert), tmp_path / "out"
    kept: list[bool] = []
    look = lambda *counts: kept.append((folder / PROGRESS).exists())  # noqa: E731
    build(plan, here(bert, plan), folder, on_shard=look, save_every=0)
    assert kept == [False, True, True, True]
    assert not (folder / PROGRESS).exists()


def test_a_file_that_was_being_written_when_it_was_killed_is_removed(
    bert: Model, text_file: TextFile, tmp_path: Path
) -> None:
    plan, folder = plan_of(text_file(10), bert), tmp_path / "out"
    folder.mkdir()
    left = folder / ".headlens-0123456789abcdef.part"
    left.write_bytes(b"half of it")
    os.utime(left, (0, 0))
    with whole_file(folder / "notes.txt") as another:  # of a writing that goes on
        os.utime(another, (time.time() + 60,) * 2)
        build(plan, here(bert, plan), folder)
        assert {path.name for path in folder.glob(".*")} == {another.name}
    left.write_bytes(b"half of it")
    os.utime(left, (0, 0))
    build(plan, here(bert, plan), folder)
    assert not left.exists()


def test_one_that_is_finished_is_read_and_not_built_again(bert: Model, text_file: TextFile, tmp_path: Path) -> None:
    plan = plan_of(text_file(10), bert)
    build(plan, here(bert, plan), tmp_path / "out")
    again = build(plan, lambda shards: pytest.fail("it ran again"), tmp_path / "out")
    assert again.recorded == 10


def test_files_of_others_are_not_written_over(bert: Model, text_file: TextFile, tmp_path: Path) -> None:
    plan, folder = plan_of(text_file(10), bert), tmp_path / "mine"
    folder.mkdir()
    (folder / "inputs.parquet").write_text("precious")
    with pytest.raises(InputError, match=r"holds other files \('inputs.parquet'\)") as caught:
        build(plan, here(bert, plan), folder)
    assert is_one_sentence(caught.value)
    assert tables_of(folder) == {"inputs.parquet": b"precious"}


def test_one_that_was_killed_while_its_tables_were_written_goes_on(
    bert: Model, text_file: TextFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(text_file(10), bert)
    build(plan, here(bert, plan), tmp_path / "whole")
    write = tables._write

    def killed(folder: Path, name: str, parts: object) -> None:
        if name == "examples":
            raise StoppedError
        write(folder, name, parts)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(tables, "_write", killed)
        with pytest.raises(StoppedError):
            build(plan, here(bert, plan), tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {PROGRESS, "heads.parquet", "histograms.parquet"}
    build(plan, here(bert, plan), tmp_path / "out")
    assert tables_of(tmp_path / "out") == tables_of(tmp_path / "whole")


@pytest.mark.parametrize("finished", [False, True])
def test_another_atlas_in_the_folder(finished: bool, bert: Model, text_file: TextFile, tmp_path: Path) -> None:
    plan, folder = plan_of(text_file(20), bert), tmp_path / "out"
    if finished:
        build(plan, here(bert, plan), folder)
    else:
        with pytest.raises(StoppedError):
            build(plan, here(bert, plan), folder, on_shard=stopping_after(8))
    before = tables_of(folder)
    others = [replace(plan, limits=Limits()), replace(plan, tokens=9), plan_of(text_file(21), bert)]
    for other in others:
        with pytest.raises(InputError, match="there is an atlas already" if finished else "is not finished") as caught:
            build(other, here(bert, other), folder)
        assert is_one_sentence(caught.value)
    assert tables_of(folder) == before


def test_nothing_that_can_be_recorded(bert: Model, tmp_path: Path) -> None:
    (tmp_path / "texts.csv").write_text("text\n\n  \n")
    plan = plan_of(tmp_path / "texts.csv", bert, "text")
    with pytest.raises(InputError, match="None of the 2 inputs could be recorded"):
        build(plan, here(bert, plan), tmp_path / "out")


def test_a_folder_that_cannot_be_written(bert: Model, text_file: TextFile, tmp_path: Path) -> None:
    plan = plan_of(text_file(10), bert)
    with pytest.raises(InputError, match="cannot be written"):
        build(plan, here(bert, plan), tmp_path / "texts.txt")


def test_what_is_kept_of_an_unfinished_one_is_damaged(bert: Model, text_file: TextFile, tmp_path: Path) -> None:
    plan, folder = plan_of(text_file(20), bert), tmp_path / "out"
    folder.mkdir()
    (folder / PROGRESS).write_bytes(b"nothing of ours")
    with pytest.raises(InputError, match="is damaged"):
        build(plan, here(bert, plan), folder)


def test_it_is_read_back(bert: Model, text_file: TextFile, tmp_path: Path) -> None:
    path = text_file(20)
    path.write_text(path.read_text() + "\n" + "a" * 100_001)
    plan = plan_of(path, bert)
    build(plan, here(bert, plan), tmp_path / "out")
    atlas = open_atlas(tmp_path / "out")
    texts = path.read_text().splitlines()
    recordings = [bert.record(text) for text in texts[:20]]  # type: ignore[attr-defined]
    assert (atlas.num_layers, atlas.num_heads, atlas.recorded) == (2, 4, 20)
    special = [
        [recording.attention(layer)[..., recording.special].sum(-1).mean(-1) for layer in range(2)]
        for recording in recordings
    ]
    np.testing.assert_allclose(atlas.heads("special"), np.mean(special, axis=0), atol=1e-5)
    np.testing.assert_allclose(atlas.heads("special", "std"), np.std(special, axis=0), atol=1e-5)
    median = np.quantile(special, 0.5, axis=0, method="inverted_cdf")  # of an even number the lower one
    np.testing.assert_allclose(atlas.heads("special", "median"), median, atol=0.011)  # a bin is 0.01 wide
    assert (atlas.heads("special", "count") == 20).all()
    lower, upper, count = atlas.histogram("special", 1, 3)
    own = np.array(special)[:, 1, 3]
    assert count.tolist() == [((own >= low) & (own < high)).sum() for low, high in zip(lower, upper)]
    examples = atlas.examples(1, 2)
    assert len(examples) == LIMITS.best
    assert [each.value for each in examples] == sorted((each.value for each in examples), reverse=True)
    found = atlas.input(examples[0].input)
    assert found.id == f"texts.txt:{examples[0].input + 1}"
    assert found.texts == (texts[examples[0].input],)
    recording = recordings[examples[0].input]
    assert found.tokens == recording.tokens
    row = recording.attention(1, 2, examples[0].query)
    assert row[examples[0].key] == pytest.approx(examples[0].value, abs=1e-5)
    np.testing.assert_allclose(examples[0].weights, row, rtol=2**-11, atol=1e-5)
    vectors = atlas.vectors(1, 2)
    assert len(set(vectors.input)) == LIMITS.vectors
    for query, key, number, position in zip(*vectors):
        np.testing.assert_allclose(query, recordings[number].query(1, 2)[position], rtol=2**-11, atol=1e-5)
        np.testing.assert_allclose(key, recordings[number].key(1, 2)[position], rtol=2**-11, atol=1e-5)
    ((id, reason),) = atlas.failed()
    assert id == "texts.txt:21"
    assert "100,001 characters" in reason


def test_vectors_are_rounded_to_eleven_bits() -> None:
    values = np.array([0.0, 1.0, -1.0, 1 + 2**-11, 1 + 3 * 2**-11, 1e-30, -7e30, np.pi], np.float32)
    found = rounded(values)
    assert found.dtype == np.float32
    assert found[:5].tolist() == [0.0, 1.0, -1.0, 1.0, 1 + 2**-9]  # a tie goes to the even one
    np.testing.assert_allclose(found, values, rtol=2**-11)
    np.testing.assert_array_equal(found[7], np.float16(np.pi))


def test_heads_that_share_a_key(tmp_path: Path, text_file: TextFile) -> None:
    llama = load_model(str(write_folder("Llama", tmp_path / "llama")), device="cpu")
    plan = plan_of(text_file(6), llama)
    atlas = build(plan, here(llama, plan), tmp_path / "out")
    keys = [atlas.vectors(0, head).key for head in range(4)]
    np.testing.assert_array_equal(keys[0], keys[1])
    assert (keys[1] != keys[2]).any()


def test_pandas_reads_the_tables(bert: Model, text_file: TextFile, tmp_path: Path) -> None:
    plan, folder = plan_of(text_file(20), bert), tmp_path / "out"
    atlas = build(plan, here(bert, plan), folder)
    for name, columns in TABLES.items():
        frame = pandas.read_parquet(folder / f"{name}.parquet")
        assert list(frame.columns) == list(columns)
        assert parquet.read_schema(folder / f"{name}.parquet").metadata[b"headlens.atlas.version"] == b"3"
    heads = pandas.read_parquet(folder / "heads.parquet")
    special = heads[heads.measure == "special"].pivot(index="layer", columns="head", values="mean")
    np.testing.assert_array_equal(special.to_numpy(), atlas.heads("special"))
    examples = pandas.read_parquet(folder / "examples.parquet").merge(pandas.read_parquet(folder / "inputs.parquet"))
    assert len(examples) == 2 * 2 * 4 * LIMITS.best
    assert set(heads.measure) == set(json.loads((folder / MANIFEST).read_text())["measures"])


def test_polars_and_duckdb_read_the_tables(bert: Model, text_file: TextFile, tmp_path: Path) -> None:
    polars, duckdb = pytest.importorskip("polars"), pytest.importorskip("duckdb")
    plan, folder = plan_of(text_file(12), bert), tmp_path / "out"
    build(plan, here(bert, plan), folder)
    for name, columns in TABLES.items():
        table = parquet.read_table(folder / f"{name}.parquet")
        own = polars.read_parquet(folder / f"{name}.parquet")
        asked = duckdb.sql(f"SELECT * FROM '{folder / name}.parquet'").fetchall()
        assert own.columns == table.column_names == list(columns)
        expected = [tuple(row.values()) for row in table.to_pylist()]
        assert repr(own.rows()) == repr(asked) == repr(expected)  # where nan is nan


def test_what_is_not_in_it(bert: Model, text_file: TextFile, tmp_path: Path) -> None:
    plan = plan_of(text_file(10), bert)
    atlas = build(plan, here(bert, plan), tmp_path / "out")
    with pytest.raises(ValueError, match="There is no measure 'colour'"):
        atlas.heads("colour")
    with pytest.raises(ValueError, match="There is no statistic 'layer'"):
        atlas.heads("special", "layer")
    with pytest.raises(ValueError, match="Nothing is kept of an input 99"):
        atlas.input(99)


def test_what_is_no_atlas(bert: Model, text_file: TextFile, tmp_path: Path) -> None:
    plan, folder = plan_of(text_file(10), bert), tmp_path / "out"
    atlas = build(plan, here(bert, plan), folder)
    words = json.loads((folder / MANIFEST).read_text())
    for manifest, said in (
        ("{}", "is no folder of an atlas"),
        ("no JSON", "is no folder of an atlas"),
        (json.dumps({**words, "version": 1}), "is of version 1"),
        (json.dumps({**words, "heads": "many"}), "is no folder of an atlas"),
        (json.dumps({**words, "measures": {"special": {}}}), "is no folder of an atlas"),
    ):
        (folder / MANIFEST).write_text(manifest)
        with pytest.raises(InputError, match=said) as caught:
            open_atlas(folder)
        assert is_one_sentence(caught.value)
    (folder / MANIFEST).write_text(json.dumps(words))
    (folder / "heads.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"'heads.parquet' of the atlas is missing or damaged"):
        atlas.heads("special")
    (folder / "heads.parquet").unlink()
    with pytest.raises(InputError, match="is not finished"):
        open_atlas(folder)
