"""Multi-head attention (Vaswani et al. 2017, section 3.2.2)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from headlens.model.attention.formula import with_causal
from headlens.model.attention.inputs import AttentionInputs


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

    def forward(
        self, hidden: Tensor, mask: Tensor | None = None, causal: bool = False
    ) -> tuple[Tensor, AttentionInputs]:
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
        heads = AttentionInputs(query, key, value, mask, causal, scale=1 / math.sqrt(query.shape[-1]))
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
