"""What inputs of one length say of every head, one layer at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from headlens.model.analysis.sample import looking_queries
from headlens.model.atlas.best import SHARE, WEIGHT
from headlens.model.atlas.measures import measuring
from headlens.model.attention.inputs import AttentionInputs
from headlens.model.recording.recording import Recording

AT_ONCE = 1_000_000  # weights that are in memory: of more, one head at a time; they stay in a core's cache
Part = tuple[slice, slice, np.ndarray]  # which inputs, which heads, and their weights [input, head, query, key]


class Findings(NamedTuple):
    """Of every head on some inputs, [input, layer, head]; nan where it cannot be said."""

    values: dict[str, np.ndarray]  # of each measure
    excited: dict[str, np.ndarray]  # of each criterion
    queries: np.ndarray  # the strongest pair of tokens that are not special
    keys: np.ndarray


def findings(recordings: Sequence[Recording]) -> Findings:
    """Of recordings of one model and the same number of tokens.

    Never more than AT_ONCE weights are in memory, or where one head has more than these, that head's.
    """
    first = recordings[0]
    queries = looking_queries(first)
    own = np.stack([~recording.special for recording in recordings])
    measures = [measuring(recording, queries) for recording in recordings]
    shape = len(recordings), first.num_layers, first.num_heads
    found = Findings(
        {},
        {criterion.name: np.full(shape, np.nan) for criterion in (WEIGHT, SHARE)},
        *np.full((2, *shape), -1),
    )
    for layer in range(first.num_layers):
        for inputs, heads, weights in _parts([recording.layers[layer] for recording in recordings], queries):
            for number, each in enumerate(weights, inputs.start):
                for name, scores in measures[number](each).items():
                    found.values.setdefault(name, np.full(shape, np.nan))[number, layer, heads] = scores
            _excite(found, (inputs, layer, heads), weights, queries=queries, own=own[inputs])
    return found


def _parts(layers: Sequence[AttentionInputs], queries: np.ndarray) -> Iterator[Part]:
    """The weights of a layer of each input, as many at once as is said above."""
    num_heads, num_keys = layers[0].num_heads, layers[0].key.shape[-2]
    rows = torch.from_numpy(queries) if len(queries) < layers[0].query.shape[-2] else slice(None)
    of_head = len(queries) * num_keys
    if num_heads * of_head > AT_ONCE:
        for number, inputs in enumerate(layers):
            for head in range(num_heads):
                weights = inputs.weights(rows, head)[None, None]
                yield slice(number, number + 1), slice(head, head + 1), weights.cpu().numpy()
        return
    count = max(1, AT_ONCE // (num_heads * of_head))
    for start in range(0, len(layers), count):
        stacked = _stacked(layers[start : start + count])
        yield slice(start, start + count), slice(None), stacked.weights(rows).cpu().numpy()


def _stacked(layers: Sequence[AttentionInputs]) -> AttentionInputs:
    """Inputs of one length as a batch."""
    query, key = (torch.stack([getattr(layer, name) for layer in layers]) for name in ("query", "key"))
    masks = [layer.mask for layer in layers]
    if masks.count(None) == len(masks):
        return replace(layers[0], query=query, key=key, value=key)
    return replace(layers[0], query=query, key=key, value=key, mask=torch.stack([_mask(layer) for layer in layers]))


def _mask(layer: AttentionInputs) -> torch.Tensor:
    """Of all queries and keys, where another input of the batch has one."""
    mask = layer.full_mask()
    shape = layer.num_heads, layer.query.shape[-2], layer.key.shape[-2]
    return layer.query.new_ones(shape, dtype=torch.bool) if mask is None else mask.expand(shape)


def _excite(
    found: Findings, place: tuple[slice, int, slice], weights: np.ndarray, *, queries: np.ndarray, own: np.ndarray
) -> None:
    """Write what each criterion says of weights [input, head, query, key]; own: [input, key], what is not special."""
    asked = own[:, queries]  # [input, query]
    pairs = asked[:, :, None] & own[:, None] & (queries[:, None] != np.arange(own.shape[1]))  # [input, query, key]
    between = np.where(pairs[:, None], weights, 0.0).reshape(*weights.shape[:2], -1)  # [input, head, pair]
    strongest = between.argmax(axis=-1)
    row, key = np.divmod(strongest, own.shape[1])
    some = np.broadcast_to(pairs.any(axis=(1, 2))[:, None], strongest.shape)
    values = {
        WEIGHT.name: np.take_along_axis(between, strongest[..., None], axis=-1)[..., 0],
        SHARE.name: between.sum(axis=-1) / np.maximum(asked.sum(axis=-1), 1)[:, None],
    }
    for name, of_criterion in values.items():
        found.excited[name][place] = np.where(some, of_criterion, np.nan)
    found.queries[place] = np.where(some, queries[row], -1)
    found.keys[place] = np.where(some, key, -1)
