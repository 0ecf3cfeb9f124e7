"""What a role is: what each weight counts for, in one sentence and with its source."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from headlens.model.analysis.roles.positions import Fact, Positions

if TYPE_CHECKING:
    from torch import Tensor  # figures, which know roles, work without it

Unit = Literal["share", "tokens", "patches", "pixels"]  # of a score; a share is from 0 to 1


@dataclass(frozen=True, kw_only=True)
class Role:
    """A score of each head, the mean over the queries for which it can be told.

    "rest" is the weight that is left when what lies on special tokens has been taken away, made to sum to one again:
    else nearly every head would be called after the first token. A head is called after a role that could be told at
    four positions or more, and at a third of those that look; over several inputs, after one that this holds for in
    four of them or more, and in a third of all.
    """

    key: str  # in addresses, tables and files
    name: str
    definition: str  # one sentence
    source: str
    needs: frozenset[Fact] = frozenset()  # of an input's positions
    unit: Unit = "share"
    among: Literal["all", "rest"] = "rest"  # the weights that it is of
    named_from: float | None = 0.5  # the score from which a head is called after it; None: none is


@dataclass(frozen=True, kw_only=True)
class WeightRole(Role):
    """The sum of what the weights of a row count for.

    counts takes the positions and those of the queries [query], and gives what is broadcastable to [..., query, key];
    rows of nan are left out. Of a share they are 1 or 0; of a share of the rest, a query that may look at
    nothing that counts, or at nothing else, is left out as well: there any head would score 0, or 1.
    """

    counts: Callable[[Positions, np.ndarray], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class EntropyRole(Role):
    """From the entropy of a row, in nats, and the number of keys it could be spread over: [..., head or 1, query]."""

    of_entropy: "Callable[[Tensor, Tensor], Tensor]"
