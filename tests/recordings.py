"""Recordings built by hand, and their weights by the formula, in float64 numpy."""

import math

import numpy as np
import torch

from headlens.model.attention.inputs import AttentionInputs
from headlens.model.description import Description
from headlens.model.recording.recording import Recording
from tests.masks import as_additive, mask_of

DESCRIPTION = Description(name="random", title="Random heads", kind="text", authors="nobody", licence="none")


def random_recording(
    kind: str = "none",
    *,
    num_layers: int = 2,
    num_heads: int = 3,
    num_tokens: int = 7,
    d_head: int = 4,
    dtype: torch.dtype = torch.float32,
) -> Recording:
    """Random queries, keys and values, peaked enough to matter, under a mask of one of the KINDS in tests.masks."""
    generator = torch.Generator().manual_seed(num_tokens)
    mask, causal = mask_of(kind, num_heads, num_tokens, dtype)

    def vectors() -> torch.Tensor:
        return 2 * torch.randn(num_heads, num_tokens, d_head, generator=generator, dtype=torch.float64).to(dtype)

    layers = tuple(
        AttentionInputs(vectors(), vectors(), vectors(), mask, causal, scale=1 / math.sqrt(d_head))
        for _ in range(num_layers)
    )
    return Recording(
        layers=layers,
        tokens=tuple(f"token{index}" for index in range(num_tokens)),
        words=tuple(range(num_tokens)),
        special=np.zeros(num_tokens, dtype=bool),
        segments=(0,) * num_tokens,
        model=DESCRIPTION,
        seconds=0.25,
        device="cpu",
    )


def scores_by_hand(heads: AttentionInputs) -> np.ndarray:
    """Scaled and masked scores [head, query, key] of one layer, in float64."""
    query, key = (vectors.double().numpy() for vectors in (heads.query, heads.key))
    scores = np.einsum("hqd,hkd->hqk", query, key) * heads.scale
    return scores + as_additive(heads.mask, heads.causal, *heads.query.shape[:2]).numpy()


def softmax(scores: np.ndarray) -> np.ndarray:
    """Over the last axis; where every score is -inf, zeros."""
    highest = scores.max(axis=-1, keepdims=True)
    powers = np.exp(scores - np.where(np.isinf(highest), 0, highest))
    return powers / np.maximum(powers.sum(axis=-1, keepdims=True), np.finfo(scores.dtype).tiny)
