"""The networks of model.nn taken apart: the numbers of a whole run, and those of the papers' formulas."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from headlens.model.nn.encoder import EncoderLayer
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.model.recording.recording import Recording
from headlens.model.trace.anatomy import Anatomy
from headlens.model.trace.fused import difference_from_fused
from headlens.model.trace.layer import TokenTrace
from headlens.model.trace.parts import Architecture

TROPHY = "The trophy does not fit in the brown suitcase because it is too big."
COFFEE = "assets/samples/coffee.jpg"


@contextmanager
def layer_outputs(model: EncoderTextModel | EncoderImageModel) -> Iterator[list[Tensor]]:
    """What goes into the first layer and comes out of each, when the model itself runs."""
    seen: list[Tensor] = []
    first, *_ = layers = list(model.network.encoder.layers)
    hooks = [first.register_forward_pre_hook(lambda module, args: seen.append(args[0][0]))]
    hooks += [layer.register_forward_hook(lambda module, args, output: seen.append(output[0][0])) for layer in layers]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


@dataclass(frozen=True)
class Run:
    """What a model's own run recorded, and its hidden states as the hooks saw them."""

    recording: Recording
    stream: list[Tensor]


@pytest.fixture(scope="module")
def text_run(minilm: EncoderTextModel) -> Run:
    with layer_outputs(minilm) as seen:
        return Run(minilm.record(TROPHY), seen)


@pytest.fixture(scope="module")
def photo_run(dinov2: EncoderImageModel) -> Run:
    with layer_outputs(dinov2) as seen:
        return Run(dinov2.record(COFFEE, 224), seen)


def text_of(model: EncoderTextModel, text: str | tuple[str, str] = TROPHY) -> Anatomy:
    return Anatomy(model, model.read(text), model.record(text))


def photo_of(model: EncoderImageModel) -> Anatomy:
    return Anatomy(model, model.read(COFFEE, 224), model.record(COFFEE, 224))


def same(actual: Tensor | np.ndarray, expected: Tensor | np.ndarray, atol: float, rtol: float = 0) -> None:
    np.testing.assert_allclose(np.asarray(actual), np.asarray(expected), atol=atol, rtol=rtol)


def test_the_text_encoder_s_residual_stream_is_that_of_its_run(minilm: EncoderTextModel, text_run: Run) -> None:
    told: list[int] = []
    residual = text_of(minilm).residual_stream(told.append)
    same(residual.stream, torch.stack(text_run.stream), 1e-5)
    assert told == list(range(6))
    assert residual.nbytes == 4 * (7 * 17 * 384 + 2 * 6 * 17)


def test_the_vision_transformer_s_residual_stream_is_that_of_its_run(dinov2: EncoderImageModel, photo_run: Run) -> None:
    embedding = photo_of(dinov2).embedding
    assert embedding.positions is not None
    same(embedding.content + embedding.positions, photo_run.stream[0], 1e-6)
    same(embedding.rows, photo_run.stream[0], 1e-6)
    residual = photo_of(dinov2).residual_stream()
    same(residual.stream, torch.stack(photo_run.stream), 1e-4)


def test_a_pair_is_embedded_with_its_segments(minilm: EncoderTextModel) -> None:
    anatomy, network = text_of(minilm, ("A cat.", "A dog.")), minilm.network
    text_input, embedding = minilm.read(("A cat.", "A dog.")), anatomy.embedding
    ids, segments = (torch.tensor([numbers]) for numbers in (text_input.ids, text_input.segments))
    assert embedding.positions is not None
    with torch.inference_mode():
        same(embedding.rows, network.embed(ids, segments)[0], 1e-6)
        same(embedding.content, network.tokens(ids)[0] + network.segments(segments)[0], 1e-6)
        same(embedding.positions, network.positions(len(text_input.ids)), 1e-6)


