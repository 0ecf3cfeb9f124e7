"""Corrections of an alignment: tokens that a person pairs, or leaves without a partner."""

from collections.abc import Sequence

from headlens.model.comparison.alignment import Alignment, Group, of_groups
from headlens.model.errors import InputError
from headlens.model.recording.recording import Recording

Correction = tuple[int | None, int | None]  # a token of A and one of B; None: the other one has no partner
MOST = 64


def corrected(alignment: Alignment, a: Recording, b: Recording, corrections: Sequence[Correction]) -> Alignment:
    """An alignment with some tokens paired otherwise; each is taken out of the place that it was in.

    Corrections are made one after another, so that the last of two that name a token counts. Exchanging A and B
    everywhere exchanges them in the result, and does nothing else.

    Args:
        alignment: of two texts.
        a, b: the recordings.
        corrections: (token of A, token of B) are partners; (token, None) and (None, token) have none.

    Raises InputError for photos, tokens that are not there, and more than MOST corrections.
    """
    if not corrections:
        return alignment
    if a.grid is not None:
        raise InputError("Patches correspond by the part of the photo that they show; pair tokens of texts alone.")
    if len(corrections) > MOST:
        raise InputError(f"These are {len(corrections):,} corrections; give at most {MOST}.")
    groups: list[Group] = list(zip(alignment.a.groups, alignment.b.groups))
    for pair in corrections:
        if pair == (None, None) or any(
            at is not None and not 0 <= at < each.num_tokens for at, each in zip(pair, (a, b))
        ):
            raise InputError(
                f"A has the tokens 0 to {a.num_tokens - 1} and B 0 to {b.num_tokens - 1}; pair two of these, or one "
                "with none."
            )
        groups = [(_without(own, pair[0]), _without(theirs, pair[1])) for own, theirs in groups]
        groups.append((_alone(pair[0]), _alone(pair[1])))
    return of_groups(a, b, _in_order(groups))


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
