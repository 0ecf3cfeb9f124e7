"""How long the vectors are that attention adds up (Kobayashi et al. 2020, "Attention is Not Only a Weight")."""

import torch
from torch import Tensor

from headlens.model.attention.inputs import AttentionInputs

NUMBERS = 2**22  # of weights at once


def value_weighted_norms(inputs: AttentionInputs, projection: Tensor, row: Tensor) -> Tensor:
    """‖Σ_h α_h[i, j] f_h(x_j)‖ with f_h(x) = v_h W_O^h (ibid., equations 3 to 5), [key].

    f_h(x_j) [head, key, width] is never held: the square is αᵀ G_j α with G_j[h, h'] = <f_h(x_j), f_h'(x_j)>, which
    is v_h(x_j)ᵀ (W_O^h W_O^h'ᵀ) v_h'(x_j). In float64, for the terms cancel.

    Args:
        inputs: of the layer, without the axis of a batch; the values have their bias.
        projection: the output projection's weight without its bias, [width, head * d_value].
        row: [query], the share of each query's norms.

    Returns:
        The sum over queries of row[i] times the norms, [key] float64 on the CPU.
    """
    value = inputs.repeated(inputs.value).cpu().double()  # [head, key, d_value]
    by_head = projection.cpu().double().unflatten(1, (inputs.num_heads, -1))  # [width, head, d_value]
    products = torch.einsum("whd,wge->hgde", by_head, by_head)
    gram = torch.stack(
        [  # [head, head', key], a head at a time
            torch.einsum("gke,gke->gk", torch.einsum("kd,gde->gke", value[head], products[head]), value)
            for head in range(inputs.num_heads)
        ]
    )
    norms = torch.zeros(value.shape[-2], dtype=torch.float64)
    at_once = max(1, NUMBERS // gram[0].numel())
    for rows in row.nonzero()[:, 0].split(at_once):
        weights = inputs.weights(rows).cpu().double()  # [head, query, key]
        squares = (torch.einsum("gqk,hgk->hqk", weights, gram) * weights).sum(dim=0)
        norms += row[rows].cpu().double() @ squares.clamp(min=0).sqrt()
    return norms
