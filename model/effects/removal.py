"""Tokens and patches that are taken away: which can go, and what stands in for them."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import compress
from typing import Any, Literal
from weakref import WeakKeyDictionary

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from headlens.model.attention.clone import weight_sharing_clone
from headlens.model.attention.point import Call, Edit
from headlens.model.base import AnyModel
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.targets import LogitTarget, SaliencyTarget, Target
from headlens.model.errors import CheckpointError, InputError
from headlens.model.inputs.image import ImageInput
from headlens.model.inputs.image_text import ImagePrompt
from headlens.model.inputs.text import SequenceInput, TextInput

# A token; the mean row of the table of words; this photo's mean colour, or its blur; or nothing at all
Removal = Literal["mask", "padding", "mean", "left out", "mean colour", "blur"]
OF_TEXTS: tuple[Removal, ...] = ("mask", "padding", "mean", "left out")  # the sensible first choice first
OF_PHOTOS: tuple[Removal, ...] = ("mean colour", "blur", "left out")
BLUR = 1.0  # standard deviation, in patches
CHUNK = 8_192  # rows of a table of words that are read at once

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


def stand_in_token(model: AnyModel, how: Removal) -> int | None:
    """The id of the mask or padding token; None where the model has none."""
    tokenizer = model.tokenizer  # type: ignore[attr-defined]  # of every model that reads texts
    token: object
    if hasattr(model, "predictor"):
        padding = getattr(model.network.config.get_text_config(), "pad_token_id", None)  # type: ignore[operator, union-attr]
        token = model.predictor.mask_id if how == "mask" else padding
    else:
        token = tokenizer.token_to_id("[MASK]" if how == "mask" else "[PAD]")
    num_words = getattr(model, "num_words", None) or tokenizer.get_vocab_size()
    return token if isinstance(token, int) and 0 <= token < num_words else None


def with_token(given: TextInput, removed: np.ndarray, token: int) -> TextInput:
    """A text with another token where removed [token] is True."""
    return replace(given, ids=tuple(token if away else own for own, away in zip(given.ids, removed)))


def kept_tokens(given: TextInput, kept: np.ndarray) -> TextInput:
    """A text of those tokens alone where kept [token] is True, in positions that follow each other."""
    names = ("ids", "tokens", "words", "offsets", "segments", "type_ids")
    rows: dict[str, Any] = {name: tuple(compress(getattr(given, name), kept)) for name in names}
    return replace(given, special=given.special[kept], **rows)


def pixels_removed(image: ImageInput, removed: np.ndarray) -> Tensor:
    """The pixels of removed patches [row * column], bool [1, 1, height, width]."""
    (rows, columns), (height, width) = image.photo.grid, image.pixels.shape[-2:]
    cells = torch.from_numpy(removed).view(1, 1, rows, columns)
    cells = cells.repeat_interleave(height // rows, dim=2).repeat_interleave(width // columns, dim=3)
    return F.pad(cells, (0, width - cells.shape[3], 0, height - cells.shape[2]))  # pixels that fill no whole patch


def stand_in_pixels(image: ImageInput, how: Removal) -> Tensor:
    """The mean of each channel, or a Gaussian blur over one patch: broadcastable to [1, channel, height, width]."""
    if how == "mean colour":
        return image.pixels.mean(dim=(2, 3), keepdim=True)
    blurred = image.pixels.transpose(0, 1)  # [channel, 1, height, width]
    for count in image.photo.grid:  # over the height, which then changes places with the width
        size = blurred.shape[2]
        sigma = BLUR * (size // count)
        radius = min(math.ceil(3 * sigma), size - 1)
        kernel = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
        reflected = F.pad(blurred, (0, 0, radius, radius), mode="reflect")
        blurred = F.conv2d(reflected, (kernel / kernel.sum()).view(1, 1, -1, 1)).transpose(2, 3)
    return blurred.transpose(0, 1)


def leave_out(kept: Tensor) -> Edit:
    """Nobody looks at keys that are left out: the others compute what they would without them (Naseer et al. 2021,
    section 3; that is so where attention alone carries something from one position to another).

    Args:
        kept: [batch, key] bool.

    Raises CheckpointError in the run for attention that is not of all positions, or gives its scores alone.
    """

    def edit(index: int, call: Call, context: Tensor) -> Tensor:
        inputs = call.inputs
        if inputs.scores_only or inputs.key.shape[-2] != kept.shape[1]:
            raise CheckpointError("This model's attention cannot be computed without a patch; take another stand-in.")
        mask, keys = inputs.full_mask(), kept[:, None, None, :].to(context.device)  # [batch, head, query, key]
        if mask is not None:
            keys = mask & keys if mask.dtype == torch.bool else mask.masked_fill(~keys, -math.inf)
        if inputs.softcap is not None or inputs.sinks is not None:
            fewer = replace(inputs, mask=keys, causal=False)
            return fewer.weights(slice(None)).to(context) @ inputs.repeated(inputs.value)
        key, value = inputs.repeated(inputs.key), inputs.repeated(inputs.value)
        return F.scaled_dot_product_attention(inputs.query, key, value, keys, scale=inputs.scale)

    return edit


def mean_row(model: AnyModel) -> Tensor:
    """The mean of what all words of the table become, [width]. Raises CheckpointError for a model without one."""
    table = _word_table(model.network)
    rows = range(0, table.num_embeddings, CHUNK)
    ids = [torch.arange(first, min(first + CHUNK, table.num_embeddings), device=model.device) for first in rows]
    return torch.stack([table(some).float().sum(dim=0) for some in ids]).sum(dim=0) / table.num_embeddings


@contextmanager
def replacing_words(model: AnyModel, removed: Tensor, row: Tensor) -> Iterator[nn.Module]:
    """A clone of the network, to be run once, in which a row [width] stands for removed words, bool [batch, token].

    Raises CheckpointError for a network that does not read its table of words.
    """
    network = weight_sharing_clone(model.network)
    waiting = [removed.to(model.device)[..., None]]  # what is written may be read from the same table, after it

    def put(module: nn.Module, args: object, output: Tensor) -> Tensor:
        return torch.where(waiting.pop(), row.to(output), output) if waiting else output

    hook = _word_table(network).register_forward_hook(put)
    try:
        yield network
    finally:
        hook.remove()
    if waiting:
        raise _no_table(network)


def _word_table(network: nn.Module) -> nn.Embedding:
    """What a text's token ids go into."""
    table: object = getattr(network, "tokens", None)  # of the encoder written here
    if hasattr(network, "get_input_embeddings"):
        two_stacks = getattr(network.config, "is_encoder_decoder", False)
        table = (network.get_encoder() if two_stacks else network).get_input_embeddings()  # type: ignore[operator]
    if not isinstance(table, nn.Embedding):
        raise _no_table(network)
    return table


def _no_table(network: nn.Module) -> CheckpointError:
    return CheckpointError(f"Where {type(network).__name__} reads its table of words is not known; take another way.")


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
        with replacing_words(model, torch.from_numpy(away[None]), mean_row(model)) as network:
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
    before = target.read(experiment.model, [given], experiment.unchanged.run)
    first, second = (float(value) for value in target.read(experiment.model, batch, run))
    if not abs(first - second) <= 1e-5 + 1e-3 * abs(first - float(before)):
        raise InputError("This is read from the patches themselves, so none can be left out; let a colour stand in.")
