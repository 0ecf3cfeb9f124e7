"""What each head contributes to an output: heads switched off, exactly or by the gradient."""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from headlens.model.attention.edits import stand_in
from headlens.model.base import AnyModel, AnyRun
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.gradients import gradients_of
from headlens.model.effects.targets import Target
from headlens.model.errors import InputError
from headlens.model.progress import OnStep, no_step
from headlens.model.recording.parts import Candidate

By = Literal["mean", "zero"]  # what stands in for a head that is off
StandIn = By | Experiment  # or what it gave on another input
Head = tuple[int, int]  # layer, head; both from 0
Method = Literal["exact", "gradient", "sensitivity"]


class Change(NamedTuple):
    """A target before and after heads are switched off."""

    before: float
    after: float
    probability_before: float | None  # of the candidate that is asked about; None of a target that is no choice
    probability_after: float | None
    candidates_before: list[Candidate]  # the ten best before and the ten best after
    candidates_after: list[Candidate]  # the same ones


Read = tuple[Target, Sequence[object], AnyRun]  # a target, and the run of a batch of one that it is read from


def compared(model: AnyModel, before: Read, after: Read) -> Change:
    """A target in two runs."""
    (one, one_batch, one_run), (other, other_batch, other_run) = before, after
    best = {each.logit for target, _, run in (before, after) for each in target.candidates(model, run)}
    scores = [target.probability(model, run) for target, _, run in (before, after)]
    return Change(
        before=float(one.read(model, one_batch, one_run)),
        after=float(other.read(model, other_batch, other_run)),
        probability_before=None if scores[0] is None else float(scores[0]),
        probability_after=None if scores[1] is None else float(scores[1]),
        candidates_before=one.candidates(model, one_run, sorted(best)),
        candidates_after=other.candidates(model, other_run, sorted(best)),
    )


def ablate(
    experiment: Experiment,
    heads: Iterable[Head],
    target: Target,
    *,
    by: StandIn = "mean",
    stage: str | None = None,
) -> Change:
    """Switch heads off, and see the target move (Michel et al. 2019; with their mean: Wang et al. 2023, section 2).

    Args:
        experiment: a model on an input.
        heads: that are off.
        target: what is asked about.
        by: what stands in: "mean", of the head's output over this input's positions up to the target's; "zero"; or what
            the head gave on another input of as many tokens (activation patching: Vig et al. 2020).
        stage: of attention; None: the first.

    Raises InputError for heads that are not there or an input of another length, CheckpointError where heads cannot be
    reached.
    """
    outputs = stand_ins(experiment, target, by)
    on = gates(experiment, heads, stage)
    model, batch = experiment.model, [experiment.input]
    with torch.no_grad():
        before = experiment.unchanged_for(target)
        after = before
        if on:
            after = experiment.run_from(min(on), 1, stand_in(on, outputs), options=target.options(model))
        return compared(model, (target, batch, before), (target, batch, after))


def head_effects(
    experiment: Experiment,
    target: Target,
    *,
    method: Method = "exact",
    by: StandIn = "mean",
    stage: str | None = None,
    on_step: OnStep = no_step,
) -> np.ndarray:
    """How much the target changes when each head is switched off by itself.

    Args:
        experiment: a model on an input.
        target: what is asked about.
        method: "exact": each head is off in turn; the run starts at the head's layer. "gradient": the first-order
            estimate of it, <d target / d out, stand-in - out> (attribution patching: Nanda 2023; Kramár et al. 2024).
            "sensitivity": |<out, d target / d out>|, of norm one in each layer (Michel et al. 2019, equation 3 and
            section 4.1), on this input alone; a magnitude, which nothing stands in for.
        by: as of `ablate`.
        stage: of attention; None: the first.
        on_step: called with how many layers are done; what it raises stops the run.

    Returns:
        [layer, head] float32. Below zero: the target falls without the head.

    Raises InputError, CheckpointError as `ablate`; InputError for a gradient where there is none.
    """
    stage = experiment.stages[0] if stage is None else stage
    layers = range(num_layers(experiment, stage))
    if method == "exact":
        outputs = stand_ins(experiment, target, by)
        rows = []
        for layer in layers:
            on_step(layer, len(layers))
            rows.append(_exact(experiment, target, experiment.call_index(stage, layer), outputs))
        return np.stack(rows)
    gradients = gradients_of(experiment, target)
    calls = [experiment.call_index(stage, layer) for layer in layers]
    contexts = [experiment.contexts[call] for call in calls]
    if method == "sensitivity":
        dots = [(gradients[call] * context).sum(dim=(1, 2)).abs() for call, context in zip(calls, contexts)]
        return torch.stack([row / row.norm().clamp(min=1e-30) for row in dots]).float().cpu().numpy()
    outputs = stand_ins(experiment, target, by)
    estimates = [
        (gradients[call] * (outputs[call] - context)).sum(dim=(1, 2)) for call, context in zip(calls, contexts)
    ]
    return torch.stack(estimates).float().cpu().numpy()


