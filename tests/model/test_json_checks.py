"""JSON from strangers: read within bounds, and each check true for what it names alone."""

import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from headlens.model import json_checks
from headlens.model.json_checks import (
    Check,
    header_length,
    list_of,
    object_of,
    object_with,
    optional,
    pair_of,
    parse_json,
    read_json,
    values_of,
)

VALUES: tuple[object, ...] = (
    None,
    True,
    False,
    -1,
    0,
    1,
    2**31,
    10**400,
    -0.5,
    0.0,
    0.5,
    1e30,
    math.nan,
    math.inf,
    "",
    "a",
    [],
    {},
)


@pytest.mark.parametrize(
    ("check", "passing"),
    [
        ("is_string", ["", "a"]),
        ("is_boolean", [True, False]),
        ("is_count", [0, 1]),
        ("is_number", [-1, 0, 1, 2**31, -0.5, 0.0, 0.5]),
        ("is_above_zero", [1, 2**31, 0.5]),
        ("is_not_below_zero", [0, 1, 2**31, 0.0, 0.5]),
        ("is_object", [{}]),
    ],
)
def test_values(check: str, passing: list[object]) -> None:
    found = [value for value in VALUES if getattr(json_checks, check)(value)]
    assert [(type(value), value) for value in found] == [(type(value), value) for value in passing]


is_string = json_checks.is_string


@pytest.mark.parametrize(
    ("check", "passing", "failing"),
    [
        (list_of(is_string, high=2), [[], ["a"], ["a", "b"]], [["a"] * 3, [1], ["a", None], "ab", {}, None]),
        (list_of(is_string, high=2, low=1), [["a"]], [[]]),
        (optional(is_string), [None, "a"], [1, [], False]),
        (pair_of(is_string, optional(is_string)), [["a", None]], [[None, "a"], ["a"], ["a", "b", "c"], "ab", None]),
        (object_of(a=is_string), [{"a": "x"}], [{}, {"a": 1}, {"a": "x", "b": "y"}, [], ["a"], None]),
        (object_with(a=is_string), [{"a": "x"}, {"a": "x", "b": 1}], [{}, {"a": 1}, {"b": "x"}, ["a"], None]),
        (values_of(is_string), [{}, {"a": "x", "b": "y"}], [{"a": "x", "b": 1}, ["a"], None]),
    ],
)
def test_what_is_made_of_others(check: Check, passing: list[object], failing: list[object]) -> None:
    assert [value for value in passing if not check(value)] == []
    assert [value for value in failing if check(value)] == []


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "[" * 100_000 + "]" * 100_000, "\x00", b"\xff", "1" * 5_000])
def test_what_is_no_json(text: str | bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # whichever
        parse_json(text)


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text(json.dumps("é" * 10, ensure_ascii=False), encoding="utf-8")
    assert read_json(path, 22) == "é" * 10
    with pytest.raises(ValueError, match="more than 21 bytes"):
        read_json(path, 21)
    with pytest.raises(ValueError, match="more than 1,000 bytes"):
        read_json(Path("/dev/zero"), 1_000)
    with pytest.raises(OSError):  # noqa: PT011  # its words are the system's
        read_json(tmp_path / "none", 1_000)


def test_headers_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    save_file({"a": torch.zeros(3)}, path)
    length = header_length(path, 1_000)
    assert path.stat().st_size == 8 + length + 12
    assert header_length(path, length) == length
    with pytest.raises(ValueError, match=f"more than the file or than {length - 1}"):
        header_length(path, length - 1)
    path.write_bytes((10**6).to_bytes(8, "little"))
    with pytest.raises(ValueError, match="its header has 1,000,000 bytes"):
        header_length(path, 10**9)
