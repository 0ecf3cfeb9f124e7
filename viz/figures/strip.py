"""The token strip as a figure: the input as it reads, each token tinted by the weight that it gets."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from headlens.viz.figures.labels import token_text
from headlens.viz.theme import LIGHT, TOKEN_OPACITY, Theme, page_layout, tint
from headlens.viz.view.scale import colour_limit

LINE = 60  # letters
LETTER, HEIGHT = 13, 44  # pixels of 24 px type


def strip_figure(
    tokens: Sequence[str], weights: np.ndarray, special: np.ndarray, *, query: int | Sequence[int], theme: Theme = LIGHT
) -> tuple[go.Figure, float]:
    """The strip, and its width / height.

    Args:
        tokens: what to call each position.
        weights: [token], of the query or queries.
        special: [token] bool; these do not set the tint's scale.
        query: the token or tokens that are framed.
        theme: the colours.
    """
    framed = set(query) if isinstance(query, Sequence) else {query}
    shares = np.clip(weights / colour_limit(weights, special), 0, 1)
    figure = go.Figure()
    line = column = 0
    for index, (token, share) in enumerate(zip(tokens, shares)):
        if column and column + len(token) > LINE:
            line, column = line + 1, 0
        figure.add_annotation(
            x=column * LETTER,
            y=-line * HEIGHT,
            xanchor="left",
            yanchor="top",
            text=token_text(token),
            showarrow=False,
            font={"size": 24, "color": theme.text},
            bgcolor=tint(TOKEN_OPACITY * share),
            borderpad=3,
            bordercolor=theme.text if index in framed else "rgba(0,0,0,0)",
            borderwidth=2,
        )
        column += len(token) + 1
    width, height = (LINE + 12) * LETTER, (line + 1) * HEIGHT
    figure.update_layout(page_layout(theme), margin={"l": 8, "r": 8, "t": 8, "b": 8})
    figure.update_xaxes(visible=False, range=[0, width])
    figure.update_yaxes(visible=False, range=[-height, 4])
    return figure, width / height
