"""JSON that may be anybody's: read within bounds, and checked to be what it should be before anything is made of it."""

import json
from collections.abc import Callable
from pathlib import Path

Check = Callable[[object], bool]  # whether a value that JSON gave is what it should be


def parse_json(text: str | bytes) -> object:
    """The value. Raises ValueError, also for one that is nested too deeply."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def read_json(path: Path, most: int) -> object:
    """The value of a file of at most so many bytes. Raises OSError, ValueError."""
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"more than {most:,} bytes")
    return parse_json(content.decode())


def header_length(path: Path, most: int) -> int:
    """Bytes of a safetensors file's header, which its own reader takes up to 100 million of.

    Raises OSError, ValueError for one that is longer than the file or than most.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if length > min(most, path.stat().st_size):
        raise ValueError(f"its header has {length:,} bytes, more than the file or than {most:,}")
    return length


def is_string(value: object) -> bool:
    return isinstance(value, str)


def is_boolean(value: object) -> bool:
    """Whether it is true or false."""
    return isinstance(value, bool)


def is_count(value: object) -> bool:
    """Whether it is a whole number from 0 that takes 31 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def is_number(value: object) -> bool:
    """Whether it is a finite number, below 1e30."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e30  # false for nan


def is_above_zero(value: object) -> bool:
    return isinstance(value, int | float) and is_number(value) and value > 0


def is_not_below_zero(value: object) -> bool:
    return isinstance(value, int | float) and is_number(value) and value >= 0


def is_object(value: object) -> bool:
    return isinstance(value, dict)


def list_of(check: Check, high: int, low: int = 0) -> Check:
    """A check of lists with low to high entries."""
    return lambda value: isinstance(value, list) and low <= len(value) <= high and all(map(check, value))


def optional(check: Check) -> Check:
    """A check that null passes too."""
    return lambda value: value is None or check(value)


def pair_of(first: Check, second: Check) -> Check:
    """A check of lists with two entries."""
    return lambda value: isinstance(value, list) and len(value) == 2 and first(value[0]) and second(value[1])


def object_of(**fields: Check) -> Check:
    """A check of objects with these fields and no others."""
    return lambda value: (
        isinstance(value, dict)
        and value.keys() == fields.keys()
        and all(check(value[name]) for name, check in fields.items())
    )


def object_with(**fields: Check) -> Check:
    """A check of objects with these fields, and maybe others."""
    return lambda value: (
        isinstance(value, dict) and all(name in value and check(value[name]) for name, check in fields.items())
    )


def values_of(check: Check) -> Check:
    """A check of objects by their values, whatever their names."""
    return lambda value: isinstance(value, dict) and all(map(check, value.values()))
