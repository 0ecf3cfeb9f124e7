"""All heads of one model beside all of another: which of them differ least."""

import numpy as np
import plotly.graph_objects as go

from headlens.viz.figures.effects import Head, top_of_scale
from headlens.viz.theme import LIGHT, Theme, page_layout

SIDE = 460  # pixels of the figure's longer side, about
MOST = 250_000  # squares that are drawn behind the best ones


def best_matches(
    matches: np.ndarray, partners: np.ndarray, pinned: Head | None = None, *, theme: Theme = LIGHT
) -> go.Figure:
    """A row for each head of A, a column for each of B; the best of each row is framed, and can be pressed.

    Args:
        matches: divergences, [layer of A, head of A, layer of B, head of B]; nan where nothing is compared.
        partners: the best, layer and head of B, [layer of A, head of A, 2].
        pinned: a head of A that is marked.
        theme: the colours.
    """
    layers, heads, layers_b, heads_b = matches.shape
    flat = matches.reshape(layers * heads, layers_b * heads_b)
    rows = np.arange(layers * heads)
    columns = partners[..., 0].ravel() * heads_b + partners[..., 1].ravel()
    best = flat[rows, columns]
    limit = top_of_scale(flat)
    figure = go.Figure(layout=page_layout(theme))
    if flat.size <= MOST:
        figure.add_heatmap(
            z=flat.astype(np.float32),
            zmin=0.0,
            zmax=limit,
            colorscale=theme.weights,
            hoverinfo="skip",
            colorbar={
                "thickness": 10,
                "outlinewidth": 1,
                "outlinecolor": theme.line,
                "tickfont": {"size": 11},
                "nticks": 5,
                "title": {"text": "divergence", "side": "right", "font": {"size": 12, "color": theme.muted}},
            },
        )
    size = float(np.clip(SIDE / max(flat.shape) - 1, 6, 16))
    chosen = [False] * len(rows) if pinned is None else rows == pinned[0] * heads + pinned[1]
    figure.add_scatter(
        x=columns,
        y=rows,
        mode="markers",
        customdata=np.stack([*np.divmod(rows, heads), *np.divmod(columns, heads_b), best], axis=1).tolist(),
        marker={
            "symbol": "square-open",
            "size": np.where(chosen, size + 5, size),
            "color": np.where(chosen, theme.text, theme.accent),
            "line": {"width": np.where(chosen, 3, 1.5)},
        },
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        hovertemplate="A: layer %{customdata[0]}, head %{customdata[1]}<br>"
        "B: layer %{customdata[2]}, head %{customdata[3]}<br>divergence: <b>%{customdata[4]:.5f}</b><extra></extra>",
    )
    bare = {"showgrid": False, "zeroline": False, "fixedrange": True, "tickfont": {"size": 11}}
    height = 90 + SIDE * min(1.0, flat.shape[0] / max(flat.shape) + 0.25)
    figure.update_layout(height=round(height), showlegend=False, margin={"l": 48, "r": 0, "t": 6, "b": 48})
    figure.update_xaxes(bare, range=[-0.7, flat.shape[1] - 0.3], **_layer_ticks("B", layers_b, heads_b))
    return figure.update_yaxes(bare, range=[flat.shape[0] - 0.3, -0.7], **_layer_ticks("A", layers, heads))


def _layer_ticks(side: str, layers: int, heads: int) -> dict[str, object]:
    """An axis of heads, with the numbers of their layers."""
    every = max(1, layers // 12)
    shown = list(range(0, layers, every))
    return {
        "tickvals": [layer * heads + (heads - 1) / 2 for layer in shown],
        "ticktext": [str(layer) for layer in shown],
        "title": {"text": f"heads of {side}, by layer", "standoff": 6},
    }
