"""Models that are built in other ways: taken apart truly, or refused in a sentence."""

import re
from typing import Any

import numpy as np
import pytest
import torch

from headlens.model.analysis.flops import measure, multiplications
from headlens.model.errors import CheckpointError
from headlens.model.trace.anatomy import Anatomy
from headlens.model.trace.layer import has_experts
from headlens.model.trace.positions import is_learned
from tests.model.trace.models import Made, heard, recorded
from tests.sentences import is_one_sentence

ADDS = {  # the second layer's attention and feed-forward network as they are added, and where its norms stand
    "OLMo 2": ("model.layers.1.post_attention_layernorm", "model.layers.1.post_feedforward_layernorm", "behind"),
    "FlexOlmo": ("model.layers.1.post_attention_layernorm", "model.layers.1.post_feedforward_layernorm", "behind"),
    "Cohere": ("model.layers.1.self_attn.o_proj", "model.layers.1.mlp.down_proj", "parallel"),
    "DeepSeek-V3": ("model.layers.1.self_attn.o_proj", "model.layers.1.mlp.down_proj", "before"),
    "Llama 4": ("model.layers.1.self_attn.o_proj", "model.layers.1.feed_forward", "before"),
    "Mixtral": ("model.layers.1.self_attn.o_proj", "model.layers.1.mlp", "before"),
    "OPT, narrow words": ("model.decoder.layers.1.self_attn.out_proj", "model.decoder.layers.1.fc2", "before"),
    "StableLM": ("model.layers.1.self_attn.o_proj", "model.layers.1.mlp.down_proj", "before"),
    "X-MOD": ("roberta.encoder.layer.1.attention.output.dense", "", "after"),
}
WITH_EXPERTS = {"FlexOlmo", "Llama 4", "Mixtral"}
ONLY_SCALE = {"OLMo 2": True, "FlexOlmo": True, "Cohere": False, "StableLM": False, "Mixtral": True}


@pytest.mark.parametrize("family", ADDS)
def test_what_is_added_is_what_named_modules_give(family: str, made: Made) -> None:
    attention, mlp, norms = ADDS[family]
    model, source = made(family)
    anatomy, recording = recorded(model, source)
    names = tuple(name for name in (attention, mlp) if name)
    with heard(model.network, names) as found, torch.inference_mode():
        model.network(**model.inputs(anatomy.given))
    walk = anatomy.walk()
    for query in (0, 3, recording.num_tokens - 1):
        taken = anatomy.steps(walk, 1, recording.layers[1], query)
        assert taken.norms == norms
        np.testing.assert_allclose(taken.attention_adds, found[0][query], atol=2e-5)
        if mlp:
            np.testing.assert_allclose(taken.mlp_adds, found[1][query], atol=2e-5)
        assert (taken.mlp == ()) == (family in WITH_EXPERTS)
        assert taken.scales == ONLY_SCALE.get(family, taken.scales)
        assert ("projections" in taken.biased) == (family in ("StableLM", "OPT, narrow words", "X-MOD"))
        # q is normed over all heads, or made in two steps: what the map of its name makes is not it
        assert taken.writes is not None
        np.testing.assert_allclose(taken.writes.sum(0) + taken.bias, taken.attended, atol=1e-5)


@pytest.mark.parametrize("family", ["BLOOM, residual normed", "LFM2", "XLNet"])
def test_what_is_not_known_is_refused(family: str, made: Made) -> None:
    anatomy, _ = recorded(*made(family))
    with pytest.raises(CheckpointError, match="cannot be taken apart") as refused:
        anatomy.walk()
    assert is_one_sentence(refused.value)


def test_a_table_that_is_not_added_is_no_position(made: Made) -> None:
    """RoFormer's holds the sines and cosines that queries and keys are turned by: as zeros it would blind all heads."""
    anatomy, recording = recorded(*made("RoFormer"))
    assert anatomy.embedding.places is None
    with pytest.raises(CheckpointError, match="not known here where"):
        anatomy.run_reordered(1, np.arange(recording.num_tokens), placed=False)


def test_tables_of_sines_are_not_called_learned(made: Made) -> None:
    assert not is_learned(made("Pegasus")[0].network)
    assert is_learned(made("BART")[0].network)


def test_words_that_are_narrower_than_the_layers(made: Made) -> None:
    anatomy, recording = recorded(*made("OPT, narrow words"))
    given = anatomy.embedding
    assert given.places is not None
    np.testing.assert_allclose(given.content + given.places, given.rows, atol=1e-5)
    assert given.rows.shape == (recording.num_tokens, 32)


def test_a_complex_rotation_is_left_out_too(made: Made) -> None:
    anatomy, recording = recorded(*made("Llama 4"))
    assert anatomy.walk().cosines == (None, None)
    moved = anatomy.run_reordered(1, np.arange(recording.num_tokens), placed=False)
    placed = anatomy.run_reordered(1, np.arange(recording.num_tokens), placed=True)
    assert float((moved.out - placed.out).abs().max()) > 1e-3


def shared_keys(made: Made, family: str) -> tuple[Anatomy, Any, Any]:
    anatomy, recording = recorded(*made(family))
    return anatomy, recording, anatomy.linear_maps(anatomy.walk(), 1)


def test_costs_count_query_heads_and_both_widths(made: Made) -> None:
    """DeepSeek's values are narrower than its keys; Llama's query heads share keys; GPT-2's maps are turned."""
    anatomy, recording, maps = shared_keys(made, "DeepSeek-V3")
    assert multiplications(maps, recording.layers[1], 10)[0] == 10**2 * 4 * (8 + 6)
    anatomy, recording, maps = shared_keys(made, "Llama")
    squared, linear = multiplications(maps, recording.layers[1], 10)
    assert squared == 10**2 * 4 * (8 + 8)
    assert linear == 10 * (32 * 32 * 2 + 32 * 16 * 2 + 3 * 32 * 48)
    anatomy, recording, maps = shared_keys(made, "GPT-2")
    assert [type(part).__name__ for part in maps] == ["Conv1D"] * 4
    assert measure(maps, recording.layers[1], 8).linear > 0
    assert not has_experts(anatomy.network)


def test_segments_stay_with_their_tokens(made: Made) -> None:
    model, _ = made("BERT")
    pair = ("Birds fly south.", "Geese fly with them.")
    recording, given = model.record(pair), model.read(pair)
    assert set(given.segments) == {0, 1}
    order = np.arange(recording.num_tokens)
    movable = np.flatnonzero(~recording.special)
    order[movable] = movable[::-1]
    anatomy = Anatomy(model, given, recording)
    without_positions, moved = (anatomy.run_reordered(1, each, placed=False) for each in (np.arange(len(order)), order))
    np.testing.assert_allclose(moved.out, without_positions.out, atol=1e-5)


def test_hooks_have_names_that_exist(made: Made) -> None:
    """What is run again is found by its name, in the network itself."""
    model, source = made("ALBERT")
    anatomy, recording = recorded(model, source)
    names = [name for name, _, _ in anatomy.walk().layers]
    assert len(names) == recording.num_layers == 2
    assert all(re.fullmatch(r"[\w.]+", name) and model.network.get_submodule(name) is not None for name in names)
