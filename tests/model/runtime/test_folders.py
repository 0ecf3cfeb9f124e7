"""Which folders visitors may open."""

import os
from pathlib import Path

import pytest

from headlens.model.errors import InputError
from headlens.model.runtime.folders import FOLDERS, allowed_folders, open_folder
from tests.sentences import is_one_sentence


@pytest.fixture
def bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one folder that is allowed, with a model in it; beside it one that is not."""
    (tmp_path / "allowed" / "model").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("x")
    monkeypatch.setenv(FOLDERS, str(tmp_path / "allowed"))
    return tmp_path / "allowed"


def refusal(name: str) -> str:
    with pytest.raises(InputError) as refused:
        open_folder(name)
    assert is_one_sentence(refused.value)
    return str(refused.value)


def test_what_lies_inside_opens(bound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_folder(str(bound / "model")) == bound / "model"
    assert open_folder(f"{bound}/model/../model/") == bound / "model"
    monkeypatch.chdir(bound)
    assert open_folder("model") == bound / "model"
    (bound / "model" / "weights").write_text("x")
    (bound / "model" / "link").symlink_to(bound / "model" / "weights")
    assert open_folder("model") == bound / "model"


def test_what_lies_or_leads_outside_does_not(bound: Path) -> None:
    outside = bound.parent / "secret"
    (bound / "way out").symlink_to(outside)
    (bound / "model" / "config.json").symlink_to(outside / "key")
    for name in ("/etc", "/", str(outside), f"{bound}/../secret", f"{bound}/way out", f"{bound}/no/../../secret"):
        assert "not one of those that may be opened" in refusal(name)
    assert "not one of those" in refusal(str(bound.parent / "not there"))  # whether it is there is not told
    assert "not one of those" in refusal(f"{bound}/model")


def test_what_leads_outside_from_a_folder_of_sentence_transformers(bound: Path) -> None:
    (bound / "model" / "1_Pooling").mkdir()
    (bound / "model" / "modules.json").write_text("[]")
    assert open_folder(str(bound / "model")) == bound / "model"
    (bound / "model" / "1_Pooling" / "config.json").symlink_to(bound.parent / "secret" / "key")
    assert "not one of those" in refusal(f"{bound}/model")


def test_what_is_no_folder(bound: Path) -> None:
    (bound / "file").write_text("x")
    for name in ("nothing", "file", "x" * 5_000, "a\0b"):
        assert "There is no such folder" in refusal(f"{bound}/{name}") or "\0" in name


def test_several_and_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDERS, os.pathsep.join([str(tmp_path / "a"), str(tmp_path / "b")]))
    assert allowed_folders() == [tmp_path / "a", tmp_path / "b"]
    monkeypatch.delenv(FOLDERS)
    assert allowed_folders() == [Path.cwd(), (Path.home() / ".cache").resolve()]
