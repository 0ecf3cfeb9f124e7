"""The notebooks of assets/notebooks run from top to bottom, say what they promise, and are kept without outputs."""

import json
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.paths import ROOT

NOTEBOOKS = ROOT / "assets" / "notebooks"
NAMES = ("classifier", "photo", "sentence")


def results(name: str, expressions: dict[str, str], monkeypatch: pytest.MonkeyPatch, folder: Path) -> dict[str, Any]:
    """Run a notebook in a kernel of its own, and give the values of some expressions after its last cell."""
    for variable in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(variable, str(folder / variable))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / ".src"), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    asked = ", ".join(f"{key!r}: {expression}" for key, expression in expressions.items())
    notebook.cells.append(nbformat.v4.new_code_cell(f"import json; print(json.dumps({{{asked}}}))"))
    NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(NOTEBOOKS)}}
    ).execute()
    shown = [output for cell in notebook.cells[:-1] for output in cell.get("outputs", [])]
    assert not [output for output in shown if output.get("name") == "stderr"]  # no warning to wonder about
    (explorer,) = [each for each in shown if "application/vnd.jupyter.widget-view+json" in each.get("data", {})]
    assert explorer
    assert [each for each in shown if "headlens-picture" in each.get("data", {}).get("text/html", "")]
    found: dict[str, Any] = json.loads(notebook.cells[-1].outputs[0]["text"])
    return found


def test_they_are_all_here() -> None:
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_stripped(name: str) -> None:
    text = (NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None
    assert "widgets" not in notebook.metadata
    assert text.isascii() or "\\u" not in text  # typographic signs stand as they are, for whoever reads a diff


def test_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = {
        "strongest": "[token for _, token in strongest]",
        "finders": "finders",
        "view": "[explorer.view.layer, explorer.view.head, explorer.view.query, explorer.view.direction]",
        "frame": "figure.layout.shapes[0].y0",
    }
    found = results("sentence", asked, monkeypatch, tmp_path)
    assert found["strongest"][:2] == ["trophy", "suitcase"]
    assert [3, 1] in found["finders"]
    assert found["view"] == [3, 1, 2, "by"]
    assert found["frame"] == 10.5


def test_photo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = {
        "grid": "photo.grid",
        "distances": "distances.tolist()",
        "seen": "[explorer.view.layer, explorer.view.head]",
        "nearest": "nearest",
    }
    found = results("photo", asked, monkeypatch, tmp_path)
    assert found["grid"] == [16, 24]
    (layer, head), distances = found["nearest"], found["distances"]
    assert found["seen"] == [layer, head]
    assert 0 < distances[layer][head] == min(min(row) for row in distances) < max(max(row) for row in distances) < 29


def test_classifier(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = {
        "accuracy": "accuracy",
        "label": "recording.predictions[0].candidates[0][0]",
        "probabilities": "[change.probability_before, change.probability_after]",
        "looks": "float(recording.attention(layer, head, 0)[recording.tokens.index('not')])",
        "seen": "[explorer.view.layer, explorer.view.head] == [layer, head]",
        "rests": "recording.tokens[int(abs(explanation.scores).argmax())]",
    }
    found = results("classifier", asked, monkeypatch, tmp_path)
    assert found["accuracy"] > 0.95
    assert found["label"] == "negative"
    before, after = found["probabilities"]
    assert before > 0.9
    assert after < 0.5  # the one head turns the answer
    assert found["looks"] > 0.5
    assert found["seen"]
    assert found["rests"] in ("not", "good")
