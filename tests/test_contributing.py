"""What CONTRIBUTING says of the code is true: its paths exist, its names stand where it says, its map is whole."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.paths import ROOT

TEXT = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
MOST_FILES = {"a": 3, "b": 2, "c": 2, "d": 1, "e": 1, "f": 4}  # that a recipe touches, besides tests
PATH = re.compile(r"^[\w.-]*/[\w./-]*$|^[\w-]+\.(?:py|md|toml|js|css|html|txt|yml)$|^Makefile$")
NAME = re.compile(r"^[A-Za-z_][\w.]*(?:\(.*\))?$")


class Step(NamedTuple):
    """One numbered step of a recipe."""

    path: str  # what it touches; a folder where a new file goes
    names: tuple[tuple[Path, str], ...]  # the other paths and names in it, each with the path before it


def quoted(text: str) -> list[str]:
    """What stands between single backticks, outside blocks of code."""
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", outside)


def step_of(text: str) -> Step:
    """A path comes first; a file that is named without its folder is in the folder of that path."""
    first, *others = quoted(text)
    here = ROOT / first
    folder = here if here.is_dir() else here.parent
    names: list[tuple[Path, str]] = []
    for other in others:
        if PATH.match(other):
            here = ROOT / other if "/" in other else folder / other
        elif NAME.match(other):
            names.append((here, other))
    return Step(first, tuple(names))


def recipes() -> dict[str, list[Step]]:
    """The steps of each recipe by its letter."""
    found = {}
    for letter, body in re.findall(r"^### \((\w)\)[^\n]*\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL):
        steps = re.findall(r"^\d+\. (.*?)(?=^\d+\. |^\S|\Z)", body, re.MULTILINE | re.DOTALL)
        found[letter] = [step_of(step) for step in steps]
    return found


RECIPES = recipes()
STEPS = [pytest.param(step, id=f"{letter}-{step.path}") for letter, steps in RECIPES.items() for step in steps]


def defines(source: str, name: str) -> bool:
    """Whether a source defines a function, class, constant, attribute or method, in Python or in JavaScript."""
    last = re.escape(name.partition("(")[0].rpartition(".")[2])
    value = rf"^\s*{last}(?:: [^=\n]+)?(?: =|$)|^\s*{last}: "
    patterns = (
        *(() if "(" in name else (value,)),
        rf"^\s*(?:(?:async )?def|class) {last}\b",
        rf"^\s*(?:export )?(?:async )?(?:function|class|const|let) {last}\b",
        rf"^\s*(?:async )?{last}\(.*\{{$",
        rf"@typedef {{object}} {last}$",
    )
    return re.search("|".join(patterns), source, re.MULTILINE) is not None


def text_of(place: Path) -> str:
    """Of a file, or of all files in a folder."""
    files = sorted(each for each in place.iterdir() if each.is_file()) if place.is_dir() else [place]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


@pytest.mark.parametrize("path", sorted({each for each in quoted(TEXT) if "/" in each and PATH.match(each)}))
def test_every_path_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("step", STEPS)
def test_every_name_stands_where_a_recipe_says(step: Step) -> None:
    assert [(str(place), name) for place, name in step.names if not defines(text_of(place), name)] == []


@pytest.mark.parametrize(("letter", "most"), MOST_FILES.items())
def test_recipes_are_short(letter: str, most: int) -> None:
    assert 1 <= len(RECIPES[letter]) <= most


def test_recipes_are_read() -> None:
    """Each has steps that begin with a path, and most of them name something in it."""
    assert RECIPES.keys() == MOST_FILES.keys()
    assert all(PATH.match(step.path) for steps in RECIPES.values() for step in steps)
    assert all(any(step.names for step in steps) for steps in RECIPES.values())


def test_the_map_is_whole() -> None:
    """Each folder of the product that holds Python has its line."""
    on_the_map = {each.rstrip("/") for each in quoted(TEXT)}
    rooms = {path.parent.relative_to(ROOT) for top in ("model", "viz") for path in (ROOT / top).glob("*/*.py")}
    assert {str(room) for room in rooms} - on_the_map == set()


@pytest.mark.parametrize(
    ("name", "source", "defined"),
    [
        ("module.thing(state)", "def thing(a: int) -> int:", True),
        ("module.thing(state)", "class thing:", True),
        ("thing", "thing: tuple[str, ...] = ()", True),
        ("thing", "thing = 1", True),
        ("thing", "    thing: str  # a field", True),
        ("module.thing(state)", "export class thing {", True),
        ("module.thing(state)", "    thing(state) {", True),
        ("module.thing(state)", " * @typedef {object} thing", True),
        ("module.thing(state)", "    thing: of another", False),
        ("module.thing(state)", "other(thing)", False),
        ("module.thing(state)", "    # thing of another", False),
        ("module.thing(state)", "def something() -> None:", False),
    ],
)
def test_a_definition_is_told_from_a_mention(name: str, source: str, defined: bool) -> None:
    assert defines(source, name) == defined
