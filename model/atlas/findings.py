"""What one recording says of every head, one layer at a time."""

from typing import NamedTuple

import numpy as np

from headlens.model.analysis.heads import spread
from headlens.model.analysis.orders import reach
from headlens.model.analysis.sample import looking_queries
from headlens.model.atlas.best import SHARE, WEIGHT
from headlens.model.atlas.measures import DISTANCE, ENTROPY, SPECIAL
from headlens.model.recording.recording import Recording

AT_ONCE = 4_000_000  # weights that are in memory: of more, one head at a time


class Findings(NamedTuple):
    """Of every head of one input, [layer, head]; nan where it cannot be said."""

    values: dict[str, np.ndarray]  # of each measure
    excited: dict[str, np.ndarray]  # of each criterion
    queries: np.ndarray  # the strongest pair of tokens that are not special
    keys: np.ndarray


def findings(recording: Recording) -> Findings:
    """Never more than one layer's weights are in memory, or where these are many, one head's."""
    queries = looking_queries(recording)
    at_once = recording.num_heads * len(queries) * recording.num_keys <= AT_ONCE
    layers = []
    for layer in range(recording.num_layers):
        parts = [
            _of_weights(
                recording,
                recording.attention_from(layer, queries, head).reshape(-1, len(queries), recording.num_keys),
                queries,
            )
            for head in ([None] if at_once else range(recording.num_heads))
        ]
        layers.append({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
    found = {name: np.stack([layer[name] for layer in layers]) for name in layers[0]}
    pairs = found.pop("query"), found.pop("key")
    excited = {criterion.name: found.pop(f"excited {criterion.name}") for criterion in (WEIGHT, SHARE)}
    return Findings(found, excited, *pairs)


def _of_weights(recording: Recording, weights: np.ndarray, queries: np.ndarray) -> dict[str, np.ndarray]:
    """Of weights [head, query, key], each [head]."""
    return {
        DISTANCE.name: np.array([reach(recording, each, queries) for each in weights]),
        ENTROPY.name: np.log2(spread(weights)).mean(axis=-1),
        SPECIAL.name: weights[..., recording.special].sum(axis=-1).mean(axis=-1),
        **_excited(weights, queries, ~recording.special),
    }


def _excited(weights: np.ndarray, queries: np.ndarray, own: np.ndarray) -> dict[str, np.ndarray]:
    """What each criterion says of weights [head, query, key], and the strongest pair; own: [key], not special."""
    pairs = own[queries, None] & own & (queries[:, None] != np.arange(len(own)))  # [query, key]
    num_heads = len(weights)
    if not pairs.any():
        nowhere = np.full(num_heads, np.nan)
        return {f"excited {WEIGHT.name}": nowhere, f"excited {SHARE.name}": nowhere} | {
            name: np.full(num_heads, -1) for name in ("query", "key")
        }
    between = np.where(pairs, weights, -1.0).reshape(num_heads, -1)
    place = between.argmax(axis=-1)
    row, key = np.divmod(place, len(own))
    shares = np.where(pairs, weights, 0.0).sum(axis=-1)[:, own[queries]]
    return {
        f"excited {WEIGHT.name}": np.take_along_axis(between, place[:, None], axis=-1)[:, 0],
        f"excited {SHARE.name}": shares.mean(axis=-1),
        "query": queries[row],
        "key": key,
    }
