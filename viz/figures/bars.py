"""The strongest weights of one query, as bars."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from headlens.viz.figures.labels import escape, percent
from headlens.viz.theme import LIGHT, Theme, page_layout

ROW_HEIGHT = 26  # pixels


def strongest_bars(
    names: Sequence[str],
    weights: np.ndarray,
    theme: Theme = LIGHT,
    *,
    percents: bool = True,
    beside: Sequence[float] = (),
) -> go.Figure:
    """One bar a key, in the given order, its name inside and its weight at the right.

    Args:
        names: what to call each key.
        weights: [key].
        theme: the colours.
        percents: whether they are shares of one, written in per cent; else numbers of any size, also below zero.
        beside: numbers of another figure that has the same scale.
    """
    rows = np.arange(len(names))
    figure = go.Figure(
        go.Bar(
            x=weights,
            y=rows,
            orientation="h",
            marker={"color": theme.bar, "cornerradius": 4},
            customdata=[escape(name) for name in names],
            hovertemplate="%{customdata}<br><b>"
            + ("%{x:.2%}</b> (%{x:.6f})" if percents else "%{x:.6g}</b>")
            + "<extra></extra>",
        )
    )
    for row, (name, weight) in enumerate(zip(names, weights)):
        label = {"y": row, "showarrow": False, "font": {"color": theme.text, "size": 14}}
        figure.add_annotation(**label, xref="paper", x=0, xanchor="left", xshift=6, text=escape(name))
        figure.add_annotation(
            **label,
            xref="paper",
            x=1,
            xanchor="right",
            xshift=-6,
            text=percent(weight) if percents else f"{weight:.4g}",
        )
    figure.update_layout(page_layout(theme), height=ROW_HEIGHT * len(names), bargap=0.12)
    scale = [float(min([0, *weights, *beside])), float(max([1e-12, *weights, *beside]))]
    figure.update_xaxes(visible=False, range=scale, fixedrange=True)
    figure.update_yaxes(visible=False, range=[len(names) - 0.5, -0.5], fixedrange=True)
    return figure
