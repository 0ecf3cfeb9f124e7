"""Scaled dot-product attention and multi-head attention (Vaswani et al. 2017, section 3.2)."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Attention(NamedTuple):
    """What scaled dot-product attention computes on its way; n queries, m keys."""

    scores: Tensor  # [..., query, key], scaled and masked: what goes into the softmax
    weights: Tensor  # [..., query, key], each row sums to one
    context: Tensor  # [..., query, d_head], the values in the mixture that the weights say


def attention_scores(query: Tensor, key: Tensor, mask: Tensor | None = None, scale: float | None = None) -> Tensor:
    """q k^T * scale, with the mask applied.

    Args:
        query: [..., query, d_head].
        key: [..., key, d_head].
        mask: broadcastable to [..., query, key]; bool: True may be looked at, the others get -inf; float: is added.
        scale: 1 / sqrt(d_head) when None (ibid., 3.2.1).

    Returns:
        [..., query, key].
    """
    if scale is None:
        scale = 1 / math.sqrt(query.shape[-1])
    scores = query @ key.transpose(-2, -1) * scale
    if mask is None:
        return scores
    if mask.dtype == torch.bool:
        return scores.masked_fill(~mask, -math.inf)
    return scores + mask.to(scores.dtype)


def attention_weights(scores: Tensor) -> Tensor:
    """Softmax over the keys; a query that may look at nothing gets zeros, as torch's fused kernels give it."""
    nothing = scores.amax(dim=-1, keepdim=True) == -math.inf
    weights = scores.softmax(dim=-1)
    return weights.masked_fill(nothing, 0.0) if nothing.any() else weights


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, scale: float | None = None
) -> Attention:
    """softmax(q k^T / sqrt(d_head)) v (ibid., equation 1), with everything on the way.

    Args:
        query: [..., query, d_head].
        key: [..., key, d_head].
        value: [..., key, d_head].
        mask: as in `attention_scores`.
        scale: as in `attention_scores`.
    """
    scores = attention_scores(query, key, mask, scale)
    weights = attention_weights(scores)
    return Attention(scores, weights, weights @ value)


def with_causal(mask: Tensor, queries: Tensor, keys: Tensor) -> Tensor:
    """A mask [..., query, key] that also hides keys later than their query; queries and keys say where they stand."""
    earlier = keys <= queries[:, None]
    return mask & earlier if mask.dtype == torch.bool else mask.masked_fill(~earlier, -math.inf)


@dataclass(frozen=True)
class Heads:
    """All that one attention layer was given: any of its weights can be computed from this, later and in part."""

    query: Tensor  # [..., head, query, d_head]
    key: Tensor  # [..., head, key, d_head]
    value: Tensor  # [..., head, key, d_head]
    mask: Tensor | None  # broadcastable to [..., head, query, key]; bool: True may be looked at; float: is added
    causal: bool  # a query sees no later key
    scale: float


class MultiHeadAttention(nn.Module):
    """Heads that look side by side, each in its own d_head = width / num_heads dimensions (ibid., 3.2.2).

    It runs torch's fused kernel, which keeps no weights, and hands out what the kernel was given.
    """

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        if width % num_heads:
            raise ValueError(f"width {width} cannot be split into {num_heads} equal heads.")
        self.num_heads = num_heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)

    def forward(self, hidden: Tensor, mask: Tensor | None = None, causal: bool = False) -> tuple[Tensor, Heads]:
        """Self-attention over hidden [batch, token, width].

        Args:
            mask: broadcastable to [batch, head, query, key]; bool: True may be looked at; float: is added.
            causal: no query sees a later key; holds beside the mask.

        Returns:
            The output [batch, token, width], and the heads that made it.
        """
        batch, num_tokens, width = hidden.shape

        def split(projected: Tensor) -> Tensor:  # [batch, token, width] -> [batch, head, token, d_head]
            return projected.view(batch, num_tokens, self.num_heads, -1).transpose(1, 2)

        query, key, value = split(self.query(hidden)), split(self.key(hidden)), split(self.value(hidden))
        heads = Heads(query, key, value, mask, causal, scale=1 / math.sqrt(query.shape[-1]))
        fused_mask, fused_causal = mask, causal
        if causal and mask is not None:  # the kernel takes only one of them
            places = torch.arange(num_tokens, device=mask.device)
            fused_mask, fused_causal = with_causal(mask, places, places), False
        context = F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=fused_mask,
            is_causal=fused_causal,
            scale=heads.scale,
        )
        return self.output(context.transpose(1, 2).reshape(batch, num_tokens, width)), heads
