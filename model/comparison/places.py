"""Places: what positions of a recording are joined to, or cut into, so that they correspond to those of another."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array  # it takes half a second to import


@dataclass(frozen=True, eq=False)
class Places:
    """How the positions of one recording make places.

    The weight *to* a place is the sum over its positions; the row *from* a place is the mean over them (Clark et al.
    2019, "What Does BERT Look At?", section 4.1): so that rows still sum to one.
    """

    shares: "csr_array"  # [place, position], the share of a position that is in a place; each column sums to one

    @classmethod
    def of(cls, groups: Sequence[Sequence[int]], num_positions: int) -> "Places":
        """Whole positions, by the places that they are in; a place may have none."""
        from scipy.sparse import csr_array

        rows = [row for row, group in enumerate(groups) for _ in group]
        columns = [position for group in groups for position in group]
        return cls(csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(groups), num_positions)))

    @cached_property
    def filled(self) -> np.ndarray:
        """[place] bool: whether any position is there."""
        present: np.ndarray = self.shares.sum(axis=1) > 0
        return present

    @property
    def groups(self) -> list[tuple[int, ...]]:
        """The positions that are in each place, whole or in part."""
        starts, positions = self.shares.indptr, self.shares.indices
        return [tuple(sorted(map(int, positions[start:end]))) for start, end in pairwise(starts)]

    def rows(self, weights: np.ndarray) -> np.ndarray:
        """Rows of places: [..., position, key] -> [..., place, key]; zeros where no position is."""
        from scipy.sparse import csr_array

        sums = np.maximum(self.shares.sum(axis=1), np.finfo(float).tiny)
        return _times(csr_array(self.shares / sums[:, None]), weights)

    def keys(self, weights: np.ndarray) -> np.ndarray:
        """Weights to places: [..., query, position] -> [..., query, place]."""
        return _times(self.shares, weights.swapaxes(-1, -2)).swapaxes(-1, -2)

    def both(self, weights: np.ndarray) -> np.ndarray:
        """[..., position, position] -> [..., place, place]."""
        return self.keys(self.rows(weights))


def _times(matrix: "csr_array", weights: np.ndarray) -> np.ndarray:
    """matrix [place, position] @ weights [..., position, other]: [..., place, other]."""
    *axes, num_positions, others = weights.shape
    count = math.prod(axes)
    flat = np.moveaxis(weights.reshape(count, num_positions, others), 1, 0).reshape(num_positions, count * others)
    places = (matrix @ flat).reshape(matrix.shape[0], count, others)
    result: np.ndarray = np.moveaxis(places, 0, 1).reshape(*axes, matrix.shape[0], others)
    return result.astype(weights.dtype)
