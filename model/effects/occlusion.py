"""An input without some of its tokens or patches: what becomes of the target, and of each head."""

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from headlens.model.attention.edits import in_order
from headlens.model.attention.point import Call, Edit
from headlens.model.base import AnyRun
from headlens.model.effects.experiment import Experiment, OnStep, no_step
from headlens.model.effects.heads import Change, compared
from headlens.model.effects.removal import (
    Removal,
    kept_tokens,
    leave_out,
    mean_row,
    pixels_removed,
    removable,
    replacing_words,
    stand_in_pixels,
    stand_in_token,
    why_not,
    with_token,
)
from headlens.model.effects.targets import LogitTarget, MovementTarget, Target
from headlens.model.errors import InputError
from headlens.model.inputs.image_text import ImagePrompt
from headlens.model.inputs.text import SequenceInput, TextInput


class Without(NamedTuple):
    """The run of a batch that something was removed from."""

    batch: list[object]
    target: Target  # where it now is
    run: AnyRun


class Remover:
    """Runs an input without some of its tokens or patches; the model itself stays as it is.

    Args:
        experiment: a model on an input.
        target: what is asked about.
        how: what stands in, see `headlens.model.effects.removal.removals`.

    Raises InputError where that cannot be, with the reason.
    """

    def __init__(self, experiment: Experiment, target: Target, how: Removal) -> None:
        reason = why_not(experiment, target, how)
        if reason is not None:
            raise InputError(reason)
        self.removable = removable(experiment, target)
        self.shortens = how == "left out" and isinstance(experiment.input, TextInput)
        self._experiment, self._target, self._how = experiment, target, how

    def one(self, tokens: Iterable[int]) -> np.ndarray:
        """Some positions as bool [1, token]. Raises InputError for one that cannot be removed."""
        removed = np.zeros((1, len(self.removable)), dtype=bool)
        at = list(tokens)
        if not all(0 <= each < len(self.removable) for each in at):
            raise InputError(f"This input has positions from 0 to {len(self.removable) - 1}.")
        removed[0, at] = True
        self.groups(removed)
        return removed

    def groups(self, removed: np.ndarray) -> list[list[int]]:
        """Which rows of removed, bool [batch, token], one run takes: those of one length, with one place of the target.

        Raises ValueError for another number of tokens, InputError where something cannot be removed.
        """
        if removed.ndim != 2 or removed.shape[1] != len(self.removable):
            raise ValueError(f"This input has {len(self.removable)} positions, and removed a shape of {removed.shape}.")
        wrong = np.flatnonzero((removed & ~self.removable).any(axis=0))
        if len(wrong):
            raise InputError(f"Position {wrong[0]} cannot be removed: it is special, or the output is read from there.")
        alike: dict[tuple[int, Target], list[int]] = {}
        for row, away in enumerate(removed):
            alike.setdefault((int(away.sum()) if self.shortens else 0, self._moved(away)), []).append(row)
        size, model = self._experiment.batch_size, self._experiment.model
        chunks = [rows[first : first + size] for rows in alike.values() for first in range(0, len(rows), size)]
        return [
            [rows[index] for index in group]
            for rows in chunks
            for group in model.groups([self._experiment.input] * len(rows))  # all of them have one shape
        ]

    def run(self, removed: np.ndarray, edit: Edit | None = None) -> Without:
        """Run one of the groups, removed [batch, token], with an edit of contexts. Raises DeviceError."""
        experiment, target = self._experiment, self._moved(removed[0])
        batch, options = [self._input(away) for away in removed], target.options(experiment.model)
        if self._how == "mean":
            with replacing_words(experiment.model, torch.from_numpy(removed), self._mean_row) as network:
                return Without(batch, target, experiment.forward(batch, edit, network=network, options=options))
        if self._how == "left out" and not self.shortens:
            away = leave_out(torch.from_numpy(~removed))
            edit = away if edit is None else in_order(away, edit)
        return Without(batch, target, experiment.forward(batch, edit, options=options))

    def _moved(self, removed: np.ndarray) -> Target:
        """The target where it is without what is removed, [token]."""
        target = self._target
        if not self.shortens or target.position is None or isinstance(self._experiment.input, SequenceInput):
            return target
        assert isinstance(target, LogitTarget)
        return replace(target, at=target.position - int(removed[: target.position].sum()))

    def _input(self, removed: np.ndarray) -> Any:
        """The input without what is removed, [token]."""
        given, how = self._experiment.input, self._how
        if isinstance(given, TextInput):
            if how == "left out":
                return kept_tokens(given, ~removed)
            return given if self._token is None else with_token(given, removed, self._token)
        if how == "left out":
            return given
        image = given.image if isinstance(given, ImagePrompt) else given
        pixels = torch.where(pixels_removed(image, removed[self.removable]), self._pixels, image.pixels)
        image = replace(image, pixels=pixels)
        return replace(given, image=image) if isinstance(given, ImagePrompt) else image

    @cached_property
    def _token(self) -> int | None:
        return None if self._how == "mean" else stand_in_token(self._experiment.model, self._how)

    @cached_property
    def _mean_row(self) -> Tensor:
        return mean_row(self._experiment.model)

    @cached_property
    def _pixels(self) -> Tensor:
        given = self._experiment.input
        return stand_in_pixels(given.image if isinstance(given, ImagePrompt) else given, self._how)


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
        return float(value_of(experiment, target, Without([experiment.input], target, experiment.unchanged.run))[0])


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
    model, before = experiment.model, experiment.unchanged.run
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
