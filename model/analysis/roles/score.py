"""The scores of heads: from the weights of one layer at a time, in whole or by some of their queries."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from headlens.model.analysis.heads import times_log
from headlens.model.analysis.roles import photo, text
from headlens.model.analysis.roles.positions import Fact, Positions
from headlens.model.analysis.roles.role import EntropyRole, Role, WeightRole

ROLES: tuple[Role, ...] = (*photo.ROLES, *text.ROLES)  # of two that a head plays alike it is called after the first
LEAST = 1e-12  # of a row's weight: where less is left beside special tokens, it says nothing


def roles_for(facts: frozenset[Fact]) -> tuple[Role, ...]:
    """The roles that heads may play on an input of which these facts are true."""
    return tuple(role for role in ROLES if role.needs <= facts)


@dataclass(frozen=True, eq=False)
class Sums:
    """Scores added up over queries; those of several stretches of queries can be added.

    Of a layer they are [role, head], of all layers [role, layer, head].
    """

    total: np.ndarray
    count: np.ndarray  # of the queries for which the role can be told

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(self.total + other.total, self.count + other.count)

    @property
    def mean(self) -> np.ndarray:
        """Nan where the role can be told for no query."""
        nothing = np.full(self.total.shape, np.nan)
        means: np.ndarray = np.divide(self.total, self.count, out=nothing, where=self.count > 0)
        return means


class Scorer:
    """Scores the rows of some queries, of any layer.

    Args:
        positions: of the input.
        queries: [query], the positions of the rows.
        seen: [query, key] bool, what they may look at.
    """

    def __init__(self, positions: Positions, queries: np.ndarray, seen: np.ndarray) -> None:
        self.roles = roles_for(positions.facts)
        free = seen & positions.free
        self._keys = {"all": seen.sum(axis=-1), "rest": free.sum(axis=-1)}  # [query]
        self._takes = np.full((len(self.roles), len(queries)), True)
        counts_of = cache(lambda counts: np.asarray(counts(positions, queries), np.float32))  # some roles share theirs
        columns = []
        for takes, role in zip(self._takes, self.roles):
            among = seen if role.among == "all" else free
            if role.among == "rest":
                takes &= self._keys["rest"] > 1  # one key alone gets all, whatever the head
            if isinstance(role, WeightRole):
                counts = counts_of(role.counts)
                untold = np.any(np.isnan(counts), axis=-1, keepdims=True)
                takes &= ~untold[..., 0]
                columns.append(np.where(untold, np.float32(0), counts) * among)
                if role.unit == "share" and role.among == "rest":
                    by_chance = columns[-1].sum(axis=-1)  # what attention to all keys alike gives, times their number
                    takes &= (by_chance > 0) & (by_chance < self._keys["rest"])
        counted = np.stack([*columns, free, seen], axis=1, dtype=np.float32)
        self._counts = counted.transpose(0, 2, 1)  # [query, key, column]; the keys of a column lie side by side

    def sums(self, weights: np.ndarray) -> Sums:
        """The scores of a layer, added up: weights [head, query, key]."""
        rows = weights.transpose(1, 0, 2)  # [query, head, key]
        found = (rows @ self._counts).transpose(2, 1, 0)  # [column, head, query]
        left = found[-2]
        some = left > LEAST
        entropies = self._entropies(rows, left, some)
        columns = iter(found)
        total, count = np.zeros((2, len(self.roles), len(weights)))
        for index, (role, takes) in enumerate(zip(self.roles, self._takes)):
            told = takes & (some | (role.among == "all"))
            if isinstance(role, WeightRole):
                values = next(columns)
                if role.among == "rest":
                    values = np.divide(values, left, out=np.zeros_like(values), where=some)
            else:
                assert isinstance(role, EntropyRole)
                values = role.of_entropy(entropies[role.among], np.maximum(self._keys[role.among], 2))
            total[index] = np.where(told, values, 0.0).sum(axis=-1, dtype=float)
            count[index] = told.sum(axis=-1)
        return Sums(total, count)

    def _entropies(self, rows: np.ndarray, left: np.ndarray, some: np.ndarray) -> Mapping[str, np.ndarray]:
        """Of all weight, and of the rest made to sum to one: of w / left it is log(left) - sum(w log w) / left."""
        free, everything = (times_log(rows) @ self._counts[..., -2:]).transpose(2, 1, 0)
        safe = np.where(some, left, 1.0)
        return {"all": -everything, "rest": np.maximum(np.log(safe) - free / safe, 0.0)}
