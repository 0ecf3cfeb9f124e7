"""Weights and their gradients as relevance: the update rules of Chefer, Gur & Wolf 2021, and LeGrad's sum."""

import torch
from torch import Tensor

from headlens.model.attention.formula import upcast
from headlens.model.attention.inputs import AttentionInputs

QUERIES = 1_024  # at once


def weight_gradients(inputs: AttentionInputs, gradient: Tensor, rows: Tensor, head: int) -> Tensor:
    """d target / d weights of one head, [query, key]: the gradient of its output times the values, transposed.

    For out = A V, d/dA = d/dout · Vᵀ; so no matrix of weights has to be in a graph.

    Args:
        inputs: of the layer, without the axis of a batch.
        gradient: of the outputs of all heads, [head, query, d_value].
        rows: indices of queries.
        head: of the layer.
    """
    return upcast(gradient[head, rows]) @ upcast(inputs.value[inputs.key_head(head)]).mT


def relevance_through(row: Tensor, inputs: AttentionInputs, gradient: Tensor) -> Tensor:
    """row · (I + Ā) with Ā = mean over heads of (∇A ⊙ A)⁺ (Chefer et al. 2021, equations 5 and 6).

    R ← R + Ā R in each layer makes R the product of all I + Ā; a row of that is taken from the last layer down.

    Args:
        row: [token], of the product of the layers above.
        inputs: of the layer, without the axis of a batch.
        gradient: of its heads' outputs, [head, query, d_value].
    """
    result = row.clone()
    for rows in row.nonzero()[:, 0].split(QUERIES):
        result += row[rows] @ weighted_gradients(inputs, gradient, rows)
    return result


def weighted_gradients(inputs: AttentionInputs, gradient: Tensor, rows: Tensor | None = None) -> Tensor:
    """Ā = mean over heads of (∇A ⊙ A)⁺ (ibid., equation 5), some rows [query, key] or all; one head at a time."""
    if rows is None:
        rows = torch.arange(inputs.query.shape[-2], device=inputs.query.device)
    total = torch.zeros(len(rows), inputs.key.shape[-2], device=inputs.query.device)
    for head in range(inputs.num_heads):
        weights = inputs.weights(rows, head).to(total)
        total += (weights * weight_gradients(inputs, gradient, rows, head)).clamp(min=0)
    return total / inputs.num_heads


def normalised(relevance: Tensor) -> Tensor:
    """R̂: I taken away, rows scaled to sum to one, I added again (ibid., equations 8 and 9), of R [token, token].

    A row that is zero without I stays zero: the first token that is written looks at nothing but itself, say.
    """
    identity = torch.eye(len(relevance), dtype=relevance.dtype, device=relevance.device)
    without = relevance - identity
    sums = without.sum(dim=-1, keepdim=True)
    return torch.where(sums > 0, without / sums, 0) + identity


def cross_update(crossed: Tensor, looks: Tensor, own: Tensor, read: Tensor) -> Tensor:
    """R_sq ← R_sq + R̂_ssᵀ Ā R̂_qq (ibid., equation 10).

    Args:
        crossed: R_sq, [written, read].
        looks: Ā of cross attention, [written, read].
        own: R_ss of what is written, [written, written].
        read: R_qq of what is read, [read, read].
    """
    return crossed + normalised(own).mT @ looks @ normalised(read)


def positive_gradients(inputs: AttentionInputs, gradient: Tensor) -> Tensor:
    """(∇A)⁺, its mean over heads and queries, [key] (LeGrad: Bousselham et al. 2024, section 3).

    What a query may not look at has no weight to be changed, and counts as zero.

    Args:
        inputs: of the layer, without the axis of a batch.
        gradient: of its heads' outputs, [head, query, d_value].
    """
    num_queries, num_keys = inputs.query.shape[-2], inputs.key.shape[-2]
    total = torch.zeros(num_keys, device=inputs.query.device)
    for rows in gradient.abs().sum(dim=(0, 2)).nonzero()[:, 0].split(QUERIES):
        for head in range(inputs.num_heads):
            slopes = weight_gradients(inputs, gradient, rows, head).clamp(min=0)
            total += (slopes * (inputs.weights(rows, head) > 0)).sum(dim=0)
    return total / (inputs.num_heads * num_queries)
