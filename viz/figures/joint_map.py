"""Queries and keys of a head in one plane: what lies close to a query gets much of its weight."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from headlens.viz.figures.head_map import COLOURS
from headlens.viz.theme import LIGHT, Theme, page_layout

HEIGHT = 520  # pixels
SIZE, SMALL = 9, 5  # pixels of a point, and where there are MANY: a plane of large ones hides what lies below, slowly
MANY = 2_000  # positions
TOKEN_KINDS = ("special", "word", "later part of a word", "punctuation", "number")
COLOUR_OF = dict(zip(TOKEN_KINDS, COLOURS))  # the same in every map, whichever kinds are in it
SYMBOLS = {"query": "circle", "key": "diamond"}
FADED = 0.3  # opacity of points while links are drawn


@dataclass(frozen=True)
class Colouring:
    """What the points are coloured by: numbers on a scale, kinds of tokens, or colours of their own."""

    title: str
    values: Sequence[float] | Sequence[str]  # [position]
    own: bool = False  # the values are colours


def joint_figure(
    points: Mapping[str, np.ndarray], colouring: Colouring, *, faded: bool = False, theme: Theme = LIGHT
) -> go.Figure:
    """A circle for each query, and a diamond for each key; `viz/explorer/js/joint.js` says what each is.

    The customdata of a point is its position among the vectors, and the meta of a trace "query" or "key".

    Args:
        points: "query" and "key", [position, 2] each.
        colouring: of the points.
        faded: so that lines over the points are seen.
        theme: the colours.
    """
    figure = go.Figure(layout=page_layout(theme))
    values = np.array(colouring.values)
    named = values.dtype.kind == "U" and not colouring.own
    names = sorted(set(values.tolist()), key=TOKEN_KINDS.index) if named else [""]
    for kind, places in points.items():
        for name in names:
            own = np.flatnonzero(values == name) if named else np.arange(len(values))
            figure.add_scattergl(
                x=places[own, 0].astype(np.float32),
                y=places[own, 1].astype(np.float32),
                mode="markers",
                name={"query": "queries", "key": "keys"}[kind] + (f": {name}" if named else ""),
                customdata=own.tolist(),
                meta=kind,
                opacity=FADED if faded else 1,
                marker={
                    "symbol": SYMBOLS[kind],
                    "size": SIZE if len(values) < MANY else SMALL,
                    "color": COLOUR_OF[name] if named else _colours(values[own], colouring.own),
                    "line": {
                        "color": theme.text if kind == "query" else theme.muted,
                        "width": 1 if len(values) < MANY else 0.5,
                    },
                }
                | ({} if named or colouring.own else _scale(values, colouring.title, theme, kind == "key")),
                hovertemplate=f"<b>{kind}</b> of %{{text}}<extra></extra>",
            )
    legend = {"orientation": "h", "y": 0, "yanchor": "top", "x": 0, "font": {"size": 12}}
    figure.update_layout(height=HEIGHT, legend=legend, margin={"t": 8, "b": 8, "l": 8, "r": 8}, hovermode="closest")
    figure.update_xaxes(visible=False)
    return figure.update_yaxes(visible=False, scaleanchor="x")


def draw_links(figure: go.Figure, start: np.ndarray, ends: np.ndarray, weights: Sequence[float], theme: Theme) -> None:
    """Lines over the points of a figure, the wider the more weight, and rings around what they join.

    Args:
        figure: of `joint_figure`.
        start: the point that is chosen, [2].
        ends: [link, 2].
        weights: [link], from 0 to 1.
        theme: the colours.
    """
    common = {"showlegend": False, "hoverinfo": "skip"}
    for end, weight in zip(ends, weights):
        (x, y), line = zip(start.tolist(), end.tolist()), {"color": theme.accent, "width": 1 + 5 * weight}
        figure.add_scattergl(x=x, y=y, mode="lines", line=line, **common)
    x, y = np.concatenate([start[None], ends]).T.tolist()
    ring = {"symbol": "circle-open", "size": [20, *([14] * len(ends))], "color": theme.accent, "line": {"width": 2.5}}
    figure.add_scattergl(x=x, y=y, mode="markers", marker=ring, **common)


def _colours(values: np.ndarray, own: bool) -> np.ndarray | list[str]:
    return values.tolist() if own else values.astype(np.float32)


def _scale(values: np.ndarray, title: str, theme: Theme, shown: bool) -> dict[str, object]:
    bar = {"thickness": 10, "outlinewidth": 0, "title": {"text": title, "side": "right", "font": {"size": 12}}}
    scale = {"colorscale": "Viridis", "cmin": float(values.min()), "cmax": float(values.max()), "showscale": shown}
    return scale | {"colorbar": bar | {"tickfont": {"size": 11, "color": theme.text}}}