def linear(rows: np.ndarray, weights: dict[str, np.ndarray], name: str) -> np.ndarray:
    return rows @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def normed(rows: np.ndarray, weights: dict[str, np.ndarray], name: str, eps: float) -> np.ndarray:
    centred = rows - rows.mean(-1, keepdims=True)
    scaled = centred / np.sqrt(rows.var(-1, keepdims=True) + eps)
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def by_formula(layer: EncoderLayer, hidden: np.ndarray, query: int) -> dict[str, np.ndarray]:
    """One layer in float64, written out from the papers; each part made of the one before."""
    weights = {name: part.detach().double().numpy() for name, part in layer.state_dict().items()}
    eps, num_heads = layer.attention_norm.eps, layer.attention.num_heads
    scale = {name: weights.get(f"{name}_scale.factor", np.ones(1)) for name in ("attention", "mlp")}
    num_tokens, width = hidden.shape
    reads = normed(hidden, weights, "attention_norm", eps) if layer.pre_norm else hidden
    query_, key, value = (
        linear(reads, weights, f"attention.{name}").reshape(num_tokens, num_heads, -1).swapaxes(0, 1)
        for name in ("query", "key", "value")
    )
    scores = np.einsum("hd,hkd->hk", query_[:, query], key) / np.sqrt(width / num_heads)
    raised = np.exp(scores - scores.max(-1, keepdims=True))
    attention = raised / raised.sum(-1, keepdims=True)
    context = np.einsum("hk,hkd->hd", attention, value)
    attended = linear(context.reshape(-1), weights, "attention.output")
    adds = attended * scale["attention"]
    between = hidden[query] + adds
    if not layer.pre_norm:
        between = normed(between, weights, "attention_norm", eps)
    inner = linear(normed(between, weights, "mlp_norm", eps) if layer.pre_norm else between, weights, "mlp.0")
    gelu = F.gelu(torch.from_numpy(inner)).numpy()
    mlp_adds = linear(gelu, weights, "mlp.2") * scale["mlp"]
    out = between + mlp_adds
    return {
        "hidden": hidden[query],
        "reads": reads[query],
        "projected": query_[:, query],
        "scores": scores,
        "weights": attention,
        "context": context,
        "projection_input": context.reshape(-1),
        "bias": weights["attention.output.bias"],
        "projection_output": attended,
        "attention_adds": adds,
        "between": between,
        "mlp_adds": mlp_adds,
        "out": out if layer.pre_norm else normed(out, weights, "mlp_norm", eps),
    }


def check_trace(model: EncoderTextModel | EncoderImageModel, run: Run, *, at: tuple[int, int], atol: float) -> None:
    (index, query), recording, stream = at, run.recording, run.stream
    layer = model.network.encoder.layers[index]
    assert isinstance(layer, EncoderLayer)
    anatomy = text_of(model) if isinstance(model, EncoderTextModel) else photo_of(model)
    trace = anatomy.token_trace(anatomy.residual_stream(), index, recording.layers[index], query=query)
    expected = by_formula(layer, stream[index].double().numpy(), query)
    for name in set(TokenTrace._fields) - {"architecture", "head_outputs", "mlp", "biased", "keeps_mean"}:
        same(getattr(trace, name), expected[name], atol, rtol=3e-7)  # one channel adds 193, of 24 bits
    assert trace.head_outputs is not None
    same(trace.head_outputs.sum(0) + trace.bias, trace.projection_output, atol)
    assert trace.architecture is (Architecture.PRE_NORM if layer.pre_norm else Architecture.POST_NORM)
    assert trace.mlp == ((384, 1536), (1536, 384))
    assert trace.biased == {"projections", "output", "mlp"}
    assert not trace.keeps_mean
    same(trace.out, stream[index + 1][query], atol)  # the model's own hidden state
    same(trace.scores, recording.scores(index, query=query), atol)
    same(trace.weights, recording.attention(index, query=query), atol)


@pytest.mark.parametrize("at", [(0, 0), (0, 11), (2, 5), (3, 11), (5, 16)])
def test_every_part_of_a_trace_of_the_text_encoder(
    minilm: EncoderTextModel, text_run: Run, at: tuple[int, int]
) -> None:
    check_trace(minilm, text_run, at=at, atol=1e-5)


@pytest.mark.parametrize("at", [(0, 0), (0, 384), (5, 100), (11, 0), (11, 201)])
def test_every_part_of_a_trace_of_the_vision_transformer(
    dinov2: EncoderImageModel, photo_run: Run, at: tuple[int, int]
) -> None:
    check_trace(dinov2, photo_run, at=at, atol=1e-4)


def test_what_each_part_adds_is_measured_for_every_token(minilm: EncoderTextModel, text_run: Run) -> None:
    residual = text_of(minilm).residual_stream()
    layer = minilm.network.encoder.layers[4]
    assert isinstance(layer, EncoderLayer)
    expected = by_formula(layer, text_run.stream[4].double().numpy(), 7)
    assert float(residual.attention_adds[4, 7]) == pytest.approx(np.linalg.norm(expected["attention_adds"]), abs=1e-4)
    assert float(residual.mlp_adds[4, 7]) == pytest.approx(np.linalg.norm(expected["mlp_adds"]), abs=1e-4)


