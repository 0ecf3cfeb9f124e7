"""What a head is called after."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from headlens.model.analysis.roles.role import Role

FEWEST = 4  # positions that a head is called after a role from
SHARE = 1 / 3  # of those that look, that it takes as well: elsewhere the head may do anything


class Named(NamedTuple):
    """A head's strongest role."""

    role: Role
    score: float
    stands_out: bool  # it is strong enough to call the head after it


def needed(looking: int) -> float:
    """How many positions (or inputs), of those that look, call a head after a role at least."""
    return max(FEWEST, SHARE * looking)


def strongest_role(
    roles: Iterable[Role], scores: Iterable[float], *, counts: Iterable[float], looking: int
) -> Named | None:
    """The role whose score comes nearest to 1 from the one that a head is called after it from.

    Args:
        roles: of which some are never called after.
        scores: [role], nan where one cannot be told.
        counts: [role], the positions that each score is the mean over.
        looking: how many positions look.

    None where none can be told from FEWEST positions and SHARE of those that look.
    """
    best, found = -math.inf, None
    for role, score, count in zip(roles, scores, counts):
        if role.named_from is None or math.isnan(score) or count < needed(looking):
            continue
        beyond = (score - role.named_from) / (1 - role.named_from)
        if beyond > best:
            best, found = beyond, Named(role, float(score), score >= role.named_from)
    return found
