"""The attention function that transformers is told to call: the fused kernel, at the point where attention runs."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from headlens.model.attention.inputs import AttentionInputs
from headlens.model.attention.point import Call, run_attention
from headlens.model.errors import CheckpointError

NAME = "headlens"


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    is_causal: bool | None = None,
    position_bias: Tensor | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    indices: Tensor | None = None,
    **others: object,
) -> tuple[Tensor, None]:
    """As transformers' `sdpa_attention_forward`; transformers calls it for each attention layer.

    Args:
        module: that calls.
        query: [batch, head, query, d_head].
        key: [batch, key head, key, d_head].
        value: [batch, key head, key, d_value].
        attention_mask: broadcastable to [batch, head, query, key], bool or added; None: none but what is_causal says.
        scaling: of the scores; None: 1 / sqrt(d_head).
        is_causal: None: as the module says.
        position_bias: [batch or 1, head, query, key], added to the scores (T5).
        softcap: scores are softcap * tanh(scores / softcap) (Gemma 2).
        s_aux: [head], scores that take part in each softmax and get nothing (gpt-oss).
        indices: keys that are left, of models whose attention is sparse.
        others: what does not change the weights.

    Returns:
        The context [batch, query, head, d_value], and no weights.

    Raises CheckpointError for sparse attention.
    """
    if indices is not None:
        raise CheckpointError("This model looks only at keys that it picks; such sparse attention cannot be recorded.")
    causal = bool(getattr(module, "is_causal", True) if is_causal is None else is_causal)
    inputs = AttentionInputs(
        query=query,
        key=key,
        value=value,
        mask=_combined(attention_mask, position_bias),
        causal=causal and attention_mask is None and query.shape[-2] > 1,
        scale=1 / math.sqrt(query.shape[-1]) if scaling is None else float(scaling),
        softcap=softcap,
        sinks=s_aux,
    )

    def kernel() -> Tensor:  # the context [batch, head, query, d_value]
        if softcap is not None:
            return inputs.weights(slice(None)).to(value.dtype) @ inputs.repeated(value)
        if s_aux is not None:
            return _with_sinks(inputs, s_aux)
        context: Tensor = sdpa_attention_forward(
            module,
            query,
            key,
            value,
            attention_mask,
            scaling=scaling,
            is_causal=is_causal,
            position_bias=position_bias,
            **others,
        )[0]
        return context.transpose(1, 2)

    context = run_attention(Call(module, inputs), kernel)
    return context.transpose(1, 2).contiguous(), None  # copies nothing of what transformers' kernel gives


def _combined(mask: Tensor | None, bias: Tensor | None) -> Tensor | None:
    """A mask and a bias as one: what is added to the scores."""
    if bias is None or mask is None:
        return mask if bias is None else bias
    return torch.where(mask, bias, -math.inf) if mask.dtype == torch.bool else mask + bias


def _with_sinks(inputs: AttentionInputs, sinks: Tensor) -> Tensor:
    """Fused: one more key of zeros, whose score is in the mask, and whose value is zero."""
    query, key, value = inputs.query, inputs.repeated(inputs.key), inputs.repeated(inputs.value)
    batch, num_heads, num_queries, _ = query.shape
    mask = inputs.full_mask()
    if mask is None:
        mask = torch.zeros(1, 1, 1, 1, dtype=query.dtype, device=query.device)
    if mask.dtype == torch.bool:
        mask = torch.zeros_like(mask, dtype=query.dtype).masked_fill(~mask, -math.inf)
    sinks = sinks.to(query.dtype).view(1, num_heads, 1, 1).expand(batch, -1, num_queries, -1)
    mask = torch.cat([mask.expand(batch, num_heads, num_queries, key.shape[-2]).to(query.dtype), sinks], dim=-1)
    key, value = (F.pad(vectors, (0, 0, 0, 1)) for vectors in (key, value))
    return F.scaled_dot_product_attention(query, key, value, mask, scale=inputs.scale)


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)
