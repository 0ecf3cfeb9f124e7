"""Every head of the model as one picture: layers down, heads across."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from headlens.viz.figures.pictures import data_uri
from headlens.viz.theme import LIGHT, Theme, lookup_table, page_layout

GAP = 0.08  # between tiles, of a tile's width


def head_grid(
    tiles: np.ndarray, selected: Sequence[tuple[int, int]] = (), *, theme: Theme = LIGHT, title: str = ""
) -> go.Figure:
    """All tiles as one picture: of levels one pixel a value, of photos as good as the eye sees.

    Args:
        tiles: [layer, head, height, width] uint8 levels along the theme's scale, or [layer, head, height, width, 3]
            uint8 colours.
        selected: each (layer, head) to outline.
        theme: the colours.
        title: what a tile is, for the hover.

    Raises ValueError for tiles of another shape.
    """
    if tiles.ndim not in (4, 5) or tiles.dtype != np.uint8:
        raise ValueError(f"Tiles must be uint8 with 4 or 5 axes, not {tiles.dtype} with {tiles.ndim}.")
    num_layers, num_heads, height, width = tiles.shape[:4]
    picture, gap = mosaic(tiles if tiles.ndim == 5 else lookup_table(theme.weights)[tiles])
    pitch = (width + gap, height + gap)  # x, y

    figure = go.Figure(go.Image(source=data_uri(picture, exact=tiles.ndim == 4), hoverinfo="skip"))
    layers, heads = (axis.ravel() for axis in np.mgrid[:num_layers, :num_heads])
    figure.add_scatter(
        x=heads * pitch[0] + (width - 1) / 2,
        y=layers * pitch[1] + (height - 1) / 2,
        mode="markers",
        marker={"size": 24, "opacity": 0, "symbol": "square"},
        customdata=np.stack((layers, heads), axis=-1),
        hovertemplate="Layer %{customdata[0]}, head %{customdata[1]}" + f"<br>{title}<extra></extra>",
        hoverlabel={"bgcolor": theme.background},
    )
    bare = {"showgrid": False, "zeroline": False, "ticks": "", "constrain": "domain", "automargin": True}
    figure.update_layout(page_layout(theme), showlegend=False)
    figure.update_xaxes(
        bare,
        side="top",
        tickvals=np.arange(num_heads) * pitch[0] + (width - 1) / 2,
        ticktext=[str(head) for head in range(num_heads)],
        range=[-0.5 - gap, picture.shape[1] - 0.5 + gap],
    )
    figure.update_yaxes(
        bare,
        tickvals=np.arange(num_layers) * pitch[1] + (height - 1) / 2,
        ticktext=[str(layer) for layer in range(num_layers)],
        range=[picture.shape[0] - 0.5 + gap, -0.5 - gap],
        scaleanchor="x",
        constraintoward="top",
    )
    for layer, head in selected:
        x0, y0 = head * pitch[0] - 0.5 - gap / 2, layer * pitch[1] - 0.5 - gap / 2
        figure.add_shape(
            type="rect", x0=x0, y0=y0, x1=x0 + pitch[0], y1=y0 + pitch[1], line={"color": theme.accent, "width": 3}
        )
    return figure


def mosaic(tiles: np.ndarray) -> tuple[np.ndarray, int]:
    """Tiles [layer, head, height, width, 3] side by side with see-through gaps: RGBA uint8, and the gap in pixels."""
    num_layers, num_heads, height, width, _ = tiles.shape
    gap = max(1, round(width * GAP))
    picture = np.zeros((num_layers, height + gap, num_heads, width + gap, 4), np.uint8)
    picture[:, :height, :, :width, :3] = tiles.transpose(0, 2, 1, 3, 4)
    picture[:, :height, :, :width, 3] = 255
    whole = picture.reshape(num_layers * (height + gap), num_heads * (width + gap), 4)
    return whole[:-gap, :-gap], gap
