"""Scaled dot-product attention, its parts as functions (Vaswani et al. 2017, section 3.2.1)."""

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Attention(NamedTuple):
    """What scaled dot-product attention computes on its way; n queries, m keys."""

    scores: Tensor  # [..., query, key], scaled and masked: what goes into the softmax
    weights: Tensor  # [..., query, key], each row sums to one
    context: Tensor  # [..., query, d_head], the weighted mean of the values


def attention_scores(query: Tensor, key: Tensor, mask: Tensor | None = None, *, scale: float | None = None) -> Tensor:
    """q k^T * scale, with the mask applied.

    Args:
        query: [..., query, d_head].
        key: [..., key, d_head].
        mask: broadcastable to [..., query, key]; bool: True may be looked at, the others get -inf; float: is added.
        scale: 1 / sqrt(d_head) when None (Vaswani et al. 2017, section 3.2.1).

    Returns:
        [..., query, key].
    """
    if scale is None:
        scale = 1 / math.sqrt(query.shape[-1])
    return masked(query @ key.transpose(-2, -1) * scale, mask)


def masked(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Scores [..., query, key] with the mask applied, as in `attention_scores`."""
    if mask is None:
        return scores
    if mask.dtype == torch.bool:
        return scores.masked_fill(~mask, -math.inf)
    return scores + mask.to(scores.dtype)


def allowed_by(mask: Tensor) -> Tensor:
    """A mask as bool, True where a query may look; of one that is added, where it is above the lowest number."""
    return mask if mask.dtype == torch.bool else mask > torch.finfo(mask.dtype).min


def attention_weights(scores: Tensor, sinks: Tensor | None = None) -> Tensor:
    """Softmax over the keys; a query that may look at nothing gets zeros, as torch's fused kernels give it.

    Args:
        scores: [..., head, query, key].
        sinks: broadcastable to [..., head, query], one more score in each softmax, whose weight goes nowhere: rows then
            sum to less than one (OpenAI 2025, "gpt-oss-120b & gpt-oss-20b model card", section 2.2).
    """
    if sinks is None:
        weights = scores.softmax(dim=-1)
    else:
        with_sink = torch.cat([scores, sinks.to(scores.dtype).expand(scores.shape[:-1])[..., None]], dim=-1)
        weights = with_sink.softmax(dim=-1)[..., :-1]
    if not weights[..., 0].isnan().any():  # the softmax of -inf alone is nan in all of the row
        return weights
    return weights.masked_fill(scores.amax(dim=-1, keepdim=True) == -math.inf, 0.0)


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, *, mask: Tensor | None = None, scale: float | None = None
) -> Attention:
    """softmax(q k^T / sqrt(d_head)) v (Vaswani et al. 2017, equation 1), with everything on the way.

    Args:
        query: [..., query, d_head].
        key: [..., key, d_head].
        value: [..., key, d_head].
        mask: as in `attention_scores`.
        scale: as in `attention_scores`.
    """
    scores = attention_scores(query, key, mask, scale=scale)
    weights = attention_weights(scores)
    return Attention(scores, weights, weights @ value)


def with_causal(mask: Tensor, queries: Tensor, keys: Tensor) -> Tensor:
    """A mask [..., query, key] that also hides keys later than their query; queries and keys are their positions."""
    earlier = keys <= queries[:, None]
    return mask & earlier if mask.dtype == torch.bool else mask.masked_fill(~earlier, -math.inf)


def upcast(tensor: Tensor) -> Tensor:
    """In float32 at least."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()
