"""The gradient at every head's output: in runs of one layer each as in one run of all."""

from typing import Any

import pytest
import torch
from torch import Tensor

from headlens.model.attention.point import Call
from headlens.model.effects import gradients
from headlens.model.effects.choices import Choice, target
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.gradients import gradients_of
from tests.model.effects.test_heads import ExperimentOf, asked_of, experiment_of

__all__ = ["experiment_of"]  # the fixture
FAMILIES = ("BERT", "ALBERT", "GPT-2", "Gemma 2", "BLOOM", "MPNet", "T5", "BART", "vit-classifier")


def of_one_graph(experiment: Experiment, asked: Any) -> list[Tensor]:
    contexts = list[Tensor]()

    def follow(index: int, call: Call, context: Tensor) -> Tensor:
        contexts.append(context if context.requires_grad else context.detach().requires_grad_())
        return contexts[-1]

    with torch.enable_grad():
        run = experiment.forward([experiment.input], follow)
        value = asked.read(experiment.model, [experiment.input], run).sum()
        found = torch.autograd.grad(value, contexts, allow_unused=True)
    return [torch.zeros_like(own[0]) if slope is None else slope[0] for own, slope in zip(contexts, found)]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("layers", [1, 2, 100])
def test_layer_by_layer_it_is_the_gradient_of_one_graph(
    family: str, layers: int, experiment_of: ExperimentOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where layers share their weights (ALBERT) and where all decoder layers look at the encoder (T5, BART)."""
    experiment = experiment_of(family)
    asked = asked_of(experiment)
    monkeypatch.setattr(gradients, "MAX_GRAPH", layers * experiment.num_rows)
    expected = of_one_graph(experiment, asked)
    found = gradients_of(experiment, asked)
    assert len(found) == len(expected) == len(experiment.contexts)
    for own, reference in zip(found, expected):
        assert torch.isfinite(own).all()
        torch.testing.assert_close(own, reference, rtol=1e-4, atol=1e-6 * float(reference.abs().max()) + 1e-12)
    assert any(bool(reference.abs().max() > 0) for reference in expected)


def test_only_the_logits_that_are_asked_for_are_kept(experiment_of: ExperimentOf) -> None:
    """Of a language model a token's in the middle are those of a run with all logits."""
    experiment = Experiment(experiment_of("GPT-2").model, experiment_of("GPT-2").input)
    assert experiment.unchanged.run.outputs.logits.shape[1] == 1
    with torch.no_grad():
        whole = experiment.forward([experiment.input]).outputs.logits[0]  # [token, candidate]
    last = len(experiment.input.ids) - 1
    for at in (0, 1, last):
        asked: Any = target(experiment, Choice("next", at))
        logits = asked.logits(experiment.unchanged_for(asked))[0]
        torch.testing.assert_close(logits, whole[at], rtol=0, atol=2e-6)
        assert asked.candidate == int(whole[at].argmax())
        runs = experiment.unchanged_for(asked), experiment.unchanged_for(asked)
        assert runs[0] is runs[1]
