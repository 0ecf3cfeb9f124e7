"""Deletion and insertion curves beside random orders, and patches to choose."""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
from plotly.colors import hex_to_rgb

from headlens.viz.figures.overlay import PhotoLike
from headlens.viz.figures.pictures import add_picture, data_uri
from headlens.viz.theme import LIGHT, Theme, page_layout


class Range(NamedTuple):
    """What random orders give at each step, [step] each."""

    low: np.ndarray
    high: np.ndarray


def removal_curves(
    shares: np.ndarray,
    lines: dict[str, np.ndarray],
    bands: dict[str, Range],
    what: str,
    *,
    theme: Theme = LIGHT,
) -> go.Figure:
    """A line for each curve, and behind it the band of random orders. Its points can be pressed.

    Args:
        shares: [step] of what can be removed.
        lines: [step] each, by their names.
        bands: of some of the lines.
        what: is on the vertical axis.
        theme: the colours.
    """
    figure = go.Figure(layout=page_layout(theme))
    looks = ((theme.accent, "circle", "solid"), (theme.second, "diamond", "dash"))
    for (name, values), (colour, symbol, dash) in zip(lines.items(), looks):
        if (band := bands.get(name)) is not None:
            figure.add_scatter(
                x=np.concatenate([shares, shares[::-1]]),
                y=np.concatenate([band.high, band.low[::-1]]),
                fill="toself",
                fillcolor="rgba({}, {}, {}, 0.2)".format(*hex_to_rgb(colour)),
                line={"color": colour, "width": 1, "dash": "dot"},
                mode="lines",
                name=f"{name}, random orders (5 to 95 %)",
                hoverinfo="skip",
            )
        figure.add_scatter(
            x=shares,
            y=values,
            name=name,
            mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 2},
            marker={"symbol": symbol, "size": 8},
            customdata=[(name, step) for step in range(len(shares))],
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 1}},
            hovertemplate=f"{name}: %{{x:.0%}} removed<br><b>%{{y:.5f}}</b><extra></extra>",
        )
    axis = {"gridcolor": theme.line, "zerolinecolor": theme.line, "automargin": True, "fixedrange": True}
    figure.update_layout(
        height=360, margin={"t": 60, "r": 10}, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"}
    )
    figure.update_xaxes(axis, title={"text": "share removed", "standoff": 8}, tickformat=".0%")
    return figure.update_yaxes(axis, title={"text": what, "standoff": 12})


def patch_picker(photo: PhotoLike, removed: Collection[int], *, theme: Theme = LIGHT) -> go.Figure:
    """The photo, its patches to be dragged over; those that are removed have its mean colour.

    Args:
        photo: its pixels, aspect and grid of patches.
        removed: patches, counted row by row.
        theme: the colours.
    """
    rows, columns = photo.grid
    places = np.arange(rows * columns)
    covered = np.isin(places, list(removed))
    figure = go.Figure(layout=page_layout(theme))
    add_picture(figure, data_uri(without_patches(photo.pixels, photo.grid, covered)), photo.grid)
    figure.add_scatter(
        x=places % columns,
        y=places // columns,
        mode="markers",
        customdata=places,
        marker={
            "symbol": "square",
            "size": max(6, 360 // max(rows, columns) - 1),
            "color": "rgba(0,0,0,0)",
            "line": {"width": 0},
        },
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        hovertemplate="patch (%{y}, %{x})<extra></extra>",
    )
    bare = {"showgrid": False, "zeroline": False, "showticklabels": False, "constrain": "domain", "fixedrange": True}
    figure.update_layout(height=420, dragmode="select", showlegend=False)
    figure.update_xaxes(bare, range=[-0.5, columns - 0.5])
    figure.update_yaxes(bare, range=[rows - 0.5, -0.5], scaleanchor="x", constraintoward="top")
    return figure.update_yaxes(scaleratio=columns / (rows * photo.aspect))


def without_patches(pixels: np.ndarray, grid: tuple[int, int], removed: np.ndarray) -> np.ndarray:
    """A photo [height, width, 3] uint8 with its mean colour on the patches that are removed, bool [patch]."""
    (rows, columns), (height, width) = grid, pixels.shape[:2]
    gone = removed.reshape(rows, columns).repeat(height // rows, axis=0).repeat(width // columns, axis=1)
    picture = pixels.copy()
    picture[gone] = np.rint(pixels.mean(axis=(0, 1))).astype(np.uint8)
    return picture
