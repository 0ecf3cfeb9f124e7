"""The token strip: the input as it reads, each token tinted by the weight that it gets."""

import html
from collections.abc import Sequence

import numpy as np

from viz.figures.scale import colour_limit


def token_strip(tokens: Sequence[str], weights: np.ndarray, special: np.ndarray, query: int) -> str:
    """HTML, every token escaped.

    Args:
        tokens: what to call each position.
        weights: [key], of the one query.
        special: [token] bool; these do not set the tint's scale.
        query: the token that looks, which is outlined.
    """
    tints = np.clip(weights / colour_limit(weights, special), 0, 1)
    spans = []
    for number, (token, weight, tint) in enumerate(zip(tokens, weights, tints)):
        outline = "outline:2px solid currentColor;" if number == query else ""
        spans.append(
            f'<span title="{100 * weight:.2f} %" style="background:rgba(234,88,12,{0.8 * tint:.3f});{outline}">'
            f"{html.escape(token)}</span>"
        )
    return f'<div class="strip" dir="auto">{" ".join(spans)}</div>'
