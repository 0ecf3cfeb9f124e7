"""What the query of an example looks at: its row of the weights, for as long as the example is one of the best."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from headlens.model.atlas.best import NOBODY

Place: TypeAlias = tuple[int, int, int]  # a layer, a head, and the number of an input
Rows: TypeAlias = Mapping[Place, np.ndarray]  # [key] float32 of each


def rows_of(best: Mapping[str, np.ndarray], numbers: Sequence[int], weights: np.ndarray) -> Rows:
    """Of those inputs that are among the best.

    Args:
        best: of each criterion [layer, head, rank] of ENTRY.
        numbers: of the inputs.
        weights: [input, layer, head, key] of the query of each one's strongest pair; without keys nothing is kept.
    """
    if weights.shape[-1] == 0:
        return {}
    index = {number: each for each, number in enumerate(numbers)}
    return {
        (layer, head, number): weights[index[number], layer, head].copy()
        for layer, head, number in _places(best)
        if number in index
    }


def still_named(best: Mapping[str, np.ndarray], rows: Rows) -> Rows:
    """Those whose example is still one of the best."""
    return {place: rows[place] for place in sorted(set(_places(best)) & rows.keys())} if rows else {}


def _places(best: Mapping[str, np.ndarray]) -> Iterator[Place]:
    for entries in best.values():
        layers, heads, ranks = np.nonzero(entries["input"] != NOBODY)
        yield from zip(layers.tolist(), heads.tolist(), entries["input"][layers, heads, ranks].tolist())
