"""A photo to drag a rectangle over."""

import numpy as np
import plotly.graph_objects as go

from headlens.model.inputs.paint import Rectangle
from headlens.viz.figures.pictures import data_uri
from headlens.viz.theme import LIGHT, Theme, page_layout

POINTS = np.arange(1, 100, 3)  # per cent: a drag says nothing where it goes over no point


def rectangle_picker(pixels: np.ndarray, outlined: Rectangle | None, *, theme: Theme = LIGHT) -> go.Figure:
    """The photo on axes in per cent of its width and height; a box that is selected is the rectangle.

    Args:
        pixels: of the photo, [height, width, 3] uint8.
        outlined: a rectangle that is there already; None: none is.
        theme: the colours.
    """
    figure = go.Figure(layout=page_layout(theme))
    figure.add_layout_image(
        source=data_uri(pixels),
        xref="x",
        yref="y",
        x=0,
        y=0,
        sizex=100,
        sizey=100,
        sizing="stretch",
        layer="below",
    )
    across, down = (each.ravel() for each in np.meshgrid(POINTS, POINTS))
    hidden = {"marker": {"opacity": 0}}
    figure.add_scatter(
        x=across, y=down, mode="markers", marker={"opacity": 0}, hoverinfo="skip", selected=hidden, unselected=hidden
    )
    if outlined is not None:
        figure.add_shape(
            type="rect",
            x0=outlined.left,
            y0=outlined.top,
            x1=outlined.right,
            y1=outlined.bottom,
            line={"color": theme.accent, "width": 2},
        )
    bare = {"showgrid": False, "zeroline": False, "showticklabels": False, "constrain": "domain", "fixedrange": True}
    figure.update_layout(height=230, dragmode="select", showlegend=False, margin={"l": 0, "r": 0, "t": 0, "b": 0})
    figure.update_xaxes(bare, range=[0, 100])
    return figure.update_yaxes(bare, range=[100, 0], scaleanchor="x", scaleratio=pixels.shape[0] / pixels.shape[1])
