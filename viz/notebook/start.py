"""What a notebook asks for as an entry and a view: which recording, and which head and query of it."""

import dataclasses
import operator
import uuid
import weakref
from collections.abc import Iterable, Mapping
from typing import cast

from headlens.model.analysis.joint import joined
from headlens.model.errors import InputError
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.view.address import CHOICES, NUMBERS
from headlens.viz.view.bounds import bounds_of
from headlens.viz.view.chosen import MOST, MOST_HEADS, MOST_RUNS, Head, bounded
from headlens.viz.view.pieces import groups_of, pieces_of
from headlens.viz.view.start import first_view
from headlens.viz.view.view import Bounds, View

FIELDS = tuple(field.name for field in dataclasses.fields(View))
_entries: weakref.WeakKeyDictionary[Recording, RecordingEntry] = weakref.WeakKeyDictionary()


def entry_of(recording: Recording) -> RecordingEntry:
    """The recording's entry, the same for all who ask, so that they share what is computed from it.

    It holds no reference to the recording that was asked for, which would never be let go; cross-attention is looked at
    as attention within one sequence, as on the page.
    """
    if recording not in _entries:
        shown = dataclasses.replace(recording)
        if recording.keys is not None:
            shown = joined(pieces_of(recording))
            shown = shown if groups_of(recording) is None else shown.merged("words")
        _entries[recording] = RecordingEntry(uuid.uuid4().hex, shown)
    return _entries[recording]


def view_of(recording: Recording, fields: Mapping[str, object]) -> View:
    """The view with these fields, where they are not None, and all else as the pages start.

    Args:
        recording: what the entry shows.
        fields: of View, by their names.

    Raises InputError for a field that View does not have, or that has another value than the recording allows.
    """
    unknown = sorted(fields.keys() - set(FIELDS))
    if unknown:
        raise InputError(f"A view has no {unknown[0]!r}; it has {', '.join(FIELDS)}.")
    given = {name: value for name, value in fields.items() if value is not None}
    bounds = bounds_of(recording)
    if "queries" in given:
        given["queries"] = queries = _queries(given["queries"], bounds)
        given.setdefault("query", queries[0])
        if given["query"] not in queries:
            raise InputError(f"query must be one of queries, not {given['query']!r:.60}.")
    if "heads" in given:
        given["heads"] = heads = _heads(given["heads"], bounds)
        given = {"layer": heads[0][0], "head": heads[0][1], "scope": "heads", **given}
        if (given["layer"], given["head"]) not in heads:
            raise InputError("layer and head must be one of heads.")
    view = dataclasses.replace(first_view(recording), **given)  # type: ignore[arg-type]  # `checked` looks at each
    return checked(view, bounds)


def checked(view: View, bounds: Bounds) -> View:
    """The view with Python's own numbers in it. Raises InputError for a field that the recording does not allow."""
    numbers = {name: _number(name, getattr(view, name), bounds.of(name)) for name in NUMBERS}
    for name, choices in {**CHOICES, "order": bounds.orders}.items():
        if getattr(view, name) not in choices:
            raise InputError(f"{name} must be one of {', '.join(choices)}, not {getattr(view, name)!r:.60}.")
    queries, heads = view.queries and _queries(view.queries, bounds), view.heads and _heads(view.heads, bounds)
    truths = {name: bool(getattr(view, name)) for name in ("log", "placed", "shared", "matrix")}
    return dataclasses.replace(view, **numbers, **truths, queries=queries, heads=heads)  # type: ignore[arg-type]  # names of its fields


def _queries(value: object, bounds: Bounds) -> tuple[int, ...]:
    given = value if isinstance(value, Iterable) and not isinstance(value, str) else [value]
    queries = tuple(sorted({_number("queries", each, bounds.of("query")) for each in given}))
    if not queries or bounded(queries, queries[0]) != queries:
        raise InputError(f"queries must be 1 to {MOST:,} positions, in at most {MOST_RUNS} runs.")
    return queries


def _heads(value: object, bounds: Bounds) -> tuple[Head, ...]:
    pairs = [tuple(each) if isinstance(each, Iterable) else () for each in value] if isinstance(value, Iterable) else []
    if not 0 < len(pairs) <= MOST_HEADS or any(len(pair) != 2 for pair in pairs):
        raise InputError(f"heads must be 1 to {MOST_HEADS} pairs of a layer and a head, not {value!r:.60}.")
    layers, heads = bounds.of("layer"), bounds.of("head")
    return tuple(sorted({(_number("layer", layer, layers), _number("head", head, heads)) for layer, head in pairs}))


def _number(name: str, value: object, allowed: range) -> int:
    try:
        number = None if isinstance(value, bool) else operator.index(cast(int, value))
    except TypeError:
        number = None
    if number is None or number not in allowed:
        most = f"{allowed[0]} to {allowed[-1]}"
        raise InputError(f"{name} must be a whole number from {most}, not {value!r:.60}.")
    return number
