"""Which positions of two recordings correspond."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from headlens.model.comparison.photos import photo_places, with_prefix
from headlens.model.comparison.places import Places
from headlens.model.comparison.sequences import Pair, common_subsequence
from headlens.model.errors import InputError
from headlens.model.recording.recording import Recording

if TYPE_CHECKING:
    from scipy.sparse import csr_array  # it takes half a second to import

Group = tuple[tuple[int, ...], tuple[int, ...]]  # positions of A and of B that are one place; either may be empty


@dataclass(frozen=True, eq=False)
class Alignment:
    """The places that the positions of two recordings, A and B, have in common, and those that only one has."""

    names: tuple[str, ...]  # of the places
    a: Places
    b: Places
    parts: np.ndarray | None = None  # [place] of photos: which part of `photo_places` it is, -1 for none

    @cached_property
    def paired(self) -> np.ndarray:
        """[place] bool: whether both have it."""
        both: np.ndarray = self.a.filled & self.b.filled
        return both

    @cached_property
    def main_places(self) -> tuple[np.ndarray, np.ndarray]:
        """The place that each position of A, and of B, is in: [position].

        Of several it is the one with the largest share of the position, among those that both have if there are any;
        the first of equal ones.
        """
        own, theirs = (_largest(places.shares.T, self.paired) for places in (self.a, self.b))
        return own, theirs

    @cached_property
    def main_positions(self) -> tuple[np.ndarray, np.ndarray]:
        """The position of A, and of B, with the largest share in each place: [place], -1 where none is there.

        Of equal ones it is the first.
        """
        return _largest(self.a.shares), _largest(self.b.shares)

    @cached_property
    def counterparts(self) -> tuple[np.ndarray, np.ndarray]:
        """The position of B that each of A corresponds to, and the other way round: [position], -1 for none.

        Of several in one place it is the first, as in `main_positions`.
        """
        own, theirs = self.main_places
        in_a, in_b = self.main_positions
        return in_b[own], in_a[theirs]

    def swapped(self) -> "Alignment":
        """That of B and A."""
        return Alignment(self.names, self.b, self.a, self.parts)


def align(a: Recording, b: Recording) -> Alignment:
    """Find which positions correspond; what has no partner is left alone, never guessed.

    Of two photos, the positions before the patches by their names, and patches by the part of the photo that they
    show. Of one text under two tokenizers, the smallest stretches that are whole tokens of both; what stands in no text
    by its name. Else tokens by their names, as in `sequences.common_subsequence`.

    Raises InputError for a photo beside a text, for cross-attention, and for inputs too large to be aligned.
    """
    if a.keys is not None or b.keys is not None:
        raise InputError("Cross-attention is not compared; take a stage whose tokens look at one another.")
    if (a.grid is None) != (b.grid is None):
        raise InputError("A photo and a text have nothing in common to be compared at; give two texts or two photos.")
    if a.grid is not None and b.grid is not None:
        return _of_photos(a, b)
    if a.texts and a.texts == b.texts and a.offsets and b.offsets:
        return of_groups(a, b, list(_of_one_text(a, b)))
    return of_groups(a, b, list(_in_order(common_subsequence(a.tokens, b.tokens), a.num_tokens, b.num_tokens)))


def of_pairs(a: Recording, b: Recording, pairs: Sequence[Pair]) -> Alignment:
    """An alignment of one's own: which position of A is which of B; the others have no partner.

    Raises InputError for positions that are not there, or not in order.
    """
    for side, recording in enumerate((a, b)):
        places = [pair[side] for pair in pairs]
        if places != sorted(set(places)) or any(not 0 <= place < recording.num_tokens for place in places):
            raise InputError("Pairs of positions must be in order on both sides, each at most once, and be there.")
    return of_groups(a, b, list(_in_order(pairs, a.num_tokens, b.num_tokens)))


def of_groups(a: Recording, b: Recording, groups: Sequence[Group]) -> Alignment:
    """The alignment whose places are these groups; a place has the name that is longer, A's of two equal ones."""
    names = []
    for own, theirs in groups:
        both = ("".join(a.tokens[at] for at in own), "".join(b.tokens[at] for at in theirs))
        names.append(max(both, key=len))
    return Alignment(
        tuple(names),
        Places.of([own for own, _ in groups], a.num_tokens),
        Places.of([theirs for _, theirs in groups], b.num_tokens),
    )


