"""Rollout, flow and the last layer's attention, against numpy over eager weights and against networkx."""

from typing import Any

import networkx
import numpy as np
import pytest

from headlens.model.analysis.flow import attention_flow
from headlens.model.effects.explain.methods import explain, why_not
from headlens.model.errors import InputError

FUSED: dict[str, Any] = {"mean": np.mean, "min": np.min, "max": np.max}


def layer(attention: np.ndarray, share: float, fusion: str) -> np.ndarray:
    mixed = share * np.eye(attention.shape[-1]) + (1 - share) * FUSED[fusion](attention, axis=0)
    return mixed / mixed.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("family", ["BERT", "ViT", "Llama"])
@pytest.mark.parametrize(("share", "fusion"), [(0.5, "mean"), (0.2, "min"), (0.7, "max"), (0.0, "mean")])
def test_rollout(family: str, share: float, fusion: str, case_of: Any) -> None:
    case = case_of(family)
    expected = np.eye(case.experiment.num_rows)
    for attention in case.attention():
        expected = layer(attention, share, fusion) @ expected
    found = explain(case.experiment, case.target, "rollout", share=share, fusion=fusion)
    np.testing.assert_allclose(found.scores, expected[case.at], atol=1e-5)
    assert found.scores.sum() == pytest.approx(1, abs=1e-5)
    assert (found.signed, found.about_output) == (False, False)


def test_rollout_of_what_is_read_and_written(case_of: Any) -> None:
    """As one square matrix over both texts' positions."""
    case = case_of("T5")
    encoder, decoder, cross = (case.attention(f"{name}_attentions") for name in ("encoder", "decoder", "cross"))
    read, written = cross[0].shape[-1], cross[0].shape[-2]
    total = np.eye(read + written)
    for attention in encoder:
        step = np.eye(read + written)
        step[:read, :read] = layer(attention, 0.5, "mean")
        total = step @ total
    for own, looked in zip(decoder, cross):
        step = np.eye(read + written)
        step[read:, read:] = layer(own, 0.5, "mean")
        total = step @ total
        step = np.eye(read + written)
        step[read:, read:] = np.eye(written) / 2
        step[read:, :read] = looked.mean(axis=0) / 2
        total = step @ total
    scores = explain(case.experiment, case.target, "rollout").scores
    np.testing.assert_allclose(scores, total[read + case.at, :read], atol=1e-5)
    assert 0 < scores.sum() < 1


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_that_is_none(share: float, case_of: Any) -> None:
    case = case_of("BERT")
    with pytest.raises(InputError):
        explain(case.experiment, case.target, "rollout", share=share)


@pytest.mark.parametrize("family", ["BERT", "ViT", "Llama"])
def test_attention_of_the_last_layer(family: str, case_of: Any) -> None:
    case = case_of(family)
    scores = explain(case.experiment, case.target, "attention").scores
    np.testing.assert_allclose(scores, case.attention()[-1].mean(axis=0)[case.at], atol=1e-5)


def test_cross_attention_of_the_last_layer(case_of: Any) -> None:
    case = case_of("T5")
    scores = explain(case.experiment, case.target, "attention").scores
    np.testing.assert_allclose(scores, case.attention("cross_attentions")[-1].mean(axis=0)[case.at], atol=1e-5)


def networkx_flow(layers: list[np.ndarray], start: np.ndarray) -> list[float]:
    graph = networkx.DiGraph()
    for index, weights in enumerate(layers):
        for (query, key), weight in np.ndenumerate(weights):
            if weight:
                graph.add_edge((index + 1, query), (index, key), capacity=weight)
    for query in np.flatnonzero(start):
        graph.add_edge("output", (len(layers), query), capacity=start[query])
    tokens = range(len(start))
    graph.add_nodes_from((0, token) for token in tokens)
    return [networkx.maximum_flow_value(graph, "output", (0, token)) for token in tokens]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("reads_all", [False, True])
def test_flow_of_random_graphs(seed: int, reads_all: bool) -> None:
    draw = np.random.default_rng(seed)
    num_tokens = int(draw.integers(2, 7))
    layers = []
    for _ in range(int(draw.integers(1, 4))):
        weights = np.where(draw.random((num_tokens, num_tokens)) < 0.6, draw.random((num_tokens, num_tokens)), 0)
        layers.append(layer(weights[None], 0.5, "mean"))
    start = np.full(num_tokens, 1 / num_tokens) if reads_all else np.eye(num_tokens)[int(draw.integers(num_tokens))]
    np.testing.assert_allclose(attention_flow(layers, start), networkx_flow(layers, start), atol=1e-4)


def test_flow_of_a_model(case_of: Any) -> None:
    case = case_of("Llama")
    layers = [layer(attention, 0.5, "mean") for attention in case.attention()]
    start = np.eye(len(layers[0]))[case.at]
    found = explain(case.experiment, case.target, "flow")
    np.testing.assert_allclose(found.scores, networkx_flow(layers, start), atol=1e-4)


def test_flow_above_the_bound(case_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    case = case_of("Llama")
    monkeypatch.setattr("headlens.model.effects.explain.reasons.MAX_EDGES", 100)
    reason = why_not(case.experiment, case.target, "flow")
    assert reason is not None
    with pytest.raises(InputError, match="would take too long"):
        explain(case.experiment, case.target, "flow")
