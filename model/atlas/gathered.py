"""All that is gathered of some inputs; what two parts of a data set gave is merged to what both give together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from headlens.model.atlas.best import best_of, inputs_in
from headlens.model.atlas.kept import Kept, lowest
from headlens.model.atlas.rows import Rows, still_named


class Limits(NamedTuple):
    """How much is kept of a data set, however large it is."""

    best: int = 16  # inputs of each head and criterion
    vectors: int = 48  # inputs whose queries and keys are kept
    positions: int = 32  # of each of these
    seed: int = 0  # of the hash that chooses them


@dataclass(frozen=True)
class Seen:
    """An input that is named somewhere, as it was read."""

    id: str
    texts: tuple[str, ...]  # none of a photo
    tokens: tuple[str, ...]
    special: tuple[bool, ...]
    grid: tuple[int, int] | None = None  # (rows, columns) of a photo's patches
    picture: bytes = b""  # a small JPEG of a photo


class Failed(NamedTuple):
    """An input that could not be read or run."""

    id: str
    reason: str


@dataclass(frozen=True)
class Gathered:
    """Of some inputs, which have numbers of their own; see `merge`."""

    limits: Limits
    tallies: Mapping[str, np.ndarray] = field(default_factory=dict)  # of each measure [layer, head, column]
    best: Mapping[str, np.ndarray] = field(default_factory=dict)  # of each criterion [layer, head, rank] of ENTRY
    kept: Mapping[int, Kept] = field(default_factory=dict)  # by the number of the input, and so are:
    rows: Rows = field(default_factory=dict)  # of the examples in best
    seen: Mapping[int, Seen] = field(default_factory=dict)
    failed: Mapping[int, Failed] = field(default_factory=dict)
    inputs: int = 0  # that were recorded
    tokens: int = 0


def merge(one: Gathered, other: Gathered) -> Gathered:
    """What both give together, to the bit, in whatever order parts are merged. No input may be in both.

    Raises ValueError for parts with different limits.
    """
    if one.limits != other.limits:
        raise ValueError("Parts with different limits cannot be merged.")
    limits = one.limits
    best = {
        name: best_of(np.concatenate(entries, axis=-1), limits.best) for name, entries in _both(one.best, other.best)
    }
    kept = lowest([*one.kept.items(), *other.kept.items()], limits.vectors)
    seen = {**one.seen, **other.seen}
    return Gathered(
        limits,
        {name: np.sum(tallies, axis=0) for name, tallies in _both(one.tallies, other.tallies)},
        best,
        kept,
        still_named(best, {**one.rows, **other.rows}),
        {number: seen[number] for number in named_in(best, kept)},
        {**one.failed, **other.failed},
        one.inputs + other.inputs,
        one.tokens + other.tokens,
    )


def named_in(best: Mapping[str, np.ndarray], kept: Mapping[int, Kept]) -> list[int]:
    """The numbers of the inputs that something names."""
    return sorted(set(kept).union(*(inputs_in(entries) for entries in best.values())))


def _both(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> Iterable[tuple[str, list[np.ndarray]]]:
    """By name what one or both have."""
    for name in sorted({*one, *other}):
        yield name, [arrays[name] for arrays in (one, other) if name in arrays]
