"""`headlens atlas build`, as a process: killed at any time it goes on, and the atlas is the same to the byte."""

import json
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from headlens.model.atlas import open_atlas
from headlens.model.heap import SETTINGS, VARIABLE
from headlens.viz.cli.atlas import Progress, duration
from tests.model.atlas.data_sets import sentences, write_photos
from tests.model.huggingface.text_models import write_folder
from tests.viz.cli.conftest import Headlens, finish, start

COUNT = 800


def tables_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def _one_thread() -> Iterator[None]:
    """As the processes of these tests have: with another number of threads, float32 rounds otherwise."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("_one_thread")
def test_killed_and_started_again(headlens: Headlens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGKILL: nothing can be tidied up. What is kept now and then is all that the second run has, in this process."""
    monkeypatch.chdir(tmp_path)
    write_folder("BERT", tmp_path / "bert")
    (tmp_path / "texts.txt").write_text("\n".join(sentences(COUNT, longest=12)))
    command = ("atlas", "build", "texts.txt", "--model", "bert", "--vectors", "4", "--save-every", "0", "--out")
    process = start(*command, "killed", folder=tmp_path)
    progress = tmp_path / "killed" / "progress.safetensors"
    until = time.monotonic() + 60
    while not progress.exists() and time.monotonic() < until:
        time.sleep(0.005)
    if sys.platform == "linux":
        given = Path(f"/proc/{process.pid}/environ").read_text()
        assert f"{VARIABLE}={SETTINGS}" in given.replace("\0glibc", ":glibc")  # glibc cuts it
    process.kill()
    assert finish(process).code == -9
    assert [path.name for path in (tmp_path / "killed").glob("[!.]*")] == [progress.name], "it was stopped half way"
    went_on = headlens(*command, "killed")
    assert went_on.code == 0
    first = went_on.err.splitlines()[0]
    assert first.endswith(f" of {COUNT:,} inputs")
    assert not first.startswith("0 "), "it began again"
    whole = headlens(*command, "whole")
    assert whole.code == 0
    assert whole.err.splitlines()[-1] == f"{COUNT:,} of {COUNT:,} inputs are in the atlas in whole"
    assert tables_of(tmp_path / "killed") == tables_of(tmp_path / "whole")


def test_stopped_by_who_started_it(headlens: Headlens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_folder("BERT", tmp_path / "bert")
    (tmp_path / "texts.txt").write_text("\n".join(sentences(COUNT, longest=12)))
    command = ("atlas", "build", "texts.txt", "--model", "bert", "--save-every", "0", "--out", "out")
    process = start(*command, folder=tmp_path)
    progress, until = tmp_path / "out" / "progress.safetensors", time.monotonic() + 60
    while not progress.exists() and time.monotonic() < until:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    code, _, err = finish(process)
    assert code == 130
    last = err.splitlines()[-1]
    assert re.fullmatch(r"stopped at \d+ of 800 inputs; the same command goes on", last)
    assert headlens(*command).code == 0
    again = headlens(*command)
    assert (again.code, again.err) == (0, "800 of 800 inputs are in the atlas in out, which was finished before\n")


def test_what_is_broken_is_listed(headlens: Headlens, tmp_path: Path) -> None:
    folder = write_folder("BERT", tmp_path / "bert")
    path = tmp_path / "reviews.jsonl"
    rows = [*sentences(5), "", *sentences(25, seed=1)]
    path.write_text("\n".join(json.dumps({"review": text}) for text in rows) + "\n{broken")
    out = tmp_path / "out"
    ran = headlens("atlas", "build", path.as_uri(), "--column", "review", "--model", folder, "--out", out, "--json")
    assert ran.code == 1
    assert ran.err.splitlines()[-4:] == [
        "failed: reviews.jsonl:6: The text is empty; type at least one word.",
        "failed: reviews.jsonl:32: This line is no JSON; write one object a line.",
        f"30 of 32 inputs are in the atlas in {out}",
        "headlens: 2 of 32 failed, and the others are in the atlas.",
    ]
    said = json.loads(ran.out)
    assert (said["atlas"], said["recorded"]) == (str(out), 30)
    assert [entry["input"] for entry in said["failed"]] == ["reviews.jsonl:6", "reviews.jsonl:32"]
    assert open_atlas(out).recorded == 30


def test_photos(headlens: Headlens, tmp_path: Path) -> None:
    out, photos = tmp_path / "out", write_photos(tmp_path / "photos")
    ran = headlens("atlas", "build", photos, "--size", 224, "--best", 2, "--vectors", 1, "--out", out)
    assert ran.code == 1
    assert "failed: broken.png: " in ran.err
    atlas = open_atlas(out)
    assert atlas.recorded == 5
    (example, other) = atlas.examples(11, 0)
    assert example.value >= other.value
    found = atlas.input(example.input)
    assert found.grid is not None
    assert found.picture


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("atlas", "Missing command"),
        ("atlas build", "Missing argument 'INPUT'; see headlens atlas build --help"),
        ("atlas build texts.txt", "Missing option '--out'"),
        ("atlas build nothing.txt --out out", "cannot be read"),
        ("atlas build texts.txt --model dinov2-focus --out out", "reads photos, and these are texts"),
        ("atlas build texts.txt --workers 2 --out out", "are of a cluster; add --engine ray"),
        ("atlas build texts.txt --size big --out out", "'big' is no size"),
        ("atlas build texts.txt --size 224 --out out", "A size is of photos; leave it out."),
        ("atlas build photos --size 100 --out out", "224 to 1036, not 100"),
    ],
)
def test_what_cannot_be_taken(
    headlens: Headlens, line: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts.txt").write_text("A cat sleeps.")
    write_photos(tmp_path / "photos")
    code, out, err = headlens(*line.split())
    assert (code, out) == (2, "")
    assert words in err
    assert not (tmp_path / "out").exists()


def test_the_time_that_is_left(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 0.0, 5.0, 20.0, 40.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    progress = Progress()
    for done, now in ((1_000, 0), (1_100, 100), (1_400, 400), (2_000, 1_000)):
        progress.tell(done, now, 2_000)
    assert capsys.readouterr().err.splitlines() == [
        "1,000 of 2,000 inputs",
        "1,400 of 2,000 inputs, 20.0 a second, 30 s left at this rate",
        "2,000 of 2,000 inputs",
    ]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "1 s"), (89, "89 s"), (120, "2 min"), (5_399, "1 h 30 min"), (36_000_000, "10,000 h 0 min")],
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said
