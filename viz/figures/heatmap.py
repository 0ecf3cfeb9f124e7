"""One head's weights as a matrix: query down, key across."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from viz.figures.labels import categories, token_axis
from viz.figures.scale import colour_limit
from viz.theme import LIGHT, Theme, page_layout

DECADES = 4  # that the logarithmic scale spans


def attention_heatmap(
    weights: np.ndarray,
    tokens: Sequence[str],
    special: np.ndarray,
    query: int | None = None,
    log: bool = False,
    theme: Theme = LIGHT,
) -> go.Figure:
    """The weights of one head; the hover says which token looks at which, and how much exactly.

    Args:
        weights: [query, key].
        tokens: what to call each position.
        special: [token] bool; these keys do not set the colour scale.
        query: the row to outline.
        log: colour by the logarithm, over DECADES decades.
        theme: the colours.

    Raises ValueError when the sizes differ.
    """
    num_tokens = len(tokens)
    if weights.shape != (num_tokens, num_tokens) or len(special) != num_tokens:
        raise ValueError(f"{num_tokens} tokens do not fit weights {weights.shape} and {len(special)} special flags.")
    limit = colour_limit(weights, special)
    names = categories(tokens)
    shown: dict = {"z": weights, "zmin": 0.0, "zmax": limit, "colorbar": _colourbar(limit, theme)}
    weight = "z"
    if log:
        top = float(np.log10(limit))
        floor = 10.0 ** (top - DECADES)
        shown = {
            "z": np.log10(np.maximum(weights, floor)),
            "customdata": weights,
            "zmin": top - DECADES,
            "zmax": top,
            "colorbar": _log_colourbar(top, theme),
        }
        weight = "customdata"
    gap = 1 if num_tokens <= 40 else 0
    heat = go.Heatmap(
        x=names,
        y=names,
        colorscale=theme.weights,
        hovertemplate=f"%{{y}} → %{{x}}<br><b>%{{{weight}:.2%}}</b> (%{{{weight}:.6f}})<extra></extra>",
        xgap=gap,
        ygap=gap,
        **shown,
    )
    axis = token_axis(tokens) | {"constrain": "domain", "automargin": True, "tickfont": {"size": 12}}
    title = {"standoff": 14, "font": {"size": 13}}
    across = {
        "side": "top",
        "tickangle": -60,
        "title": {"text": "key: is looked at", **title},
        "constraintoward": "left",
    }
    down = {"autorange": "reversed", "title": {"text": "query: looks", **title}, "constraintoward": "top"}
    outline = None
    if query is not None:
        ends = {"x0": -0.5, "x1": num_tokens - 0.5, "y0": query - 0.5, "y1": query + 0.5}
        outline = [{"type": "rect", **ends, "line": {"color": theme.accent, "width": 2}}]
    layout = {"xaxis": axis | across, "yaxis": axis | down | {"scaleanchor": "x"}, "shapes": outline}
    return go.Figure(heat, page_layout(theme) | layout)


def _colourbar(limit: float, theme: Theme) -> dict:
    return {"tickformat": ".0%" if limit >= 0.05 else ".1%", **_BAR, "outlinecolor": theme.line}


def _log_colourbar(top: float, theme: Theme) -> dict:
    places = np.arange(int(np.ceil(top - DECADES)), int(np.floor(top)) + 1)
    labels = [f"{100 * 10.0**place:g} %" for place in places]
    return {"tickvals": places, "ticktext": labels, **_BAR, "outlinecolor": theme.line}


_BAR = {"thickness": 10, "len": 0.6, "y": 1, "yanchor": "top", "outlinewidth": 1, "tickfont": {"size": 11}}
