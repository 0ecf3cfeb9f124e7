"""Runs that start at a kept layer, against whole runs; what is left behind; facts about SmolLM2."""

import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from headlens.model.analysis.roles.repeated import induction_scores
from headlens.model.attention.edits import stand_in
from headlens.model.attention.inputs import AttentionInputs
from headlens.model.effects.choices import Choice, target
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.heads import ablate, head_effects, stand_ins
from headlens.model.effects.layers import nbytes
from headlens.model.effects.targets import Target
from tests.model.effects.test_heads import (
    HEADS,
    TEXT,
    ExperimentOf,
    asked_of,
    experiment_of,
    stages_of,
)

__all__ = ["experiment_of"]  # the fixture
FAMILIES = ("BERT", "ALBERT", "GPT-2", "Gemma 2", "BLOOM", "MPNet", "T5", "BART", "vit-classifier", "dinov2")


def whole_run(experiment: Experiment, off: Mapping[int, Sequence[int]], asked: Target, by: Any) -> float:
    """The target of a run from its very beginning, with heads off in some attention calls."""
    on = {}
    for call, heads in off.items():
        on[call] = torch.ones(len(experiment.contexts[call]), dtype=torch.bool)
        on[call][list(heads)] = False
    with torch.no_grad():
        run = experiment.forward([experiment.input], stand_in(on, stand_ins(experiment, asked, by)))
        return float(asked.read(experiment.model, [experiment.input], run))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_head_has_the_effect_that_it_has_in_a_whole_run(family: str, experiment_of: ExperimentOf) -> None:
    """Also where one module is called several times (ALBERT), and in all three stages of T5 and BART."""
    experiment = experiment_of(family)
    asked = asked_of(experiment)
    before = whole_run(experiment, {}, asked, "mean")
    for stage in stages_of(experiment) if len(experiment.stages) > 1 else experiment.stages:
        assert stage is not None
        effects = head_effects(experiment, asked, stage=stage)
        for layer, head in np.ndindex(*effects.shape):
            after = whole_run(experiment, {experiment.call_index(stage, layer): [head]}, asked, "mean")
            alone = ablate(experiment, [(layer, head)], asked, stage=stage)
            assert effects[layer, head] == pytest.approx(after - before, abs=2e-6)
            assert alone.after == pytest.approx(after, abs=2e-6)
        several = ablate(experiment, [(1, 0), (0, 3), (1, 2)], asked, stage=stage)
        calls = {experiment.call_index(stage, layer): heads for layer, heads in ((0, [3]), (1, [0, 2]))}
        assert several.after == pytest.approx(whole_run(experiment, calls, asked, "mean"), abs=2e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_layers_before_do_not_run(family: str, experiment_of: ExperimentOf) -> None:
    """A run from the second layer on makes only the calls from there, under the indices that they have in all."""
    experiment = experiment_of(family)
    for stage in experiment.stages:
        index, seen = experiment.call_index(stage, 1), list[int]()

        def note(at: int, call: object, context: Tensor, seen: list[int] = seen) -> Tensor:
            seen.append(at)
            return context

        with torch.no_grad():
            run = experiment.run_from(index, 3, note)
        assert index in seen
        assert min(seen) >= (index if stage != "cross" else index - 1)  # a decoder's layer makes two calls
        assert seen == list(range(min(seen), len(experiment.contexts)))
        logits = getattr(run.outputs, "logits", None)
        if logits is not None:
            assert len(logits) == 3
            whole = experiment.unchanged.run.outputs.logits
            logits = logits[:, -whole.shape[1] :]  # of a language model, the last token's alone are kept
            torch.testing.assert_close(logits, whole.expand_as(logits), rtol=0, atol=2e-6)


def test_the_bytes_that_are_kept(experiment_of: ExperimentOf) -> None:
    experiment = Experiment(experiment_of("GPT-2").model, experiment_of("GPT-2").input)
    assert experiment.nbytes == 0
    tokens, kept = len(experiment.input.ids), experiment.unchanged
    assert [nbytes(layer.output) for layer in kept.layers] == [4 * tokens * 32] * 2
    assert experiment.nbytes >= 2 * 4 * tokens * (32 + 4 * 32)  # outputs, contexts, queries, keys and values


def hooks(network: nn.Module) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in network.modules())


