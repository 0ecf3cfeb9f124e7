"""Masks of every kind that an encoder can be given, and what each says, written out as one additive matrix."""

import math

import torch
from torch import Tensor

KINDS = ("none", "padding", "additive", "per-head additive", "causal", "causal and padding", "causal and additive")


def mask_of(kind: str, num_heads: int, num_tokens: int, dtype: torch.dtype) -> tuple[Tensor | None, bool]:
    """A mask broadcastable to [head, query, key], and whether it is causal beside that."""
    generator = torch.Generator().manual_seed(num_heads * num_tokens)
    causal = kind.startswith("causal")
    if kind.endswith("padding"):
        return (torch.arange(num_tokens) < max(1, num_tokens - 2))[None, None], causal
    if kind.endswith("additive"):
        shape = (num_heads if kind.startswith("per-head") else 1, num_tokens, num_tokens)
        bias = 2 * torch.randn(shape, generator=generator, dtype=torch.float64)
        bias[:, 0, 1:2] = -math.inf
        return bias.to(dtype), causal
    return None, causal


def as_additive(mask: Tensor | None, causal: bool, num_heads: int, num_tokens: int) -> Tensor:
    """The same in float64 [head, query, key], to be added to the scores."""
    total = torch.zeros(num_heads, num_tokens, num_tokens, dtype=torch.float64)
    if mask is not None and mask.dtype == torch.bool:
        total[~mask.expand(total.shape)] = -math.inf
    elif mask is not None:
        total += mask
    if causal:
        for query in range(num_tokens):
            total[:, query, query + 1 :] = -math.inf
    return total
