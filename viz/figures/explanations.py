"""Several explanations of one output, side by side over the same tokens or the same photo."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from headlens.viz.figures.labels import categories, escape, token_axis
from headlens.viz.figures.overlay import PhotoLike
from headlens.viz.figures.pictures import add_photo, darkened, data_uri
from headlens.viz.theme import HEAT, LIGHT, Theme, page_layout, see_through
from headlens.viz.view.scale import colour_limit

ROW, HEADING, FOOT = 30, 26, 70  # pixels
ACROSS = 3  # photos in a line


def explained_tokens(
    tokens: Sequence[str],
    scores: Mapping[str, np.ndarray],
    special: np.ndarray,
    *,
    signed: Mapping[str, bool],
    theme: Theme = LIGHT,
) -> go.Figure:
    """A strip for each explanation, a cell a token, each on a scale of its own; pointed at together.

    Args:
        tokens: what to call each position.
        scores: [token] of each explanation, by its title.
        special: [token] bool; these do not set the scales.
        signed: whether an explanation's scores stand on both sides of zero.
        theme: the colours.
    """
    names, titles = categories(tokens), [escape(title) for title in scores]
    height = len(titles) * (HEADING + ROW)
    figure = make_subplots(len(titles), 1, shared_xaxes=True, vertical_spacing=HEADING / height, subplot_titles=titles)
    for row, (key, values) in enumerate(scores.items(), start=1):
        limit = colour_limit(np.abs(values), special)
        figure.add_heatmap(
            z=values[None].astype(np.float32),
            x=names,
            y=[""],
            zmin=-limit if signed[key] else 0.0,
            zmax=limit,
            colorscale=theme.signed if signed[key] else theme.weights,
            showscale=False,
            xgap=1,
            hovertemplate=f"%{{x}}<br>{escape(key)}: <b>%{{z:.5g}}</b><extra></extra>",
            row=row,
            col=1,
        )
    figure.update_layout(page_layout(theme), height=height + FOOT, margin={"t": HEADING, "b": FOOT})
    figure.update_layout(hovermode="x", hoversubplots="axis")
    figure.update_annotations(font={"size": 13, "color": theme.muted}, x=0, xanchor="left", yshift=-2)
    figure.update_xaxes(ticks="", showspikes=True, spikemode="across", spikecolor=theme.text, spikethickness=1)
    figure.update_xaxes(token_axis(names, tokens) | {"tickangle": -60}, row=len(titles), col=1)
    return figure.update_yaxes(fixedrange=True, showticklabels=False, showgrid=False, zeroline=False)


def explained_photo(
    photo: PhotoLike,
    scores: Mapping[str, np.ndarray],
    *,
    prefix: int,
    signed: Mapping[str, bool],
    theme: Theme = LIGHT,
) -> go.Figure:
    """The photo once for each explanation, darkened, with its scores as heat; zoomed and pointed at together.

    Args:
        photo: its pixels, aspect and grid of patches.
        scores: [position] of each explanation, by its title.
        prefix: positions before the patches, which are not drawn.
        signed: whether an explanation's scores stand on both sides of zero.
        theme: the colours.
    """
    rows, columns = photo.grid
    across = min(ACROSS, len(scores))
    lines = -(-len(scores) // across)
    figure = make_subplots(
        lines,
        across,
        shared_xaxes="all",
        shared_yaxes="all",
        horizontal_spacing=0.02,
        vertical_spacing=0.12 / lines,
        subplot_titles=[escape(title) for title in scores],
    )
    picture = data_uri(darkened(photo.pixels))
    for index, (title, values) in enumerate(scores.items()):
        patches = values[prefix:].reshape(rows, columns)
        limit = max(float(np.abs(patches).max()), 1e-12)
        place = {"row": index // across + 1, "col": index % across + 1}
        add_photo(figure, picture, photo.grid, **place)
        figure.add_heatmap(
            z=patches,
            zmin=-limit if signed[title] else 0.0,
            zmax=limit,
            colorscale=_signed_heat() if signed[title] else see_through(HEAT, 0.85),
            showscale=False,
            hovertemplate=f"{escape(title)}<br>patch (%{{y}}, %{{x}})<br><b>%{{z:.5g}}</b><extra></extra>",
            **place,
        )
    figure.update_layout(page_layout(theme), height=lines * 330, margin={"t": 30, "b": 0})
    figure.update_layout(hovermode="closest")
    figure.update_annotations(font={"size": 13, "color": theme.muted})
    bare = {"showgrid": False, "ticks": "", "zeroline": False, "showticklabels": False, "constrain": "domain"}
    spikes = {"showspikes": True, "spikemode": "across", "spikecolor": theme.text, "spikethickness": 1}
    figure.update_xaxes({**bare, **spikes}, range=[-0.5, columns - 0.5])
    figure.update_yaxes({**bare, **spikes}, range=[rows - 0.5, -0.5], constraintoward="top")
    for axis in figure.select_yaxes():
        axis.scaleanchor = axis.anchor
        axis.scaleratio = columns / (rows * photo.aspect)
    return figure


def _signed_heat() -> list[tuple[float, str]]:
    """Blue below zero, orange above, seen through around it."""
    levels = np.linspace(-1, 1, 33)
    return [
        (
            float((level + 1) / 2),
            f"rgba({'249,115,22' if level > 0 else '96,165,250'},{0.9 * abs(level) ** 0.7:.3f})",
        )
        for level in levels
    ]