@pytest.mark.parametrize("family", ["BERT", "GPT-2", "BLOOM", "T5", "vit-classifier"])
def test_a_run_that_ends_early_leaves_the_model_as_it_was(family: str, experiment_of: ExperimentOf) -> None:
    experiment = Experiment(experiment_of(family).model, experiment_of(family).input)
    model, asked = experiment.model, asked_of(experiment_of(family))
    state, before = hooks(model.network), model.run([experiment.input])

    def cancel(done: int, total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    def fail(*_: object) -> Tensor:
        raise ZeroDivisionError

    with pytest.raises(KeyboardInterrupt):
        head_effects(experiment, asked, on_step=cancel)
    with pytest.raises(ZeroDivisionError):
        experiment.run_from(1, 2, fail)
    with pytest.raises(ZeroDivisionError):
        experiment.forward([experiment.input], on_layer=fail)
    head_effects(experiment, asked, method="gradient") if asked.has_gradient else None
    after = model.run([experiment.input])
    assert hooks(model.network) == state
    assert not any("forward" in module.__dict__ for module in model.network.modules())
    assert torch.equal(after.outputs.logits, before.outputs.logits)
    for stage, layers in before.stages.items():
        for one, other in zip(layers, after.stages[stage]):
            assert torch.equal(one.query, other.query)
            assert torch.equal(one.weights(slice(None)), other.weights(slice(None)))


def test_steps_are_told_in_order(experiment_of: ExperimentOf) -> None:
    experiment, told = experiment_of("GPT-2"), list[tuple[int, int]]()
    head_effects(experiment, asked_of(experiment), on_step=lambda done, total: told.append((done, total)))
    assert told == [(0, 2), (1, 2)]


@pytest.fixture
def often() -> Iterator[None]:
    """Threads take turns all the time."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("family", ["GPT-2", "BLOOM", "ALBERT"])
def test_threads_with_other_heads_off_get_what_each_gets_alone(family: str, experiment_of: ExperimentOf) -> None:
    """One Experiment, that nobody has run before."""
    first = experiment_of(family)
    experiment, asked = Experiment(first.model, first.input), asked_of(first)
    chosen = [[(0, 0)], [(1, 3)], [(0, 1), (1, 2)], []]
    alone = [ablate(first, heads, asked).after for heads in chosen]
    found: dict[int, list[float]] = {index: [] for index in range(len(chosen))}
    failed: list[BaseException] = []

    def again(index: int) -> None:
        try:
            for _ in range(8):
                found[index].append(ablate(experiment, chosen[index], asked).after)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=again, args=(index,)) for index in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert found == {index: [value] * 8 for index, value in enumerate(alone)}
    assert len(set(alone)) == len(alone)


@pytest.mark.parametrize("family", ["BERT", "GPT-2", "Llama", "Mistral, with its window", "T5", "dinov2"])
def test_weights_are_read_back_by_one_hot_values(family: str, experiment_of: ExperimentOf) -> None:
    """An unmodified kernel of torch gives its own weights where each key's value is a one for itself."""
    for layers in experiment_of(family).unchanged.run.stages.values():
        for inputs in (layer.first() for layer in layers):
            read = F.scaled_dot_product_attention(
                inputs.query,
                inputs.repeated(inputs.key),
                torch.eye(inputs.key.shape[-2]).expand(HEADS, -1, -1),
                _mask(inputs),
                scale=inputs.scale,
            )
            torch.testing.assert_close(inputs.weights(slice(None)), read, rtol=0, atol=1e-6)


def _mask(inputs: AttentionInputs) -> Tensor | None:
    if not inputs.causal:
        return inputs.mask
    later = torch.ones(inputs.query.shape[-2], inputs.key.shape[-2], dtype=torch.bool).triu(1)
    mask = torch.zeros(1) if inputs.mask is None else inputs.mask
    assert mask.dtype != torch.bool
    return mask.masked_fill(later, -torch.inf)


class RepeatedTokens(Target):
    """The mean log-probability of the tokens of a text's second half, each the same as in the first."""

    def __init__(self, ids: Sequence[int]) -> None:
        self.length, half = len(ids), len(ids) // 2
        self.at = torch.arange(half, len(ids) - 1)
        self.next = torch.tensor(ids)[self.at + 1]

    def options(self, model: Any) -> Mapping[str, object]:
        return {"logits_to_keep": self.at}

    def read(self, model: Any, batch: Sequence[Any], run: Any) -> Tensor:
        logits = run.outputs["logits"]
        logits = logits[:, self.at] if logits.shape[1] == self.length else logits
        return logits.log_softmax(-1)[:, torch.arange(len(self.at)), self.next].mean(dim=1)


def repeated_ids(half: int) -> tuple[int, ...]:
    """Random tokens, twice."""
    ids = torch.randint(1000, 40_000, (half,), generator=torch.Generator().manual_seed(0)).tolist()
    return tuple(ids * 2)


def of_ids(model: Any, ids: tuple[int, ...]) -> Any:
    """As if a text had been read."""
    count = len(ids)
    same = {"tokens": ("",) * count, "words": (None,) * count, "offsets": ((0, 0),) * count}
    numbers = {"type_ids": (0,) * count, "segments": (0,) * count, "special": np.zeros(count, bool)}
    return replace(model.read(TEXT), ids=ids, **same, **numbers)


def test_induction_heads_matter_for_what_is_repeated(smollm2: Any) -> None:
    ids = repeated_ids(8)
    experiment = Experiment(smollm2, of_ids(smollm2, ids))
    layers = experiment.unchanged.run.stages["decoder"]
    weights = np.stack([layer.first().weights(slice(None)).numpy() for layer in layers])
    scores = induction_scores(weights, 8).ravel()
    effects = head_effects(experiment, RepeatedTokens(ids)).ravel()
    most_harm = np.argsort(effects)
    strongest = np.argsort(-scores)
    assert scores[strongest[0]] > 0.5
    assert strongest[0] in most_harm[:5]
    assert effects[strongest[0]] < -0.5
    assert len(set(strongest[:10]) & set(most_harm[:27])) >= 3  # one by chance


def test_without_heads_no_position_hears_of_another(smollm2: Any) -> None:
    """To the bit: the last position's logits do not change with a word before it."""
    read = [smollm2.read(f"The capital of {country} is the city of") for country in ("France", "Spain", "Japan")]
    assert len({len(each.ids) for each in read}) == 1
    rows, with_heads = [], []
    for each in read:
        experiment = Experiment(smollm2, each)
        asked = target(experiment, Choice("next", len(each.ids) - 1))
        off = {index: torch.zeros(9, dtype=torch.bool) for index in range(30)}
        with torch.no_grad():
            run = experiment.run_from(0, 1, stand_in(off, stand_ins(experiment, asked, "zero")))
        rows.append(run.outputs.logits[0, -1])
        with_heads.append(experiment.unchanged.run.outputs.logits[0, -1])
    assert torch.equal(rows[0], rows[1])
    assert torch.equal(rows[0], rows[2])
    assert not torch.equal(with_heads[0], with_heads[1])
