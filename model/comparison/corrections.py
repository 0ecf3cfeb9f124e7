"""Corrections of an alignment: tokens or patches that a person pairs, or leaves without a partner."""

from collections.abc import Sequence

import numpy as np

from headlens.model.comparison.alignment import Alignment, Group, of_groups
from headlens.model.comparison.places import Places
from headlens.model.errors import InputError
from headlens.model.recording.recording import Recording

Correction = tuple[int | None, int | None]  # a position of A and one of B; None: the other one has no partner
MOST = 64


def corrected(alignment: Alignment, a: Recording, b: Recording, corrections: Sequence[Correction]) -> Alignment:
    """An alignment with some positions paired otherwise; each is taken out of the places that it was in.

    Corrections are made one after another, so that the last of two that name a position counts. Exchanging A and B
    everywhere exchanges them in the result, and does nothing else. A patch is taken whole out of all parts of the
    photo that it was cut into; what else is in these stays, and places in which nothing is left are gone.

    Args:
        alignment: of two texts, or two photos.
        a, b: the recordings.
        corrections: (position of A, position of B) are partners; (position, None) and (None, position) have none.

    Raises InputError for positions that are not there, and more than MOST corrections.
    """
    if not corrections:
        return alignment
    if len(corrections) > MOST:
        raise InputError(f"These are {len(corrections):,} corrections; give at most {MOST}.")
    for pair in corrections:
        if pair == (None, None) or any(
            at is not None and not 0 <= at < each.num_tokens for at, each in zip(pair, (a, b))
        ):
            raise InputError(
                f"A has the {'tokens' if a.grid is None else 'positions'} 0 to {a.num_tokens - 1} and B 0 to "
                f"{b.num_tokens - 1}; pair two of these, or one with none."
            )
    if a.grid is not None:
        return _of_photos(alignment, a, b, corrections)
    groups: list[Group] = list(zip(alignment.a.groups, alignment.b.groups))
    for pair in corrections:
        groups = [(_without(own, pair[0]), _without(theirs, pair[1])) for own, theirs in groups]
        groups.append((_alone(pair[0]), _alone(pair[1])))
    return of_groups(a, b, _in_order(groups))


def _of_photos(alignment: Alignment, a: Recording, b: Recording, corrections: Sequence[Correction]) -> Alignment:
    """Each position that is named is moved, whole, into a place behind the parts of the photo."""
    last = [{pair[side]: index for index, pair in enumerate(corrections)} for side in (0, 1)]
    own, theirs = (
        [pair[side] if last[side][pair[side]] == index else None for index, pair in enumerate(corrections)]
        for side in (0, 1)
    )
    of_a, of_b = _moved(alignment.a, own), _moved(alignment.b, theirs)
    left = np.flatnonzero(of_a.filled | of_b.filled)
    names = [*alignment.names, *(_name(a, b, pair) for pair in zip(own, theirs))]
    parts = alignment.parts
    return Alignment(
        tuple(names[at] for at in left),
        Places(of_a.shares[left]),
        Places(of_b.shares[left]),
        None if parts is None else np.concatenate([parts, np.full(len(corrections), -1)])[left],
    )


def _moved(places: Places, ats: Sequence[int | None]) -> Places:
    """Without these positions; and behind them a place of each, an empty one of None."""
    from scipy.sparse import csr_array, vstack

    count = places.shares.shape[1]
    rest = csr_array(places.shares.multiply(~np.isin(np.arange(count), [at for at in ats if at is not None])))
    rest.eliminate_zeros()
    return Places(csr_array(vstack([rest, Places.of([_alone(at) for at in ats], count).shares])))


def _name(a: Recording, b: Recording, pair: Correction) -> str:
    """(3, 4) | (5, 6), or the one name that both have."""
    names = [each.tokens[at] for each, at in zip((a, b), pair) if at is not None]
    return " | ".join(dict.fromkeys(names))


def _without(group: tuple[int, ...], at: int | None) -> tuple[int, ...]:
    return tuple(each for each in group if each != at)


def _alone(at: int | None) -> tuple[int, ...]:
    return () if at is None else (at,)


def _in_order(groups: Sequence[Group]) -> list[Group]:
    """By their tokens of A; what only B has comes behind what is before it in B, and each of it is a place."""
    shared = [(own, theirs) for own, theirs in groups if own and theirs]
    shared += [((at,), ()) for own, theirs in groups if not theirs for at in own]
    ordered = sorted(shared)
    for at in sorted(at for own, theirs in groups if not own for at in theirs):
        before = [index for index, (_, theirs) in enumerate(ordered) if theirs and theirs[0] < at]
        index = max(before, key=lambda place: ordered[place][1], default=-1) + 1
        while index < len(ordered) and not ordered[index][1]:  # what only A has comes first
            index += 1
        ordered.insert(index, ((), (at,)))
    return ordered
