"""A run of a network, taken apart: what goes into each layer, and one token's way through one of them.

The submodules of `model.nn` do the arithmetic; here it only stops after every step. Inputs have no batch axis, and axes
are [layer, head, query, key] in this order.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.inputs import ImageInput, TextInput
from model.loaded import ImageModel, TextModel
from model.nn.attention import Heads, attention_scores, attention_weights, scaled_dot_product_attention
from model.nn.encoder import Encoder, EncoderLayer, OnLayer


@dataclass(frozen=True)
class Embedding:
    """What goes into the first layer, in its two parts."""

    content: Tensor  # [token, width], what each token is
    places: Tensor  # [token, width], where it stands
    norm: nn.Module  # of their sum (BERT); Identity where there is none (ViT)

    @torch.inference_mode()
    def rows(self, order: Tensor | None = None, placed: bool = True) -> Tensor:
        """The input [token, width], its tokens in another order, or without their places."""
        content = self.content if order is None else self.content[order]
        return self.norm(content + self.places if placed else content)


@torch.inference_mode()
def embedding(model: TextModel | ImageModel, given: TextInput | ImageInput) -> Embedding:
    """The embedding of what the model has read."""
    if isinstance(model, TextModel):
        assert isinstance(given, TextInput)
        ids, segments = (torch.tensor([list(numbers)], device=model.device) for numbers in (given.ids, given.segments))
        text = model.network
        return Embedding(text.content(ids, segments)[0], text.positions(len(given.ids)).detach(), text.norm)
    assert isinstance(given, ImageInput)
    content, grid = model.network.content(given.pixels.to(model.device, model.dtype))
    return Embedding(content[0], model.network.places(*grid), nn.Identity())


@dataclass(frozen=True)
class Walk:
    """The residual stream of one run."""

    stream: Tensor  # [layer + 1, token, width]: what goes into each layer; the last is what comes out of the last one
    attention_adds: Tensor  # [layer, token], the length of what attention adds to each token
    mlp_adds: Tensor  # [layer, token], the same of the feed-forward network

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        return sum(part.numel() * part.element_size() for part in (self.stream, self.attention_adds, self.mlp_adds))


@torch.inference_mode()
def walk(encoder: Encoder, rows: Tensor, on_layer: OnLayer | None = None) -> Walk:
    """Run the layers one by one on rows [token, width]; what on_layer raises stops the run."""
    stream, attention_adds, mlp_adds = [rows], [], []
    for number, layer in enumerate(encoder.layers):
        assert isinstance(layer, EncoderLayer)
        attended, _ = layer.attention(_reads(layer, stream[-1])[None])
        rest = _after_attention(layer, stream[-1], attended[0])
        stream.append(rest.out)
        attention_adds.append(rest.attention_adds.norm(dim=-1))
        mlp_adds.append(rest.mlp_adds.norm(dim=-1))
        if on_layer is not None:
            on_layer(number)
    return Walk(torch.stack(stream), torch.stack(attention_adds), torch.stack(mlp_adds))


class Steps(NamedTuple):
    """One token's way through one layer, [width] where nothing else is said; float32."""

    hidden: np.ndarray  # what goes in
    reads: np.ndarray  # what its query, key and value are made of: hidden, normed in a pre-norm layer
    query: np.ndarray  # [head, d_head]
    scores: np.ndarray  # [head, key]
    weights: np.ndarray  # [head, key]
    context: np.ndarray  # [head, d_head]
    writes: np.ndarray  # [head, width], what each head's part of the output projection makes of its context
    attended: np.ndarray  # the sum of writes, and the projection's bias
    attention_adds: np.ndarray  # attended, after the layer scale where there is one
    between: np.ndarray  # hidden + attention_adds, normed in a post-norm layer
    mlp_adds: np.ndarray  # what the feed-forward network adds to it
    out: np.ndarray  # between + mlp_adds, normed in a post-norm layer: what goes into the next layer


@torch.inference_mode()
def steps(layer: EncoderLayer, hidden: Tensor, heads: Heads) -> Steps:
    """Everything on the way of one token.

    Args:
        layer: the layer.
        hidden: [width], the token as it goes in.
        heads: of the layer, as recorded without a mask; all tokens' keys and values are taken from it.
    """
    attention = layer.attention
    reads = _reads(layer, hidden)
    own = attention.query(reads).view(attention.num_heads, 1, -1)
    seen = scaled_dot_product_attention(own, heads.key, heads.value, scale=heads.scale)
    context = seen.context[:, 0]
    attended = attention.output(context.flatten())
    parts = attention.output.weight.unflatten(1, context.shape)  # [width, head, d_head]
    writes = torch.einsum("whd,hd->hw", parts, context)
    rest = _after_attention(layer, hidden, attended)
    taken = (hidden, reads, own[:, 0], seen.scores[:, 0], seen.weights[:, 0], context, writes, attended, *rest)
    return Steps(*(part.float().cpu().numpy() for part in taken))


class _Rest(NamedTuple):
    attention_adds: Tensor
    between: Tensor
    mlp_adds: Tensor
    out: Tensor


def _reads(layer: EncoderLayer, hidden: Tensor) -> Tensor:
    return layer.attention_norm(hidden) if layer.pre_norm else hidden


def _after_attention(layer: EncoderLayer, hidden: Tensor, attended: Tensor) -> _Rest:
    """The rest of a layer, for [..., width] of any tokens: it looks at each by itself."""
    attention_adds = layer.attention_scale(attended)
    if layer.pre_norm:
        between = hidden + attention_adds
        mlp_adds = layer.mlp_scale(layer.mlp(layer.mlp_norm(between)))
        return _Rest(attention_adds, between, mlp_adds, between + mlp_adds)
    between = layer.attention_norm(hidden + attention_adds)
    mlp_adds = layer.mlp_scale(layer.mlp(between))
    return _Rest(attention_adds, between, mlp_adds, layer.mlp_norm(between + mlp_adds))


class Arranged(NamedTuple):
    """A layer of a run whose tokens came in another order or without places; rows are again as the tokens were read."""

    query: Tensor  # [head, token, d_head]
    key: Tensor  # [head, token, d_head]
    out: Tensor  # [token, width]

    def weights(self, head: int, queries: np.ndarray) -> np.ndarray:
        """Some rows of a head's weights: [query, key]."""
        return attention_weights(attention_scores(self.query[head][queries], self.key[head])).float().cpu().numpy()


@torch.inference_mode()
def arranged(
    encoder: Encoder, given: Embedding, layer: int, order: np.ndarray, placed: bool, on_layer: OnLayer | None = None
) -> Arranged:
    """Run the encoder up to a layer on tokens in another order [token], with or without their places."""
    arrangement = torch.from_numpy(order)
    hidden = given.rows(arrangement, placed)[None]
    for number, each in enumerate(encoder.layers[: layer + 1]):
        hidden, heads = each(hidden)
        if on_layer is not None:
            on_layer(number)
    back = arrangement.argsort()
    return Arranged(heads.query[0][:, back], heads.key[0][:, back], hidden[0][back])


@torch.inference_mode()
def difference_from_fused(heads: Heads, num_queries: int = 512) -> float:
    """The largest difference between our attention and torch's fused kernel, over all heads of the first queries."""
    query = heads.query[:, :num_queries]
    ours = scaled_dot_product_attention(query, heads.key, heads.value).context
    return float((ours - F.scaled_dot_product_attention(query, heads.key, heads.value)).abs().max())
