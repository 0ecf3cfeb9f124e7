"""Attention whose positions are put into another order: no weight changes, only where it stands."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from headlens.model.attention.inputs import AttentionInputs
from headlens.model.huggingface.multimodal.placement import ImagePlacement
from headlens.model.inputs.image import patch_names
from headlens.model.recording.recording import Recording


def reordered(layers: Sequence[AttentionInputs], order: Tensor) -> tuple[AttentionInputs, ...]:
    """The heads [1, head, token, d] without their batch, their positions in another order [token].

    Being causal becomes a mask; layers that share a mask still do.
    """
    masks: dict[tuple[int, bool], Tensor | None] = {}
    done = []
    for given in layers:
        heads, key = given.first(), (id(given.mask), given.causal)
        if key not in masks:
            mask = heads.full_mask()
            masks[key] = None if mask is None else mask[:, order][:, :, order]
        query, keys, value = (vectors[:, order] for vectors in (heads.query, heads.key, heads.value))
        done.append(dataclasses.replace(heads, query=query, key=keys, value=value, mask=masks[key], causal=False))
    return tuple(done)


def vision_stage(recording: Recording, layers: Sequence[AttentionInputs], placing: ImagePlacement) -> Recording | None:
    """The vision part's own attention beside its language model's recording, the patches row by row.

    None where its layers have not all the same positions, one a patch behind at most one other.
    """
    assert recording.photo is not None
    rows, columns = recording.photo.grid
    rows, columns = rows * placing.side, columns * placing.side
    shapes = {tuple(heads.query.shape[:-1]) for heads in layers}
    if len(shapes) != 1:
        return None
    batch, _, num_tokens = shapes.pop()
    prefix = num_tokens - rows * columns
    if batch != 1 or prefix not in (0, 1):
        return None
    order = torch.cat([torch.arange(prefix), prefix + placing.vision_order(*recording.photo.grid)])
    return dataclasses.replace(
        recording,
        layers=reordered(layers, order.to(layers[0].query.device)),
        tokens=(*["[CLS]"] * prefix, *patch_names(rows, columns)),
        words=(None,) * num_tokens,
        special=np.arange(num_tokens) < prefix,
        segments=(0,) * num_tokens,
        prefix_tokens=prefix,
        photo=recording.photo._replace(grid=(rows, columns)),
        notes={},
        predictions=(),
        stage="vision",
    )
