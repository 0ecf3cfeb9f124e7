"""The address: what is written is read again, and whatever else stands in it is as the page starts."""

import dataclasses
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headlens.viz.view.address import (
    CHOICES,
    MAX_TEXT,
    OF,
    PARAMETERS,
    read_address,
    read_view,
    write_texts,
    write_view,
)
from headlens.viz.view.chosen import MOST, MOST_HEADS, Head, bounded
from headlens.viz.view.view import Bounds, Reduction, Scope, View

BOUNDS = Bounds(layers=6, heads=12, tokens=17)
START = View(3, 1, query=11, matrix=True)
RANGES = {"layer": range(6), "head": range(12), "query": range(17), "key": range(17), "strength": range(10, 101)}
NAMES = [field.name for field in dataclasses.fields(View)]


def a_view(queries: set[int], heads: set[Head], layer: int, head: int, query: int, **others: Any) -> View:
    """With its own query and head among the chosen ones."""
    return View(layer, head, query, queries=(*queries, query), heads=(*heads, (layer, head)), **others)


VIEWS = st.builds(
    a_view,
    queries=st.sets(st.sampled_from(range(17)), max_size=6),
    heads=st.sets(st.tuples(st.sampled_from(range(6)), st.sampled_from(range(12))), max_size=6),
    **{name: st.sampled_from(numbers) for name, numbers in RANGES.items()},
    **{name: st.sampled_from(choices) for name, choices in CHOICES.items()},
    **{name: st.booleans() for name in ("log", "placed", "shared", "matrix")},
)
GARBAGE: st.SearchStrategy[object] = st.one_of(
    st.text(),
    st.integers(),
    st.just(10**5000),
    st.booleans(),
    st.none(),
    st.floats(),
    st.lists(st.integers()),
    st.lists(st.lists(st.one_of(st.integers(-3, 20), st.text(max_size=2), st.booleans()), max_size=3)),
    st.lists(st.one_of(st.integers(-3, 20), st.text(max_size=2), st.booleans(), st.none())),
    st.text("0123456789-.~_", max_size=40),
    st.sampled_from(
        ["-1", "+1", "1e3", "９", "²", "1_0", " 1", "1.0", "0x1", "True", "head", "all-max", "at", "\ud800", "9" * 9999]
    ),
)


def is_valid(view: View) -> bool:
    """Each field is of its own type, and one of those that there are."""
    return (
        all(type(getattr(view, name)) is int and getattr(view, name) in numbers for name, numbers in RANGES.items())
        and all(getattr(view, name) in choices for name, choices in CHOICES.items())
        and all(type(getattr(view, name)) is bool for name in ("log", "placed", "shared", "matrix"))
        and all(type(query) is int and query in RANGES["query"] for query in view.queries)
        and all(layer in RANGES["layer"] and head in RANGES["head"] for layer, head in view.heads)
        and all(type(number) is int for head in view.heads for number in head)
        and bounded(view.chosen, view.query) == view.chosen
        and (view.scope == "heads") == ((view.layer, view.head) in view.heads)
    )


def test_every_field_is_covered_here() -> None:
    assert {*RANGES, *CHOICES, "log", "placed", "shared", "matrix", "queries", "heads"} == set(NAMES)


@given(VIEWS, VIEWS)
def test_what_is_written_is_read_again(view: View, start: View) -> None:
    written = write_view(view, start)
    assert read_address(written, start, BOUNDS) == view
    carried = parse_qs(urlencode(written), keep_blank_values=True)
    assert read_address({name: value for name, (value,) in carried.items()}, start, BOUNDS) == view
    changed = {name for name in NAMES if getattr(view, name) != getattr(start, name)}
    changed |= {"layer", "head"} if changed & {"layer", "head"} else set()  # a head is written whole
    assert set(written) == {"of" if name in ("scope", "reduction") else name for name in changed}