def _in_order(pairs: Sequence[Pair], rows: int, columns: int) -> Iterator[Group]:
    """The pairs, and between them what has no partner, A's first."""
    i = j = 0
    for own, theirs in [*pairs, (rows, columns)]:
        yield from (((at,), ()) for at in range(i, own))
        yield from (((), (at,)) for at in range(j, theirs))
        if own < rows:
            yield (own,), (theirs,)
        i, j = own + 1, theirs + 1


def _of_one_text(a: Recording, b: Recording) -> Iterator[Group]:
    """Stretches of the texts, with what stands in none of them between."""
    between = [[at for at in range(each.num_tokens) if not _characters(each, at)] for each in (a, b)]
    pairs = common_subsequence(*([each.tokens[at] for at in ats] for each, ats in zip((a, b), between)))
    matched = {between[0][i]: between[1][j] for i, j in pairs}
    nowhere: list[Group] = [((at,), (matched[at],) if at in matched else ()) for at in between[0]]
    nowhere += [((), (at,)) for at in between[1] if at not in matched.values()]
    groups = [*nowhere, *_stretches(a, b)]
    a_to_b = dict(sorted((own[0], theirs[0]) for own, theirs in groups if own and theirs))
    yield from sorted(groups, key=lambda group: _place(group, a_to_b))


def _place(group: Group, a_to_b: dict[int, int]) -> tuple[int, int, int]:
    """Where a group stands among the others: by its first position in B, or by that of the last in A that has one."""
    own, theirs = group
    if theirs:
        return theirs[0], 1 if own else 2, 0
    before = [at for at in a_to_b if at < own[0]]
    return (a_to_b[before[-1]], 3, own[0]) if before else (-1, 0, own[0])


def _characters(recording: Recording, at: int) -> list[Pair]:
    """(text, index) of the characters that a token stands for, spaces left out."""
    span, segment = recording.offsets[at], recording.segments[at]
    if span is None or segment >= len(recording.texts):
        return []
    return [(segment, index) for index in range(*span) if not recording.texts[segment][index].isspace()]


def _stretches(a: Recording, b: Recording) -> list[Group]:
    """Tokens that share characters, directly or by way of others, are one stretch."""
    owner: dict[Pair, int] = {}
    parents = list(range(a.num_tokens + b.num_tokens))

    def root(node: int) -> int:
        while parents[node] != node:
            parents[node] = node = parents[parents[node]]
        return node

    placed = []
    for recording, first in ((a, 0), (b, a.num_tokens)):
        for at in range(recording.num_tokens):
            characters = _characters(recording, at)
            placed += [first + at] if characters else []
            for character in characters:
                parents[root(first + at)] = root(owner.setdefault(character, first + at))
    groups: dict[int, tuple[list[int], list[int]]] = {}
    for node in placed:
        own, theirs = groups.setdefault(root(node), ([], []))
        (own if node < a.num_tokens else theirs).append(node if node < a.num_tokens else node - a.num_tokens)
    return [(tuple(own), tuple(theirs)) for own, theirs in groups.values()]


def _of_photos(a: Recording, b: Recording) -> Alignment:
    """What stands before the patches, by its names; and patches by the parts of the photo."""
    counts = a.prefix_tokens, b.prefix_tokens
    pairs = common_subsequence(a.tokens[: counts[0]], b.tokens[: counts[1]])
    before = list(_in_order(pairs, *counts))
    names = [a.tokens[own[0]] if own else b.tokens[theirs[0]] for own, theirs in before]
    own, theirs = photo_places(a, b)
    same = a.grid == b.grid and a.photo is not None and b.photo is not None and a.photo.window == b.photo.window
    parts = a.tokens[counts[0] :] if same else tuple(f"part {index}" for index in range(own.shape[0]))
    return Alignment(
        (*names, *parts),
        with_prefix([group for group, _ in before], own, counts[0]),
        with_prefix([group for _, group in before], theirs, counts[1]),
        np.concatenate([np.full(len(names), -1), np.arange(len(parts))]),
    )


def _largest(shares: "csr_array", preferred: np.ndarray | None = None) -> np.ndarray:
    """The column with the largest share in each row, of the preferred ones where there are any; -1 in empty rows."""
    entries = shares.tocoo()
    rows, columns = entries.coords
    values = entries.data if preferred is None else entries.data + 2 * preferred[columns]  # a share is at most 1
    order = np.lexsort((-columns, values, rows))  # in each row the largest comes last, and of equal ones the first
    largest = np.full(shares.shape[0], -1)
    largest[rows[order]] = columns[order]
    return largest
