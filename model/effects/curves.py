"""How far an explanation can be believed: deletion and insertion on this input and target, beside random orders."""

from typing import Literal

import numpy as np

from headlens.model.analysis.curves import (
    PERCENTS,
    Band,
    Curves,
    area_under,
    count_at,
    counts_of,
    interval,
    order_of,
    removed_at,
    spread,
)
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.occlusion import value_before, values_without
from headlens.model.effects.removal import removable
from headlens.model.effects.stand_ins import Removal
from headlens.model.effects.targets import Target
from headlens.model.errors import InputError
from headlens.model.progress import OnStep, no_step

Direction = Literal["deletion", "insertion"]


def deletion_curve(
    experiment: Experiment,
    target: Target,
    scores: np.ndarray,
    *,
    removed: Removal,
    steps: int = 20,
    on_step: OnStep = no_step,
) -> Curves:
    """Deletion and insertion (Petsiuk et al. 2018, "RISE", section 4.1), comprehensiveness and sufficiency (DeYoung et
    al. 2020, "ERASER", equations 1 and 2), on one input.

    Args:
        experiment: a model on an input.
        target: what is asked about.
        scores: [token] of an explanation; equal ones go in the order of their positions.
        removed: what stands in for what is removed.
        steps: how many; never more than there are removable tokens.
        on_step: called before each batch with how many inputs have run; what it raises stops them.

    Raises InputError where this cannot stand in or nothing can be removed, ValueError for scores that are not finite or
    of another number of tokens, DeviceError.
    """
    away = _removable(experiment, target)
    order, counts = order_of(scores, away), counts_of(int(away.sum()), steps)
    rows = _rows_of(order, counts, len(away))
    values, num_runs = _values(experiment, target, rows, removed, on_step)
    deletion, insertion, first, last = np.split(values, np.cumsum([len(counts), len(counts), len(PERCENTS)]))
    shares = counts / len(order)
    return Curves(
        shares=shares,
        deletion=deletion,
        insertion=insertion,
        deletion_area=float(area_under(deletion, shares)),
        insertion_area=float(area_under(insertion, shares)),
        comprehensiveness={percent: float(deletion[0] - value) for percent, value in zip(PERCENTS, first)},
        sufficiency={percent: float(deletion[0] - value) for percent, value in zip(PERCENTS, last)},
        num_runs=num_runs,
    )


def random_band(
    experiment: Experiment,
    target: Target,
    *,
    removed: Removal,
    orders: int = 20,
    steps: int = 20,
    seed: int = 0,
    on_step: OnStep = no_step,
) -> Band:
    """Mean and 5 to 95 % of random orders' curves and areas.

    With each order there is its reversed one, whose deletion is the first one's insertion: so one set of runs serves
    both directions. Arguments and errors are those of `deletion_curve`; InputError for a number of orders that is odd.
    """
    away = _removable(experiment, target)
    counts = counts_of(int(away.sum()), steps)
    rows = _random_rows(away, counts, orders, seed)
    values, num_runs = _values(experiment, target, rows.reshape(-1, len(away)), removed, on_step)
    deletion = values.reshape(orders, len(counts))
    insertion = deletion[::-1]  # of the reversed order, which stands as far from the end
    shares = counts / counts[-1]
    areas = area_under(deletion, shares), area_under(insertion, shares)
    return Band(
        shares=shares,
        deletion=spread(deletion),
        insertion=spread(insertion),
        deletion_area=interval(areas[0]),
        insertion_area=interval(areas[1]),
        difference=interval(areas[1] - areas[0]),
        orders=orders,
        num_runs=num_runs,
    )


def cost(experiment: Experiment, target: Target, *, orders: int | None = None, steps: int = 20, seed: int = 0) -> int:
    """How many inputs run for one explanation's curves, or with orders for the band of random ones.

    Each costs about one plain forward pass of this input, those of a batch together less. Raises InputError.
    """
    away = _removable(experiment, target)
    counts = counts_of(int(away.sum()), steps)
    if orders is None:
        rows = _rows_of(np.flatnonzero(away), counts, len(away))
    else:
        rows = _random_rows(away, counts, orders, seed).reshape(-1, len(away))
    return len(_distinct(rows)[0])


def input_at(
    experiment: Experiment,
    target: Target,
    scores: np.ndarray,
    step: int,
    *,
    direction: Direction = "deletion",
    steps: int = 20,
) -> np.ndarray:
    """Which tokens are removed at a step of a curve, bool [token]; arguments and errors as of `deletion_curve`."""
    away = _removable(experiment, target)
    order, counts = order_of(scores, away), counts_of(int(away.sum()), steps)
    if not 0 <= step < len(counts):
        raise InputError(f"This curve has steps from 0 to {len(counts) - 1}.")
    order = order if direction == "deletion" else order[::-1]
    rows = removed_at(order, counts, len(away))
    return np.asarray(rows[step])


def _removable(experiment: Experiment, target: Target) -> np.ndarray:
    away = removable(experiment, target)
    if not away.any():
        raise InputError("Nothing of this input can be removed for this output; take a longer one, or another output.")
    return away


def _rows_of(order: np.ndarray, counts: np.ndarray, num_tokens: int) -> np.ndarray:
    """What is removed at the steps of deletion, of insertion, for comprehensiveness, and for sufficiency."""
    some = np.array([count_at(percent, len(order)) for percent in PERCENTS])
    pairs = ((order, counts), (order[::-1], counts), (order, some), (order[::-1], len(order) - some))
    return np.concatenate([removed_at(each, numbers, num_tokens) for each, numbers in pairs])


def _random_rows(away: np.ndarray, counts: np.ndarray, orders: int, seed: int) -> np.ndarray:
    """What random orders remove at each step, [order, step, token]; the last are the first ones reversed."""
    if orders < 2 or orders % 2:
        raise InputError("The number of random orders must be even, for each is run in both directions.")
    generator = np.random.default_rng(seed)
    half = [generator.permutation(np.flatnonzero(away)) for _ in range(orders // 2)]
    both = [*half, *(order[::-1] for order in reversed(half))]
    return np.stack([removed_at(order, counts, len(away)) for order in both])


def _distinct(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different sets that rows remove, [set, token], but an empty one; and of each row which it is, or -1."""
    sets, which = np.unique(rows, axis=0, return_inverse=True)  # sorted: an empty one is the first
    empty = 0 if sets[0].any() else 1
    return sets[empty:], which.reshape(-1) - empty


def _values(
    experiment: Experiment, target: Target, rows: np.ndarray, removed: Removal, on_step: OnStep
) -> tuple[np.ndarray, int]:
    """The number that is scored without what each row removes, [row], and how many inputs ran."""
    sets, which = _distinct(rows)
    values = values_without(experiment, target, sets, removed, on_step=on_step)
    return np.append(values, np.float32(value_before(experiment, target)))[which], len(sets)
