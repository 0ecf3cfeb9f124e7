"""Tokens come from strangers: how they are written into a figure."""

import html
from collections.abc import Sequence

from headlens.viz.view import wording
from headlens.viz.view.visible import isolated, visible

UNSEEN = "\u2060"
MAX_LABEL = 14  # characters of a tick label; the hover has the whole token


def escape(text: str) -> str:
    """The text as it is, where Plotly would read <b>, <a href> and &amp; as markup."""
    return html.escape(text, quote=False)


def token_text(token: str) -> str:
    """A token as it is to be read in a figure."""
    return escape(visible(token))


def _token_name(token: str) -> str:
    """A token that is isolated where it reads from right to left, so that numbers beside it keep their order."""
    return escape(isolated(visible(token)))


def percent(weight: float) -> str:
    """51 %, and with more decimals the smaller it is: 8.7 %, 0.87 %, 0.087 %; a figure's text does not wrap."""
    return wording.percent(weight).replace("\u2009", " ").replace("\u00a0", " ")


def token_axis(names: Sequence[str], tokens: Sequence[str]) -> dict[str, object]:
    """An axis whose categories are the names, all different, and whose tick labels are the tokens alone.

    Plotly thins the ticks of a category axis by the room that there is, so labels never overlap, and zooming shows
    more. labelalias shortens the ticks but would shorten the hover too: what is invisible before the first tick and
    after the last, whichever these are, stands on both sides of the hover's text, and keeps it from matching.
    """
    short = [token_text(token if len(token) <= MAX_LABEL else token[: MAX_LABEL - 1] + "…") for token in tokens]
    alias: dict[str, str] = {}
    for name, label in zip(names, short):
        alias |= dict.fromkeys((name, UNSEEN + name, name + UNSEEN), label)
    return {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": names,
        "labelalias": alias,
        "tickprefix": UNSEEN,
        "showtickprefix": "first",
        "ticksuffix": UNSEEN,
        "showticksuffix": "last",
        "showgrid": False,
        "ticks": "",
    }


def categories(tokens: Sequence[str]) -> list[str]:
    """A name for each position that no other has: "3 · token"."""
    return [f"{index} · {_token_name(token)}" for index, token in enumerate(tokens)]


def cell_categories(tokens: Sequence[str], cell_size: int) -> list[str]:
    """A name for each cell of `cell_size` tokens that no other has: "4–7 · token … token"."""
    names = []
    for first in range(0, len(tokens), cell_size):
        last = min(first + cell_size, len(tokens)) - 1
        if first == last:
            names.append(f"{first} · {_token_name(tokens[first])}")
        else:
            names.append(f"{first}–{last} · {_token_name(tokens[first])} … {_token_name(tokens[last])}")
    return names
