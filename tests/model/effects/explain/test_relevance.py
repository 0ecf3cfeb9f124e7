"""Chefer and LeGrad, against numpy over the eager model's materialised weights and autograd's gradients of them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from headlens.model.analysis.relevance import normalised
from headlens.model.effects.explain.methods import explain
from headlens.model.errors import InputError
from tests.model.effects.explain.cases import Case, gradients


def mean_positive(attention: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    mean: np.ndarray = (attention * gradient).clip(min=0).mean(axis=0)
    return mean


@pytest.mark.parametrize("family", ["BERT", "ViT", "Llama", "Gemma 2", "gpt-oss"])
@pytest.mark.parametrize("first", [0, 1])
def test_chefer(family: str, first: int, case_of: Any) -> None:
    case = case_of(family)
    identity = np.eye(case.experiment.num_rows)
    relevance = identity
    for attention, gradient in list(zip(case.attention(), case.gradients()))[first:]:
        attention = attention[..., : len(identity)]  # without a sink
        relevance = relevance + mean_positive(attention, gradient[..., : len(identity)]) @ relevance
    found = explain(case.experiment, case.target, "chefer", first_layer=first)
    expected = (relevance - identity)[case.at]
    np.testing.assert_allclose(found.scores, expected, rtol=0, atol=1e-5 * max(1, expected.max()))
    assert found.scores.max() > 0
    assert (found.signed, found.about_output) == (False, True)


def test_chefer_of_what_is_read_and_written(case_of: Any) -> None:
    case = case_of("T5")
    layers = {}
    for name in ("encoder", "decoder", "cross"):
        weights, slopes = case.attention(f"{name}_attentions"), case.gradients(f"{name}_attentions")
        layers[name] = [mean_positive(*pair) for pair in zip(weights, slopes)]
    read, own = (np.eye(len(layers[name][0])) for name in ("encoder", "decoder"))
    for looks in layers["encoder"]:
        read = read + looks @ read
    crossed = np.zeros((len(own), len(read)))
    for looks, across in zip(layers["decoder"], layers["cross"]):
        own, crossed = own + looks @ own, crossed + looks @ crossed
        hats = []
        for relevance in (own, read):
            rest = relevance - np.eye(len(relevance))
            hats.append(np.nan_to_num(rest / np.maximum(rest.sum(-1, keepdims=True), 1e-30)) + np.eye(len(rest)))
        crossed = crossed + hats[0].T @ across @ hats[1]
    scores = explain(case.experiment, case.target, "chefer").scores
    np.testing.assert_allclose(scores, crossed[case.at], rtol=0, atol=1e-5)
    assert len(scores) == len(case.given.ids)
    assert scores.max() > 0


def test_a_row_that_is_zero_stays_zero() -> None:
    relevance = torch.eye(3)
    relevance[1, 0] = 4
    np.testing.assert_array_equal(normalised(relevance), [[1, 0, 0], [1, 1, 0], [0, 0, 1]])


HEADS: dict[str, Callable[[Any, Tensor, bool], Tensor]] = {  # rows [1, token, width], whether of the last layer
    "BERT": lambda eager, rows, last: eager.cls(rows),
    "ViT": lambda eager, rows, last: eager.classifier(eager.vit.layernorm(rows)[:, 0]),
    "Llama": lambda eager, rows, last: eager.lm_head(rows if last else eager.model.norm(rows)),
}


def legrad(case: Case, family: str, layers: int) -> np.ndarray:
    outputs, total = case.outputs, np.zeros(case.experiment.num_rows)
    num_layers = len(outputs.attentions)
    for index in range(num_layers - layers, num_layers):
        rows = outputs.hidden_states[index + 1]  # transformers' last one of Llama has the last norm behind it
        value = case.value(HEADS[family](case.eager, rows, index == num_layers - 1))
        (slopes,) = gradients(value, [outputs.attentions[index]])
        total += (slopes.clip(min=0) * (case.attention()[index] > 0)).mean(axis=(0, 1))
    prefix = 1 if family == "ViT" else 0
    total[:prefix] = 0
    total[prefix:] -= total[prefix:].min()
    scaled: np.ndarray = total / total.max()
    return scaled


@pytest.mark.parametrize("family", HEADS)
@pytest.mark.parametrize("layers", [1, 2])
def test_legrad(family: str, layers: int, case_of: Any) -> None:
    case = case_of(family)
    found = explain(case.experiment, case.target, "legrad", layers=layers)
    np.testing.assert_allclose(found.scores, legrad(case, family, layers), atol=1e-5)
    assert (found.signed, found.about_output) == (False, True)


@pytest.mark.parametrize(("method", "option"), [("chefer", {"first_layer": 2}), ("legrad", {"layers": 0})])
def test_layers_that_are_not_there(method: str, option: dict[str, int], case_of: Any) -> None:
    case = case_of("BERT")
    with pytest.raises(InputError):
        explain(case.experiment, case.target, method, **option)
