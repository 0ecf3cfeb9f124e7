"""Attention between words instead of tokens: weights of some inputs, summed and averaged where they are looked at."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import torch
from torch import Tensor

from headlens.model.attention.formula import allowed_by
from headlens.model.attention.inputs import AttentionInputs
from headlens.model.errors import InputError

NO_SCORES = "Words have weights alone: a sum of softmax weights is the softmax of no score."


@dataclass(frozen=True)
class MergedInputs(AttentionInputs):
    """One layer between groups of neighbours: the weight to a group is the sum over its keys, the weight from it the
    mean over its queries (Clark et al. 2019, section 4.1), so that rows sum to what they did.

    Nothing is kept: weights are computed from the pieces when they are asked for. There are neither vectors nor scores.
    """

    pieces: AttentionInputs = field(kw_only=True)
    query_sizes: Tensor = field(kw_only=True)  # [query] how many of the pieces' queries each has, in their order
    key_sizes: Tensor = field(kw_only=True)  # [key] how many of their keys

    @classmethod
    def of(cls, pieces: AttentionInputs, query_sizes: Sequence[int], key_sizes: Sequence[int]) -> "MergedInputs":
        """The layer between groups of so many queries and keys each."""
        heads, vectors = pieces.num_heads, pieces.query
        key = vectors.new_zeros(heads, len(key_sizes), 0)
        return cls(
            query=vectors.new_zeros(heads, len(query_sizes), 0),
            key=key,
            value=key,
            mask=None,
            causal=False,
            scale=1.0,
            scores_only=True,
            pieces=pieces,
            query_sizes=torch.tensor(query_sizes, device=vectors.device),
            key_sizes=torch.tensor(key_sizes, device=vectors.device),
        )

    def weights(self, rows: slice | Tensor, head: int | None = None) -> Tensor:
        """As of `AttentionInputs`, between groups."""
        sizes, ends = self.query_sizes[rows], self.query_sizes.cumsum(0)[rows]
        place = _places(sizes)
        queries = torch.arange(len(place), device=place.device) + (ends - sizes.cumsum(0))[place]
        weights = self._to_groups(self.pieces.weights(queries, head))
        return _sums(weights, place, len(sizes), dim=-2) / sizes[:, None]

    def full_mask(self) -> Tensor | None:
        """[..., head, query, key] bool: which groups have any piece that may look at one of another's."""
        mask = self.pieces.full_mask()
        if mask is None:
            return None
        allowed = self._to_groups(allowed_by(mask).float())
        return _sums(allowed, _places(self.query_sizes), len(self.query_sizes), dim=-2) > 0

    def seen(self, rows: slice | Tensor) -> Tensor:
        """As of `AttentionInputs`, between groups."""
        mask = self.full_mask()
        return super().seen(rows) if mask is None else mask.any(dim=-3)[..., rows, :]

    def scores(self, rows: slice | Tensor, columns: slice | Tensor, head: int | None = None) -> NoReturn:
        """Raises InputError: a sum of weights has no score."""
        raise InputError(NO_SCORES)

    def log_sums(self, rows: slice | Tensor, head: int | None = None) -> NoReturn:
        """Raises InputError: there are no scores to sum."""
        raise InputError(NO_SCORES)

    def _to_groups(self, weights: Tensor) -> Tensor:
        """[..., query, key of the pieces] -> [..., query, key]."""
        return _sums(weights, _places(self.key_sizes), len(self.key_sizes), dim=-1)


def _places(sizes: Tensor) -> Tensor:
    """[piece] which group each piece is in."""
    return torch.repeat_interleave(torch.arange(len(sizes), device=sizes.device), sizes)


def _sums(weights: Tensor, places: Tensor, count: int, *, dim: int) -> Tensor:
    """The sums along an axis over those in each place."""
    shape = list(weights.shape)
    shape[dim] = count
    return weights.new_zeros(shape).index_add(dim, places, weights)
