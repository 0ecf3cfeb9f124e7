"""The inputs that excite each head most, with the query and the key that do: the k best of a total order."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

ENTRY = np.dtype([("value", "<f8"), ("input", "<i8"), ("query", "<i4"), ("key", "<i4")])
NOBODY = np.iinfo(np.int64).max  # the input of an empty place, which comes last


@dataclass(frozen=True)
class Criterion:
    """By what one input excites a head more than another."""

    name: str
    sentences: Mapping[str, str]  # one for each kind of inputs


WEIGHT = Criterion(
    "weight",
    {
        "texts": "The largest weight from a token to another one, special tokens apart (of a causal model the first "
        "token too).",
        "photos": "The largest weight from a patch to another one.",
    },
)
SHARE = Criterion(
    "share",
    {
        "texts": "How much of a token's weight goes to other tokens that are not special, the mean over the tokens "
        "that are not; query and key are those of the largest such weight.",
        "photos": "How much of a patch's weight goes to other patches, the mean over the patches; query and key are "
        "those of the largest such weight.",
    },
)
CRITERIA = (WEIGHT, SHARE)


def best_of(entries: np.ndarray, count: int) -> np.ndarray:
    """The best [..., count] of entries [..., entry]: the highest value first, of equal ones the input that comes first.

    Missing ones are filled up with empty places. No input may be in there twice.
    """
    short = count - entries.shape[-1]
    if short > 0:
        entries = np.concatenate([entries, nothing((*entries.shape[:-1], short))], axis=-1)
    order = np.lexsort((entries["input"], -entries["value"]), axis=-1)[..., :count]
    best: np.ndarray = np.take_along_axis(entries, order, axis=-1)
    return best


def nothing(shape: tuple[int, ...]) -> np.ndarray:
    """Empty places."""
    return np.full(shape, np.array((-np.inf, NOBODY, -1, -1), dtype=ENTRY))


def entries_of(values: np.ndarray, numbers: np.ndarray, queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Of inputs [input], whose values, queries and keys are [input, layer, head]: entries [layer, head, input].

    A value of nan has an empty place.
    """
    entries = nothing(values.shape)
    known = np.isfinite(values)
    fields = {"value": values, "input": np.broadcast_to(numbers[:, None, None], values.shape)}
    for name, field in {**fields, "query": queries, "key": keys}.items():
        entries[name][known] = field[known]
    return np.moveaxis(entries, 0, -1)


def inputs_in(entries: np.ndarray) -> set[int]:
    """The inputs that have a place."""
    numbers = np.unique(entries["input"])
    return set(numbers[numbers != NOBODY].tolist())
