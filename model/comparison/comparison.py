"""How much every head differs between two recordings."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from headlens.model.analysis.sample import sampled_queries
from headlens.model.attention.formula import allowed_by
from headlens.model.comparison.alignment import Alignment, align
from headlens.model.comparison.places import Places
from headlens.model.errors import InputError
from headlens.model.progress import OnStep, no_step
from headlens.model.recording.recording import Index, Recording

Head = tuple[int, int]  # layer, head


@dataclass(frozen=True, eq=False)
class HeadBeside:
    """One head of A beside one of B, over the places of both."""

    a: np.ndarray  # [place, place], weights of A; rows sum to one, or are zeros without a query
    b: np.ndarray  # [place, place], of B
    paired: np.ndarray  # [place] bool: whether both have it
    free: np.ndarray  # [place] bool: whether both have more than one key to look at from it

    @property
    def difference(self) -> np.ndarray:
        """A's weights less B's, [place, place]; nan in the rows of places that only one of them has.

        A key without a partner has the weight of the side that has it, or minus that: each row sums to zero.
        """
        return np.where(self.paired[:, None], self.a - self.b, np.nan)

    @property
    def unpaired(self) -> tuple[float, float]:
        """How much of A's and of B's weight lies on keys without a partner, the mean over paired queries.

        nan where no query has a partner.
        """
        if not self.paired.any():
            return math.nan, math.nan
        own, theirs = (float(each[self.paired][:, ~self.paired].sum(axis=-1).mean()) for each in (self.a, self.b))
        return own, theirs


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two recordings, A and B, over the places that their positions have in common."""

    a: Recording
    b: Recording
    alignment: Alignment

    @property
    def same_shape(self) -> bool:
        """Whether both have as many layers and heads."""
        return (self.a.num_layers, self.a.num_heads) == (self.b.num_layers, self.b.num_heads)

    def beside(self, layer: Index, head: Index, other: tuple[Index, Index] | None = None) -> HeadBeside:
        """A head of A beside one of B: its weights, what they differ by, and how much lies without a partner.

        Args:
            layer, head: of A.
            other: layer and head of B; None: the same.

        Raises ValueError for a layer or head that is not there.
        """
        theirs = (layer, head) if other is None else other
        return HeadBeside(
            self.alignment.a.both(self.a.attention(layer, head)),
            self.alignment.b.both(self.b.attention(*theirs)),
            self.alignment.paired,
            self._free(0, (int(layer), int(head))) & self._free(1, (int(theirs[0]), int(theirs[1]))),
        )

    def weights(
        self, layer: Index, head: Index, other: tuple[Index, Index] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """A's and B's weights [place, place] of a head, as of `beside`, and so are arguments and errors."""
        found = self.beside(layer, head, other)
        return found.a, found.b

    def difference(self, layer: Index, head: Index, other: tuple[Index, Index] | None = None) -> np.ndarray:
        """A's weights less B's, [place, place], as of `beside`, and so are arguments and errors."""
        return self.beside(layer, head, other).difference

    def unpaired(self, layer: Index, head: Index, other: tuple[Index, Index] | None = None) -> tuple[float, float]:
        """How much of A's and of B's weight lies without a partner, as of `beside`; so are arguments and errors."""
        return self.beside(layer, head, other).unpaired

    @cached_property
    def divergence(self) -> np.ndarray:
        """How much each head differs: `jensen_shannon`, the mean over aligned queries, [layer, head].

        Rows that see one key alone, and such as look at nothing, are left out; nan where no row is left. Of more than
        LONG places, 64 evenly spaced ones are taken as queries.

        Raises InputError for models with other numbers of layers or heads: see `matches`.
        """
        if not self.same_shape:
            raise InputError(
                "These models have other numbers of layers or heads; ask for matches, which compares all with all."
            )
        return self._divergence(no_step)

    def matches(self, on_step: OnStep = no_step) -> np.ndarray:
        """Each head of A beside each of B: `divergence` of the two, [layer of A, head of A, layer of B, head of B].

        on_step is told after each head of A.
        """
        shape = (self.a.num_layers, self.a.num_heads, self.b.num_layers, self.b.num_heads)
        theirs = [self._rows(1, head) for head in np.ndindex(shape[2:])]
        divergences = np.empty((shape[0] * shape[1], len(theirs)))
        for done, head in enumerate(np.ndindex(shape[:2])):
            own = self._rows(0, head)
            divergences[done] = [_mean(own, other) for other in theirs]
            on_step(done + 1, len(divergences))
        return divergences.reshape(shape)

    def partners(self, on_step: OnStep = no_step) -> tuple[np.ndarray, np.ndarray]:
        """Which head of B each head of A is compared with, and how much they differ.

        It is the same head, or of models with other numbers of layers or heads the one of `matches` that differs least.

        Returns:
            layer and head of B, [layer of A, head of A, 2]; and the divergence, [layer of A, head of A].
        """
        if self.same_shape:
            divergence = self._divergence(on_step)
            return np.moveaxis(np.indices(divergence.shape), 0, -1), divergence
        return closest(self.matches(on_step))

    def between(self, own: Head, theirs: Head) -> float:
        """The divergence of a head of A and one of B."""
        return _mean(self._rows(0, own), self._rows(1, theirs))

    @cached_property
    def special(self) -> np.ndarray:
        """[place] bool: whether all that is there are special tokens, or other attention sinks."""
        sides = (self.alignment.a, self.a), (self.alignment.b, self.b)
        ordinary = [places.shares @ (~recording.special).astype(float) for places, recording in sides]
        special: np.ndarray = ordinary[0] + ordinary[1] == 0
        return special

    @cached_property
    def queries(self) -> np.ndarray:
        """The places, of those that both have, whose rows are compared."""
        paired = np.flatnonzero(self.alignment.paired)
        taken: np.ndarray = paired[sampled_queries(len(paired))]
        return taken

    def _divergence(self, on_step: OnStep) -> np.ndarray:
        """[layer, head] of each head beside the same one of B; on_step is told after each."""
        divergence = np.empty((self.a.num_layers, self.a.num_heads))
        for done, head in enumerate(np.ndindex(divergence.shape)):
            divergence[head] = self.between((head[0], head[1]), (head[0], head[1]))
            on_step(done + 1, divergence.size)
        return divergence

    def _rows(self, side: int, head: Head) -> np.ndarray:
        """[query, place]; rows that see one key alone are nan."""
        recording, places = self._side(side)
        rows = places.keys(Places(places.shares[self.queries]).rows(recording.attention(*head)))
        return np.where(self._free(side, head)[self.queries, None], rows, np.nan)

    def _free(self, side: int, head: Head) -> np.ndarray:
        """[place] bool: whether a position there may look at more than one key."""
        recording, places = self._side(side)
        free: np.ndarray = places.shares @ (~_bound(recording, *head)).astype(float) > 0
        return free

    def _side(self, side: int) -> tuple[Recording, Places]:
        return ((self.a, self.alignment.a), (self.b, self.alignment.b))[side]


def compare(a: Recording, b: Recording, alignment: Alignment | None = None) -> Comparison:
    """Put two recordings side by side.

    Args:
        a, b: of two inputs, or of two models on one input.
        alignment: which positions correspond; None: as `align` finds it.

    Raises InputError for what cannot be aligned.
    """
    return Comparison(a, b, align(a, b) if alignment is None else alignment)


def closest(matches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The head of B that differs least from each of A.

    Args:
        matches: as `Comparison.matches` gives them.

    Returns:
        layer and head of B, [layer of A, head of A, 2]; and the divergence, [layer of A, head of A].
    """
    layers, heads, _, heads_of_b = matches.shape
    flat = matches.reshape(layers, heads, -1)
    nearest = np.where(np.isnan(flat), np.inf, flat).argmin(axis=-1)
    partners = np.stack(np.divmod(nearest, heads_of_b), axis=-1)
    return partners, np.take_along_axis(flat, nearest[..., None], axis=-1)[..., 0]


def jensen_shannon(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The Jensen–Shannon divergence of distributions [..., key], base 2, so from 0 to 1 (Lin 1991, equation 4.1).

    What a row lacks to one, as with sinks, is a key more.
    """
    rows = [
        np.concatenate([each, np.maximum(1 - each.sum(axis=-1, keepdims=True), 0)], axis=-1) for each in (one, other)
    ]
    middle = (rows[0] + rows[1]) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [np.where(row > 0, row * np.log2(row / middle), 0.0) for row in rows]
    result: np.ndarray = np.clip((parts[0] + parts[1]).sum(axis=-1) / 2, 0.0, 1.0)
    return np.where(np.isnan(one).any(axis=-1) | np.isnan(other).any(axis=-1), np.nan, result)


def _mean(one: np.ndarray, other: np.ndarray) -> float:
    divergences = jensen_shannon(one.astype(float), other.astype(float))
    left = divergences[~np.isnan(divergences)]
    return float(left.mean()) if len(left) else math.nan


def _bound(recording: Recording, layer: int, head: int) -> np.ndarray:
    """[query] bool: whether a query may look at no more than one key, so that its weights say nothing."""
    mask = recording.layers[layer].full_mask()
    if mask is None:
        return np.full(recording.num_tokens, recording.num_keys <= 1)
    own = mask[head if mask.shape[0] > 1 else 0] if mask.ndim == 3 else mask
    counts = allowed_by(own).expand(recording.num_tokens, recording.num_keys).sum(dim=-1)
    bound: np.ndarray = (counts <= 1).cpu().numpy()
    return bound
