"""Our attention beside torch's."""

import torch
import torch.nn.functional as F

from headlens.model.attention.formula import scaled_dot_product_attention
from headlens.model.attention.inputs import AttentionInputs


@torch.inference_mode()
def difference_from_fused(heads: AttentionInputs, num_queries: int = 512) -> float | None:
    """The largest difference between our attention and torch's fused kernel, over all heads of the first queries.

    None where there is no such kernel: scores that are capped, or sinks.
    """
    if heads.softcap is not None or heads.sinks is not None:
        return None
    rows = slice(0, num_queries)
    query, key, value = heads.query[:, rows], heads.repeated(heads.key), heads.repeated(heads.value)
    mask = heads.full_mask()
    mask = None if mask is None else mask.expand(*mask.shape[:-2], heads.query.shape[-2], key.shape[-2])[..., rows, :]
    ours = scaled_dot_product_attention(query, key, value, mask, heads.scale).context
    fused = F.scaled_dot_product_attention(query, key, value, mask, scale=heads.scale)
    return float((ours - fused).abs().max())
