"""Edits of attention: gate heads, replace a head's output."""

from collections.abc import Mapping

import torch
from torch import Tensor

from headlens.model.attention.point import Call, Edit


def gate_heads(gates: Tensor | Mapping[int, Tensor]) -> Edit:
    """Multiply each head's output: 1 leaves it, 0 takes the head away (Michel et al. 2019, equation 2).

    Args:
        gates: [layer, head], a layer being the index of an attention call; or some layers' [head], the others staying
            as they are. Each may also be [batch, head]. Gradients reach them.

    Raises ValueError in the run, for a layer that has no gates, or not as many as heads.
    """

    def gate(index: int, call: Call, context: Tensor) -> Tensor:
        if isinstance(gates, Mapping):
            factors = gates.get(index)
            if factors is None:
                return context
        elif index < len(gates):
            factors = gates[index]
        else:
            raise ValueError(f"There are gates for {len(gates)} layers, and the model has more.")
        num_heads = context.shape[1]
        if factors.ndim == 0 or factors.shape[-1] != num_heads:
            raise ValueError(f"Layer {index} has {num_heads} heads, and gates of shape {[*factors.shape]}.")
        return context * factors.to(context)[..., None, None]

    return gate


def replace_head(layer: int, head: int, output: Tensor) -> Edit:
    """Use something else instead of a head's output, as in activation patching (Vig et al. 2020).

    Args:
        layer: index of an attention call.
        head: of that layer.
        output: broadcastable to [batch, query, d_value]. Gradients reach it.
    """

    def replace(index: int, call: Call, context: Tensor) -> Tensor:
        if index != layer:
            return context
        context = context.clone()
        context[:, head] = output.to(context)
        return context

    return replace


def stand_in(on: Mapping[int, Tensor], outputs: Mapping[int, Tensor]) -> Edit:
    """Switch heads off: something else stands in for their output, and the others stay as they are to the bit.

    Args:
        on: by the index of an attention call, bool [head] or [batch, head]: False where a head is off.
        outputs: for each of these what stands in, broadcastable to [head, query, d_value].
    """

    def replace(index: int, call: Call, context: Tensor) -> Tensor:
        if index not in on:
            return context
        gates = on[index].to(context.device)[..., None, None]
        return torch.where(gates, context, outputs[index].to(context))

    return replace


def in_order(*edits: Edit) -> Edit:
    """One edit after another."""

    def edit(index: int, call: Call, context: Tensor) -> Tensor:
        for each in edits:
            context = each(index, call, context)
        return context

    return edit
