"""`headlens models`: what there is, and what a folder is."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from headlens.model import list_models
from headlens.model.huggingface.load import hub
from headlens.model.recording.recording import Recording
from tests.model.huggingface.adapters import write as write_adapter
from tests.model.huggingface.image_models import made, save
from tests.model.huggingface.text_models import write_folder
from tests.model.huggingface.vision.test_refused import SWIN
from tests.viz.cli.conftest import Headlens


def test_what_is_bundled(headlens: Headlens) -> None:
    said = json.loads(headlens("models", "--json").out)
    assert [entry["name"] for entry in said] == list(list_models())
    assert all(entry["installed"] for entry in said)
    lines = headlens("models").out.splitlines()
    assert [line.split()[0] for line in lines] == ["name", *list_models()]
    assert json.loads(headlens("models", "minilm-l6", "--json").out) == said[0]


@pytest.mark.parametrize(
    ("write", "facts"),
    [
        (
            lambda folder: write_folder("GPT-2", folder),
            {"reads": "texts, and writes on", "architecture": "GPT2LMHeadModel", "layers": 2, "recordable": True},
        ),
        (
            lambda folder: save(folder, made("Swin", **SWIN)),
            {"reads": "photos", "recordable": False, "reason": "in windows"},
        ),
        (
            lambda folder: (folder / "config.json").write_text('{"model_type": "videomae"}'),
            {"recordable": False, "reason": "reads video"},
        ),
        (lambda folder: None, {"recordable": False, "reason": "config.json"}),
    ],
    ids=["GPT-2", "Swin", "video", "empty"],
)
def test_what_a_folder_is(
    headlens: Headlens, tmp_path: Path, write: Callable[[Path], object], facts: dict[str, object]
) -> None:
    write(tmp_path)
    code, out, err = headlens("models", tmp_path, "--json")
    assert code == 0, err
    said = json.loads(out)
    assert str(facts.pop("reason", "")) in said["reason"]
    assert facts.items() <= said.items()
    line = next(line for line in headlens("models", tmp_path).out.splitlines() if line.startswith("recordable"))
    assert line.split() == ["recordable", "yes" if said["recordable"] else "no"]


def test_what_an_adapter_is(headlens: Headlens, tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path, "BERT, classes")
    code, out, err = headlens("models", adapter, "--json")
    assert code == 0, err
    expected = {"adapter of": "base", "architecture": "BertForSequenceClassification", "recordable": True}
    assert expected.items() <= json.loads(out).items()
    code, _, err = headlens("record", "A cat sleeps.", "--model", adapter, "--out", tmp_path / "cat.safetensors")
    assert code == 0, err
    assert Recording.load(tmp_path / "cat.safetensors").model.title == f"{adapter}, an adapter of base"


def test_an_id_whose_weights_are_not_here(headlens: Headlens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_folder("BERT", tmp_path / "hub")
    asked = []

    def download(name: str, weights: bool = True) -> Path:
        asked.append((name, weights))
        return folder

    monkeypatch.setattr(hub, "download", download)
    said = json.loads(headlens("models", "someone/something", "--json").out)
    assert (said["recordable"], said["layers"]) == (None, 2)
    assert "--download" in said["reason"]
    assert json.loads(headlens("models", "someone/something", "--download", "--json").out)["recordable"] is True
    assert asked == [("someone/something", False), ("someone/something", True)]
