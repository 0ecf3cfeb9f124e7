"""The README is short, its links lead somewhere and its Python runs; so it is with the documents that it links."""

import re
import shlex
from pathlib import Path

import pytest

from headlens.model import list_models, load_model
from headlens.viz.cli.program import exit_code
from tests.paths import ROOT

README = ROOT / "README.md"
FOLDERS = (".github", "assets", "model", "tests", "viz")
DOCUMENTS = [
    README,
    *sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md") if "node_modules" not in path.parts),
]
MOST = 9_000  # characters of the README: five minutes
LINKS = [
    (document, link)
    for document in DOCUMENTS
    for link in sorted(set(re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8"))))
    if not link.startswith(("https:", "mailto:"))
]


def python_of(document: Path) -> str:
    """The one Python example of a document."""
    (code,) = re.findall(r"```python\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL)
    return code


def headings(document: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a document."""
    titles = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.slow
def test_python_example(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    code = python_of(README).replace("trophy.safetensors", str(tmp_path / "trophy.safetensors"))
    names: dict = {}
    exec(compile(code, "README.md", "exec"), names)
    printed = capsys.readouterr().out.splitlines()
    assert printed == [str(list(list_models())), "trophy", "(16, 24) (6, 385, 385) (224, 336)"]
    assert printed[0].startswith("['minilm-l6', 'dinov2-focus', 'smollm2-135m'")  # another may be bundled after them
    assert (names["same"].attention(3, 1) == names["weights"]).all()


@pytest.mark.slow
def test_the_notebook_s_three_lines() -> None:
    (code,) = re.findall(r"```py\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(code.strip().splitlines()) == 3
    names: dict = {"load_model": load_model}
    exec(compile(code, "README.md", "exec"), names)
    assert (names["widget"].view.layer, names["widget"].view.head, names["widget"].view.query) == (3, 1, 10)
    assert names["figure"].data[0].z.shape == (16, 16)


@pytest.mark.slow
def test_the_command_line_s_three_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    section = README.read_text(encoding="utf-8").split("### From the command line")[1]
    (commands,) = re.findall(r"```\n(headlens record.*?)```", section.split("## Limits")[0], re.DOTALL)
    assert len(commands.strip().splitlines()) == 3
    for command in commands.strip().splitlines():
        program, *arguments = shlex.split(command)
        assert program == "headlens"
        assert exit_code(arguments) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"trophy.safetensors", "heatmap.svg", "heads.csv"}
    assert (tmp_path / "heatmap.svg").read_text(encoding="utf-8").startswith("<svg")


def test_python_in_ten_lines() -> None:
    assert sum(bool(line.strip()) for line in python_of(README).splitlines()) <= 10


@pytest.mark.parametrize("folder", ["model", pytest.param("model/effects", marks=pytest.mark.slow)])
def test_python_of_the_readmes_below(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = python_of(ROOT / folder / "README.md")
    exec(compile(code, f"{folder}/README.md", "exec"), {})
    assert capsys.readouterr().out.strip() == code.rpartition("#")[2].strip()


def test_five_minutes() -> None:
    assert len(README.read_text(encoding="utf-8")) <= MOST


@pytest.mark.parametrize(
    ("document", "link"), LINKS, ids=lambda value: str(value.relative_to(ROOT) if isinstance(value, Path) else value)
)
def test_links_lead_somewhere(document: Path, link: str) -> None:
    path, _, anchor = link.partition("#")
    target = document.parent / path if path else document
    assert target.exists()
    assert not anchor or anchor in headings(target)
