"""Tokens and patches that are taken away: which can go, and what stands in for them."""

import math
from dataclasses import replace
from weakref import WeakKeyDictionary

import numpy as np
import torch

from headlens.model.effects.embeddings import mean_row, replaced_words
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.stand_ins import Removal, leave_out, pixels_removed, stand_in_token, with_token
from headlens.model.effects.targets import LogitTarget, SaliencyTarget, Target
from headlens.model.errors import CheckpointError, InputError
from headlens.model.inputs.image import ImageInput
from headlens.model.inputs.image_text import ImagePrompt
from headlens.model.inputs.text import SequenceInput, TextInput

OF_TEXTS: tuple[Removal, ...] = ("mask", "padding", "mean", "left out")  # the sensible first choice first
OF_PHOTOS: tuple[Removal, ...] = ("mean colour", "blur", "left out")

_reasons: WeakKeyDictionary[Experiment, dict[tuple[Target, Removal], str | None]] = WeakKeyDictionary()


def removals(experiment: Experiment, target: Target) -> list[Removal]:
    """What can stand in for removed tokens or patches of this input, the sensible first choice first."""
    names = OF_TEXTS if isinstance(experiment.input, TextInput) else OF_PHOTOS
    found = [how for how in names if why_not(experiment, target, how) is None]
    if "padding" in found and _pads_with_the_end(experiment):
        found.sort(key=lambda how: how == "padding")  # the end of a text in its middle says more than nothing
    return found


def _pads_with_the_end(experiment: Experiment) -> bool:
    """Whether the padding token is the one that ends a text, as of many language models."""
    config = getattr(experiment.model.network, "config", None)
    ends = getattr(config, "eos_token_id", None)
    return stand_in_token(experiment.model, "padding") in (ends if isinstance(ends, list) else [ends])


def why_not(experiment: Experiment, target: Target, how: Removal) -> str | None:
    """Why something cannot stand in for what is removed, in a sentence; None: it can. The first time it may run."""
    known = _reasons.setdefault(experiment, {})
    if (target, how) not in known:
        try:
            with torch.no_grad():
                (_check_text if isinstance(experiment.input, TextInput) else _check_photo)(experiment, target, how)
        except (InputError, CheckpointError) as error:
            known[target, how] = str(error)
        else:
            known[target, how] = None
    return known[target, how]


def removable(experiment: Experiment, target: Target) -> np.ndarray:
    """Which positions can be removed, [token] bool.

    Positions are those that the model reads: a text's tokens (where one text is read and another written, those that
    are read); the prefix and the patches of a photo; the tokens of a prompt with an image, of which the patches alone
    can be removed. Never special tokens, nor where the target is read; in causal models nothing behind that.
    """
    model, given = experiment.model, experiment.input
    if isinstance(given, ImagePrompt):
        token: int = model.image_token  # type: ignore[attr-defined]
        return np.asarray(np.array(given.ids) == token)
    if isinstance(given, ImageInput):
        num_prefix, num_patches = len(model.prefix), math.prod(given.photo.grid)  # type: ignore[attr-defined]
        return np.arange(num_prefix + num_patches) >= num_prefix
    assert isinstance(given, TextInput)
    found: np.ndarray = ~given.special
    if isinstance(given, SequenceInput):  # the target is read from what is written
        return found
    causal: bool = getattr(model, "causal", False)
    at = len(given.ids) - 1 if causal and target.position is None else target.position  # a class is read at the end
    if at is not None:
        found[at : None if causal else at + 1] = False
    if isinstance(target, LogitTarget) and target.output != "logits":  # the candidates are positions
        found[[each for each in (target.candidate, target.against) if isinstance(each, int)]] = False
    return found


def _check_text(experiment: Experiment, target: Target, how: Removal) -> None:
    """Raises InputError, CheckpointError where this cannot stand in for a text's tokens."""
    model, given, away = experiment.model, experiment.input, removable(experiment, target)
    if how not in OF_TEXTS:
        raise InputError(f"The {how} is for photos; choose what stands in for the tokens of a text.")
    if how == "left out":
        if isinstance(target, LogitTarget) and target.output != "logits":
            raise InputError("The candidates are positions here, and leaving tokens out would move them.")
        if away.all():
            raise InputError("Nothing would be left of this text, which has no special tokens; let something stand in.")
    elif how == "mean":
        network, row = experiment.clone(), mean_row(model)
        with replaced_words(network, torch.from_numpy(away[None]), row):
            experiment.forward([given], network=network, options=target.options(model))
    elif (token := stand_in_token(model, how)) is None:
        raise InputError(f"This model has no {how} token; let something else stand in.")
    elif how == "padding":
        some = away & (away.cumsum() % 2 == 1)  # every other one
        run = experiment.forward([with_token(given, some, token)], options=target.options(model))
        rows = torch.from_numpy(~some).nonzero()[-64:, 0].to(model.device)
        before, after = (
            next(iter(each.stages.values()))[0].first().scores(rows, slice(None))  # [head, query, key]
            for each in (experiment.unchanged.run, run)
        )
        same_mask = torch.equal(before == -math.inf, after == -math.inf)
        one, other = (scores[..., torch.from_numpy(~some)].clamp(min=-1e4) for scores in (before, after))
        if not (same_mask and torch.allclose(one, other, rtol=1e-3, atol=1e-3)):
            raise InputError("This model passes over padding tokens, which changes the places of all the others.")


def _check_photo(experiment: Experiment, target: Target, how: Removal) -> None:
    """Raises InputError, CheckpointError where this cannot stand in for patches."""
    given = experiment.input
    if how not in OF_PHOTOS:
        raise InputError(f"“{how}” is for texts; choose what stands in for the patches of a photo.")
    if how != "left out":
        return
    if isinstance(given, ImagePrompt):
        raise InputError("The language model counts its positions by the patches, so none is left out of a prompt.")
    if isinstance(target, SaliencyTarget):
        raise InputError("The saliency is read from all patches, so none can be left out; let a colour stand in.")
    some = removable(experiment, target)
    some &= some.cumsum() % 2 == 1  # every other patch
    other = torch.where(pixels_removed(given, some[-math.prod(given.photo.grid) :]), -given.pixels, given.pixels)
    batch = [given, replace(given, pixels=other)]
    run = experiment.forward(batch, leave_out(torch.from_numpy(~some[None])), options=target.options(experiment.model))
    before = target.read(experiment.model, [given], experiment.unchanged_for(target))
    first, second = (float(value) for value in target.read(experiment.model, batch, run))
    if not abs(first - second) <= 1e-5 + 1e-3 * abs(first - float(before)):
        raise InputError("This is read from the patches themselves, so none can be left out; let a colour stand in.")
