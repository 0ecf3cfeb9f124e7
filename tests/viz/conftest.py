"""Recordings of the real models that several files look at, which nobody changes; and how often the models run."""

import runpy
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from streamlit.components.v2 import manifest_scanner

from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.model.recording.recording import Recording
from headlens.viz.pages import runtime


@pytest.fixture(scope="session", autouse=True)
def _packages_searched_once() -> Iterator[None]:
    """AppTest searches all installed packages for components each time that a page is opened: half a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture(scope="session")
def trophy(minilm: EncoderTextModel) -> Recording:
    """The sentence of the sample Trophy."""
    return minilm.record("The trophy does not fit in the brown suitcase because it is too big.")


@pytest.fixture(scope="session")
def pair(minilm: EncoderTextModel) -> Recording:
    """The two sentences of the sample A pair: it has two [SEP]."""
    return minilm.record(("A cat is sleeping on the sofa.", "The kitten naps on the couch."))


@pytest.fixture(scope="session")
def coffee(dinov2: EncoderImageModel, sample_photo: Callable[[str], Path]) -> Recording:
    """The photo of the sample Coffee, small: 16 x 24 patches."""
    return dinov2.record(sample_photo("coffee"), 224)


def count(monkeypatch: pytest.MonkeyPatch, kind: type[Any]) -> list[Any]:
    """The inputs on which models of a kind run from now on; nothing is kept from before."""
    runtime.shared().recordings.clear()
    runs: list[Any] = []
    record = kind.record

    def counted(self: Any, given: Any, *arguments: Any, **options: Any) -> Any:
        runs.append(given)
        return record(self, given, *arguments, **options)

    monkeypatch.setattr(kind, "record", counted)
    return runs


@pytest.fixture
def text_runs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Texts that the text model runs on."""
    return count(monkeypatch, EncoderTextModel)


@pytest.fixture
def image_runs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Photos that the image model runs on."""
    return count(monkeypatch, EncoderImageModel)


class Ran(NamedTuple):
    """What a script left behind."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run_script(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Ran]:
    """Runs a script in its folder as `python` does, but in this process: another one would import torch again."""

    def run(script: Path) -> Ran:
        monkeypatch.chdir(script.parent)
        monkeypatch.setattr(sys, "argv", [script.name])
        capsys.readouterr()
        code: Any = 0
        try:
            runpy.run_path(str(script), run_name="__main__")
        except SystemExit as left:
            code = left.code or 0
        out, err = capsys.readouterr()
        return Ran(1, out, f"{err}{code}\n") if isinstance(code, str) else Ran(int(code), out, err)

    return run
