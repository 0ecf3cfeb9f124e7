"""One query's weights, or a saliency map, over a photo."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import plotly.graph_objects as go

from headlens.viz.figures.labels import escape, percent
from headlens.viz.figures.pictures import add_picture, darkened, data_uri
from headlens.viz.theme import HEAT, HEAT_OPACITY, LIGHT, Theme, page_layout, see_through
from headlens.viz.view.chosen import boxes
from headlens.viz.view.scale import colour_limit

HOVER = "(%{y}, %{x}): row, column<br><b>%{z:.2%}</b> (%{z:.6f})<extra></extra>"
MOST_BARS = 6
BAR_HEIGHT = 0.07  # of the figure, for each prefix token


class PhotoLike(Protocol):
    """A photo as a Recording has it."""

    @property
    def pixels(self) -> np.ndarray: ...  # [height, width, 3] uint8

    @property
    def aspect(self) -> float: ...  # width / height to draw it with

    @property
    def grid(self) -> tuple[int, int]: ...  # (rows, columns) of the patches

    @property
    def cell(self) -> str: ...  # what one of the grid is: "patch"


def patch_overlay(
    photo: PhotoLike,
    weights: np.ndarray,
    prefix_names: tuple[str, ...] = (),
    *,
    query: int | Sequence[int] | None = None,
    smooth: bool = False,
    strength: float = HEAT_OPACITY,
    theme: Theme = LIGHT,
) -> go.Figure:
    """The photo, darkened, with one query's weights as heat, and prefix tokens, the largest of many, as bars below.

    Args:
        photo: its pixels, the aspect to draw them with, and the grid of patches.
        weights: [key], the prefix tokens first, then the patches row by row.
        prefix_names: what to call the positions before the patches: ("[CLS]",).
        query: the position or positions that look; their patches are outlined.
        smooth: blend the patches into one another instead of drawing them crisp.
        strength: opacity of the strongest heat, 0 to 1.
        theme: the colours.

    Raises ValueError when the sizes differ.
    """
    rows, columns = photo.grid
    prefix = len(prefix_names)
    if weights.shape != (prefix + rows * columns,):
        raise ValueError(f"{weights.shape} weights do not fit {prefix} prefix tokens and {rows} x {columns} patches.")
    limit = colour_limit(weights, np.arange(len(weights)) < prefix)
    figure = _over_photo(
        photo, weights[prefix:].reshape(rows, columns), limit, smooth=smooth, strength=strength, theme=theme
    )
    figure.update_traces(hovertemplate=f"{photo.cell} {HOVER}")
    if prefix:
        _add_prefix_bars(figure, weights[:prefix], prefix_names, theme=theme)
    looking = () if query is None else query if isinstance(query, Sequence) else (query,)
    _outline(figure, [token - prefix for token in looking if token >= prefix], columns)
    return figure


def _outline(figure: go.Figure, patches: Sequence[int], columns: int) -> None:
    for line in ({"color": "black", "width": 4}, {"color": "white", "width": 2}):
        for left, top, right, bottom in boxes(patches, columns):
            ends = {"x0": left - 0.5, "x1": right - 0.5, "y0": top - 0.5, "y1": bottom - 0.5}
            figure.add_shape(type="rect", **ends, line=line)


def saliency_overlay(photo: PhotoLike, saliency: np.ndarray, theme: Theme = LIGHT) -> go.Figure:
    """A saliency map [height, width] in 0 to 1 as heat over the photo, at no more than screen resolution."""
    stride = max(1, min(saliency.shape) // 112)
    heat = saliency[::stride, ::stride]
    figure = _over_photo(photo, heat, 1.0, smooth=True, strength=HEAT_OPACITY, theme=theme)
    return figure.update_traces(hovertemplate="saliency %{z:.3f}<extra></extra>")


def _over_photo(
    photo: PhotoLike, heat: np.ndarray, limit: float, *, smooth: bool, strength: float, theme: Theme
) -> go.Figure:
    """The darkened photo with heat [row, column] over it; one row or column is one unit of the axes."""
    rows, columns = heat.shape
    figure = go.Figure(
        go.Heatmap(
            z=heat,
            zmin=0,
            zmax=limit,
            colorscale=see_through(HEAT, strength),
            zsmooth="best" if smooth else False,
            showscale=False,
        )
    )
    add_picture(figure, data_uri(darkened(photo.pixels)), (rows, columns))
    bare = {"showgrid": False, "ticks": "", "zeroline": False, "showticklabels": False, "constrain": "domain"}
    figure.update_layout(page_layout(theme))
    figure.update_xaxes(bare, range=[-0.5, columns - 0.5])
    figure.update_yaxes(bare, range=[rows - 0.5, -0.5], scaleanchor="x", constraintoward="top")
    figure.update_yaxes(scaleratio=columns / (rows * photo.aspect))  # the height of a cell over its width
    return figure


def _add_prefix_bars(figure: go.Figure, weights: np.ndarray, names: tuple[str, ...], *, theme: Theme) -> None:
    kept = np.sort(np.argsort(-weights, kind="stable")[:MOST_BARS])  # text before a picture may be long
    weights, labels = weights[kept], [escape(names[index]) for index in kept]
    top = BAR_HEIGHT * len(labels)
    figure.update_yaxes(domain=[top + 0.015, 1])
    figure.add_bar(
        x=weights,
        y=np.arange(len(labels)),
        customdata=labels,
        orientation="h",
        xaxis="x2",
        yaxis="y2",
        marker={"color": theme.bar},
        text=[f"{name} {percent(weight)}" for name, weight in zip(labels, weights)],
        textposition="outside",
        textfont={"color": theme.text},
        cliponaxis=False,
        hovertemplate="%{customdata}<br><b>%{x:.2%}</b> (%{x:.6f})<extra></extra>",
    )
    figure.update_layout(
        xaxis2={"range": [0, 1.15], "visible": False, "anchor": "y2", "fixedrange": True},
        yaxis2={"domain": [0, top], "visible": False, "anchor": "x2", "fixedrange": True, "autorange": "reversed"},
        showlegend=False,
        bargap=0.15,
    )