@pytest.mark.parametrize(
    ("of", "scope", "reduction"),
    [
        ("head", "head", "mean"),
        ("layer-mean", "layer", "mean"),
        ("layer-max", "layer", "max"),
        ("all-mean", "all", "mean"),
        ("all-max", "all", "max"),
    ],
)
def test_which_heads_are_one_word_in_an_address(of: str, scope: Scope, reduction: Reduction) -> None:
    view = dataclasses.replace(START, scope=scope, reduction=reduction)
    other = dataclasses.replace(START, scope="all" if scope != "all" else "layer", reduction="max")
    assert write_view(view, other) == {"of": of}
    for start in (START, other):
        assert read_address({"of": of}, start, BOUNDS) == view
    assert set(OF) == {"head", "heads-mean", "heads-max", "layer-mean", "layer-max", "all-mean", "all-max"}


MANY = Bounds(layers=32, heads=32, tokens=16_384)


def test_several_tokens_and_heads_in_an_address() -> None:
    view = dataclasses.replace(START, queries=(3, 4, 5, 9, 11), scope="heads", heads=((2, 0), (2, 1), (3, 1)))
    written = write_view(view, START)
    assert written == {"of": "heads-mean", "queries": "3-5.9.11", "heads": "2~0-1_3~1"}
    assert urlencode(written) == "of=heads-mean&queries=3-5.9.11&heads=2~0-1_3~1"
    assert read_address(written, START, BOUNDS) == view
    alone = read_address({"queries": "12-14", "heads": "4~7_5~0", "of": "heads-max"}, START, BOUNDS)
    assert (alone.query, alone.queries, alone.layer, alone.head) == (12, (12, 13, 14), 4, 7)  # the first of each


def test_a_link_to_one_query_is_of_that_alone() -> None:
    several = dataclasses.replace(START, queries=(11, 12), scope="heads", heads=((3, 1), (3, 2)))
    for params in ({"query": "3"}, {"query": "3", "queries": "5-7"}, {"query": "3", "queries": "3"}):
        assert read_address(params, several, BOUNDS).chosen == (3,)
    for fields in ({"layer": "1"}, {"head": "5", "heads": "0~1-3"}, {"of": "head"}, {"heads": "3~1"}):
        assert read_address(fields, several, BOUNDS).scope == "head"


@pytest.mark.parametrize(
    ("queries", "chosen"),
    [
        ("5-99999.3", (3, *range(5, 17))),  # as far as there are tokens
        ("3.3.3-4", (3, 4)),
        ("9-3.3-4", (3, 4)),  # nothing from 9 to 3
        ("3-", (3,)),
        ("-3", (3,)),
        ("3,4", (3,)),
        ("3.٤", (3,)),
        ("3-4" + ".5" * 3_000, (3,)),  # too long to be read
    ],
)
def test_what_is_wrong_among_the_chosen_is_dropped(queries: str, chosen: tuple[int, ...]) -> None:
    assert read_address({"query": "3", "queries": queries}, START, BOUNDS).chosen == chosen


LONG = "3~1_9~" + "1." * 3_000


@pytest.mark.parametrize(
    "heads",
    ["3~1", "3~", "~1", "3", "3~1_", "3-4~1~2", "3~1-2 ", "9~1-2", "3~90-99", LONG],
    ids=lambda heads: heads[:9],
)
def test_heads_that_say_nothing_leave_one(heads: str) -> None:
    params = {"of": "heads-mean", "layer": "3", "head": "1", "heads": heads}
    assert read_address(params, START, BOUNDS) == dataclasses.replace(START, matrix=True)


@pytest.mark.parametrize("query", [0, 1, 5_000, 16_383])
def test_no_more_are_chosen_than_an_address_holds(query: int) -> None:
    for chosen in ("0-16383", ".".join(str(token) for token in range(query % 2, 2_000, 2))):
        view = read_address({"query": str(query), "queries": chosen}, View(0, 0, 0), MANY)
        if view.queries:
            assert len(view.queries) <= MOST
            assert query in view.queries
            assert view == read_address(write_view(view, View(0, 0, 0)), View(0, 0, 0), MANY)
            assert len(write_view(view, View(0, 0, 0))["queries"]) <= 1_400
    every = [[layer, head] for layer in range(32) for head in range(32)]
    view = read_view({"scope": "heads", "layer": 0, "head": 0, "heads": every}, View(0, 0, 0), MANY)
    assert len(view.heads) == MOST_HEADS


