"""Where information could flow, by the weights alone: attention rollout (Abnar & Zuidema 2020, section 3)."""

from typing import Literal

import torch
from torch import Tensor

from headlens.model.attention.inputs import AttentionInputs

Fusion = Literal["mean", "min", "max"]  # how the heads of a layer become one
QUERIES = 512  # at once


def rollout_step(row: Tensor, fused: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """One layer further down: row · Ã, where Ã is share · I + (1 - share) · A with each row scaled to sum to one.

    The product of all layers' Ã is taken from the last one down, so that a row of it takes no n × n matrix.

    Args:
        row: [query], of the product of the layers above.
        fused: A of one layer, [query, key].
        share: of the residual connection, 0 to 1; the paper's A + I is 0.5.

    Returns:
        What stays where it is [query], and what goes to the keys [key]; their sum, where these are the same positions.
    """
    sums = share + (1 - share) * fused.sum(dim=-1)
    scaled = torch.where(sums > 0, row / sums, 0)
    return share * scaled, (1 - share) * scaled @ fused


def fused_heads(inputs: AttentionInputs, rows: slice | Tensor, fusion: Fusion) -> Tensor:
    """Some rows of one layer's weights with its heads fused, [query, key]; one head at a time."""
    fused = inputs.weights(rows, 0)
    for head in range(1, inputs.num_heads):
        weights = inputs.weights(rows, head)
        if fusion == "mean":
            fused = fused + weights
        else:
            fused = torch.minimum(fused, weights) if fusion == "min" else torch.maximum(fused, weights)
    return fused / inputs.num_heads if fusion == "mean" else fused


def roll_through(
    row: Tensor, inputs: AttentionInputs, *, share: float = 0.5, fusion: Fusion = "mean"
) -> tuple[Tensor, Tensor]:
    """`rollout_step` through one layer, by some queries at a time; those at which the row is zero are left out.

    Args:
        row: [query].
        inputs: of the layer, without the axis of a batch.
        share: of the residual connection.
        fusion: how the heads become one.
    """
    own, looked = torch.zeros_like(row), row.new_zeros(inputs.key.shape[-2])
    for rows in row.nonzero()[:, 0].split(QUERIES):
        own[rows], part = rollout_step(row[rows], fused_heads(inputs, rows, fusion).to(row), share)
        looked = looked + part
    return own, looked


def rolled(row: Tensor, inputs: AttentionInputs, *, share: float = 0.5, fusion: Fusion = "mean") -> Tensor:
    """The row behind one layer of self attention, [token]; arguments as of `roll_through`."""
    own, looked = roll_through(row, inputs, share=share, fusion=fusion)
    return own + looked


def fused_row(row: Tensor, inputs: AttentionInputs) -> Tensor:
    """The weights of one layer, the mean over its heads, and over queries by their share: row [query], [key]."""
    result = row.new_zeros(inputs.key.shape[-2])
    for rows in row.nonzero()[:, 0].split(QUERIES):
        result = result + row[rows] @ fused_heads(inputs, rows, "mean").to(row)
    return result
