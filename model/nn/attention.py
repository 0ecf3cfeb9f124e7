"""Scaled dot-product attention and multi-head attention (Vaswani et al. 2017, section 3.2)."""

import math
from dataclasses import dataclass, replace
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


def attention_weights(scores: Tensor, sinks: Tensor | None = None) -> Tensor:
    """Softmax over the keys; a query that may look at nothing gets zeros, as torch's fused kernels give it.

    Args:
        scores: [..., head, query, key].
        sinks: broadcastable to [..., head, query], a score more in each softmax, whose weight goes nowhere: rows then
            sum to less than one (OpenAI 2025, "gpt-oss-120b & gpt-oss-20b model card", section 2.2).
    """
    nothing = scores.amax(dim=-1, keepdim=True) == -math.inf
    if sinks is not None:
        scores = torch.cat([scores, sinks.to(scores.dtype).expand(scores.shape[:-1])[..., None]], dim=-1)
    weights = scores.softmax(dim=-1)
    weights = weights if sinks is None else weights[..., :-1]
    return weights.masked_fill(nothing, 0.0) if nothing.any() else weights


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, scale: float | None = None
) -> Attention:
    """softmax(q k^T / sqrt(d_head)) v (Vaswani et al. 2017, equation 1), with everything on the way.

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
    key: Tensor  # [..., key head, key, d_head]; heads side by side share one (Ainslie et al. 2023, GQA)
    value: Tensor  # [..., key head, key, d_value]
    mask: Tensor | None  # broadcastable to [..., head, query, key]; bool: True may be looked at; float: is added
    causal: bool  # a query sees no later key
    scale: float
    softcap: float | None = None  # scores are softcap * tanh(scores / softcap) (Gemma 2, section 2)
    sinks: Tensor | None = None  # [head], a score more in each softmax, as in `attention_weights`
    scores_only: bool = False  # the scores are all in the mask, and the vectors are zeros; see `kept_scores`

    @property
    def num_heads(self) -> int:
        return self.query.shape[-3]

    @property
    def nbytes(self) -> int:
        """Bytes that its tensors take."""
        tensors = (self.query, self.key, self.value, self.mask, self.sinks)
        return sum(tensor.nbytes for tensor in tensors if tensor is not None)

    def repeated(self, vectors: Tensor) -> Tensor:
        """Keys or values [..., key head, key, d] as each head sees them: [..., head, key, d]."""
        times = self.num_heads // vectors.shape[-3]
        return vectors if times == 1 else vectors.repeat_interleave(times, dim=-3)

    def first(self) -> "Heads":
        """The same without the axis of a batch, of its first input."""
        mask = None if self.mask is None else self.mask[0]
        return replace(self, query=self.query[0], key=self.key[0], value=self.value[0], mask=mask)

    def full_mask(self) -> Tensor | None:
        """The mask with being causal in it, broadcastable to [..., head, query, key]; None: all may look at all."""
        return self._mask(slice(None), slice(None))

    def scores(self, rows: slice | Tensor, columns: slice, head: int | None = None) -> Tensor:
        """What goes into the softmax for some queries and keys: [..., head, query, key], or of one head.

        In float32 at least: the fused kernels too add up in float32 where queries and keys are bfloat16.
        """
        query, key = self.query[..., rows, :], self.key[..., columns, :]
        mask = self._mask(rows, columns)
        if head is None:
            key = self.repeated(key)
        else:
            query, key = query[..., head, :, :], key[..., head * key.shape[-3] // self.num_heads, :, :]
            mask = mask if mask is None else mask[..., head if mask.shape[-3] > 1 else 0, :, :]
        if self.softcap is None:
            return attention_scores(wide(query), wide(key), mask, self.scale)
        capped = self.softcap * (attention_scores(wide(query), wide(key), None, self.scale) / self.softcap).tanh()
        return masked(capped, mask)

    def weights(self, rows: slice | Tensor, head: int | None = None) -> Tensor:
        """Rows of the weights, [..., head, query, key] or of one head; each sums to one, or with sinks to less."""
        return attention_weights(self.scores(rows, slice(None), head), self._sinks(head))

    def log_sums(self, rows: slice | Tensor, head: int | None = None) -> Tensor:
        """log of the sum of exp(scores) over all keys, and the sink where there is one: [..., head, query]."""
        sums = self.scores(rows, slice(None), head).logsumexp(dim=-1)
        sinks = self._sinks(head)
        return sums if sinks is None else torch.where(sums == -math.inf, sums, sums.logaddexp(sinks.to(sums.dtype)))

    def _sinks(self, head: int | None) -> Tensor | None:
        if self.sinks is None:
            return None
        return self.sinks[:, None] if head is None else self.sinks[head]

    def _mask(self, rows: slice | Tensor, columns: slice) -> Tensor | None:
        num_queries, num_keys = self.query.shape[-2], self.key.shape[-2]
        mask = self.mask
        if mask is not None:
            mask = mask.expand(*mask.shape[:-2], num_queries, num_keys)[..., rows, columns]
            mask = mask.expand(1, *mask.shape) if mask.ndim == 2 else mask  # an axis of heads
        if self.causal:
            device = self.query.device
            everything = torch.ones(1, 1, 1, dtype=torch.bool, device=device)
            queries, keys = (torch.arange(count, device=device) for count in (num_queries, num_keys))
            mask = with_causal(everything if mask is None else mask, queries[rows], keys[columns])
        return mask


def kept_scores(scores: Tensor) -> Heads:
    """The heads of a layer that computes its softmax by itself, from its scores [..., head, query, key], kept whole."""
    *axes, num_queries, num_keys = scores.shape
    query, key = scores.new_zeros(*axes, num_queries, 1), scores.new_zeros(*axes, num_keys, 1)
    return Heads(query, key, key, scores, causal=False, scale=1.0, scores_only=True)


def wide(tensor: Tensor) -> Tensor:
    """In float32 at least."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


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
