"""Attention against torch's own, under every kind of mask."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from headlens.model.attention.formula import scaled_dot_product_attention, with_causal
from headlens.model.nn.multi_head import MultiHeadAttention
from tests.masks import KINDS, as_additive, mask_of

BATCH, HEADS, TOKENS, D_HEAD = 2, 3, 9, 4
POSITIONS = torch.arange(TOKENS)


def random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return 2 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-13), (torch.float32, 2e-6)])
@pytest.mark.parametrize("kind", KINDS)
def test_scaled_dot_product_attention(kind: str, dtype: torch.dtype, tolerance: float) -> None:
    query, key, value = (random(BATCH, HEADS, TOKENS, D_HEAD, seed=seed, dtype=dtype) for seed in range(3))
    mask, causal = mask_of(kind, HEADS, TOKENS, dtype)
    everything = torch.ones(TOKENS, TOKENS, dtype=torch.bool)
    both = with_causal(everything if mask is None else mask, POSITIONS, POSITIONS) if causal else mask
    ours = scaled_dot_product_attention(query, key, value, mask=both)
    additive = as_additive(mask, causal, HEADS, TOKENS).to(dtype)
    torch.testing.assert_close(
        ours.context, F.scaled_dot_product_attention(query, key, value, additive), atol=tolerance, rtol=0
    )
    torch.testing.assert_close(ours.weights.sum(-1), torch.ones(BATCH, HEADS, TOKENS, dtype=dtype))
    assert torch.equal(ours.scores == -math.inf, (additive == -math.inf).expand(ours.scores.shape))
    assert torch.equal(ours.weights == 0, ours.scores == -math.inf)


def test_a_query_that_may_look_at_nothing_gets_zeros() -> None:
    query, key, value = (random(HEADS, TOKENS, D_HEAD, seed=seed) for seed in range(3))
    mask = torch.ones(TOKENS, TOKENS, dtype=torch.bool)
    mask[[0, 4]] = False
    ours = scaled_dot_product_attention(query, key, value, mask=mask)
    assert (ours.weights[:, [0, 4]] == 0).all()
    assert (ours.weights[:, 1] > 0).all()
    torch.testing.assert_close(
        ours.context, F.scaled_dot_product_attention(query, key, value, mask), atol=1e-13, rtol=0
    )


def test_more_keys_than_queries_and_a_scale_of_its_own() -> None:
    query, key, value = random(2, D_HEAD), random(TOKENS, D_HEAD, seed=1), random(TOKENS, 3, seed=2)
    ours = scaled_dot_product_attention(query, key, value, scale=0.3)
    assert ours.weights.shape == (2, TOKENS)
    expected = F.scaled_dot_product_attention(query[None], key[None], value[None], scale=0.3)[0]
    torch.testing.assert_close(ours.context, expected, atol=1e-13, rtol=0)


@pytest.mark.parametrize("kind", ["padding", "additive"])
@pytest.mark.parametrize(("queries", "keys"), [((0, 4), (3, 9)), ((5, 9), (0, 2)), ((2, 3), (4, 5))])
def test_a_part_of_a_causal_mask_is_that_part_of_the_whole(
    kind: str, queries: tuple[int, int], keys: tuple[int, int]
) -> None:
    narrow, _ = mask_of(kind, HEADS, TOKENS, torch.float64)
    assert narrow is not None
    mask = narrow.expand(1, TOKENS, TOKENS)
    rows, columns = slice(*queries), slice(*keys)
    part = mask[:, rows, columns]
    found = with_causal(part, POSITIONS[rows], POSITIONS[columns])
    assert torch.equal(found, with_causal(mask, POSITIONS, POSITIONS)[:, rows, columns])


@pytest.mark.parametrize("kind", KINDS)
def test_multi_head_attention(kind: str) -> None:
    width = HEADS * D_HEAD
    torch.manual_seed(0)
    ours = MultiHeadAttention(width, HEADS).double()
    hidden = random(BATCH, TOKENS, width)
    mask, causal = mask_of(kind, HEADS, TOKENS, torch.float64)
    if kind == "padding":  # a different one for each text of the batch
        mask = torch.arange(TOKENS) < torch.tensor([5, TOKENS])[:, None, None, None]
        additive = torch.stack([as_additive(each, causal, HEADS, TOKENS) for each in mask])
    else:
        additive = as_additive(mask, causal, HEADS, TOKENS).expand(BATCH, -1, -1, -1)

    parts = (ours.query, ours.key, ours.value)
    output, weights = F.multi_head_attention_forward(
        *(hidden.transpose(0, 1),) * 3,
        embed_dim_to_check=width,
        num_heads=HEADS,
        in_proj_weight=torch.cat([part.weight for part in parts]),
        in_proj_bias=torch.cat([part.bias for part in parts]),
        bias_k=None,
        bias_v=None,
        add_zero_attn=False,
        dropout_p=0.0,
        out_proj_weight=ours.output.weight,
        out_proj_bias=ours.output.bias,
        attn_mask=additive.reshape(BATCH * HEADS, TOKENS, TOKENS),
        need_weights=True,
        average_attn_weights=False,
    )
    assert weights is not None
    our_output, inputs = ours(hidden, mask, causal)
    torch.testing.assert_close(our_output, output.transpose(0, 1), atol=1e-13, rtol=0)
    assert inputs.causal == causal
    ours_again = scaled_dot_product_attention(inputs.query, inputs.key, inputs.value, mask=additive, scale=inputs.scale)
    torch.testing.assert_close(ours_again.weights, weights, atol=1e-13, rtol=0)
    assert weights.max() > 0.5  # were they all alike, swapped ones would not be noticed


def test_permuted_tokens_give_permuted_rows() -> None:
    torch.manual_seed(0)
    attention = MultiHeadAttention(12, 3).double()
    hidden, order = random(1, TOKENS, 12), torch.randperm(TOKENS)
    torch.testing.assert_close(attention(hidden[:, order])[0], attention(hidden)[0][:, order], atol=1e-13, rtol=0)


def test_a_width_that_heads_cannot_share() -> None:
    with pytest.raises(ValueError, match=r"width 10 .* 3 "):
        MultiHeadAttention(10, 3)
