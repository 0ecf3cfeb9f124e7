"""Models that are built in other ways: taken apart truly, or refused in a sentence."""

import re
from typing import Any

import numpy as np
import pytest
import torch

from headlens.model.analysis.flops import multiplications, time_layer
from headlens.model.errors import CheckpointError
from headlens.model.trace.anatomy import Anatomy
from headlens.model.trace.layer import has_experts
from headlens.model.trace.parts import Architecture
from headlens.model.trace.positions import is_learned
from tests.model.trace.models import ModelOf, module_outputs, recorded
from tests.sentences import is_one_sentence

ADDS = {  # the second layer's attention and feed-forward network as they are added, and where its norms are
    "OLMo 2": (
        "model.layers.1.post_attention_layernorm",
        "model.layers.1.post_feedforward_layernorm",
        Architecture.OUTPUT_NORM,
    ),
    "FlexOlmo": (
        "model.layers.1.post_attention_layernorm",
        "model.layers.1.post_feedforward_layernorm",
        Architecture.OUTPUT_NORM,
    ),
    "Cohere": ("model.layers.1.self_attn.o_proj", "model.layers.1.mlp.down_proj", Architecture.PARALLEL),
    "DeepSeek-V3": ("model.layers.1.self_attn.o_proj", "model.layers.1.mlp.down_proj", Architecture.PRE_NORM),
    "Llama 4": ("model.layers.1.self_attn.o_proj", "model.layers.1.feed_forward", Architecture.PRE_NORM),
    "Mixtral": ("model.layers.1.self_attn.o_proj", "model.layers.1.mlp", Architecture.PRE_NORM),
    "OPT, narrow words": (
        "model.decoder.layers.1.self_attn.out_proj",
        "model.decoder.layers.1.fc2",
        Architecture.PRE_NORM,
    ),
    "StableLM": ("model.layers.1.self_attn.o_proj", "model.layers.1.mlp.down_proj", Architecture.PRE_NORM),
    "X-MOD": ("roberta.encoder.layer.1.attention.output.dense", "", Architecture.POST_NORM),
}
WITH_EXPERTS = {"FlexOlmo", "Llama 4", "Mixtral"}
ONLY_SCALE = {"OLMo 2": True, "FlexOlmo": True, "Cohere": False, "StableLM": False, "Mixtral": True}


@pytest.mark.parametrize("family", ADDS)
def test_what_is_added_is_what_named_modules_give(family: str, model_of: ModelOf) -> None:
    attention, mlp, architecture = ADDS[family]
    model, source = model_of(family)
    anatomy, recording = recorded(model, source)
    names = tuple(name for name in (attention, mlp) if name)
    with module_outputs(model.network, names) as found, torch.inference_mode():
        model.network(**model.inputs(anatomy.model_input))
    residual = anatomy.residual_stream()
    for query in (0, 3, recording.num_tokens - 1):
        trace = anatomy.token_trace(residual, 1, recording.layers[1], query=query)
        assert trace.architecture is architecture
        np.testing.assert_allclose(trace.attention_adds, found[0][query], atol=2e-5)
        if mlp:
            np.testing.assert_allclose(trace.mlp_adds, found[1][query], atol=2e-5)
        assert (trace.mlp == ()) == (family in WITH_EXPERTS)
        assert trace.keeps_mean == ONLY_SCALE.get(family, trace.keeps_mean)
        assert ("projections" in trace.biased) == (family in ("StableLM", "OPT, narrow words", "X-MOD"))
        # the query is normed over all heads, or made by two maps: what the map of its name gives is not it
        assert trace.head_outputs is not None
        np.testing.assert_allclose(trace.head_outputs.sum(0) + trace.bias, trace.projection_output, atol=1e-5)


@pytest.mark.parametrize("family", ["BLOOM, residual normed", "LFM2", "XLNet"])
def test_what_is_not_known_is_refused(family: str, model_of: ModelOf) -> None:
    anatomy, _ = recorded(*model_of(family))
    with pytest.raises(CheckpointError, match="cannot be taken apart") as refused:
        anatomy.residual_stream()
    assert is_one_sentence(refused.value)