def test_the_residual_stream_of_one_token(minilm: EncoderTextModel) -> None:
    text_input, recording = minilm.read("a"), minilm.record("a")
    alone = dataclasses.replace(text_input, ids=text_input.ids[1:2], type_ids=text_input.type_ids[1:2])
    one = [
        dataclasses.replace(layer, query=layer.query[:, 1:2], key=layer.key[:, 1:2], value=layer.value[:, 1:2])
        for layer in recording.layers
    ]
    names = ("tokens", "ids", "words", "special", "segments", "offsets")
    parts = {name: getattr(recording, name)[1:2] for name in names}
    anatomy = Anatomy(minilm, alone, dataclasses.replace(recording, layers=tuple(one), **parts))
    assert anatomy.residual_stream().stream.shape == (7, 1, 384)
    assert anatomy.embedding.rows.shape == (1, 384)


def test_without_positions_rows_follow_their_tokens_and_with_them_they_do_not(minilm: EncoderTextModel) -> None:
    anatomy = text_of(minilm)
    as_read, order = np.arange(17), np.array([0, 5, 3, 1, 2, 4, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6])
    without_positions, mixed = (anatomy.run_reordered(3, each, positions=False) for each in (as_read, order))
    same(mixed.out, without_positions.out, 1e-5)
    same(mixed.weights(2, as_read), without_positions.weights(2, as_read), 1e-5)
    placed, moved = (anatomy.run_reordered(3, each, positions=True) for each in (as_read, order))
    assert float((moved.out - placed.out).abs().max()) > 0.1
    assert float((without_positions.out - placed.out).abs().max()) > 0.1


def test_in_their_own_order_with_their_positions_it_is_the_recording(minilm: EncoderTextModel, text_run: Run) -> None:
    run = text_of(minilm).run_reordered(3, np.arange(17), positions=True)
    same(run.out, text_run.stream[4], 1e-5)
    same(run.weights(1, np.array([11, 4])), text_run.recording.attention(3, 1)[[11, 4]], 1e-5)


def test_another_order_is_that_of_the_tokens(minilm: EncoderTextModel) -> None:
    order = np.array([0, 2, 1, *range(3, 17)])
    run = text_of(minilm).run_reordered(5, order, positions=True)
    text_input = minilm.read(TROPHY)
    with torch.inference_mode():
        hidden, layers, _ = minilm.network(torch.tensor([[text_input.ids[index] for index in order]]))
    same(run.out[[1, 2]], hidden[0][[2, 1]], 1e-5)
    same(run.weights(4, np.array([1]))[0], layers[5].first().weights(slice(2, 3), 4)[0][order], 1e-5)


def test_nothing_of_it_stays_with_the_network(minilm: EncoderTextModel) -> None:
    """Others may be running the same network: no hook is left on it, and its positions stay."""
    before = minilm.record(TROPHY)
    anatomy = text_of(minilm)
    anatomy.run_reordered(5, np.arange(17), positions=False)
    with pytest.raises(ZeroDivisionError):
        anatomy.residual_stream(lambda layer: 1 / 0)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in minilm.network.modules())
    np.testing.assert_array_equal(minilm.record(TROPHY).attention(5), before.attention(5))


def test_the_fused_kernel_agrees(text_run: Run) -> None:
    inputs = text_run.recording.layers[3]
    found = difference_from_fused(inputs)
    assert found is not None
    assert found < 1e-5
    wrong = dataclasses.replace(inputs, value=inputs.value * float("nan"))
    assert difference_from_fused(wrong) != difference_from_fused(wrong)  # nan


def test_the_vision_transformer_without_positions_really_has_none(dinov2: EncoderImageModel) -> None:
    content = photo_of(dinov2).embedding.content
    pixels = dinov2.read(COFFEE, 224).pixels
    with torch.inference_mode():
        patches = dinov2.network.patches.projection(pixels)[0].flatten(1).T
        same(content, torch.cat((dinov2.network.cls_token[None], patches)), 1e-6)


def test_patches_come_in_another_order(dinov2: EncoderImageModel) -> None:
    """The pixels themselves are moved: the first row's first two patches of a wide photo change places."""
    order = np.arange(1 + 16 * 24)
    order[[1, 2, 385 - 1]] = 2, 385 - 1, 1
    anatomy = photo_of(dinov2)
    without_positions, moved = (anatomy.run_reordered(0, each, positions=False) for each in (np.arange(385), order))
    same(moved.out, without_positions.out, 1e-4)
