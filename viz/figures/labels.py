"""Tokens come from strangers: how they are written into a figure."""

import html
from collections.abc import Sequence

from viz.visible import visible

MAX_LABEL = 14  # characters of a tick label; the hover has the whole token


def escape(text: str) -> str:
    """The text as it is, where Plotly would read <b>, <a href> and &amp; as markup."""
    return html.escape(text, quote=False)


def shown(token: str) -> str:
    """A token as it is to be read in a figure."""
    return escape(visible(token))


def token_axis(names: Sequence[str], tokens: Sequence[str]) -> dict:
    """An axis whose categories are the names, all different, and whose tick labels are the tokens alone.

    Plotly thins the ticks of a category axis by the room that there is, so labels never overlap, and zooming shows
    more. labelalias shortens the ticks but would shorten the hover too: a prefix, invisible and on the tick at the
    start of the axis alone, keeps the hover's text from matching.
    """
    short = [shown(token if len(token) <= MAX_LABEL else token[: MAX_LABEL - 1] + "…") for token in tokens]
    prefix = "\u2060"
    alias = dict(zip(names, short)) | {prefix + names[end]: short[end] for end in (0, -1)}
    return {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": names,
        "labelalias": alias,
        "tickprefix": prefix,
        "showtickprefix": "first",
        "showgrid": False,
        "ticks": "",
    }


def categories(tokens: Sequence[str]) -> list[str]:
    """A name for each position that no other has: "3 · token"."""
    return [f"{index} · {shown(token)}" for index, token in enumerate(tokens)]


def cell_categories(tokens: Sequence[str], step: int) -> list[str]:
    """A name for each cell of so many tokens that no other has: "4–7 · token … token"."""
    names = []
    for first in range(0, len(tokens), step):
        last = min(first + step, len(tokens)) - 1
        if first == last:
            names.append(f"{first} · {shown(tokens[first])}")
        else:
            names.append(f"{first}–{last} · {shown(tokens[first])} … {shown(tokens[last])}")
    return names
