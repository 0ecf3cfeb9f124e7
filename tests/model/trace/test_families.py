"""Models of transformers taken apart, beside their own hidden states and the outputs of named modules."""

import copy
import dataclasses

import numpy as np
import pytest
import torch

from headlens.model import load_model
from headlens.model.errors import CheckpointError
from headlens.model.pretrained.files import locate
from headlens.model.pretrained.registry import CATALOGUE
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.model.trace.anatomy import Anatomy
from headlens.model.trace.fused import difference_from_fused
from headlens.model.trace.parts import Architecture
from headlens.model.trace.positions import grid_of, position_tables
from tests.model.huggingface.image_models import FAMILIES as IMAGES
from tests.model.huggingface.text_models import FAMILIES as TEXTS
from tests.model.huggingface.text_models import REFUSED
from tests.model.trace.models import TEXT, ModelOf, module_outputs, recorded, rows

NAMED = {  # the second layer's attention as it is added, and its feed-forward network
    "BERT": ("bert.encoder.layer.1.attention.output.dense", "bert.encoder.layer.1.output.dense"),
    "DistilBERT": ("distilbert.transformer.layer.1.attention.out_lin", "distilbert.transformer.layer.1.ffn.lin2"),
    "GPT-2": ("transformer.h.1.attn.c_proj", "transformer.h.1.mlp.c_proj"),
    "GPT-NeoX": ("gpt_neox.layers.1.attention.dense", "gpt_neox.layers.1.mlp.dense_4h_to_h"),
    "Falcon": ("transformer.h.1.self_attention.dense", "transformer.h.1.mlp.dense_4h_to_h"),
    "Llama": ("model.layers.1.self_attn.o_proj", "model.layers.1.mlp.down_proj"),
    "Gemma 2": ("model.layers.1.post_attention_layernorm", "model.layers.1.post_feedforward_layernorm"),
    "OPT": ("model.decoder.layers.1.self_attn.out_proj", "model.decoder.layers.1.fc2"),
    "T5": ("encoder.block.1.layer.0.SelfAttention.o", "encoder.block.1.layer.1.DenseReluDense.wo"),
    "BART": ("model.encoder.layers.1.self_attn.out_proj", "model.encoder.layers.1.fc2"),
    "dinov2": ("encoder.layer.1.layer_scale1", "encoder.layer.1.layer_scale2"),
    "clip-vision": ("encoder.layers.1.self_attn.out_proj", "encoder.layers.1.mlp.fc2"),
}
ARCHITECTURES = {
    **dict.fromkeys(("BERT", "DistilBERT", "ALBERT", "BART", "MPNet", "DeBERTa-v2"), Architecture.POST_NORM),
    **dict.fromkeys(
        ("GPT-2", "BLOOM", "OPT", "Llama", "ModernBERT", "gpt-oss", "T5", "vit", "clip", "beit"), Architecture.PRE_NORM
    ),
    **dict.fromkeys(("Gemma 2", "Gemma 3"), Architecture.SANDWICH_NORM),
    **dict.fromkeys(("GPT-NeoX", "GPT-J", "Falcon"), Architecture.PARALLEL),
}
ONE_MAP = ("ModernBERT", "GPT-2", "GPT-NeoX", "Phi 3", "Falcon")  # that makes queries, keys and values
UNKNOWN = ("GPT-J", "BLOOM")  # where it keeps positions
READ_BOTH_WAYS = ("BERT", "RoBERTa", "DistilBERT", "ALBERT", "MPNet", "DeBERTa-v2", "T5", "BART", *IMAGES)


EVERY = [family for family in (*TEXTS, *IMAGES) if family not in REFUSED]


@pytest.mark.parametrize("family", EVERY)
def test_its_residual_stream_is_that_of_transformers(family: str, model_of: ModelOf) -> None:
    model, source = model_of(family)
    anatomy, recording = recorded(model, source)
    residual = anatomy.residual_stream()
    arguments = {**model.inputs(anatomy.model_input), "output_hidden_states": True}
    with torch.inference_mode():
        outputs = model.network(**arguments)
    states = outputs.get("hidden_states", outputs.get("encoder_hidden_states"))
    states = outputs.encoder_hidden_states if states is None else states
    assert len(states) == recording.num_layers + 1
    for own, theirs in zip(residual.stream[:-1], states[:-1]):
        np.testing.assert_array_equal(own, rows(theirs))  # the last one is normed in many