def test_a_table_that_is_not_added_is_no_position(model_of: ModelOf) -> None:
    """RoFormer's holds the sines and cosines that queries and keys are rotated by: zeros would leave no scores."""
    anatomy, recording = recorded(*model_of("RoFormer"))
    assert anatomy.embedding.positions is None
    with pytest.raises(CheckpointError, match="not known here where"):
        anatomy.run_reordered(1, np.arange(recording.num_tokens), positions=False)


def test_tables_of_sines_are_not_called_learned(model_of: ModelOf) -> None:
    assert not is_learned(model_of("Pegasus")[0].network)
    assert is_learned(model_of("BART")[0].network)


def test_words_that_are_narrower_than_the_layers(model_of: ModelOf) -> None:
    anatomy, recording = recorded(*model_of("OPT, narrow words"))
    embedding = anatomy.embedding
    assert embedding.positions is not None
    np.testing.assert_allclose(embedding.content + embedding.positions, embedding.rows, atol=1e-5)
    assert embedding.rows.shape == (recording.num_tokens, 32)


def test_a_complex_rotation_is_left_out_too(model_of: ModelOf) -> None:
    anatomy, recording = recorded(*model_of("Llama 4"))
    assert anatomy.residual_stream().cosines == (None, None)
    moved = anatomy.run_reordered(1, np.arange(recording.num_tokens), positions=False)
    placed = anatomy.run_reordered(1, np.arange(recording.num_tokens), positions=True)
    assert float((moved.out - placed.out).abs().max()) > 1e-3


def shared_keys(model_of: ModelOf, family: str) -> tuple[Anatomy, Any, Any]:
    anatomy, recording = recorded(*model_of(family))
    return anatomy, recording, anatomy.linear_maps(anatomy.residual_stream(), 1)


def test_costs_count_query_heads_and_both_widths(model_of: ModelOf) -> None:
    """DeepSeek's values are narrower than its keys; Llama's query heads share keys; GPT-2's maps are transposed."""
    anatomy, recording, maps = shared_keys(model_of, "DeepSeek-V3")
    assert multiplications(maps, recording.layers[1], 10)[0] == 10**2 * 4 * (8 + 6)
    anatomy, recording, maps = shared_keys(model_of, "Llama")
    squared, linear = multiplications(maps, recording.layers[1], 10)
    assert squared == 10**2 * 4 * (8 + 8)
    assert linear == 10 * (32 * 32 * 2 + 32 * 16 * 2 + 3 * 32 * 48)
    anatomy, recording, maps = shared_keys(model_of, "GPT-2")
    assert [type(part).__name__ for part in maps] == ["Conv1D"] * 4
    assert time_layer(maps, recording.layers[1], 8).linear > 0
    assert not has_experts(anatomy.network)


def test_segments_stay_with_their_tokens(model_of: ModelOf) -> None:
    model, _ = model_of("BERT")
    pair = ("Birds fly south.", "Geese fly with them.")
    recording, text_input = model.record(pair), model.read(pair)
    assert set(text_input.segments) == {0, 1}
    order = np.arange(recording.num_tokens)
    movable = np.flatnonzero(~recording.special)
    order[movable] = movable[::-1]
    anatomy = Anatomy(model, text_input, recording)
    without_positions, moved = (
        anatomy.run_reordered(1, each, positions=False) for each in (np.arange(len(order)), order)
    )
    np.testing.assert_allclose(moved.out, without_positions.out, atol=1e-5)


def test_hooks_have_names_that_exist(model_of: ModelOf) -> None:
    """What is run again is found by its name, in the network itself."""
    model, source = model_of("ALBERT")
    anatomy, recording = recorded(model, source)
    names = [name for name, _, _ in anatomy.residual_stream().layers]
    assert len(names) == recording.num_layers == 2
    assert all(re.fullmatch(r"[\w.]+", name) and model.network.get_submodule(name) is not None for name in names)
