"""Attention whose positions are put into another order: no weight changes, only where it stands."""

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from headlens.model.attention.inputs import AttentionInputs


def reordered(
    layers: Sequence[AttentionInputs], order: Tensor, *, keys_alone: bool = False
) -> tuple[AttentionInputs, ...]:
    """Layers [1, head, token, d] without the axis of a batch, their positions in another order [token].

    Being causal becomes a mask; layers that share a mask still do. keys_alone: of cross-attention, whose queries are
    other positions.
    """
    queries = slice(None) if keys_alone else order
    masks: dict[tuple[int, bool], Tensor | None] = {}
    result = []
    for batch in layers:
        layer, mask_id = batch.first(), (id(batch.mask), batch.causal)
        if mask_id not in masks:
            mask = layer.full_mask()
            masks[mask_id] = None if mask is None else mask[:, queries][:, :, order]
        query, key, value = layer.query[:, queries], layer.key[:, order], layer.value[:, order]
        result.append(replace(layer, query=query, key=key, value=value, mask=masks[mask_id], causal=False))
    return tuple(result)
