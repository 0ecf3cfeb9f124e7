"""Attention flow: the most that could get from an input to an output through all layers (Abnar & Zuidema 2020)."""

from collections.abc import Sequence

import numpy as np

from headlens.model.progress import OnStep, no_step

SCALE = 10**6  # capacities are whole numbers


def attention_flow(layers: Sequence[np.ndarray], start: np.ndarray, on_step: OnStep = no_step) -> np.ndarray:
    """The maximum flow from an output to each input (ibid., section 3, "Attention flow").

    Args:
        layers: capacities [query, key] of each layer: the rows of (A + I) / 2.
        start: [query], what may leave the source to each position of the last layer; 1 at the target's alone, or equal
            shares where it is read from several.
        on_step: called with how many inputs are done, and of how many; what it raises stops the search.

    Returns:
        [key] float32: at most what leaves the source, each exact to a millionth an edge.
    """
    from scipy.sparse import csr_array  # it takes half a second to import
    from scipy.sparse.csgraph import maximum_flow

    num_tokens, num_layers = len(start), len(layers)
    source = (num_layers + 1) * num_tokens  # before it: positions of the input, of the first layer's output, …
    graph = np.concatenate([_edges(layer, index, num_tokens) for index, layer in enumerate(layers)], axis=1)
    ends = np.flatnonzero(start)
    top = np.stack([np.full(len(ends), source), num_layers * num_tokens + ends, np.rint(start[ends] * SCALE)])
    heads, tails, capacities = np.concatenate([graph, top], axis=1).astype(np.int64)
    capacities = capacities.astype(np.int32)
    shape = (source + 1, source + 1)
    flows = np.zeros(num_tokens, np.float32)
    last = tails < num_tokens  # into an input
    for token in range(num_tokens):
        on_step(token, num_tokens)
        used = ~last | (tails == token)  # the other inputs lead nowhere
        if not (tails == token).any():
            continue
        matrix = csr_array((capacities[used], (heads[used], tails[used])), shape=shape)
        flows[token] = maximum_flow(matrix, source, token).flow_value / SCALE
    return flows


def _edges(layer: np.ndarray, index: int, num_tokens: int) -> np.ndarray:
    """From positions behind a layer to those before it: heads, tails and capacities, [3, edge]."""
    capacities = np.rint(layer * SCALE)
    queries, keys = np.nonzero(capacities)
    return np.stack([queries + (index + 1) * num_tokens, keys + index * num_tokens, capacities[queries, keys]])
