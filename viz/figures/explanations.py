"""Several explanations of one output, side by side over the same tokens or the same photo."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from headlens.viz.figures.labels import categories, escape, token_axis
from headlens.viz.figures.overlay import PhotoLike
from headlens.viz.figures.pictures import add_picture, darkened, data_uri
from headlens.viz.theme import HEAT, LIGHT, Theme, page_layout, see_through
from headlens.viz.view.scale import colour_limit

ROW, TITLE, GROUP, FOOT = 30, 26, 34, 70  # pixels: of a strip, of what stands above it, above a group, below all
PHOTO = 330  # pixels: a line of photos
ACROSS = 3  # photos in a line


class Scored(NamedTuple):
    """What one explanation gives: [token] scores, and whether they stand on both sides of zero."""

    scores: np.ndarray
    signed: bool


Groups = Mapping[str, Mapping[str, Scored]]  # explanations by their titles, by the heading of their group


def explained_tokens(tokens: Sequence[str], groups: Groups, special: np.ndarray, *, theme: Theme = LIGHT) -> go.Figure:
    """A strip for each explanation, a cell a token, each on a scale of its own; pointed at together.

    Args:
        tokens: what to call each position.
        groups: of explanations, which are below each other.
        special: [token] bool; these do not set the scales.
        theme: the colours.
    """
    names = categories(tokens)
    lines = _lines(groups, across=1)
    heights = [GROUP if isinstance(line, str) else ROW + TITLE for line in lines]
    figure = make_subplots(
        len(lines),
        1,
        shared_xaxes=True,
        vertical_spacing=0,
        row_heights=heights,
        specs=[[None if isinstance(line, str) else {}] for line in lines],
    )
    for row, line in enumerate(lines, start=1):
        if isinstance(line, str):
            continue
        ((title, (values, signed)),) = line
        limit = colour_limit(np.abs(values), special)
        _title(figure, title, limit, signed, row, 1, share=ROW / (ROW + TITLE))
        figure.add_heatmap(
            z=values[None].astype(np.float32),
            x=names,
            y=[""],
            zmin=-limit if signed else 0.0,
            zmax=limit,
            colorscale=theme.signed if signed else theme.weights,
            showscale=False,
            xgap=1,
            hovertemplate=f"%{{x}}<br>{escape(title)}: <b>%{{z:.5g}}</b><extra></extra>",
            row=row,
            col=1,
        )
    figure.update_layout(page_layout(theme), height=sum(heights) + FOOT, margin={"t": 0, "b": FOOT})
    figure.update_layout(hovermode="x", hoversubplots="axis")
    figure.update_xaxes(ticks="", showspikes=True, spikemode="across", spikecolor=theme.text, spikethickness=1)
    figure.update_xaxes(token_axis(names, tokens) | {"tickangle": -60}, row=len(lines), col=1)
    _headings(figure, lines, theme)
    return figure.update_yaxes(fixedrange=True, showticklabels=False, showgrid=False, zeroline=False)


def explained_photo(photo: PhotoLike, groups: Groups, *, prefix: int, theme: Theme = LIGHT) -> go.Figure:
    """The photo once for each explanation, darkened, with its scores as heat; zoomed and pointed at together.

    Args:
        photo: its pixels, aspect and grid of patches.
        groups: of explanations; each begins a line of photos.
        prefix: positions before the patches, which are not drawn.
        theme: the colours.
    """
    rows, columns = photo.grid
    across = min(ACROSS, max(map(len, groups.values())))
    lines = _lines(groups, across)
    heights = [GROUP if isinstance(line, str) else PHOTO for line in lines]
    figure = make_subplots(
        len(lines),
        across,
        shared_xaxes="all",
        shared_yaxes="all",
        horizontal_spacing=0.02,
        vertical_spacing=0,
        row_heights=heights,
        specs=[
            [None if isinstance(line, str) or column >= len(line) else {} for column in range(across)] for line in lines
        ],
    )
    picture = data_uri(darkened(photo.pixels))
    for row, line in enumerate(lines, start=1):
        for column, (title, (values, signed)) in enumerate(() if isinstance(line, str) else line, start=1):
            patches = values[prefix:].reshape(rows, columns)
            limit = max(float(np.abs(patches).max()), 1e-12)
            place = {"row": row, "col": column}
            _title(figure, title, limit, signed, row, column, share=1 - TITLE / PHOTO)
            add_picture(figure, picture, photo.grid, row=row, col=column)
            figure.add_heatmap(
                z=patches,
                zmin=-limit if signed else 0.0,
                zmax=limit,
                colorscale=_signed_heat() if signed else see_through(HEAT, 0.85),
                showscale=False,
                hovertemplate=f"{escape(title)}<br>patch (%{{y}}, %{{x}})<br><b>%{{z:.5g}}</b><extra></extra>",
                **place,
            )
    figure.update_layout(page_layout(theme), height=sum(heights), margin={"t": 0, "b": 0})
    figure.update_layout(hovermode="closest")
    bare = {"showgrid": False, "ticks": "", "zeroline": False, "showticklabels": False, "constrain": "domain"}
    spikes = {"showspikes": True, "spikemode": "across", "spikecolor": theme.text, "spikethickness": 1}
    figure.update_xaxes({**bare, **spikes}, range=[-0.5, columns - 0.5])
    figure.update_yaxes({**bare, **spikes}, range=[rows - 0.5, -0.5], constraintoward="top")
    for axis in figure.select_yaxes():
        axis.scaleanchor = axis.anchor
        axis.scaleratio = columns / (rows * photo.aspect)
    _headings(figure, lines, theme)
    return figure


Line = str | list[tuple[str, Scored]]  # a heading, or explanations beside each other


def _lines(groups: Groups, across: int) -> list[Line]:
    lines = list[Line]()
    for heading, explained in groups.items():
        each = list(explained.items())
        lines += [heading, *(each[first : first + across] for first in range(0, len(each), across))]
    return lines


def _title(figure: go.Figure, title: str, limit: float, signed: bool, row: int, column: int, *, share: float) -> None:
    """Above one explanation, what it is and the ends of its scale; the explanation has the lower share of its place."""
    xaxis, yaxis = figure.get_subplot(row, column)
    low, high = yaxis.domain
    yaxis.domain = (low, low + share * (high - low))
    ends = f"−{limit:.2g} to {limit:.2g}" if signed else f"0 to {limit:.2g}"
    figure.add_annotation(
        text=f"{escape(title)} <span style='font-size:11px'>{ends}</span>",
        x=xaxis.domain[0],
        y=yaxis.domain[1],
        xref="paper",
        yref="paper",
        xanchor="left",
        yanchor="bottom",
        showarrow=False,
    )


def _headings(figure: go.Figure, lines: Sequence[Line], theme: Theme) -> None:
    """Each group's, above its first line; and the looks of all titles."""
    figure.update_annotations(font={"size": 13, "color": theme.muted})
    for row, line in enumerate(lines, start=1):
        if isinstance(line, str):
            top = figure.get_subplot(row + 1, 1).yaxis.domain[1]
            figure.add_annotation(
                text=f"<b>{escape(line)}</b>",
                x=0,
                y=top,
                xref="paper",
                yref="paper",
                yshift=TITLE,
                xanchor="left",
                yanchor="bottom",
                showarrow=False,
                font={"size": 14, "color": theme.text},
            )


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
