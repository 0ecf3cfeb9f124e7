"""Two sets of positions as one: cross-attention, to be looked at as attention within a single sequence."""

import dataclasses
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from headlens.model.attention.inputs import AttentionInputs
from headlens.model.recording.recording import Recording


def joined(cross: Recording) -> Recording:
    """The positions of the keys, then those of the queries: the latter look at the former, and at nothing else.

    The weights are the same numbers; a position that was no query looks at nothing, and its rows are zeros.
    """
    keys = cross.keys
    if keys is None:
        return cross
    before, after = keys.num_tokens, cross.num_tokens
    return dataclasses.replace(
        cross,
        layers=tuple(_joined(inputs, before, after) for inputs in cross.layers),
        tokens=(*keys.tokens, *cross.tokens),
        words=(*keys.words, *cross.words),
        special=torch.cat([torch.from_numpy(part.special) for part in (keys, cross)]).numpy(),
        segments=(*(0,) * before, *(1,) * after),
        offsets=(),
        keys=None,
        outputs={},
        predictions=(),
    )


def _joined(inputs: AttentionInputs, before: int, after: int) -> AttentionInputs:
    mask = inputs.full_mask()
    if mask is None:
        mask = torch.ones(1, 1, 1, dtype=torch.bool, device=inputs.query.device)
    fill = False if mask.dtype == torch.bool else -math.inf
    mask = mask.expand(*mask.shape[:-2], after, before)

    def rows(vectors: Tensor, top: int, bottom: int) -> Tensor:
        return F.pad(vectors, (0, 0, top, bottom))

    return dataclasses.replace(
        inputs,
        query=rows(inputs.query, before, 0),
        key=rows(inputs.key, 0, after),
        value=rows(inputs.value, 0, after),
        mask=F.pad(mask, (0, after, before, 0), value=fill),
        causal=False,
    )
