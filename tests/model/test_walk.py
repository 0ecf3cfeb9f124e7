"""A network taken apart gives the numbers that it gives whole, step by step."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from model.loaded import ImageModel, TextModel
from model.nn.encoder import EncoderLayer
from model.recording import Recording
from model.walk import Steps, arranged, difference_from_fused, embedding, steps, walk

TROPHY = "The trophy does not fit in the brown suitcase because it is too big."
COFFEE = "assets/samples/coffee.jpg"


@contextmanager
def layer_outputs(model: TextModel | ImageModel) -> Iterator[list[Tensor]]:
    """What goes into the first layer and comes out of each, when the model itself runs."""
    seen: list[Tensor] = []
    first, *_ = layers = list(model.network.encoder.layers)
    hooks = [first.register_forward_pre_hook(lambda module, given: seen.append(given[0][0]))]
    hooks += [layer.register_forward_hook(lambda module, given, made: seen.append(made[0][0])) for layer in layers]
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
def text_run(minilm: TextModel) -> Run:
    with layer_outputs(minilm) as seen:
        return Run(minilm.record(TROPHY), seen)


@pytest.fixture(scope="module")
def photo_run(dinov2: ImageModel) -> Run:
    with layer_outputs(dinov2) as seen:
        return Run(dinov2.record(COFFEE, 224), seen)


def same(actual: Tensor | np.ndarray, expected: Tensor | np.ndarray, atol: float, rtol: float = 0) -> None:
    np.testing.assert_allclose(np.asarray(actual), np.asarray(expected), atol=atol, rtol=rtol)


def test_the_text_encoder_walks_as_it_runs(minilm: TextModel, text_run: Run) -> None:
    told: list[int] = []
    taken = walk(minilm.network.encoder, embedding(minilm, minilm.read(TROPHY)).rows(), told.append)
    same(taken.stream, torch.stack(text_run.stream), 1e-5)
    assert told == list(range(6))
    assert taken.nbytes == 4 * (7 * 17 * 384 + 2 * 6 * 17)


def test_the_vision_transformer_walks_as_it_runs(dinov2: ImageModel, photo_run: Run) -> None:
    given = embedding(dinov2, dinov2.read(COFFEE, 224))
    same(given.content[1:] + given.places[1:], photo_run.stream[0][1:], 1e-6)
    taken = walk(dinov2.network.encoder, given.rows())
    same(taken.stream, torch.stack(photo_run.stream), 1e-4)


def test_a_pair_is_embedded_with_its_segments(minilm: TextModel) -> None:
    given = minilm.read(("A cat.", "A dog."))
    ids, segments = (torch.tensor([numbers]) for numbers in (given.ids, given.segments))
    with torch.inference_mode():
        same(embedding(minilm, given).rows(), minilm.network.embed(ids, segments)[0], 1e-6)


def linear(rows: np.ndarray, weights: dict[str, np.ndarray], name: str) -> np.ndarray:
    return rows @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def normed(rows: np.ndarray, weights: dict[str, np.ndarray], name: str, eps: float) -> np.ndarray:
    centred = rows - rows.mean(-1, keepdims=True)
    scaled = centred / np.sqrt(rows.var(-1, keepdims=True) + eps)
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def by_formula(layer: EncoderLayer, hidden: np.ndarray, query: int) -> dict[str, np.ndarray]:
    """One layer in float64, written out from the papers; each step made of the one before."""
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
        "query": query_[:, query],
        "scores": scores,
        "weights": attention,
        "context": context,
        "attended": attended,
        "attention_adds": adds,
        "between": between,
        "mlp_adds": mlp_adds,
        "out": out if layer.pre_norm else normed(out, weights, "mlp_norm", eps),
    }


def check_steps(model: TextModel | ImageModel, run: Run, place: tuple[int, int], atol: float) -> None:
    (number, query), recording, stream = place, run.recording, run.stream
    layer = model.network.encoder.layers[number]
    assert isinstance(layer, EncoderLayer)
    taken = steps(layer, stream[number][query], recording.layers[number])
    expected = by_formula(layer, stream[number].double().numpy(), query)
    for name in set(Steps._fields) - {"writes"}:
        same(getattr(taken, name), expected[name], atol, rtol=3e-7)  # one channel adds 193, of 24 bits
    same(taken.writes.sum(0) + layer.attention.output.bias.detach().numpy(), taken.attended, atol)
    same(taken.out, stream[number + 1][query], atol)  # the model's own hidden state
    same(taken.scores, recording.scores(number, query=query), atol)
    same(taken.weights, recording.attention(number, query=query), atol)


@pytest.mark.parametrize("place", [(0, 0), (0, 11), (2, 5), (3, 11), (5, 16)])
def test_every_step_of_the_text_encoder(minilm: TextModel, text_run: Run, place: tuple[int, int]) -> None:
    check_steps(minilm, text_run, place, 1e-5)


@pytest.mark.parametrize("place", [(0, 0), (0, 384), (5, 100), (11, 0), (11, 201)])
def test_every_step_of_the_vision_transformer(dinov2: ImageModel, photo_run: Run, place: tuple[int, int]) -> None:
    check_steps(dinov2, photo_run, place, 1e-4)


def test_what_each_part_adds_is_measured_for_every_token(minilm: TextModel, text_run: Run) -> None:
    taken = walk(minilm.network.encoder, embedding(minilm, minilm.read(TROPHY)).rows())
    layer = minilm.network.encoder.layers[4]
    assert isinstance(layer, EncoderLayer)
    expected = by_formula(layer, text_run.stream[4].double().numpy(), 7)
    assert float(taken.attention_adds[4, 7]) == pytest.approx(np.linalg.norm(expected["attention_adds"]), abs=1e-4)
    assert float(taken.mlp_adds[4, 7]) == pytest.approx(np.linalg.norm(expected["mlp_adds"]), abs=1e-4)


def test_one_token_walks(minilm: TextModel) -> None:
    given = embedding(minilm, minilm.read("a"))
    assert walk(minilm.network.encoder, given.rows()[1:2]).stream.shape == (7, 1, 384)


def test_without_places_rows_follow_their_tokens_and_with_them_they_do_not(minilm: TextModel) -> None:
    given, encoder = embedding(minilm, minilm.read(TROPHY)), minilm.network.encoder
    as_read, order = np.arange(17), np.array([0, 5, 3, 1, 2, 4, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6])
    blind, mixed = (arranged(encoder, given, 3, each, placed=False) for each in (as_read, order))
    same(mixed.out, blind.out, 1e-5)
    same(mixed.key, blind.key, 1e-5)
    placed, moved = (arranged(encoder, given, 3, each, placed=True) for each in (as_read, order))
    assert float((moved.out - placed.out).abs().max()) > 0.1
    assert float((blind.out - placed.out).abs().max()) > 0.1


def test_in_their_own_order_with_their_places_it_is_the_recording(minilm: TextModel, text_run: Run) -> None:
    made = arranged(minilm.network.encoder, embedding(minilm, minilm.read(TROPHY)), 3, np.arange(17), placed=True)
    same(made.query, text_run.recording.query(3), 1e-5)
    same(made.key, text_run.recording.key(3), 1e-5)
    same(made.out, text_run.stream[4], 1e-5)
    same(made.weights(1, np.array([11, 4])), text_run.recording.attention(3, 1)[[11, 4]], 1e-5)


def test_the_fused_kernel_agrees(text_run: Run) -> None:
    heads = text_run.recording.layers[3]
    assert difference_from_fused(heads) < 1e-5
    wrong = dataclasses.replace(heads, value=heads.value * float("nan"))
    assert np.isnan(difference_from_fused(wrong))


def test_the_vision_transformer_without_places_really_has_none(dinov2: ImageModel) -> None:
    given = embedding(dinov2, dinov2.read(COFFEE, 224))
    pixels = dinov2.read(COFFEE, 224).pixels
    with torch.inference_mode():
        patches = dinov2.network.patches.projection(pixels)[0].flatten(1).T
        same(given.rows(placed=False), torch.cat((dinov2.network.cls_token[None], patches)), 1e-6)
