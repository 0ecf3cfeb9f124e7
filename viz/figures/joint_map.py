"""Queries and keys of a head in one plane: what lies close to a query gets much of its weight."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from headlens.viz.figures.head_map import COLOURS
from headlens.viz.theme import LIGHT, Theme, page_layout

HEIGHT = 520  # pixels
SYMBOLS = {"query": "circle", "key": "diamond"}


@dataclass(frozen=True)
class Colouring:
    """What the points are coloured by: numbers on a scale, names with a colour each, or colours of their own."""

    title: str
    values: Sequence[float] | Sequence[str]  # [position]
    own: bool = False  # the values are colours


def joint_figure(
    points: dict[str, np.ndarray], hover: Sequence[str], colouring: Colouring, *, theme: Theme = LIGHT
) -> go.Figure:
    """A circle for each query, and a diamond for each key.

    Args:
        points: "query" and "key", [position, 2] each.
        hover: [position], what a position is, as markup.
        colouring: of the points.
        theme: the colours.
    """
    figure = go.Figure(layout=page_layout(theme))
    values = np.array(colouring.values)
    named = values.dtype.kind == "U" and not colouring.own
    names = sorted(set(values.tolist())) if named else [""]
    for kind, places in points.items():
        for number, name in enumerate(names):
            own = np.flatnonzero(values == name) if named else np.arange(len(values))
            figure.add_scattergl(
                x=places[own, 0].astype(np.float32),
                y=places[own, 1].astype(np.float32),
                mode="markers",
                name={"query": "queries", "key": "keys"}[kind] + (f": {name}" if named else ""),
                text=[hover[index] for index in own.tolist()],
                marker={
                    "symbol": SYMBOLS[kind],
                    "size": 9,
                    "color": COLOURS[number % len(COLOURS)] if named else values[own].tolist(),
                    "line": {"color": theme.text if kind == "query" else theme.muted, "width": 1},
                }
                | ({} if named or colouring.own else _scale(values, colouring.title, theme, kind == "key")),
                hovertemplate=f"<b>{kind}</b> of %{{text}}<extra></extra>",
            )
    legend = {"orientation": "h", "y": 0, "yanchor": "top", "x": 0, "font": {"size": 12}}
    figure.update_layout(height=HEIGHT, legend=legend, margin={"t": 8, "b": 8, "l": 8, "r": 8}, hovermode="closest")
    figure.update_xaxes(visible=False)
    return figure.update_yaxes(visible=False, scaleanchor="x")


def _scale(values: np.ndarray, title: str, theme: Theme, shown: bool) -> dict[str, object]:
    bar = {"thickness": 10, "outlinewidth": 0, "title": {"text": title, "side": "right", "font": {"size": 12}}}
    scale = {"colorscale": "Viridis", "cmin": float(values.min()), "cmax": float(values.max()), "showscale": shown}
    return scale | {"colorbar": bar | {"tickfont": {"size": 11, "color": theme.text}}}
