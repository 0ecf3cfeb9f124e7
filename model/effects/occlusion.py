"""An input without some of its tokens or patches: what becomes of the target, and of each head."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from headlens.model.attention.point import Call
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.heads import Change, compared
from headlens.model.effects.removal import removable
from headlens.model.effects.remover import Remover, Without
from headlens.model.effects.stand_ins import (
    Removal,
)
from headlens.model.effects.targets import MovementTarget, Target
from headlens.model.progress import OnStep, no_step


def value_of(experiment: Experiment, target: Target, without: Without) -> np.ndarray:
    """The number that is scored, [batch] float32; see `values_without`."""
    model, batch = experiment.model, without.batch
    value = without.target.probability(model, without.run)
    if value is None:
        value = without.target.read(model, batch, without.run)
        value = 1 - value if isinstance(target, MovementTarget) else value
    return value.float().cpu().numpy()


def value_before(experiment: Experiment, target: Target) -> float:
    """The number that is scored, of the whole input."""
    with torch.no_grad():
        return float(
            value_of(experiment, target, Without([experiment.input], target, experiment.unchanged_for(target)))[0]
        )


def values_without(
    experiment: Experiment,
    target: Target,
    removed: np.ndarray,
    how: Removal,
    *,
    on_step: OnStep = no_step,
) -> np.ndarray:
    """The number that is scored, without some tokens or patches.

    It is the probability of what the target asks about, where there is one; the cosine to the unchanged embedding where
    it asks how far that moves; else the target itself. So it falls as what matters is removed.

    Args:
        experiment: a model on an input.
        target: what is asked about.
        removed: [batch, token] bool; any number of rows.
        how: what stands in.
        on_step: called before each batch with how many rows are done; what it raises stops the runs.

    Returns:
        [batch] float32.

    Raises InputError where this cannot stand in or a position cannot be removed, DeviceError.
    """
    remover = Remover(experiment, target, how)
    values, done = np.zeros(len(removed), dtype=np.float32), 0
    with torch.no_grad():
        for rows in remover.groups(removed):
            on_step(done, len(removed))
            values[rows] = value_of(experiment, target, remover.run(removed[rows]))
            done += len(rows)
    return values


def occlusion(experiment: Experiment, target: Target, how: Removal, *, on_step: OnStep = no_step) -> np.ndarray:
    """What each token or patch adds: the number that is scored, less what it is without it (Zeiler & Fergus 2014).

    Returns:
        [token] float32; 0 where nothing can be removed. Arguments and errors are those of `values_without`.
    """
    away = removable(experiment, target)
    removed = np.eye(len(away), dtype=bool)[away]  # [removable token, token]
    scores = np.zeros(len(away), dtype=np.float32)
    values = values_without(experiment, target, removed, how, on_step=on_step)
    scores[away] = value_before(experiment, target) - values
    return scores


def removed_change(experiment: Experiment, target: Target, tokens: Iterable[int], how: Removal) -> Change:
    """The target before and after some tokens or patches are removed together; errors as of `values_without`."""
    model, before = experiment.model, experiment.unchanged_for(target)
    with torch.no_grad():
        remover = Remover(experiment, target, how)
        batch, moved, after = remover.run(remover.one(tokens))
        return compared(model, (target, [experiment.input], before), (moved, batch, after))


def head_movements(
    experiment: Experiment,
    target: Target,
    tokens: Iterable[int],
    how: Removal,
    *,
    stage: str | None = None,
) -> np.ndarray:
    """How far each head's output moves when some tokens or patches are removed: |after - before| / |before|.

    Of a stack that the target is read from one position of (a decoder), at that position; else over all positions, of
    those that are left where some are left out. stage: of attention; None: the first.

    Returns:
        [layer, head] float32.

    Raises CheckpointError where heads cannot be reached, else as `values_without`.
    """
    stage = experiment.stages[0] if stage is None else stage
    calls, contexts = experiment.unchanged.run.call_indices[stage], dict[int, Tensor]()

    def keep(index: int, call: Call, context: Tensor) -> Tensor:
        contexts[index] = context[0]
        return context

    befores = experiment.contexts
    remover = Remover(experiment, target, how)
    removed = remover.one(tokens)
    with torch.no_grad():
        moved = remover.run(removed, keep).target
    rows_before, rows_after = np.arange(befores[calls[0]].shape[1]), np.arange(contexts[calls[0]].shape[1])
    if target.position is not None and stage in ("decoder", "cross"):
        rows_before, rows_after = np.array([target.position]), np.array([moved.position])
    elif how == "left out" and len(rows_before) == removed.shape[1]:
        rows_before = np.flatnonzero(~removed[0])
        rows_after = rows_after if remover.shortens else rows_before
    rows = []
    for call in calls:
        before, after = befores[call][:, rows_before].float(), contexts[call][:, rows_after].float()
        norm = before.norm(dim=(1, 2)).clamp(min=1e-30)  # [head]
        rows.append((after - before).norm(dim=(1, 2)) / norm)
    return torch.stack(rows).cpu().numpy()
