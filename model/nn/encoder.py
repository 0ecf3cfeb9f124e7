"""The encoder: attention and a feed-forward network, each inside a residual connection with a layer norm."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from headlens.model.attention.inputs import AttentionInputs
from headlens.model.nn.multi_head import MultiHeadAttention
from headlens.model.progress import OnLayer


@dataclass(frozen=True)
class EncoderConfig:
    """The shape of an encoder."""

    num_layers: int
    num_heads: int
    width: int
    mlp_width: int
    norm_eps: float
    pre_norm: bool  # norm before each part (ViT) instead of after its residual (the 2017 paper, BERT)
    layer_scale: bool = False  # a learned factor a channel on what each part adds (Touvron et al. 2021, CaiT, eq. 4)


class Encoded(NamedTuple):
    """What an encoder makes of a batch."""

    hidden: Tensor  # [batch, token, width], the last hidden state
    layers: tuple[AttentionInputs, ...]  # the inputs of each layer's attention
    before_norm: Tensor  # [batch, token, width], what leaves the last layer: the last norm makes all equally long


class LayerScale(nn.Module):
    """A learned factor for each channel (Touvron et al. 2021, "Going deeper with Image Transformers", eq. 4)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(width))

    def forward(self, hidden: Tensor) -> Tensor:
        """[..., width] -> [..., width]."""
        return hidden * self.factor


class FeedForward(nn.Sequential):
    """Two linear maps with an exact GELU between them, the same for every token (Vaswani et al. 2017, 3.3)."""

    def __init__(self, width: int, mlp_width: int) -> None:
        super().__init__(nn.Linear(width, mlp_width), nn.GELU(), nn.Linear(mlp_width, width))


class EncoderLayer(nn.Module):
    """One layer: post-norm (ibid., 3.1: norm(x + part(x))) or pre-norm (ViT: x + part(norm(x)))."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.pre_norm = config.pre_norm
        self.attention = MultiHeadAttention(config.width, config.num_heads)
        self.attention_norm = nn.LayerNorm(config.width, eps=config.norm_eps)
        self.attention_scale = LayerScale(config.width) if config.layer_scale else nn.Identity()
        self.mlp = FeedForward(config.width, config.mlp_width)
        self.mlp_norm = nn.LayerNorm(config.width, eps=config.norm_eps)
        self.mlp_scale = LayerScale(config.width) if config.layer_scale else nn.Identity()

    def forward(
        self, hidden: Tensor, mask: Tensor | None = None, causal: bool = False
    ) -> tuple[Tensor, AttentionInputs]:
        """[batch, token, width] -> the same shape, and its attention's inputs; the rest is as of MultiHeadAttention."""
        if self.pre_norm:
            attended, inputs = self.attention(self.attention_norm(hidden), mask, causal)
            hidden = hidden + self.attention_scale(attended)
            return hidden + self.mlp_scale(self.mlp(self.mlp_norm(hidden))), inputs
        attended, inputs = self.attention(hidden, mask, causal)
        hidden = self.attention_norm(hidden + self.attention_scale(attended))
        return self.mlp_norm(hidden + self.mlp_scale(self.mlp(hidden))), inputs


class Encoder(nn.Module):
    """A stack of layers; after a pre-norm stack one more norm, since the last sum is not yet normed."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.num_layers))
        self.norm = nn.LayerNorm(config.width, eps=config.norm_eps) if config.pre_norm else nn.Identity()

    def forward(
        self, hidden: Tensor, mask: Tensor | None = None, causal: bool = False, *, on_layer: OnLayer | None = None
    ) -> Encoded:
        """[batch, token, width] -> the same shape, and the inputs of each layer's attention."""
        recorded = []
        for index, layer in enumerate(self.layers):
            hidden, inputs = layer(hidden, mask, causal)
            recorded.append(inputs)
            if on_layer is not None:
                on_layer(index)
        return Encoded(self.norm(hidden), tuple(recorded), hidden)
