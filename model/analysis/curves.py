"""What becomes of a number as more and more of an input is taken away: orders, areas and bands.

Deletion takes the tokens of an order away from its front (Petsiuk et al. 2018, "RISE", section 4.1); insertion is the
deletion of the reversed order: what is left at each step is the order's front.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

PERCENTS = (10, 20, 50)  # of DeYoung et al. 2020 ("ERASER"), section 5, those that are few enough to be read
LOW, HIGH = 0.05, 0.95  # the quantiles of a band


class Spread(NamedTuple):
    """A number at each step over several orders."""

    mean: np.ndarray  # [step]
    low: np.ndarray  # its 5 % quantile
    high: np.ndarray  # its 95 % quantile


class Interval(NamedTuple):
    """A number over several orders."""

    mean: float
    low: float  # its 5 % quantile
    high: float  # its 95 % quantile


@dataclass(frozen=True, eq=False)
class Curves:
    """What becomes of the number that is scored as tokens are removed in an explanation's order.

    Both curves run over the share that is removed: deletion takes the highest scores first, insertion the lowest, so
    that at 1 - share the highest ones have been inserted. The areas are the same in either direction.
    """

    shares: np.ndarray  # [step] of the removable tokens that are removed, from 0 to 1
    deletion: np.ndarray  # [step]
    insertion: np.ndarray  # [step]
    deletion_area: float  # the lower, the better the explanation
    insertion_area: float  # the higher, the better
    comprehensiveness: Mapping[int, float]  # by percent: what is lost without the highest scores
    sufficiency: Mapping[int, float]  # by percent: what is lost where nothing else is left than the highest scores
    num_runs: int  # inputs that ran

    @property
    def difference(self) -> float:
        """Insertion less deletion area, which explanations are ordered by."""
        return self.insertion_area - self.deletion_area


@dataclass(frozen=True, eq=False)
class Band:
    """The curves of random orders: what an explanation that knows nothing gives."""

    shares: np.ndarray  # [step]
    deletion: Spread  # [step] each
    insertion: Spread
    deletion_area: Interval
    insertion_area: Interval
    difference: Interval  # of insertion and deletion area
    orders: int
    num_runs: int


def order_of(scores: np.ndarray, removable: np.ndarray) -> np.ndarray:
    """The removable positions by falling score, of equal ones the earlier first.

    Args:
        scores: [token].
        removable: [token] bool.

    Returns:
        [removable token] int.

    Raises ValueError for scores of another number of tokens, or some that are not finite.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if scores.shape != removable.shape:
        raise ValueError(f"There are scores of shape {[*scores.shape]} for {len(removable)} tokens.")
    positions = np.flatnonzero(removable)
    if not np.isfinite(scores[positions]).all():
        raise ValueError("A score is not finite.")
    return positions[np.argsort(-scores[positions], kind="stable")]


def counts_of(num_removable: int, steps: int) -> np.ndarray:
    """How many tokens are removed at each step, [step + 1] int from 0 to all, each share rounded up.

    There are never more steps than tokens. Raises ValueError for less than one of either.
    """
    if num_removable < 1 or steps < 1:
        raise ValueError(f"{num_removable} tokens cannot be removed in {steps} steps.")
    steps = min(steps, num_removable)
    return -(-np.arange(steps + 1) * num_removable // steps)


def count_at(percent: int, num_removable: int) -> int:
    """How many tokens a share of them is, rounded up."""
    return -(-percent * num_removable // 100)


def removed_at(order: np.ndarray, counts: Sequence[int] | np.ndarray, num_tokens: int) -> np.ndarray:
    """Which tokens are removed when an order's first ones are: [count, token] bool."""
    places = np.full(num_tokens, num_tokens)  # of each token in the order; behind it where it is in none
    places[order] = np.arange(len(order))
    return places < np.asarray(counts)[:, None]


def area_under(values: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The area under curves [..., step] over shares [step] that go from 0 to 1, by the trapezoidal rule: [...]."""
    values = np.asarray(values, dtype=np.float64)
    areas: np.ndarray = ((values[..., 1:] + values[..., :-1]) / 2 * np.diff(shares)).sum(axis=-1)
    return areas


def spread(values: np.ndarray) -> Spread:
    """Mean, 5 % and 95 % quantile over orders: [order, ...] -> [...].

    The quantiles are Weibull's: of n numbers, one more of their kind is below the i-th smallest with probability
    i / (n + 1), whatever their distribution. So a band of few orders is not too narrow; below 19 it is their range.
    """
    low, high = np.quantile(values, [LOW, HIGH], axis=0, method="weibull")
    return Spread(np.mean(values, axis=0), low, high)


def interval(values: np.ndarray) -> Interval:
    """The same of one number of each order, [order]."""
    return Interval(*(float(each) for each in spread(values)))
