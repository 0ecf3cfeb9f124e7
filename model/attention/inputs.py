"""The inputs of one attention call: any of its weights can be computed from them, later and in part."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from headlens.model.attention.formula import (
    allowed_by,
    attention_scores,
    attention_weights,
    masked,
    upcast,
    with_causal,
)


@dataclass(frozen=True)
class AttentionInputs:
    """Queries, keys, values, and what else the weights of one attention layer depend on."""

    query: Tensor  # [..., head, query, d_head]
    key: Tensor  # [..., key head, key, d_head]; heads side by side share one (Ainslie et al. 2023, GQA)
    value: Tensor  # [..., key head, key, d_value]
    mask: Tensor | None  # broadcastable to [..., head, query, key]; bool: True may be looked at; float: is added
    causal: bool  # a query sees no later key
    scale: float
    softcap: float | None = None  # scores are softcap * tanh(scores / softcap) (Gemma 2, section 2)
    sinks: Tensor | None = None  # [head], one more score in each softmax, as in `attention_weights`
    scores_only: bool = False  # the scores are all in the mask, and the vectors are zeros; see `inputs_of_scores`

    @property
    def num_heads(self) -> int:
        return self.query.shape[-3]

    @property
    def nbytes(self) -> int:
        """Bytes that its tensors take."""
        tensors = (self.query, self.key, self.value, self.mask, self.sinks)
        return sum(tensor.nbytes for tensor in tensors if tensor is not None)

    def key_head(self, head: int) -> int:
        """The key head that a head reads: neighbours share one (Ainslie et al. 2023, GQA)."""
        return head // (self.num_heads // self.key.shape[-3])

    def repeated(self, vectors: Tensor) -> Tensor:
        """Keys or values [..., key head, key, d] as each head sees them: [..., head, key, d]."""
        if vectors.shape[-3] == self.num_heads:
            return vectors
        return vectors[..., [self.key_head(head) for head in range(self.num_heads)], :, :]

    def first(self) -> "AttentionInputs":
        """The same without the axis of a batch, of its first input."""
        mask = None if self.mask is None else self.mask[0]
        return replace(self, query=self.query[0], key=self.key[0], value=self.value[0], mask=mask)

    def one(self, index: int, num_queries: int, num_keys: int) -> "AttentionInputs":
        """One input of a batch by itself, its padding on the right cut off; it shares the memory of the batch."""
        mask = None
        if self.mask is not None:
            mask = self.mask[index if len(self.mask) > 1 else 0][..., :num_queries, :num_keys]
            mask = mask if mask.dtype != torch.bool or not mask.all() else None
        return replace(
            self,
            query=self.query[index, ..., :num_queries, :],
            key=self.key[index, ..., :num_keys, :],
            value=self.value[index, ..., :num_keys, :],
            mask=mask,
        )

    def copied(self) -> "AttentionInputs":
        """The same in memory of its own, which may outlive a batch."""
        own = {name: getattr(self, name).clone() for name in ("query", "key", "value")}
        return replace(self, **own, mask=None if self.mask is None else self.mask.clone())

    def without(self, left_out: Tensor) -> "AttentionInputs":
        """The same without some keys, [key] bool, and without sinks: the softmax is of the rest alone.

        Rows with nothing left get zeros. Such are also those that had given all else no weight, to the bit: masks may
        hide by a number like -10,000, which hides nothing where all has it.
        """
        if self.mask is None or self.mask.dtype == torch.bool:
            mask = ~left_out[None, None] if self.mask is None else self.mask & ~left_out
            return replace(self, mask=mask, sinks=None)
        rest = [self.weights(slice(None), head)[:, ~left_out].sum(dim=-1) for head in range(self.num_heads)]
        nothing = torch.stack(rest) == 0  # [head, query]
        nothing = nothing[:1] if (nothing == nothing[:1]).all() else nothing
        mask = torch.where(left_out, -math.inf, self.mask)
        mask = torch.where(nothing[..., None], -math.inf, mask) if nothing.any() else mask
        return replace(self, mask=mask, sinks=None)

    def full_mask(self) -> Tensor | None:
        """The mask, a causal one included, broadcastable to [..., head, query, key]; None: all may look at all."""
        return self._mask(slice(None), slice(None))

    def seen(self, rows: slice | Tensor) -> Tensor:
        """Which keys some queries may look at in any head: [..., query, key] bool, or of all inputs [query, key]."""
        mask = self._mask(rows, slice(None))
        if mask is None:
            num_queries = self.query[..., rows, :].shape[-2]
            return torch.ones(num_queries, self.key.shape[-2], dtype=torch.bool, device=self.query.device)
        return allowed_by(mask).any(dim=-3)

    def scores(self, rows: slice | Tensor, columns: slice | Tensor, head: int | None = None) -> Tensor:
        """What goes into the softmax for some queries and keys: [..., head, query, key], or of one head.

        In float32 at least: the fused kernels too add up in float32 where queries and keys are bfloat16.
        """
        query, key = self.query[..., rows, :], self.key[..., columns, :]
        mask = self._mask(rows, columns)
        if head is None:
            key = self.repeated(key)
        else:
            query, key = query[..., head, :, :], key[..., self.key_head(head), :, :]
            if mask is not None:
                mask = mask[..., head if mask.shape[-3] > 1 else 0, :, :]
        if self.softcap is None:
            return attention_scores(upcast(query), upcast(key), mask, scale=self.scale)
        capped = self.softcap * (attention_scores(upcast(query), upcast(key), scale=self.scale) / self.softcap).tanh()
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

    def _mask(self, rows: slice | Tensor, columns: slice | Tensor) -> Tensor | None:
        num_queries, num_keys = self.query.shape[-2], self.key.shape[-2]
        mask = self.mask
        if mask is not None:
            mask = mask.expand(*mask.shape[:-2], num_queries, num_keys)[..., rows, :][..., columns]
            mask = mask.expand(1, *mask.shape) if mask.ndim == 2 else mask  # an axis of heads
        if self.causal:
            device = self.query.device
            everything = torch.ones(1, 1, 1, dtype=torch.bool, device=device)
            queries, keys = (torch.arange(count, device=device) for count in (num_queries, num_keys))
            mask = with_causal(everything if mask is None else mask, queries[rows], keys[columns])
        return mask


def inputs_of_scores(scores: Tensor) -> AttentionInputs:
    """The inputs of a layer that computes its softmax by itself: its scores [..., head, query, key], kept whole."""
    *axes, num_queries, num_keys = scores.shape
    query, key = scores.new_zeros(*axes, num_queries, 1), scores.new_zeros(*axes, num_keys, 1)
    return AttentionInputs(query=query, key=key, value=key, mask=scores, causal=False, scale=1.0, scores_only=True)
