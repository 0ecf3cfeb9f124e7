"""Families that can attend in two ways, or whose layers differ: recorded, or refused when they are loaded."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import transformers
from torch import Tensor

from headlens.model.errors import CheckpointError
from tests.model.huggingface.text.test_families import loaded
from tests.model.huggingface.text_models import BERTISH, SHAPE, tokenizer_of, write_model

TEXT = "The trophy does not fit in the brown suitcase."


def test_big_bird_where_it_attends_to_all_tokens(tmp_path: Path) -> None:
    folder = write_model(
        tmp_path, tokenizer_of(byte_level=False), "BigBirdForMaskedLM", **BERTISH, attention_type="original_full"
    )
    model = loaded(folder)
    recording = model.record(TEXT)
    network = transformers.BigBirdForMaskedLM.from_pretrained(folder).eval()
    expected = network(**model.inputs(model.read(TEXT)), output_attentions=True).attentions
    for layer, weights in enumerate(expected):
        assert abs(recording.attention(layer) - weights[0].detach().numpy()).max() < 5e-5


def test_big_bird_where_it_attends_to_blocks(tmp_path: Path) -> None:
    folder = write_model(
        tmp_path, tokenizer_of(byte_level=False), "BigBirdForMaskedLM", **BERTISH, attention_type="block_sparse"
    )
    with pytest.raises(CheckpointError, match="attends over blocks of tokens, not over all tokens"):
        loaded(folder)


def test_funnel_is_refused_when_it_is_loaded(tmp_path: Path) -> None:
    shape: dict[str, Any] = {
        "d_model": 32,
        "n_head": 4,
        "d_head": 8,
        "d_inner": 48,
        "block_sizes": [1, 1],
        "num_decoder_layers": 1,
    }
    folder = write_model(tmp_path, tokenizer_of(byte_level=False), "FunnelForMaskedLM", **shape)
    with pytest.raises(CheckpointError, match="has more tokens in some layers than in others"):
        loaded(folder)


def test_falcon_s_biases_are_recorded_as_sdpa_adds_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """transformers' eager attention adds ALiBi to scores that have it already."""
    folder = write_model(tmp_path, tokenizer_of(byte_level=True), "FalconForCausalLM", **SHAPE, alibi=True)
    model = loaded(folder)
    recording = model.record(TEXT)
    assert 'its own "sdpa" attention' in recording.notes["exact"]
    network = transformers.FalconForCausalLM.from_pretrained(folder, attn_implementation="sdpa").eval()
    expected: list[Tensor] = []

    def by_formula(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, **_: Any) -> Tensor:
        scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
        assert attn_mask is not None
        expected.append((scores + attn_mask).softmax(dim=-1))
        return expected[-1] @ value

    monkeypatch.setattr(F, "scaled_dot_product_attention", by_formula)
    with torch.no_grad():
        network(torch.tensor([model.read(TEXT).ids]))
    assert len(expected) == recording.num_layers
    for layer, weights in enumerate(expected):
        assert abs(recording.attention(layer) - weights[0].numpy()).max() < 5e-5
