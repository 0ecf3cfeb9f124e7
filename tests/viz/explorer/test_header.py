"""The header: what is built fits its types at run time, and JavaScript's typedefs say the same as Python's."""

import json
import re
from pathlib import Path
from types import NoneType, UnionType
from typing import Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.explorer import header as module
from headlens.viz.explorer.compared import PairFields, PairHeader
from headlens.viz.explorer.header import Figure, Header, Measure, ViewFields
from headlens.viz.explorer.payload import build
from headlens.viz.export.figures import SavedFigure
from headlens.viz.view.view import View
from headlens.viz.view.wording import ByDirection, Percent, Wording
from tests.recordings import random_recording
from tests.viz.explorer.payloads import unpack

TYPED = (PairHeader, PairFields, Header, ViewFields, Measure, Figure, SavedFigure, Wording, ByDirection, Percent)
TYPES_JS = Path(module.__file__).parent / "js" / "types.js"
NAMES_JS = {int: "number", float: "number", str: "string", bool: "boolean", NoneType: "null", object: "unknown"}
ABOUT = {"model": "m"}
SAVE: SavedFigure = {"about": ABOUT, "figure": {}, "name": "a", "format": "png", "width": 1, "height": 1, "at": 5}


def misfits(value: object, kind: object, where: str = "header") -> list[str]:
    """Where a value that JSON carried is not of the kind that is annotated."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_typeddict(kind):
        hints = get_type_hints(kind)
        if not isinstance(value, dict) or set(value) != set(hints):
            return [f"{where}: not the keys of {kind}"]
        return [each for name, hint in hints.items() for each in misfits(value[name], hint, f"{where}.{name}")]
    if origin in (Union, UnionType):
        return [] if any(not misfits(value, each) for each in arguments) else [where]
    if origin is Literal:
        return [] if value in arguments else [where]
    if origin is dict:
        assert arguments[0] is str
        pairs = value.items() if isinstance(value, dict) else [("", where)]
        return [each for name, inner in pairs for each in misfits(inner, arguments[1], f"{where}.{name}")]
    if origin in (list, tuple):  # JSON has lists alone
        if not isinstance(value, list) or (origin is tuple and len(value) != len(arguments)):
            return [where]
        kinds = arguments if origin is tuple else arguments * len(value)
        return [each for inner, one in zip(value, kinds) for each in misfits(inner, one, where)]
    if kind is object:
        return []
    assert isinstance(kind, type), kind
    fits = (int, float) if kind is float else kind
    return [] if isinstance(value, fits) and (kind is bool or not isinstance(value, bool)) else [where]


@pytest.mark.parametrize("scope", ["head", "layer", "all"])
@pytest.mark.parametrize("folded_out", [True, False])
@pytest.mark.parametrize("name", ["trophy", "coffee"])
def test_what_is_built_is_of_its_types(
    scope: Literal["head", "layer", "all"], folded_out: bool, name: str, request: pytest.FixtureRequest
) -> None:
    entry = RecordingEntry("an id", request.getfixturevalue(name))
    view = View(3, 1, query=11, scope=scope, reduction="max", order="key", matrix=folded_out)
    save = SAVE if folded_out else None
    result = unpack(build(entry, view, link="", full=True, hover=True, save=save)).header
    del result["blobs"]
    assert misfits(result, Header) == []
    assert (result["figure"] is not None) == folded_out


def test_what_does_not_fit_is_found(trophy: Recording) -> None:
    result = unpack(build(RecordingEntry("", trophy), View(0, 0, 0), link="", full=False, hover=False)).header
    del result["blobs"]
    for name, wrong in {
        "id": 1,
        "tokens": ["a", 2],
        "grid": [1.5],
        "aspect": "1",
        "layers": True,
        "order": [[0, 0]],
        "view": result["view"] | {"scope": "some"},
        "wording": result["wording"] | {"who": {"head": 1}},
        "figure": {"data": [], "layout": {}},
    }.items():
        assert misfits(json.loads(json.dumps(result | {name: wrong})), Header) != [], name
    assert misfits({name: value for name, value in result.items() if name != "why"}, Header) != []


def in_javascript(kind: object) -> str:
    """A type as JSDoc writes it."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_typeddict(kind):
        assert isinstance(kind, type)
        return kind.__name__
    if origin in (Union, UnionType):
        return " | ".join(in_javascript(each) for each in arguments)
    if origin is Literal:
        return " | ".join(json.dumps(each) for each in arguments)
    if origin is list:
        return f"{in_javascript(arguments[0])}[]"
    if origin is tuple:
        return f"[{', '.join(in_javascript(each) for each in arguments)}]"
    if origin is dict:
        return f"Record<{', '.join(in_javascript(each) for each in arguments)}>"
    assert isinstance(kind, type), kind
    return NAMES_JS[kind]


@pytest.mark.parametrize("kind", TYPED, ids=lambda kind: kind.__name__)
def test_javascript_has_the_same_names_and_types(kind: type) -> None:
    source = TYPES_JS.read_text(encoding="utf-8")
    comments = re.findall(r"/\*\*.*?\*/", source, re.DOTALL)
    (comment,) = (
        each for each in comments if re.search(rf"@typedef \{{object\}} {kind.__name__}$", each, re.MULTILINE)
    )
    written = re.findall(r"@property \{(.*?)\} (\w+)(?: |$)", comment, re.MULTILINE)
    assert len(written) == comment.count("@property")
    expected = [(name, in_javascript(hint)) for name, hint in get_type_hints(kind).items()]
    assert [(name, hint) for hint, name in written] == expected


def test_tokens_from_right_to_left_are_to_be_isolated() -> None:
    tokens = ("it", "مرحبا", "3", "x٣", "שלום", "[CLS]", "é")
    recording = random_recording()
    object.__setattr__(recording, "tokens", tokens)
    result = unpack(build(RecordingEntry("", recording), View(0, 0, 0), link="", full=False, hover=False)).header
    assert result["isolate"] == [1, 3, 4]