def _exact(experiment: Experiment, target: Target, call: int, outputs: dict[int, Tensor]) -> np.ndarray:
    """The effect of each head of one attention call, [head] float32; as many at once as a batch takes."""
    model, heads = experiment.model, range(len(experiment.contexts[call]))
    changes = []
    with torch.no_grad():
        before = float(target.read(model, [experiment.input], experiment.unchanged_for(target)))
        for first in range(0, len(heads), experiment.batch_size):
            some = heads[first : first + experiment.batch_size]
            edit = stand_in({call: _on(len(heads), [[head] for head in some])}, outputs)
            run = experiment.run_from(call, len(some), edit, options=target.options(model))
            changes.append(target.read(model, [experiment.input] * len(some), run) - before)
    return torch.cat(changes).float().cpu().numpy()


def stand_ins(experiment: Experiment, target: Target | None, by: StandIn) -> dict[int, Tensor]:
    """What stands in for each head, by the index of an attention call: [head, query or 1, d_value].

    Without a target, the mean is over all positions. Raises InputError for an experiment on an input of another length,
    CheckpointError.
    """
    contexts = experiment.contexts
    if isinstance(by, Experiment):
        others = by.contexts
        if [context.shape for context in others] != [context.shape for context in contexts]:
            raise InputError(
                f"The other input has {by.num_rows} tokens and this one {experiment.num_rows}; it needs as many."
            )
        return dict(enumerate(others))
    if by == "zero":
        return {index: torch.zeros_like(context[:, :1]) for index, context in enumerate(contexts)}
    means = dict[int, Tensor]()
    for stage, calls in experiment.unchanged.run.call_indices.items():
        end = None  # a target in the middle of a text never depends on later tokens
        if target is not None and target.position is not None and stage in ("decoder", "cross"):
            end = target.position + 1
        means |= {call: contexts[call][:, :end].mean(dim=1, keepdim=True) for call in calls}
    return means


def num_layers(experiment: Experiment, stage: str) -> int:
    """Layers of a stage."""
    return len(experiment.unchanged.run.call_indices[stage])


def num_heads(experiment: Experiment, stage: str) -> int:
    """Heads of each layer of a stage."""
    return experiment.unchanged.run.stages[stage][0].num_heads


def gates(experiment: Experiment, heads: Iterable[Head], stage: str | None) -> dict[int, Tensor]:
    """By the index of an attention call, bool [head], False where a head is off. Raises InputError."""
    off: dict[int, list[int]] = {}
    stage = experiment.stages[0] if stage is None else stage
    for layer, head in heads:
        if not (0 <= layer < num_layers(experiment, stage) and 0 <= head < num_heads(experiment, stage)):
            raise InputError(f"There is no head {head} in layer {layer} of this model.")
        off.setdefault(experiment.call_index(stage, layer), []).append(head)
    return {index: _on(num_heads(experiment, stage), [of_layer])[0] for index, of_layer in off.items()}


def _on(heads: int, off: Sequence[Sequence[int]]) -> Tensor:
    """[batch, head] bool, False where a head is off."""
    on = torch.ones(len(off), heads, dtype=torch.bool)
    for row, some in enumerate(off):
        on[row, list(some)] = False
    return on
