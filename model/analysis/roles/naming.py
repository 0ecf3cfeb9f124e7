"""What a head is called after."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from headlens.model.analysis.roles.role import Role


class Named(NamedTuple):
    """A head's strongest role."""

    role: Role
    score: float
    stands_out: bool  # it is strong enough to call the head after it


def strongest_role(roles: Iterable[Role], scores: Iterable[float]) -> Named | None:
    """The role whose score comes nearest to 1 from the one that a head is called after it from.

    Args:
        roles: of which some are never called after.
        scores: [role], nan where one cannot be told.

    None where none can be told.
    """
    best, found = -math.inf, None
    for role, score in zip(roles, scores):
        if role.named_from is None or math.isnan(score):
            continue
        beyond = (score - role.named_from) / (1 - role.named_from)
        if beyond > best:
            best, found = beyond, Named(role, float(score), score >= role.named_from)
    return found
