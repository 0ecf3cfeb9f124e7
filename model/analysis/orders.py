"""Every head of a recording, measured, so that heads can be found."""

import numpy as np

from model.analysis.heads import patch_distance, spread, token_distance
from model.recording import Recording

Placed = tuple[int, int, float]  # layer, head, what was measured


def head_order(measured: np.ndarray | None, num_layers: int, num_heads: int) -> list[Placed]:
    """All heads, by layer and head (None), or by what was measured [layer, head], the largest first."""
    heads = [(layer, head) for layer in range(num_layers) for head in range(num_heads)]
    if measured is None:
        return [(layer, head, 0.0) for layer, head in heads]
    return sorted(((layer, head, float(measured[layer, head])) for layer, head in heads), key=lambda entry: -entry[2])


def measure(recording: Recording, layer: int, order: str) -> np.ndarray:
    """One number for each head of a layer, the mean over its queries: [head].

    The order is "spread", over how many tokens a row spreads; "distance", how far away it looks; or "special", how much
    rests on special tokens.
    """
    weights = recording.attention(layer)
    if order == "special":
        return weights[..., recording.special].sum(axis=-1).mean(axis=-1)
    if order == "spread":
        return spread(weights).mean(axis=-1)
    if recording.grid is None:
        return token_distance(weights).mean(axis=-1)
    first = recording.prefix_tokens
    return patch_distance(weights[:, first:, first:], recording.grid).mean(axis=-1)
