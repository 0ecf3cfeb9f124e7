"""The text encoder, with random weights, against transformers' BERT."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from headlens.model.attention.formula import scaled_dot_product_attention
from headlens.model.nn.encoder import EncoderConfig
from headlens.model.nn.positional import sinusoidal_positions
from headlens.model.nn.text import TextConfig, TextEncoder, mean_embedding
from tests.model.nn.weights import randomize
from tests.references import bert_like

ENCODER = EncoderConfig(num_layers=3, num_heads=4, width=24, mlp_width=40, norm_eps=1e-12, pre_norm=False)
CONFIG = TextConfig(ENCODER, vocabulary=50, num_positions=16, num_segments=3)


def a_batch() -> tuple[Tensor, Tensor, Tensor]:
    """Ids, segments, and which tokens are real: texts of 12, 5 and 1 tokens."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, 50, (3, 12), generator=generator)
    segments = torch.randint(0, 3, (3, 12), generator=generator)
    return ids, segments, torch.arange(12) < torch.tensor([12, 5, 1])[:, None]


@pytest.mark.parametrize("padded", [False, True])
def test_against_bert(padded: bool) -> None:
    network = TextEncoder(CONFIG).double()
    randomize(network)
    ids, segments, real = a_batch()
    ours, layers, _ = network(ids, segments, real if padded else None)
    mask = real.long() if padded else None
    theirs = bert_like(network, CONFIG)(ids, mask, segments, output_attentions=True)
    torch.testing.assert_close(ours, theirs.last_hidden_state, atol=1e-12, rtol=0)
    for inputs, attention in zip(layers, theirs.attentions, strict=True):
        weights = scaled_dot_product_attention(
            inputs.query, inputs.key, inputs.value, mask=inputs.mask, scale=inputs.scale
        ).weights
        torch.testing.assert_close(weights, attention, atol=1e-12, rtol=0)


def test_padding_changes_nothing() -> None:
    network = TextEncoder(CONFIG).double()
    randomize(network)
    ids, segments, real = a_batch()
    padded = network(ids, segments, real).hidden
    alone = network(ids[1:2, :5], segments[1:2, :5]).hidden
    torch.testing.assert_close(padded[1, :5], alone[0], atol=1e-12, rtol=0)


def test_segments_are_all_zero_when_left_out() -> None:
    network = TextEncoder(CONFIG)
    ids, _, _ = a_batch()
    assert torch.equal(network(ids)[0], network(ids, torch.zeros_like(ids))[0])


def test_more_tokens_than_positions_are_refused() -> None:
    with pytest.raises(ValueError, match=r"17 tokens .* 16 positions"):
        TextEncoder(CONFIG)(torch.zeros(1, 17, dtype=torch.long))


def test_sinusoidal_positions_are_added_to_the_tokens() -> None:
    network = TextEncoder(TextConfig(ENCODER, vocabulary=50, num_positions=16, sinusoidal=True))
    ids, _, _ = a_batch()
    rows = network.tokens.weight[ids] + sinusoidal_positions(16, 24)[:12] + network.segments.weight[0]
    expected = F.layer_norm(rows, (24,), network.norm.weight, network.norm.bias, 1e-12)
    torch.testing.assert_close(network.embed(ids), expected, atol=1e-6, rtol=0)
    assert not [name for name in network.state_dict() if name.startswith("positions")]


def test_mean_embedding_is_the_mean_scaled_to_length_one() -> None:
    assert mean_embedding(torch.tensor([[1.0, 0.0], [5.0, 8.0]])).tolist() == pytest.approx([0.6, 0.8], abs=1e-7)
