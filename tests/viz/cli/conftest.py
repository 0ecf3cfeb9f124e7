"""The command, in this process and as one of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from headlens.model.recording.recording import Recording
from headlens.viz.cli.program import exit_code
from tests.paths import ROOT

MAIN = [sys.executable, "-c", "from headlens.viz.cli import main; main()"]


class Ran(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Headlens = Callable[..., Ran]


@pytest.fixture
def headlens(capsys: pytest.CaptureFixture[str]) -> Headlens:
    """Runs the command in this process, with these arguments."""

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        code = exit_code([str(argument) for argument in arguments])
        return Ran(code, *capsys.readouterr())

    return run


def start(*arguments: object, folder: Path, before: Callable[[], object] = lambda: None) -> subprocess.Popen[str]:
    """The command as a process of its own in a folder; before is called in it first."""

    def prepare() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell that runs the tests behind its back has it ignored
        before()

    return subprocess.Popen(
        [*MAIN, *map(str, arguments)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT / ".src"), "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=prepare,
    )


def finish(process: subprocess.Popen[str], given: str | None = None) -> Ran:
    """Wait for its end."""
    out, err = process.communicate(given, timeout=120)
    return Ran(process.returncode, out, err)


@pytest.fixture(scope="session")
def saved(trophy: Recording, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a recording of a text."""
    path = tmp_path_factory.mktemp("saved") / "trophy.safetensors"
    trophy.save(path)
    return path


def names_in(folder: Path) -> set[str]:
    """All files, hidden ones too."""
    return {path.name for path in folder.rglob("*")}
