"""The attention function that is given to transformers: the fused kernel, and a note of what it was given."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from headlens.model.attention.calls import Call, attending
from headlens.model.attention.inputs import AttentionInputs
from headlens.model.errors import CheckpointError
from headlens.model.progress import OnLayer

NAME = "headlens"
_note: ContextVar[Callable[[Call], object] | None] = ContextVar("note", default=None)  # of the run in this thread alone


@contextmanager
def recorded_calls(on_layer: OnLayer | None = None) -> Iterator[list[Call]]:
    """All attention calls inside the context, in their order; on_layer hears the number of each, from 0."""
    calls: list[Call] = []

    def note(call: Call) -> None:
        calls.append(call)
        if on_layer is not None:
            on_layer(len(calls) - 1)

    token = _note.set(note)
    try:
        yield calls
    finally:
        _note.reset(token)


def attend(module: nn.Module, *given: Any, **named: Any) -> tuple[Tensor, None]:
    """What transformers calls for each attention layer; see `_attend`."""
    token = attending.set(True)
    try:
        return _attend(module, *given, **named)
    finally:
        attending.reset(token)


def _attend(
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
    """As transformers' `sdpa_attention_forward`, with a note of what it was given.

    Args:
        module: that calls.
        query: [batch, head, query, d_head].
        key: [batch, key head, key, d_head].
        value: [batch, key head, key, d_head].
        attention_mask: broadcastable to [batch, head, query, key], bool or added; None: none but what is_causal says.
        scaling: of the scores; None: 1 / sqrt(d_head).
        is_causal: None: as the module says.
        position_bias: [batch or 1, head, query, key], added to the scores (T5).
        softcap: scores are softcap * tanh(scores / softcap) (Gemma 2).
        s_aux: [head], scores that take part in each softmax and get nothing (gpt-oss).
        indices: keys that are left, of models whose attention is sparse.
        others: what does not change the weights.

    Returns:
        The context [batch, query, head, d_head], and no weights.

    Raises CheckpointError for sparse attention.
    """
    if indices is not None:
        raise CheckpointError("This model looks only at keys that it picks; such sparse attention cannot be recorded.")
    causal = bool(getattr(module, "is_causal", True) if is_causal is None else is_causal)
    heads = AttentionInputs(
        query=query,
        key=key,
        value=value,
        mask=_combined(attention_mask, position_bias),
        causal=causal and attention_mask is None and query.shape[-2] > 1,
        scale=1 / math.sqrt(query.shape[-1]) if scaling is None else float(scaling),
        softcap=softcap,
        sinks=s_aux,
    )
    if (note := _note.get()) is not None:
        note(Call(module, heads))
    if softcap is not None or s_aux is not None:
        return _explicit(heads).transpose(1, 2).contiguous(), None
    context, _ = sdpa_attention_forward(
        module,
        query,
        key,
        value,
        attention_mask,
        scaling=scaling,
        is_causal=is_causal,
        position_bias=position_bias,
        **others,
    )
    return context, None


def _combined(mask: Tensor | None, bias: Tensor | None) -> Tensor | None:
    """A mask and a bias as one: what is added to the scores."""
    if bias is None or mask is None:
        return mask if bias is None else bias
    return torch.where(mask, bias, -math.inf) if mask.dtype == torch.bool else mask + bias


def _explicit(heads: AttentionInputs) -> Tensor:
    """The context [batch, head, query, d_head] where no fused kernel computes it: soft caps and sinks."""
    if heads.softcap is None:
        return _with_sinks(heads)
    return heads.weights(slice(None)).to(heads.value.dtype) @ heads.repeated(heads.value)


def _with_sinks(heads: AttentionInputs) -> Tensor:
    """Fused: a key of zeros more, whose score the mask says, and whose value is zero."""
    query, key, value = heads.query, heads.repeated(heads.key), heads.repeated(heads.value)
    batch, num_heads, num_queries, _ = query.shape
    mask = heads.full_mask()
    none = torch.zeros(1, 1, 1, 1, dtype=query.dtype, device=query.device)
    mask = none if mask is None else mask
    if mask.dtype == torch.bool:
        mask = torch.zeros_like(mask, dtype=query.dtype).masked_fill(~mask, -math.inf)
    assert heads.sinks is not None
    sinks = heads.sinks.to(query.dtype).view(1, num_heads, 1, 1).expand(batch, -1, num_queries, -1)
    mask = torch.cat([mask.expand(batch, num_heads, num_queries, key.shape[-2]).to(query.dtype), sinks], dim=-1)
    key, value = (F.pad(vectors, (0, 0, 0, 1)) for vectors in (key, value))
    return F.scaled_dot_product_attention(query, key, value, mask, scale=heads.scale)


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)
