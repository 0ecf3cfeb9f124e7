"""All heads in a plane, to press: those that look alike lie close together."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.colors import qualitative

from headlens.viz.theme import LIGHT, Theme, page_layout

Head = tuple[int, int]  # layer, head
COLOURS = qualitative.Safe  # told apart by the colour-blind too
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "star")
HEIGHT = 460  # pixels


def head_map(
    places: np.ndarray, num_heads: int, called: Sequence[str], *, pinned: Head | None = None, theme: Theme = LIGHT
) -> go.Figure:
    """A point for each head, coloured by what it is called after; those of no role are grey.

    Args:
        places: [layer · heads + head, 2].
        num_heads: of a layer.
        called: [layer · heads + head], the name of its role; empty: none stands out.
        pinned: a head that is ringed.
        theme: the colours.
    """
    figure = go.Figure(layout=page_layout(theme))
    heads = [divmod(index, num_heads) for index in range(len(places))]
    names = sorted(set(called), key=lambda name: (name != "", -called.count(name), name))  # grey below all
    for number, name in enumerate(names):
        own = [index for index, each in enumerate(called) if each == name]
        figure.add_scatter(
            x=places[own, 0],
            y=places[own, 1],
            mode="markers",
            name=name or "no role stands out",
            customdata=[list(heads[index]) for index in own],
            marker={
                "size": 11 if name else 8,
                "color": COLOURS[number % len(COLOURS)] if name else theme.line,
                "symbol": SYMBOLS[number // len(COLOURS) % len(SYMBOLS)],
                "line": {"color": theme.muted, "width": 1},
            },
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 1}},
            hovertemplate="layer %{customdata[0]}, head %{customdata[1]}<extra>%{fullData.name}</extra>",
        )
    if pinned in heads:
        x, y = places[heads.index(pinned)]
        ring = {"symbol": "circle-open", "size": 20, "color": theme.text, "line": {"width": 3, "color": theme.accent}}
        figure.add_scatter(x=[x], y=[y], mode="markers", marker=ring, hoverinfo="skip", showlegend=False)
    legend = {"orientation": "h", "y": 0, "yanchor": "top", "x": 0}
    figure.update_layout(height=HEIGHT, legend=legend, margin={"t": 8, "b": 8, "l": 8, "r": 8})
    figure.update_xaxes(visible=False)
    return figure.update_yaxes(visible=False, scaleanchor="x")
