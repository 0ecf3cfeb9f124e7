"""A text encoder of the BERT family (Devlin et al. 2019)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from headlens.model.nn.encoder import Encoded, Encoder, EncoderConfig
from headlens.model.nn.positional import LearnedPositions, SinusoidalPositions
from headlens.model.progress import OnLayer


@dataclass(frozen=True)
class TextConfig:
    """The shape of a text encoder."""

    encoder: EncoderConfig
    vocabulary: int
    num_positions: int
    num_segments: int = 2
    sinusoidal: bool = False  # the fixed positions of the 2017 paper instead of learned ones


class TextEncoder(nn.Module):
    """Token + position + segment embeddings, a norm, and the encoder."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        width = config.encoder.width
        positions = SinusoidalPositions if config.sinusoidal else LearnedPositions
        self.num_positions = config.num_positions
        self.tokens = nn.Embedding(config.vocabulary, width)
        self.positions = positions(config.num_positions, width)
        self.segments = nn.Embedding(config.num_segments, width)
        self.norm = nn.LayerNorm(width, eps=config.encoder.norm_eps)
        self.encoder = Encoder(config.encoder)

    def content(self, ids: Tensor, segments: Tensor | None = None) -> Tensor:
        """What each token is, wherever it stands: [batch, token, width], for ids and segments [batch, token]."""
        segments = torch.zeros_like(ids) if segments is None else segments
        content: Tensor = self.tokens(ids) + self.segments(segments)
        return content

    def embed(self, ids: Tensor, segments: Tensor | None = None) -> Tensor:
        """What goes into the first layer, [batch, token, width], for ids and segments [batch, token]."""
        num_tokens = ids.shape[1]
        if num_tokens > self.num_positions:
            raise ValueError(f"{num_tokens} tokens are more than the {self.num_positions} positions of this model.")
        embedded: Tensor = self.norm(self.content(ids, segments) + self.positions(num_tokens))
        return embedded

    def forward(
        self,
        ids: Tensor,
        segments: Tensor | None = None,
        real: Tensor | None = None,
        *,
        on_layer: OnLayer | None = None,
    ) -> Encoded:
        """Encode a batch of texts.

        Args:
            ids: [batch, token] token ids.
            segments: [batch, token], which text of a pair each token belongs to; all zero when None.
            real: [batch, token] bool, False on padding, which no query looks at; None where nothing is padded.

        Returns:
            The last hidden state [batch, token, width], and the inputs of each layer's attention.
        """
        mask = None if real is None else real[:, None, None, :]  # [batch, head, query, key]
        result: Encoded = self.encoder(self.embed(ids, segments), mask, on_layer=on_layer)
        return result


def mean_embedding(hidden: Tensor) -> Tensor:
    """The sentence embedding [width] of one text: the mean over its tokens [token, width], of norm one.

    As in Reimers & Gurevych 2019 (Sentence-BERT), section 3, MEAN pooling.
    """
    return nn.functional.normalize(hidden.mean(dim=0), dim=0)
