"""Runs of an input that tokens or patches were removed from, as many at once as a batch takes."""

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from headlens.model.attention.edits import in_order
from headlens.model.attention.point import Edit
from headlens.model.base import AnyRun
from headlens.model.effects.embeddings import mean_row, replaced_words
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.removal import removable, why_not
from headlens.model.effects.stand_ins import (
    Removal,
    kept_tokens,
    leave_out,
    pixels_removed,
    stand_in_pixels,
    stand_in_token,
    with_token,
)
from headlens.model.effects.targets import LogitTarget, Target
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
            network = experiment.clone()
            with replaced_words(network, torch.from_numpy(removed), self._mean_row):
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
