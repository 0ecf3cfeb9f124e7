"""How a number spreads over inputs: a histogram whose bins are given."""

import numpy as np
import plotly.graph_objects as go

from headlens.viz.figures.labels import escape
from headlens.viz.theme import LIGHT, Theme, page_layout

HEIGHT = 190  # pixels


def spread(
    bins: tuple[np.ndarray, np.ndarray, np.ndarray], what: str, *, share: bool, theme: Theme = LIGHT
) -> go.Figure:
    """A bar for each bin, from where it begins to where it ends.

    Args:
        bins: where each begins, where it ends, and how many inputs are in it; [bin] each.
        what: the number is, for the axis.
        share: whether it is from 0 to 1, which the axis then shows whole.
        theme: the colours.
    """
    lower, upper, count = bins
    figure = go.Figure(layout=page_layout(theme))
    figure.add_bar(
        x=lower,
        y=count,
        width=upper - lower,
        offset=0,
        customdata=upper,
        marker={"color": theme.bar, "line": {"color": theme.accent, "width": 1}},
        hovertemplate="%{x:.3g} to %{customdata:.3g}<br>inputs: <b>%{y}</b><extra></extra>",
    )
    figure.update_layout(height=HEIGHT, margin={"l": 48, "r": 8, "t": 6, "b": 44}, bargap=0, showlegend=False)
    titles = {"font": {"size": 12, "color": theme.muted}, "standoff": 4}
    figure.update_xaxes(title=titles | {"text": escape(what)}, gridcolor=theme.line, zeroline=False, fixedrange=True)
    figure.update_yaxes(title=titles | {"text": "inputs"}, gridcolor=theme.line, zeroline=False, fixedrange=True)
    figure.update_yaxes(tickformat=",d", dtick=1 if count.max(initial=0) < 5 else None)  # of inputs there are no halves
    return figure.update_xaxes(range=[0, 1]) if share else figure.update_xaxes(rangemode="tozero")
