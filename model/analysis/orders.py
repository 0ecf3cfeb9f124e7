"""Measures of every head of a recording, to sort heads by."""

import numpy as np

from headlens.model.analysis.heads import far_weight, patch_distance, spread, token_distance
from headlens.model.analysis.sample import looking_queries
from headlens.model.recording.recording import Recording

MeasuredHead = tuple[int, int, float]  # layer, head, what was measured


def head_order(measured: np.ndarray | None, num_layers: int, num_heads: int) -> list[MeasuredHead]:
    """All heads, by layer and head (None), or by what was measured [layer, head], the largest first."""
    heads = [(layer, head) for layer in range(num_layers) for head in range(num_heads)]
    if measured is None:
        return [(layer, head, 0.0) for layer, head in heads]
    return sorted(((layer, head, float(measured[layer, head])) for layer, head in heads), key=lambda entry: -entry[2])


def measure(recording: Recording, layer: int, order: str) -> np.ndarray:
    """One number for each head of a layer, the mean over its queries, or for long inputs over a sample of them: [head].

    The order is "spread", over how many tokens a row spreads; "distance", how far away it looks; "special", how much
    rests on special tokens; or "far", the mean weight between residues that are FAR or more apart.
    """
    return np.array([_of_head(recording, layer, head, order=order) for head in range(recording.num_heads)])


def _of_head(recording: Recording, layer: int, head: int, *, order: str) -> float:
    queries = looking_queries(recording)
    weights = recording.attention_from(layer, queries, head)
    if order == "special":
        return float(weights[:, recording.special].sum(axis=-1).mean())
    if order == "far":
        return far_weight(weights, queries, recording.special)
    if order == "spread":
        return float(spread(weights).mean())
    return reach(recording, weights, queries)


def reach(recording: Recording, weights: np.ndarray, queries: np.ndarray) -> float:
    """How far the rows [query, key] of a head look on average: in tokens, or in patches, from patches to patches.

    0 where no patch looks at any, as from what was written of a photo.
    """
    if recording.grid is None:
        return float(token_distance(weights, queries).mean())
    first = recording.prefix_tokens
    patches = queries >= first
    if not patches.any():
        return 0.0
    return float(patch_distance(weights[patches, first:], recording.grid, queries[patches] - first).mean())
