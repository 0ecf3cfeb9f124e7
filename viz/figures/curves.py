"""Lines and points over layers, numbers of tokens and sizes."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from headlens.viz.theme import LIGHT, Theme, page_layout

DASHES = ("solid", "dash", "dot", "dashdot")


class Size(NamedTuple):
    """A published model: its size and how often it is right."""

    name: str
    family: str  # "vision transformer" or "CNN"
    trained: str  # on what
    millions: float  # of parameters
    accuracy: float  # per cent, top 1 on ImageNet
    source: str
    label: str  # "top" or "bottom" of its point, where no other stands


def curves(
    x: Sequence[int] | np.ndarray,
    lines: Mapping[str, np.ndarray],
    titles: tuple[str, str],
    *,
    marked: int | None = None,
    log: bool = False,
    theme: Theme = LIGHT,
) -> go.Figure:
    """Lines over the same x, told apart by dash and marker as well as by colour.

    Args:
        x: [point].
        lines: [point] each, by their names.
        titles: of the axes, across and up.
        marked: an x to mark: the chosen layer.
        log: both axes logarithmic, so that a power of n is a straight line.
        theme: the colours.
    """
    figure = _plot(titles, log, theme)
    colours = (theme.accent, theme.second, theme.muted, theme.text)
    symbols = ("circle", "diamond", "square", "x")
    for (name, y), colour, dash, symbol in zip(lines.items(), colours, DASHES, symbols):
        figure.add_scatter(
            x=list(x),
            y=y,
            name=name,
            mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 2},
            marker={"symbol": symbol, "size": 7},
            hovertemplate=f"{name}<br>{titles[0]} %{{x}}: <b>%{{y:.6g}}</b><extra></extra>",
        )
    if marked is not None:
        figure.add_vline(marked, line={"color": theme.line, "width": 8}, layer="below")
    if log:
        figure.update_xaxes(tickvals=list(x), ticktext=[f"{value:,}" for value in x])
    else:
        figure.update_xaxes(dtick=max(1, len(x) // 10))
    return figure


def head_distances(distances: np.ndarray, unit: str, selected: tuple[int, int], *, theme: Theme = LIGHT) -> go.Figure:
    """How far each head looks, a point a head over its layer (Dosovitskiy et al. 2021, figure 11).

    Args:
        distances: [layer, head].
        unit: of the distances.
        selected: (layer, head) in the other colour.
        theme: the colours.
    """
    num_layers, num_heads = distances.shape
    layer, head = (axis.ravel() for axis in np.mgrid[:num_layers, :num_heads])
    own = (layer == selected[0]) & (head == selected[1])
    figure = _plot(("layer", f"mean distance in {unit}"), log=False, theme=theme)
    figure.add_scatter(
        x=layer,
        y=distances.ravel(),
        mode="markers",
        customdata=head,
        marker={
            "size": np.where(own, 14, 8),
            "color": np.where(own, theme.accent, theme.second),
            "symbol": np.where(own, "diamond", "circle"),
        },
        hovertemplate="Layer %{x}, head %{customdata}: <b>%{y:.3f}</b><extra></extra>",
        showlegend=False,
    )
    return figure.update_yaxes(rangemode="tozero")


def size_and_accuracy(models: Sequence[Size], theme: Theme = LIGHT) -> go.Figure:
    """Published models by their size and accuracy, vision transformers beside CNNs."""
    figure = _plot(("million parameters", "top-1 accuracy on ImageNet, %"), log=False, theme=theme)
    looks = {"vision transformer": (theme.accent, "circle"), "CNN": (theme.second, "square")}
    for family, (colour, symbol) in looks.items():
        members = [model for model in models if model.family == family]
        figure.add_scatter(
            x=[model.millions for model in members],
            y=[model.accuracy for model in members],
            name=family,
            mode="markers+text",
            text=[model.name for model in members],
            textposition=[f"{model.label} center" for model in members],
            textfont={"size": 11, "color": theme.text},
            customdata=[(model.trained, model.source) for model in members],
            marker={"color": colour, "symbol": symbol, "size": 11},
            hovertemplate="%{text}: %{x} M, <b>%{y} %</b><br>trained on %{customdata[0]}<br>%{customdata[1]}"
            "<extra></extra>",
        )
    figure.update_xaxes(type="log", tickvals=[5, 10, 25, 50, 100, 300, 600, 1000], range=[0.5, 3.2])
    return figure.update_layout(height=440)


def _plot(titles: tuple[str, str], log: bool, theme: Theme) -> go.Figure:
    scale = "log" if log else "linear"
    axis = {"gridcolor": theme.line, "zerolinecolor": theme.line, "automargin": True, "type": scale, "fixedrange": True}
    figure = go.Figure(layout=page_layout(theme))
    figure.update_layout(
        height=340, margin={"t": 46, "r": 10}, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"}
    )
    figure.update_xaxes(axis, title={"text": titles[0], "standoff": 8})
    return figure.update_yaxes(axis, title={"text": titles[1], "standoff": 12})
