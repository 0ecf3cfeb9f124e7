"""Attention whose positions are put into another order: no weight changes, only where it stands."""

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from headlens.model.attention.inputs import AttentionInputs


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
