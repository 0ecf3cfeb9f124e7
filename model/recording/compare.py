"""Whether two recordings are of the same run."""

from typing import NamedTuple

import torch

from headlens.model.recording.file import TENSORS
from headlens.model.recording.recording import Recording

ROUNDING = 1e-4


class Comparison(NamedTuple):
    """What differs between two recordings."""

    equal: bool  # all tokens and arrays, bit by bit
    largest: float  # difference between two numbers of the same place; infinite where shapes or tokens differ

    def __str__(self) -> str:
        if self.equal:
            return "All tokens and arrays are equal."
        if self.largest == float("inf"):
            return "Not equal: other tokens, layers or heads."
        said = f"the arrays differ by at most {self.largest:.3g}"
        return f"Equal up to rounding: {said}." if self.close else f"Not equal: {said}."

    @property
    def close(self) -> bool:
        """Whether it is no more than what float32 leaves: other threads and machines add up in another order."""
        return self.largest <= ROUNDING


def compare(one: Recording, other: Recording) -> Comparison:
    """Compare tokens, and queries, keys, values and masks of all layers and stages."""
    if one.stages.keys() != other.stages.keys():
        return Comparison(False, float("inf"))
    pairs = [(one, other), *((one.stages[name], other.stages[name]) for name in one.stages)]
    largest = max(_difference(*pair) for pair in pairs)
    return Comparison(largest == 0, largest)


def _difference(one: Recording, other: Recording) -> float:
    if one.tokens != other.tokens or len(one.layers) != len(other.layers):
        return float("inf")
    largest = 0.0
    for own, theirs in zip(one.layers, other.layers):
        for name in TENSORS:
            first, second = getattr(own, name), getattr(theirs, name)
            if first is None and second is None:
                continue
            if first is None or second is None or first.shape != second.shape:
                return float("inf")
            first, second = first.cpu(), second.cpu()
            if not torch.equal(first, second):
                difference = torch.nan_to_num((first.double() - second.double()).abs(), posinf=float("inf"))
                largest = max(largest, float(difference.max()), 5e-324)  # equal but for the sign of a zero, say
    return largest
