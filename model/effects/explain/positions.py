"""From which positions a target is read, and the attention between positions that leads there."""

import torch
from torch import Tensor

from headlens.model.attention.inputs import AttentionInputs
from headlens.model.attention.point import Call
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.targets import LogitTarget, SaliencyTarget, Target
from headlens.model.errors import InputError
from headlens.model.inputs.image import ImageInput


def writes_another(experiment: Experiment) -> bool:
    """Whether it reads one text and writes another, so that what is read is seen by cross attention alone."""
    return "cross" in experiment.stages


def reading_stage(experiment: Experiment) -> str:
    """The stage of attention among the positions that have scores."""
    return "encoder" if "encoder" in experiment.stages else "decoder"


def layers_of(experiment: Experiment, stage: str) -> list[AttentionInputs]:
    """The inputs of each layer of a stage, without the axis of a batch."""
    return [layer.first() for layer in experiment.unchanged.run.stages[stage]]


def num_prefix(experiment: Experiment) -> int:
    """Positions before a photo's patches; none of a text."""
    return len(getattr(experiment.model, "prefix", ()))


def start_row(experiment: Experiment, target: Target) -> Tensor:
    """The share that each position has in what the target is read from, [query]; they sum to one.

    The position of the target alone; the region's patches; [CLS]; or equal shares of all positions that it is read
    from. Of a model that writes another text, positions of that. Raises InputError, CheckpointError.
    """
    stage = "decoder" if writes_another(experiment) else reading_stage(experiment)
    last = experiment.unchanged.run.stages[stage][-1]
    row = torch.zeros(last.query.shape[-2], device=last.query.device)
    given, prefix = experiment.input, num_prefix(experiment)
    if target.position is not None:
        row[target.position] = 1
    elif isinstance(target, SaliencyTarget):
        patches = row[prefix:].view(given.photo.grid)
        patches[slice(*target.rows), slice(*target.columns)] = 1
    elif isinstance(target, LogitTarget):  # of the whole input
        row[_read_positions(experiment, target, stage)] = 1
    elif isinstance(given, ImageInput) and prefix:
        row[0] = 1
    else:
        row[:] = 1
    return row / row.sum()


def layer_gradient(experiment: Experiment, target: Target, call: int, last: int | None = None) -> Tensor:
    """d target / d out of one attention call, [head, query, d_value], in a run that starts at its layer.

    Args:
        experiment: a model on an input.
        target: that has a gradient.
        call: index of the attention call.
        last: index of the last kept layer that runs, the later ones being passed through; None: all run.

    Raises CheckpointError where the output cannot be reached.
    """
    leaves = list[Tensor]()

    def follow(index: int, _: Call, context: Tensor) -> Tensor:
        if index != call:
            return context
        leaves.append(context.detach().requires_grad_())
        return leaves[0]

    model, batch = experiment.model, [experiment.input]
    _ = experiment.contexts  # refuses where they cannot be reached
    with torch.enable_grad():
        run = experiment.run_from(call, 1, follow, last=last, options=target.options(model))
        value = target.read(model, batch, run).sum()
        (gradient,) = torch.autograd.grad(value, leaves, allow_unused=True)
    return torch.zeros_like(leaves[0][0]) if gradient is None else gradient[0]


def _read_positions(experiment: Experiment, target: Target, stage: str) -> Tensor:
    """The positions that a head reads: behind the last layer's attention nothing goes from one to another."""
    stage = "cross" if writes_another(experiment) else stage
    gradient = layer_gradient(experiment, target, experiment.unchanged.run.call_indices[stage][-1])
    read = gradient.abs().sum(dim=(0, 2)).nonzero()[:, 0]
    if not len(read):
        raise InputError("This output has no slope at this input, so it is not known which positions it is read from.")
    return read
