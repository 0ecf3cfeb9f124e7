"""Numbers of some tokens, heads or stages beside each other: a row each, and a column of bars for each quantity."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from headlens.viz.figures.labels import escape, token_axis
from headlens.viz.theme import LIGHT, Theme, page_layout

ROW, HEADING, FOOT = 22, 34, 8  # pixels


def bar_columns(
    names: Sequence[str],
    labels: Sequence[str],
    columns: Mapping[str, np.ndarray],
    *,
    marked: int | None = None,
    theme: Theme = LIGHT,
    shared: bool = False,
) -> go.Figure:
    """A row a name, and for each quantity a column of bars on a scale that holds zero.

    Args:
        names: of the rows, all different, escaped (`labels.categories`): what the hover says.
        labels: of the rows, as they are: what stands beside them.
        columns: the quantities by their titles, [row] each.
        marked: the row in the other colour: the query's own.
        theme: the colours.
        shared: whether the columns share one scale, to be compared; else each has its own.
    """
    everything = np.concatenate([np.ravel(values) for values in columns.values()])
    figure = make_subplots(
        1, len(columns), shared_yaxes=True, horizontal_spacing=0.06, subplot_titles=[escape(title) for title in columns]
    )
    colours = [theme.second_bar if row == marked else theme.bar for row in range(len(names))]
    for column, (title, values) in enumerate(columns.items(), start=1):
        figure.add_bar(
            x=values,
            y=list(names),
            orientation="h",
            marker={"color": colours, "cornerradius": 3},
            text=[short_number(value) for value in values],
            textposition="outside",
            textfont={"color": theme.text, "size": 11},
            cliponaxis=False,
            hovertemplate=f"%{{y}}<br>{escape(title)}: <b>%{{x:.6f}}</b><extra></extra>",
            row=1,
            col=column,
        )
        scaled = everything if shared else values
        low, high = min(0.0, float(scaled.min())), max(0.0, float(scaled.max()))
        # The more columns there are, the larger the share of the scale that the numbers at the bars' ends need.
        room = (0.1 + 0.25 * len(columns)) * max(high - low, 1e-12)
        figure.update_xaxes(range=[low - room * (low < 0), high + room], col=column)
    figure.update_layout(page_layout(theme), height=HEADING + FOOT + ROW * len(names), showlegend=False, bargap=0.2)
    figure.update_layout(margin={"t": HEADING, "b": FOOT})
    figure.update_annotations(font={"size": 13, "color": theme.muted})
    figure.update_xaxes(showgrid=False, showticklabels=False, fixedrange=True, zeroline=True, zerolinecolor=theme.line)
    axis = token_axis(names, labels) | {
        "autorange": "reversed",
        "automargin": True,
        "fixedrange": True,
        "dtick": 1,
        "ticklabelstandoff": 5,
    }
    return figure.update_yaxes(axis)


def short_number(value: float) -> str:
    """A number in the few digits that say something: 12.3, 0.512, 4.0e-05."""
    if value == 0:
        return "0"
    if abs(value) < 0.0005:
        return f"{value:.1e}"
    if abs(value) < 0.01:
        return f"{value:.4f}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
