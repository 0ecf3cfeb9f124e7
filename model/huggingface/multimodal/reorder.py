"""Attention whose positions are put into another order: no weight changes, only where it stands."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from headlens.model.attention.inputs import AttentionInputs
from headlens.model.huggingface.multimodal.placement import ImagePlacement
from headlens.model.inputs.image import patch_names
from headlens.model.recording.recording import Recording


def reordered(layers: Sequence[AttentionInputs], order: Tensor) -> tuple[AttentionInputs, ...]:
    """Layers [1, head, token, d] without the axis of a batch, their positions in another order [token].

    Being causal becomes a mask; layers that share a mask still do.
    """
    masks: dict[tuple[int, bool], Tensor | None] = {}
    result = []
    for batch in layers:
        layer, mask_id = batch.first(), (id(batch.mask), batch.causal)
        if mask_id not in masks:
            mask = layer.full_mask()
            masks[mask_id] = None if mask is None else mask[:, order][:, :, order]
        query, key, value = (vectors[:, order] for vectors in (layer.query, layer.key, layer.value))
        result.append(replace(layer, query=query, key=key, value=value, mask=masks[mask_id], causal=False))
    return tuple(result)


def vision_stage(
    recording: Recording, layers: Sequence[AttentionInputs], placement: ImagePlacement
) -> Recording | None:
    """The vision part's own attention beside its language model's recording, the patches row by row.

    None where its layers have not all the same positions, one a patch behind at most one other.
    """
    assert recording.photo is not None
    rows, columns = recording.photo.grid
    rows, columns = rows * placement.side, columns * placement.side
    shapes = {tuple(layer.query.shape[:-1]) for layer in layers}
    if len(shapes) != 1:
        return None
    batch, _, num_tokens = shapes.pop()
    prefix = num_tokens - rows * columns
    if batch != 1 or prefix not in (0, 1):
        return None
    order = torch.cat([torch.arange(prefix), prefix + placement.vision_order(*recording.photo.grid)])
    return replace(
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
