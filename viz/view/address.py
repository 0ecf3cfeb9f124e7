"""The address holds what is seen: reading it control by control, and writing only what is not as it starts.

Its parameters are the fields of View, but for "of": scope and reduction in one word, "head" or "layer-mean".
"""

import dataclasses
from collections.abc import Mapping
from typing import cast, get_args
from urllib.parse import urlencode

from headlens.viz.view.chosen import MOST_HEADS, Head, bounded, read_heads, read_runs, write_heads, write_runs
from headlens.viz.view.numbers import is_number
from headlens.viz.view.view import ORDERS, Bounds, Direction, Edges, Reduction, Scope, View, heads_name

MAX_TEXT = 2_000  # encoded characters of own text; addresses much longer are refused by the server
CHOICES: dict[str, tuple[str, ...]] = {
    "scope": get_args(Scope),
    "reduction": get_args(Reduction),
    "direction": get_args(Direction),
    "order": ORDERS,
    "edges": get_args(Edges),
}
NUMBERS = ("layer", "head", "query", "key", "strength")
BOOLEANS = {"0": False, "1": True}  # how an address writes them
OF: dict[str, tuple[Scope, Reduction]] = {
    "head": ("head", "mean"),
    "heads-mean": ("heads", "mean"),
    "heads-max": ("heads", "max"),
    "layer-mean": ("layer", "mean"),
    "layer-max": ("layer", "max"),
    "all-mean": ("all", "mean"),
    "all-max": ("all", "max"),
}
PARAMETERS = ("of", *(field.name for field in dataclasses.fields(View) if field.name not in ("scope", "reduction")))
SWITCHES = ("words", "nospecial")  # above the explorer
OF_THE_INPUT = ("query", "queries", "key")  # its tokens
OF_THE_MODEL = (*SWITCHES, "stage", *(name for name in PARAMETERS if name not in OF_THE_INPUT))


def read_address(params: Mapping[str, object], start: View, bounds: Bounds) -> View:
    """The view that an address's parameters describe; whatever is missing, wrong or hostile is as in start."""
    fields = {name: value for name, value in params.items() if name not in ("scope", "reduction")}
    of = params.get("of")
    if isinstance(of, str) and of in OF:
        fields["scope"], fields["reduction"] = OF[of]
    return read_view(fields, start, bounds)


def read_view(fields: Mapping[str, object], start: View, bounds: Bounds) -> View:
    """The view whose fields these are; whatever is missing, wrong or hostile in them is as in start.

    The fields are an address's strings, or the numbers, strings and truth values that the explorer tells.
    """
    read: dict[str, object] = {}
    for name in NUMBERS:
        allowed = bounds.of(name)
        number = _whole_number(fields.get(name))
        if number is None or number not in allowed:
            number = min(getattr(start, name), allowed[-1])
        read[name] = number
    for name, choices in {**CHOICES, "order": bounds.orders}.items():
        choice = fields.get(name)
        if isinstance(choice, str) and choice in choices:
            read[name] = choice
    for name in ("log", "placed", "shared", "matrix"):
        truth = fields.get(name)
        if isinstance(truth, str):
            truth = BOOLEANS.get(truth)
        if isinstance(truth, bool):
            read[name] = truth
    queries, heads = _queries(fields.get("queries"), bounds), _heads(fields.get("heads"), bounds)
    if queries is not None:
        if "query" not in fields and queries and read["query"] not in queries:
            read["query"] = queries[0]
        chosen = read["query"] in queries
        read["queries"] = bounded(queries, read["query"]) if chosen else ()  # type: ignore[arg-type]  # a number
    if heads is not None:
        if not {"layer", "head"} & fields.keys() and heads and (read["layer"], read["head"]) not in heads:
            read["layer"], read["head"] = heads[0]
        read["heads"] = heads
    return dataclasses.replace(start, **read)  # type: ignore[arg-type]  # each has been checked


def write_view(view: View, start: View) -> dict[str, str]:
    """The parameters of the address that say how a view differs from where the page starts.

    A head is written whole, with its layer: it may be kept for another input, where the page starts elsewhere.
    """
    now, before = _parameters(view), _parameters(start)
    changed = {name for name, value in now.items() if value != before[name]}
    changed |= {"layer", "head"} if changed & {"layer", "head"} else set()
    return {name: value for name, value in now.items() if name in changed}


def write_texts(texts: tuple[str, ...]) -> dict[str, str] | None:
    """The parameters that hold own texts, or None where these are too long for an address."""
    params = dict(zip(("text", "text2"), texts))
    return params if len(urlencode(params, errors="replace")) <= MAX_TEXT else None


def _parameters(view: View) -> dict[str, str]:
    parameters = {"of": heads_name(view.scope, view.reduction)}
    for name in PARAMETERS:
        if name != "of":
            value = getattr(view, name)
            parameters[name] = str(int(value)) if isinstance(value, bool) else str(value)
    return {**parameters, "queries": write_runs(view.queries), "heads": write_heads(view.heads)}


def _queries(value: object, bounds: Bounds) -> tuple[int, ...] | None:
    """Sorted, of those that there are; None for what says none."""
    if isinstance(value, str):
        return read_runs(value, bounds.tokens)
    if not isinstance(value, (list, tuple)):
        return None
    numbers = {_whole_number(each) for each in value}
    return tuple(sorted(number for number in numbers if number is not None and number in bounds.of("query")))


def _heads(value: object, bounds: Bounds) -> tuple[Head, ...] | None:
    if isinstance(value, str):
        heads = read_heads(value, bounds.layers, bounds.heads)
        return None if heads is None else heads[:MOST_HEADS]
    if not isinstance(value, (list, tuple)):
        return None
    found = set[Head]()
    for each in value:
        layer, head = map(_whole_number, each if isinstance(each, (list, tuple)) and len(each) == 2 else (None, None))
        if layer in bounds.of("layer") and head in bounds.of("head"):
            found.add((cast(int, layer), cast(int, head)))
    return tuple(sorted(found)[:MOST_HEADS])


def _whole_number(value: object) -> int | None:
    if isinstance(value, str):
        return int(value) if is_number(value) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None
