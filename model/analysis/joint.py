"""Two sets of positions as one: cross-attention, to be looked at as attention within a single sequence."""

import dataclasses
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from headlens.model.attention.inputs import AttentionInputs
from headlens.model.recording.recording import Recording


def joined(cross: Recording) -> Recording:
    """The positions of the keys, then those of the queries: the latter look at the former, and at nothing else.

    The weights are the same numbers; a position that was no query looks at nothing, and its rows are zeros. Queries are
    segment 1. Where the keys are of a photo, the queries come first and count as its prefix, for patches come last.
    """
    keys = cross.keys
    if keys is None:
        return cross
    first, last = (keys, cross) if keys.photo is None else (cross, keys)
    start = 0 if first is cross else keys.num_tokens  # of the queries
    return dataclasses.replace(
        cross,
        layers=tuple(_joined(inputs, start) for inputs in cross.layers),
        tokens=(*first.tokens, *last.tokens),
        ids=(),
        words=(*first.words, *last.words),
        special=np.concatenate([first.special, last.special]),
        segments=tuple(int(part is cross) for part in (first, last) for _ in part.tokens),
        offsets=(),
        keys=None,
        prefix_tokens=0 if keys.photo is None else cross.num_tokens + keys.prefix_tokens,
        photo=keys.photo,
        outputs={},
        predictions=tuple(
            each if each.position is None else each._replace(position=start + each.position)
            for each in cross.predictions
        ),
    )


def last_word(recording: Recording) -> int:
    """Of cross-attention as one sequence the last query that is no special token; of all special ones the last."""
    queries = np.flatnonzero(recording.segments)
    words = queries[~recording.special[queries]]
    return int((words if len(words) else queries)[-1])


def _joined(inputs: AttentionInputs, start: int) -> AttentionInputs:
    """The queries from a position on, which is 0 or behind the keys."""
    num_queries, num_keys = inputs.query.shape[-2], inputs.key.shape[-2]
    before, left = (0, num_queries) if start == 0 else (num_keys, 0)  # positions before the queries, and the keys
    mask = inputs.full_mask()
    if mask is None:
        mask = torch.ones(1, 1, 1, dtype=torch.bool, device=inputs.query.device)
    fill = False if mask.dtype == torch.bool else -math.inf
    mask = mask.expand(*mask.shape[:-2], num_queries, num_keys)

    def rows(vectors: Tensor, top: int, bottom: int) -> Tensor:
        return F.pad(vectors, (0, 0, top, bottom))

    return dataclasses.replace(
        inputs,
        query=rows(inputs.query, before, num_keys - before),
        key=rows(inputs.key, left, num_queries - left),
        value=rows(inputs.value, left, num_queries - left),
        mask=F.pad(mask, (left, num_queries - left, before, num_keys - before), value=fill),
        causal=False,
    )