@pytest.mark.parametrize("of", ["", "all", "max", "head-mean", "layer-", "layer-mean ", None, [], 1])
def test_any_other_word_is_as_at_the_start(of: object) -> None:
    start = dataclasses.replace(START, scope="all", reduction="max")
    assert read_address({"of": of}, start, BOUNDS) == start


def test_an_address_has_no_scope_and_no_reduction() -> None:
    assert read_address({"scope": "all", "reduction": "max"}, START, BOUNDS) == START
    assert set(PARAMETERS) == {"of", *NAMES} - {"scope", "reduction"}


def test_one_head_has_nothing_to_be_reduced() -> None:
    assert View(0, 0, 0, scope="head", reduction="max") == View(0, 0, 0)
    assert View(0, 0, 0, scope="all", reduction="max") != View(0, 0, 0, scope="all")


@given(VIEWS, VIEWS)
def test_what_the_element_says_is_read_as_it_is(view: View, start: View) -> None:
    assert read_view({**dataclasses.asdict(view), "pick": False}, start, BOUNDS) == view


@given(st.dictionaries(st.sampled_from([*NAMES, "of", "pick", "sample"]), GARBAGE))
def test_whatever_stands_there_the_view_is_valid(params: dict[str, object]) -> None:
    assert is_valid(read_view(params, START, BOUNDS))
    assert is_valid(read_address(params, START, BOUNDS))


@given(VIEWS, st.sampled_from(NAMES), st.sampled_from(["", "-1", "x", "1e3", "９", "999999", "9" * 40, None, "\ud800"]))
def test_what_is_wrong_falls_back_by_itself(view: View, name: str, wrong: object) -> None:
    read = read_view({**dataclasses.asdict(view), name: wrong}, START, BOUNDS)
    assert read == dataclasses.replace(view, **{name: getattr(START, name)})


def test_nothing_opens_the_start() -> None:
    assert read_view({}, START, BOUNDS) == read_address({}, START, BOUNDS) == START
    assert write_view(START, START) == {}


def test_a_start_beyond_a_short_input_is_moved_to_its_end() -> None:
    short = Bounds(layers=2, heads=3, tokens=3)
    assert read_view({}, START, short) == dataclasses.replace(START, layer=1, query=2)


@pytest.mark.parametrize("name", ["layer", "query", "strength"])
@pytest.mark.parametrize("truth", [True, False])
def test_a_truth_value_is_no_number(name: str, truth: bool) -> None:
    assert read_view({name: truth}, START, BOUNDS) == START


@given(st.lists(st.text(max_size=80), min_size=1, max_size=2))
def test_texts_come_back_from_an_address(texts: list[str]) -> None:
    written = write_texts(tuple(texts))
    assert written is not None
    result = parse_qs(urlencode(written), keep_blank_values=True)
    assert [result[name][0] for name in ("text", "text2")[: len(texts)]] == texts


@pytest.mark.parametrize(("text", "fits"), [("a", True), ("ä", False), ("“", False)])
def test_long_texts_are_left_out_by_their_encoded_length(text: str, fits: bool) -> None:
    assert (write_texts((text * 1990,)) is not None) == fits


def test_the_limit_is_of_the_whole() -> None:
    room = MAX_TEXT - len("text=")
    assert write_texts(("a" * room,)) == {"text": "a" * room}
    assert write_texts(("a" * (room + 1),)) is None
    assert write_texts(("a" * room, "")) is None


def test_half_a_character_breaks_nothing() -> None:
    assert write_texts(("a\ud800b", "\udfff")) is not None
