"""What an adapter may make the server open: nothing outside the allowed folders, nothing of the Hub unasked."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from headlens.model.errors import CheckpointError
from headlens.model.runtime import opening
from headlens.model.runtime.folders import FOLDERS
from headlens.model.runtime.runtime import Runtime, ignore
from tests.model.huggingface.adapters import write
from tests.sentences import is_one_sentence


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("adapter"), "Llama, LoRA").parent


@pytest.fixture
def allowed(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that visitors may open, with an adapter and its base in it; beside it, a copy of the base."""
    monkeypatch.setenv(FOLDERS, str(tmp_path / "allowed"))
    shutil.copytree(written, tmp_path / "allowed")
    shutil.copytree(written / "base", tmp_path / "secret")
    name_base(tmp_path / "allowed", str(tmp_path / "allowed" / "base"))
    return tmp_path / "allowed"


def name_base(allowed: Path, name: str) -> None:
    path = allowed / "adapter" / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"base_model_name_or_path": name}))


def refusal(allowed: Path) -> str:
    with pytest.raises(CheckpointError) as refused:
        Runtime().model(str(allowed / "adapter"))
    assert is_one_sentence(refused.value)
    return str(refused.value)


def test_an_adapter_and_its_base_are_held_as_two(allowed: Path) -> None:
    runtime = Runtime()
    adapted, base = (runtime.model(str(allowed / name)) for name in ("adapter", "base"))
    assert adapted is not base
    assert adapted.description.title == f"{allowed / 'adapter'}, an adapter of base"
    assert runtime.held_model(str(allowed / "adapter")) is adapted
    assert not opening.downloads(str(allowed / "adapter"))
    before = opening.identity(str(allowed / "adapter"))
    (allowed / "base" / "README.md").write_text("another")
    assert opening.identity(str(allowed / "adapter")) != before  # another base is another model


@pytest.mark.parametrize("name", ["{outside}", "{allowed}/../secret", "../secret", "{allowed}/way out", "~/../secret"])
def test_a_base_outside_is_not_opened(name: str, allowed: Path) -> None:
    (allowed / "way out").symlink_to(allowed.parent / "secret")
    name_base(allowed, name.format(outside=allowed.parent / "secret", allowed=allowed))
    there = refusal(allowed)
    assert "which is not there or may not be opened" in there
    shutil.rmtree(allowed.parent / "secret")
    assert refusal(allowed) == there  # whether it is there is not told


def test_a_base_whose_files_lead_outside_is_not_opened(allowed: Path) -> None:
    (allowed / "base" / "model.safetensors").unlink()
    (allowed / "base" / "model.safetensors").symlink_to(allowed.parent / "secret" / "model.safetensors")
    assert "may not be opened" in refusal(allowed)


def test_a_base_of_the_hub_is_downloaded_where_it_is_asked_for(allowed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool]] = []

    def download(name: str, on_bytes: Any, weights: bool) -> Path:
        asked.append((name, weights))
        return allowed / "base of the hub"

    monkeypatch.setattr("headlens.model.huggingface.load.hub.download", download)
    (allowed / "base").rename(allowed / "base of the hub")
    name_base(allowed, "organisation/name")
    assert opening.downloads(str(allowed / "adapter"))
    assert opening.identity(str(allowed / "adapter")).startswith(str(allowed / "adapter"))
    assert asked == []
    model = opening.load(str(allowed / "adapter"), Runtime().device, ignore)
    assert asked == [("organisation/name", True)]
    assert model.description.title.endswith(", an adapter of organisation/name")
