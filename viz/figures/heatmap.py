"""One head's weights as a matrix: query down, key across."""

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from headlens.viz.figures.hatch import hatched, looks_at_nothing
from headlens.viz.figures.labels import categories, cell_categories, token_axis
from headlens.viz.theme import LIGHT, Theme, page_layout
from headlens.viz.view.chosen import runs
from headlens.viz.view.scale import colour_limit
from headlens.viz.view.view import Direction

DECADES = 4  # that the logarithmic scale spans
ROUNDING = 1e-3  # of a logarithm: a scale that ends at 99.9 % still has the mark “100 %”


def attention_heatmap(
    weights: np.ndarray,
    tokens: Sequence[str],
    special: np.ndarray,
    *,
    query: int | Sequence[int] | None = None,
    direction: Direction = "at",
    log: bool = False,
    theme: Theme = LIGHT,
    causal: bool = False,
) -> go.Figure:
    """The weights of one head; the hover says which token looks at which, and how much exactly.

    The row of a query that looks at nothing is hatched.

    Args:
        weights: [query, key].
        tokens: what to call each position.
        special: [token] bool; these keys do not set the colour scale.
        query: the tokens whose rows to outline, or columns.
        direction: rows, of what they look "at", or columns, of what looks at them: "by".
        log: colour by the logarithm, over DECADES decades.
        theme: the colours.
        causal: leave empty what lies in a query's future, where no weight could be.

    Raises ValueError when the sizes differ.
    """
    num_tokens = len(tokens)
    if weights.shape != (num_tokens, num_tokens) or len(special) != num_tokens:
        raise ValueError(f"{num_tokens} tokens do not fit weights {weights.shape} and {len(special)} special flags.")
    names = categories(tokens)
    figure = _matrix(
        weights,
        special,
        names,
        axis=token_axis(names, tokens),
        rows=_rows(query),
        direction=direction,
        log=log,
        theme=theme,
    )
    if causal:
        figure.data[0].z = np.where(np.tri(num_tokens, dtype=bool), figure.data[0].z, np.nan)
    if (nothing := looks_at_nothing(weights)).any():
        figure.data[0].z = np.where(nothing[:, None], np.nan, figure.data[0].z)
        figure.layout.images = hatched(nothing, num_tokens)
    return figure


def pooled_heatmap(
    cells: np.ndarray,
    tokens: Sequence[str],
    special: np.ndarray,
    *,
    query: int | Sequence[int] | None = None,
    direction: Direction = "at",
    log: bool = False,
    theme: Theme = LIGHT,
) -> go.Figure:
    """One head's weights in the cells of `Recording.pooled`: the mean over a cell's queries of the sum over its keys.

    Args:
        cells: [cell of queries, cell of keys].
        tokens: what to call each position.
        special: [token] bool; cells of keys with such a token do not set the colour scale.
        query: the token or tokens whose rows of cells are outlined, or columns.
        direction: as in `attention_heatmap`.
        log: as in `attention_heatmap`.
        theme: as in `attention_heatmap`.

    Raises ValueError when the sizes differ.
    """
    cell_size = math.ceil(len(tokens) / len(cells))
    firsts = np.arange(0, len(tokens), cell_size)
    if cells.shape != (len(firsts), len(firsts)) or len(special) != len(tokens):
        raise ValueError(f"{len(tokens)} tokens do not fit cells {cells.shape} and {len(special)} special flags.")
    names = cell_categories(tokens, cell_size)
    axis = token_axis(names, tokens[::cell_size])
    rows = [row // cell_size for row in _rows(query)]
    figure = _matrix(
        cells,
        np.logical_or.reduceat(special, firsts),
        names,
        axis=axis,
        rows=rows,
        direction=direction,
        log=log,
        theme=theme,
    )
    figure.layout.xaxis.title.text += f" (sum over {cell_size} tokens)"
    figure.layout.yaxis.title.text += f" (mean over {cell_size} tokens)"
    return figure


def _matrix(
    weights: np.ndarray,
    special: np.ndarray,
    names: list[str],
    *,
    axis: dict[str, object],
    rows: Sequence[int],
    direction: Direction,
    log: bool,
    theme: Theme,
) -> go.Figure:
    """Weights [row, column] under the rows' and columns' names, which the axis holds too; some of each outlined."""
    limit = colour_limit(weights, special)
    levels: dict[str, object] = {"z": weights, "zmin": 0.0, "zmax": limit, "colorbar": _colourbar(limit, theme)}
    weight = "z"
    if log:
        top = float(np.log10(limit))
        floor = 10.0 ** (top - DECADES)
        levels = {
            "z": np.log10(np.maximum(weights, floor)),
            "customdata": weights,
            "zmin": top - DECADES,
            "zmax": top,
            "colorbar": _log_colourbar(top, theme),
        }
        weight = "customdata"
    gap = 1 if len(names) <= 40 else 0
    heat = go.Heatmap(
        x=names,
        y=names,
        colorscale=theme.weights,
        hovertemplate=f"%{{y}} → %{{x}}<br><b>%{{{weight}:.2%}}</b> (%{{{weight}:.6f}})<extra></extra>",
        xgap=gap,
        ygap=gap,
        **levels,
    )
    axis = axis | {"constrain": "domain", "automargin": True, "tickfont": {"size": 12}}
    title = {"standoff": 14, "font": {"size": 13}}
    across = {
        "side": "top",
        "tickangle": -60,
        "title": {"text": "key: is looked at", **title},
        "constraintoward": "left",
    }
    down = {"autorange": "reversed", "title": {"text": "query: looks", **title}, "constraintoward": "top"}
    long, short = ("x", "y") if direction == "at" else ("y", "x")
    whole = {f"{long}0": -0.5, f"{long}1": len(names) - 0.5}
    look = {"type": "rect", **whole, "line": {"color": theme.accent, "width": 2}}
    outline = [{**look, f"{short}0": first - 0.5, f"{short}1": last + 0.5} for first, last in runs(rows)]
    layout = {"xaxis": axis | across, "yaxis": axis | down | {"scaleanchor": "x"}, "shapes": outline}
    return go.Figure(heat, page_layout(theme) | layout)


def _rows(query: int | Sequence[int] | None) -> Sequence[int]:
    return () if query is None else query if isinstance(query, Sequence) else (query,)


def _colourbar(limit: float, theme: Theme) -> dict[str, object]:
    return {"tickformat": ".0%" if limit >= 0.05 else ".1%", **_BAR, "outlinecolor": theme.line}


def _log_colourbar(top: float, theme: Theme) -> dict[str, object]:
    powers = np.arange(int(np.ceil(top - DECADES - ROUNDING)), int(np.floor(top + ROUNDING)) + 1)
    labels = [f"{100 * 10.0**power:g} %" for power in powers]
    return {"tickvals": powers, "ticktext": labels, **_BAR, "outlinecolor": theme.line}


_BAR = {"thickness": 10, "len": 0.6, "y": 1, "yanchor": "top", "outlinewidth": 1, "tickfont": {"size": 11}}
