"""Tokens on the axes of the matrix: all different, short on the tick, whole in the hover, never markup."""

import html
import json
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from headlens.viz.figures import attention_heatmap, strongest_bars
from headlens.viz.figures.labels import categories, cell_categories, escape, percent, token_axis
from headlens.viz.view.visible import visible
from tests.viz.figures.decode import is_escaped, strings_in
from tests.viz.figures.inputs import random_weights, special_at
from tests.viz.hostile import HOSTILE

LONG = "antidisestablishmentarianism"


def test_repeated_tokens_are_categories_of_their_own() -> None:
    names = categories(["the", "cat", "the", "1 · the", "the"])
    assert len(set(names)) == 5
    assert [name.endswith(token) for name, token in zip(names, ["the", "cat", "the", "1 · the", "the"])] == [True] * 5


def test_a_token_from_right_to_left_leaves_the_numbers_beside_it_where_they_are() -> None:
    assert categories(["[CLS]", "שלום"]) == ["0 · [CLS]", "1 · \u2068שלום\u2069"]
    assert cell_categories(["שלום", "b", "م"], 2) == ["0–1 · \u2068שלום\u2069 … b", "2 · \u2068م\u2069"]


@pytest.mark.parametrize(
    ("token", "label"),
    [
        ("cat", "cat"),
        ("fourteen_chars", "fourteen_chars"),
        ("fifteen_letters", "fifteen_lette…"),
        (LONG, "antidisestabl…"),
        ("<" * 20, "<" * 13 + "…"),
        ("", ""),
    ],
)
def test_a_tick_is_short_and_its_category_whole(token: str, label: str) -> None:
    tokens = ["[CLS]", token, "[SEP]"]
    axis: Any = token_axis(categories(tokens), tokens)
    (name,) = (name for name in axis["categoryarray"] if name.startswith("1 · "))
    assert html.unescape(name) == f"1 · {token}"
    shown = html.unescape(axis["labelalias"][name])
    assert shown == label
    assert len(shown) <= 14


@pytest.mark.parametrize("num_tokens", [1, 2, 30])
def test_every_tick_has_an_alias_also_where_the_axis_starts_and_ends(num_tokens: int) -> None:
    """What keeps labelalias off the hover is on the first and the last tick: of thinned or zoomed ones, any token's."""
    tokens = [f"t{number}" for number in range(num_tokens)]
    axis: Any = token_axis(categories(tokens), tokens)
    for number, name in enumerate(axis["categoryarray"]):
        assert axis["labelalias"][name] == f"t{number}"
        assert axis["labelalias"][axis["tickprefix"] + name] == f"t{number}"
        assert axis["labelalias"][name + axis["ticksuffix"]] == f"t{number}"
        assert axis["tickprefix"] + name + axis["ticksuffix"] not in axis["labelalias"]  # the hover
    assert axis["tickprefix"] not in "".join(axis["categoryarray"])
    assert (axis["showtickprefix"], axis["showticksuffix"]) == ("first", "last")


@pytest.mark.parametrize("token", HOSTILE)
def test_escaped_text_reads_as_it_was(token: str) -> None:
    assert html.unescape(escape(token)) == token
    assert "<" not in escape(token)
    assert is_escaped(escape(token))


def heatmap_of(tokens: tuple[str, ...], log: bool) -> go.Figure:
    count = len(tokens)
    return attention_heatmap(random_weights(count, count), tokens, special_at(count), query=0, log=log)


@pytest.mark.parametrize("kind", ["linear", "log", "bars"])
def test_hostile_tokens_are_escaped_wherever_a_figure_holds_them(kind: str) -> None:
    def make(tokens: tuple[str, ...]) -> go.Figure:
        if kind == "bars":
            return strongest_bars(tokens, np.linspace(0.5, 0.1, len(tokens)))
        return heatmap_of(tokens, kind == "log")

    own = set(strings_in(json.loads(make(tuple(f"word{number}" for number in range(len(HOSTILE)))).to_json())))
    strangers = set(strings_in(json.loads(make(HOSTILE).to_json()))) - own  # own: our templates, in which <b> is ours
    assert [text for text in strangers if not is_escaped(text)] == []
    readable = [html.unescape(text) for text in strangers]
    for token in HOSTILE:
        assert any(text.endswith(token if kind == "bars" else visible(token)) for text in readable)


def test_the_smaller_a_weight_the_more_decimals() -> None:
    result = [percent(weight) for weight in (1.0, 0.51, 0.0996, 0.087, 0.0087, 0.00087, 0.00001, 0.000001, 0.0)]
    assert result == ["100 %", "51 %", "10 %", "8.7 %", "0.87 %", "0.087 %", "0.001 %", "< 0.001 %", "0 %"]
