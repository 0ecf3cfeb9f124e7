"""Multi-head attention (Vaswani et al. 2017, section 3.2.2)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from headlens.model.attention.formula import with_causal
from headlens.model.attention.inputs import AttentionInputs
from headlens.model.attention.point import Call, run_attention


class MultiHeadAttention(nn.Module):
    """Heads that look side by side, each in its own d_head = width / num_heads dimensions (ibid., 3.2.2).

    It runs torch's fused kernel, which keeps no weights, and gives out the inputs of that.
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
            The output [batch, token, width], and the inputs of the attention that made it.
        """
        batch, num_tokens, width = hidden.shape

        def split(projected: Tensor) -> Tensor:  # [batch, token, width] -> [batch, head, token, d_head]
            return projected.view(batch, num_tokens, self.num_heads, -1).transpose(1, 2)

        query, key, value = split(self.query(hidden)), split(self.key(hidden)), split(self.value(hidden))
        scale = 1 / math.sqrt(query.shape[-1])
        inputs = AttentionInputs(query=query, key=key, value=value, mask=mask, causal=causal, scale=scale)
        context = run_attention(Call(self, inputs), lambda: _fused(inputs))
        return self.output(context.transpose(1, 2).reshape(batch, num_tokens, width)), inputs


def _fused(inputs: AttentionInputs) -> Tensor:
    """The context [batch, head, token, d_head]."""
    mask, causal = inputs.mask, inputs.causal
    if causal and mask is not None:  # the kernel takes only one of them
        positions = torch.arange(inputs.query.shape[-2], device=mask.device)
        mask, causal = with_causal(mask, positions, positions), False
    return F.scaled_dot_product_attention(
        inputs.query, inputs.key, inputs.value, attn_mask=mask, is_causal=causal, scale=inputs.scale
    )
