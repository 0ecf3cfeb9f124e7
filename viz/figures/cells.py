"""Vectors and tables as coloured cells."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from headlens.viz.figures.labels import token_axis
from headlens.viz.theme import LIGHT, Theme, page_layout

ROW, HEADING, FOOT = 30, 10, 48  # pixels


def vector_strips(names: Sequence[str], labels: Sequence[str], rows: np.ndarray, *, theme: Theme = LIGHT) -> go.Figure:
    """Vectors of one width under each other, a coloured cell a number, each strip on a scale of its own.

    Args:
        names: of the rows, all different, escaped: what the hover says.
        labels: of the rows, as they are: what stands beside them.
        rows: [row, width].
        theme: the colours.
    """
    # A few channels of a trained model are huge: with the scale theirs, all else would be blank.
    limits = np.maximum(np.quantile(np.abs(rows), 0.99, axis=1, keepdims=True), 1e-12)
    figure = _cells(rows / limits, (-1.0, 1.0), theme.signed, theme=theme)
    figure.update_traces(
        y=list(names),
        customdata=rows,
        hovertemplate="%{y}, number %{x}: <b>%{customdata:.6f}</b><extra></extra>",
        ygap=4,
        showscale=False,
    )
    figure.update_yaxes(token_axis(names, labels) | {"autorange": "reversed", "dtick": 1, "ticklabelstandoff": 5})
    title = "orange above 0, blue below; each strip on a scale of its own"
    figure.update_xaxes(title={"text": title, "font": {"size": 11, "color": theme.muted}, "standoff": 4})
    return figure.update_layout(height=HEADING + FOOT + ROW * len(names), margin={"t": HEADING, "b": FOOT})


def table_cells(
    values: np.ndarray,
    names: tuple[Sequence[str], Sequence[str]],
    labels: tuple[Sequence[str], Sequence[str]],
    *,
    titles: tuple[str, str],
    signed: bool = False,
    theme: Theme = LIGHT,
) -> go.Figure:
    """A table [row, column] in colours.

    Args:
        values: [row, column].
        names: of the rows and of the columns, as in `vector_strips`.
        labels: of the rows and of the columns, as in `vector_strips`.
        titles: what the rows and the columns are.
        signed: from -1 to 1 instead of from 0 to the largest.
        theme: the colours.
    """
    span = (-1.0, 1.0) if signed else (0.0, max(float(values.max()), 1e-12))
    figure = _cells(values, span, theme.signed if signed else theme.weights, theme=theme)
    rows, columns = names
    figure.update_traces(x=list(columns), y=list(rows), hovertemplate="%{y}<br>%{x}<br><b>%{z:.6f}</b><extra></extra>")
    figure.update_yaxes(
        token_axis(rows, labels[0]) | {"autorange": "reversed", "title": {"text": titles[0], "standoff": 8}}
    )
    figure.update_xaxes(
        token_axis(columns, labels[1]) | {"tickangle": -60, "title": {"text": titles[1], "standoff": 8}}
    )
    return figure.update_layout(height=150 + max(140, min(420, 26 * len(rows))))


def number_cells(values: np.ndarray, titles: tuple[str, str], theme: Theme = LIGHT) -> go.Figure:
    """A table [row, column] of numbers from -1 to 1, its rows and columns numbered from zero."""
    figure = _cells(values, (-1.0, 1.0), theme.signed, theme=theme)
    figure.update_traces(
        hovertemplate=f"{titles[0]} %{{y}}, {titles[1]} %{{x}}: <b>%{{z:.4f}}</b><extra></extra>",
        xgap=0,
        ygap=0,
    )
    figure.update_yaxes(autorange="reversed", title={"text": titles[0], "standoff": 8})
    figure.update_xaxes(title={"text": titles[1], "standoff": 8})
    return figure.update_layout(height=360)


def _cells(values: np.ndarray, span: tuple[float, float], colours: list[str], *, theme: Theme) -> go.Figure:
    bar = {"thickness": 10, "outlinewidth": 1, "outlinecolor": theme.line, "tickfont": {"size": 11}, "nticks": 5}
    heat = go.Heatmap(z=values.astype(np.float32), zmin=span[0], zmax=span[1], colorscale=colours, colorbar=bar)
    figure = go.Figure(heat, page_layout(theme) | {"margin": {"l": 0, "r": 0, "t": HEADING, "b": FOOT}})
    figure.update_traces(ygap=1)
    figure.update_xaxes(showgrid=False, zeroline=False, automargin=True, fixedrange=True)
    return figure.update_yaxes(showgrid=False, zeroline=False, automargin=True, fixedrange=True)
