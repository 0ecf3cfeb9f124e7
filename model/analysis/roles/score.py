"""The scores of heads: from the weights of one layer at a time, in whole or by some of their queries."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from headlens.model.analysis.roles.positions import Positions
from headlens.model.analysis.roles.role import EntropyRole, WeightRole
from headlens.model.analysis.roles.roles import roles_for

CPU = torch.device("cpu")
LEAST = 1e-12  # of a row's weight: where less is left beside special tokens, it says nothing


@dataclass(frozen=True, eq=False)
class Sums:
    """Scores added up over queries; those of several stretches of queries can be added.

    Of a layer they are [role, head], of all layers [role, layer, head]; of inputs there is an axis behind the roles.
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
        positions: of the input, or of several of one layout.
        queries: [query], the positions of the rows.
        seen: [query, key] bool, what they may look at; or [input, query, key].
        device: that the weights are on.
    """

    def __init__(self, positions: Positions, queries: np.ndarray, seen: np.ndarray, device: torch.device = CPU) -> None:
        self.roles = roles_for(positions.facts)
        shape = np.broadcast_shapes((*positions.special.shape[:-1], 1, 1), seen.shape)
        seen = np.broadcast_to(seen, shape)
        free = seen & positions.free[..., None, :]
        keys = {"all": seen.sum(axis=-1), "rest": free.sum(axis=-1)}  # [..., query]
        counts_of = cache(lambda counts: np.asarray(counts(positions, queries), np.float32))  # some roles share theirs
        takes = np.full((len(self.roles), *keys["rest"].shape), True)
        columns = []
        for taken, role in zip(takes, self.roles):
            among = seen if role.among == "all" else free
            if role.among == "rest":
                taken &= keys["rest"] > 1  # one key alone gets all, whatever the head
            if isinstance(role, WeightRole):
                counts = counts_of(role.counts)
                untold = np.any(np.isnan(counts), axis=-1, keepdims=True)
                taken &= ~untold[..., 0]
                columns.append(np.where(untold, np.float32(0), counts) * among)
                if role.unit == "share" and role.among == "rest":
                    by_chance = columns[-1].sum(axis=-1)  # what attention to all keys alike gives, times their number
                    taken &= (by_chance > 0) & (by_chance < keys["rest"])
        counted = np.stack([*columns, free, seen], axis=-2, dtype=np.float32)  # the keys of a column lie side by side
        self._counts = torch.from_numpy(counted).to(device).mT  # [..., query, key, column]
        self._takes = torch.from_numpy(takes).to(device)[..., None, :]  # [role, ..., 1, query]
        self._keys = {
            among: torch.from_numpy(np.maximum(count, 2)).to(device)[..., None, :] for among, count in keys.items()
        }

    def sums(self, weights: Tensor) -> Sums:
        """The scores of heads, added up: weights [head, query, key], of several inputs with an axis before these."""
        rows = weights.transpose(-3, -2)  # [..., query, head, key]
        counts = self._counts.to(rows.dtype)
        found = _columns(rows @ counts)
        left = found[-2]
        some = left > LEAST
        safe = torch.where(some, left, 1.0)
        entropies = self._entropies(rows, counts, safe)
        columns = iter(found)
        totals, told_by = [], []
        for role, takes in zip(self.roles, self._takes):
            told = takes & (some | (role.among == "all"))
            if isinstance(role, WeightRole):
                values = next(columns) / (safe if role.among == "rest" else 1)
            else:
                assert isinstance(role, EntropyRole)
                values = role.of_entropy(entropies[role.among], self._keys[role.among])
            totals.append(torch.where(told, values, 0.0).sum(dim=-1, dtype=torch.float64))
            told_by.append(told.sum(dim=-1, dtype=torch.float64))
        return Sums(torch.stack(totals).cpu().numpy(), torch.stack(told_by).cpu().numpy())

    def _entropies(self, rows: Tensor, counts: Tensor, safe: Tensor) -> Mapping[str, Tensor]:
        """Of all weight, and of the rest made to sum to one: of w / left it is log(left) - sum(w log w) / left."""
        free, everything = _columns(torch.special.entr(rows) @ counts[..., -2:])
        return {"all": everything, "rest": (safe.log() + free / safe).clamp(min=0.0)}


def _columns(products: Tensor) -> Tensor:
    """[..., query, head, column] as [column, ..., head, query]."""
    return products.movedim(-1, 0).mT