@pytest.mark.parametrize("family", EVERY)
def test_a_token_s_trace_hangs_together(family: str, model_of: ModelOf) -> None:
    model, source = model_of(family)
    anatomy, recording = recorded(model, source)
    residual = anatomy.residual_stream()
    for layer, query in ((0, 2), (1, recording.num_tokens - 1)):
        inputs = recording.layers[layer]
        trace = anatomy.token_trace(residual, layer, inputs, query=query)
        assert ARCHITECTURES.get(family, trace.architecture) == trace.architecture
        assert (trace.projected is None) == (family in ONE_MAP or inputs.scores_only)
        np.testing.assert_allclose(trace.out, residual.stream[layer + 1, query], atol=1e-5)
        np.testing.assert_allclose(trace.weights, recording.attention(layer, query=query), atol=1e-6)
        np.testing.assert_allclose(
            float(residual.attention_adds[layer, query]), np.linalg.norm(trace.attention_adds), rtol=1e-5
        )
        if inputs.scores_only:
            assert trace.context is trace.head_outputs is None
            continue
        assert trace.context is not None
        values = recording.value(layer)
        np.testing.assert_allclose(trace.context, np.einsum("hk,hkd->hd", trace.weights, values), atol=1e-5)
        np.testing.assert_allclose(trace.projection_input, trace.context.reshape(-1), atol=1e-5)
        assert trace.head_outputs is not None
        np.testing.assert_allclose(trace.head_outputs.sum(0) + trace.bias, trace.projection_output, atol=1e-5)
        fused = difference_from_fused(inputs)
        assert fused is None if inputs.softcap or inputs.sinks is not None else fused is not None and fused < 1e-5


@pytest.mark.parametrize("family", NAMED)
def test_what_is_added_is_what_named_modules_give(family: str, model_of: ModelOf) -> None:
    model, source = model_of(family)
    anatomy, recording = recorded(model, source)
    with module_outputs(model.network, NAMED[family]) as found, torch.inference_mode():
        model.network(**model.inputs(anatomy.model_input))
    residual = anatomy.residual_stream()
    for query in (0, 3, recording.num_tokens - 1):
        trace = anatomy.token_trace(residual, 1, recording.layers[1], query=query)
        np.testing.assert_allclose(trace.attention_adds, found[0][query], atol=2e-5)
        np.testing.assert_allclose(trace.mlp_adds, found[1][query], atol=2e-5)


@pytest.mark.parametrize("family", READ_BOTH_WAYS)
def test_without_positions_rows_follow_their_tokens(family: str, model_of: ModelOf) -> None:
    anatomy, recording = recorded(*model_of(family))
    order, movable = np.arange(recording.num_tokens), np.flatnonzero(~recording.special)
    order[movable] = np.random.default_rng(0).permutation(movable)
    without_positions, moved = (
        anatomy.run_reordered(1, each, positions=False) for each in (np.arange(len(order)), order)
    )
    np.testing.assert_allclose(moved.out, without_positions.out, atol=1e-5)
    np.testing.assert_allclose(moved.weights(1, movable), without_positions.weights(1, movable), atol=1e-5)
    placed = anatomy.run_reordered(1, np.arange(len(order)), positions=True)
    np.testing.assert_array_equal(placed.weights(1, movable), recording.attention(1, 1)[movable])
    assert float((placed.out - without_positions.out).abs().max()) > 1e-3


