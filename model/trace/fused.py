"""Our attention beside torch's."""

import torch
import torch.nn.functional as F

from headlens.model.attention.formula import scaled_dot_product_attention
from headlens.model.attention.inputs import AttentionInputs


@torch.inference_mode()
def difference_from_fused(inputs: AttentionInputs, num_queries: int = 512) -> float | None:
    """The largest difference between our attention and torch's fused kernel, over all heads of the first queries.

    None where there is no such kernel: scores that are capped, or sinks.
    """
    if inputs.softcap is not None or inputs.sinks is not None:
        return None
    rows = slice(0, num_queries)
    query, key, value = inputs.query[:, rows], inputs.repeated(inputs.key), inputs.repeated(inputs.value)
    mask = inputs.full_mask()
    mask = None if mask is None else mask.expand(*mask.shape[:-2], inputs.query.shape[-2], key.shape[-2])[..., rows, :]
    ours = scaled_dot_product_attention(query, key, value, mask=mask, scale=inputs.scale).context
    fused = F.scaled_dot_product_attention(query, key, value, mask, scale=inputs.scale)
    return float((ours - fused).abs().max())
