"""The notebooks of assets/notebooks run from top to bottom, say what they promise, and are kept without outputs."""

import json
import os
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.paths import ROOT

NOTEBOOKS = ROOT / "assets" / "notebooks"
NAMES = ("classifier", "photo", "sentence")


ASKED = {  # expressions, whose values are of interest after a notebook's last cell
    "sentence": {
        "strongest": "[token for _, token in strongest]",
        "finders": "finders",
        "view": "[explorer.view.layer, explorer.view.head, explorer.view.query, explorer.view.direction]",
        "frame": "figure.layout.shapes[0].y0",
    },
    "photo": {
        "grid": "photo.grid",
        "distances": "distances.tolist()",
        "seen": "[explorer.view.layer, explorer.view.head]",
        "nearest": "nearest",
    },
    "classifier": {
        "accuracy": "accuracy",
        "label": "recording.predictions[0].candidates[0][0]",
        "probabilities": "[change.probability_before, change.probability_after]",
        "looks": "float(recording.attention(layer, head, 0)[recording.tokens.index('not')])",
        "seen": "[explorer.view.layer, explorer.view.head] == [layer, head]",
        "rests": "recording.tokens[int(abs(explanation.scores).argmax())]",
    },
}
Results = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """The values asked for, of each notebook. They run in one kernel, which forgets all names in between."""
    cells, ends = [], {}
    for name, expressions in ASKED.items():
        asked = ", ".join(f"{key!r}: {expression}" for key, expression in expressions.items())
        cells += nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells
        cells.append(nbformat.v4.new_code_cell(f"import json; print(json.dumps({{{asked}}}))"))
        ends[name] = len(cells)
        cells.append(nbformat.v4.new_code_cell("%reset -f"))
    notebook = nbformat.v4.new_notebook(cells=cells)
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
            patch.setenv(variable, str(tmp_path_factory.mktemp(variable)))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / ".src"), os.environ.get("PYTHONPATH", "")]))
        patch.setenv("OMP_NUM_THREADS", "1")
        resources = {"metadata": {"path": str(NOTEBOOKS)}}
        NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources).execute()
    found, start = {}, 0
    for name, end in ends.items():
        shown = [output for cell in notebook.cells[start : end - 1] for output in cell.get("outputs", [])]
        assert not [output for output in shown if output.get("name") == "stderr"]  # no warning to wonder about
        (explorer,) = [each for each in shown if "application/vnd.jupyter.widget-view+json" in each.get("data", {})]
        assert explorer
        assert [each for each in shown if "headlens-picture" in each.get("data", {}).get("text/html", "")]
        found[name] = json.loads(notebook.cells[end - 1].outputs[0]["text"])
        start = end
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


def test_sentence(results: Results) -> None:
    found = results["sentence"]
    assert found["strongest"][:2] == ["trophy", "suitcase"]
    assert [3, 1] in found["finders"]
    assert found["view"] == [3, 1, 2, "by"]
    assert found["frame"] == 10.5


def test_photo(results: Results) -> None:
    found = results["photo"]
    assert found["grid"] == [16, 24]
    (layer, head), distances = found["nearest"], found["distances"]
    assert found["seen"] == [layer, head]
    assert 0 < distances[layer][head] == min(min(row) for row in distances) < max(max(row) for row in distances) < 29


def test_classifier(results: Results) -> None:
    found = results["classifier"]
    assert found["accuracy"] > 0.95
    assert found["label"] == "negative"
    before, after = found["probabilities"]
    assert before > 0.9
    assert after < 0.5  # the one head turns the answer
    assert found["looks"] > 0.5
    assert found["seen"]
    assert found["rests"] in ("not", "good")