@pytest.mark.parametrize("family", ["Llama", "Gemma 3", "gpt-oss", "Falcon"])
def test_without_a_rotation_every_token_stands_where_the_first_one_does(family: str, model_of: ModelOf) -> None:
    model, source = model_of(family)
    anatomy, recording = recorded(model, source)
    arguments = model.inputs(anatomy.model_input)
    arguments["position_ids"] = torch.zeros_like(arguments["input_ids"])
    arguments["attention_mask"] = torch.ones_like(
        arguments["input_ids"]
    )  # else it takes them for many texts of one token
    with torch.inference_mode():
        expected = model.network(**arguments, output_hidden_states=True).hidden_states[1]
    found = anatomy.run_reordered(0, np.arange(recording.num_tokens), positions=False)
    np.testing.assert_allclose(found.out, expected[0], atol=1e-5)
    cosines = anatomy.residual_stream().cosines[0]
    assert cosines is not None
    assert cosines.shape[0] == recording.num_tokens
    np.testing.assert_allclose(cosines[:, 0] / cosines[0, 0], np.cos(np.arange(recording.num_tokens)), atol=1e-5)


def test_without_learned_positions_it_runs_as_one_whose_table_is_zero(model_of: ModelOf) -> None:
    model, source = model_of("GPT-2")
    anatomy, recording = recorded(model, source)
    bare = copy.deepcopy(model.network)
    bare.transformer.wpe.weight.zero_()
    with torch.inference_mode():
        states = bare(**model.inputs(anatomy.model_input), output_hidden_states=True).hidden_states
        words = model.network.transformer.wte(torch.tensor(model.read(source).ids))
    found = anatomy.run_reordered(0, np.arange(recording.num_tokens), positions=False)
    np.testing.assert_allclose(found.out, states[1][0], atol=1e-5)
    embedding = anatomy.embedding
    assert embedding.positions is not None
    np.testing.assert_allclose(embedding.content, words, atol=1e-6)
    np.testing.assert_allclose(embedding.positions, model.network.transformer.wpe.weight[: len(words)], atol=1e-5)


@pytest.mark.parametrize("family", UNKNOWN)
def test_where_positions_are_unknown_it_says_so(family: str, model_of: ModelOf) -> None:
    anatomy, recording = recorded(*model_of(family))
    with pytest.raises(CheckpointError, match="not known here where"):
        anatomy.run_reordered(0, np.arange(recording.num_tokens), positions=False)
    assert anatomy.embedding.positions is None


def test_the_text_encoder_s_folder_gives_the_numbers_of_the_one_written_out_here(minilm: EncoderTextModel) -> None:
    """Two implementations of one model, by the same weights."""
    folder = locate(CATALOGUE["minilm-l6"])["config.json"].parent
    theirs, own = (recorded(model, TEXT) for model in (load_model(str(folder), device="cpu"), minilm))
    residuals = [anatomy.residual_stream() for anatomy, _ in (theirs, own)]
    np.testing.assert_allclose(residuals[0].stream, residuals[1].stream, atol=1e-5)
    traces = [
        anatomy.token_trace(residual, 3, recording.layers[3], query=5)
        for (anatomy, recording), residual in zip((theirs, own), residuals)
    ]
    for name, mine, theirs in zip(traces[0]._fields, *traces):
        if isinstance(mine, np.ndarray):
            np.testing.assert_allclose(mine, theirs, atol=1e-5, err_msg=name)


def test_layers_that_are_built_otherwise_are_refused(model_of: ModelOf) -> None:
    model, source = model_of("BERT")
    anatomy, recording = recorded(model, source)
    short = dataclasses.replace(recording, layers=recording.layers * 2)
    with pytest.raises(CheckpointError, match="cannot be taken apart"):
        Anatomy(model, anatomy.model_input, short).residual_stream()


@pytest.mark.parametrize(("family", "prefix"), [("vit", 1), ("clip", 1), ("deit", 2), ("siglip", 0)])
def test_a_table_of_positions_as_a_grid(family: str, prefix: int, model_of: ModelOf) -> None:
    network = model_of(family)[0].network
    (table,) = position_tables(network).values()
    grid = grid_of(network, prefix)
    assert grid is not None
    rows_of_table = table.reshape(-1, 32)
    assert rows_of_table.shape[0] == prefix + 16
    np.testing.assert_array_equal(grid.reshape(16, 32), rows_of_table[prefix:])
    assert prefix == 0 or grid_of(network, prefix - 1) is None
