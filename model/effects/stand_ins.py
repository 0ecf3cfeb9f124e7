"""What stands in for tokens and patches that are removed: another token, other pixels, or nothing at all."""

import math
from dataclasses import replace
from itertools import compress
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from headlens.model.attention.point import Call, Edit
from headlens.model.base import AnyModel
from headlens.model.errors import CheckpointError
from headlens.model.inputs.image import ImageInput
from headlens.model.inputs.text import TextInput

# A token; the mean row of the table of words; this photo's mean colour, or its blur; or nothing at all
Removal = Literal["mask", "padding", "mean", "left out", "mean colour", "blur"]
BLUR = 1.0  # standard deviation, in patches


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
