"""The gradient of a target at the output of every head, in runs of some layers each: no graph of all layers is held."""

from collections.abc import Iterator

import torch
from torch import Tensor

from headlens.model.attention.point import Call
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.layers import keep_layers
from headlens.model.effects.targets import Target
from headlens.model.errors import InputError

MAX_GRAPH = 8_192  # rows of layers that one graph holds: 8 layers of 1,024 tokens


def gradients_of(experiment: Experiment, target: Target) -> tuple[Tensor, ...]:
    """d target / d out of each attention call's output: [head, query, d_value].

    The last layers run first, from the kept stream, with a graph. It gives the gradient at their heads' outputs and at
    what the layers before gave; with that, those go on. So each layer runs once, as in one graph of all.

    Raises InputError for a target that has no gradient, CheckpointError where the output cannot be reached.
    """
    if not target.has_gradient:
        raise InputError(
            "How far an embedding moves has no slope at the unchanged input; switch heads off, or take tokens away."
        )
    gradients = [torch.zeros_like(context) for context in experiment.contexts]
    kept = experiment.unchanged.layers
    above: list[Tensor | None] = [None] * len(kept)  # d target / d rows of each layer, by way of what has run
    with torch.enable_grad():
        for first, end in _segments(len(kept), max(1, MAX_GRAPH // experiment.num_rows)):
            given = [_rows(layer.output).detach().requires_grad_() for layer in kept[:first]]
            contexts, rows, value = _run(experiment, target, first, end, given)
            outputs, slopes = [value], [torch.ones_like(value)]
            if end < len(kept):
                pairs = [(own, slope) for own, slope in zip(rows[first:end], above[first:end]) if slope is not None]
                outputs, slopes = [own for own, _ in pairs], [slope for _, slope in pairs]
            if not outputs:
                continue
            found = torch.autograd.grad(outputs, [*contexts.values(), *given], slopes, allow_unused=True)
            for call, slope in zip(contexts, found):
                if slope is not None:
                    gradients[call] = slope[0]
            for index, slope in enumerate(found[len(contexts) :]):
                if slope is not None:
                    before = above[index]
                    above[index] = slope if before is None else before + slope
    return tuple(gradients)


def _segments(count: int, size: int) -> Iterator[tuple[int, int]]:
    """Layers from, to (exclusive) of each run, the last ones first; one run where no layer is known."""
    for end in range(count, 0, -size) if count else (0,):
        yield max(0, end - size), end


def _run(
    experiment: Experiment, target: Target, first: int, end: int, given: list[Tensor]
) -> tuple[dict[int, Tensor], list[Tensor], Tensor]:
    """Some layers with a graph: the contexts by the index of a call, the rows of all layers, and the target."""
    kept, contexts = experiment.unchanged.layers, dict[int, Tensor]()
    after = kept[end].calls_before if end < len(kept) else len(experiment.contexts)  # the first call behind them

    def follow(index: int, call: Call, context: Tensor) -> Tensor:
        if index < after:
            contexts[index] = context if context.requires_grad else context.detach().requires_grad_()
        return contexts.get(index, context)

    copies = [layer._replace(output=_with_rows(layer.output, rows.clone())) for layer, rows in zip(kept, given)]
    network = experiment.clone()
    last = end - 1 if end < len(kept) else None
    with keep_layers(network, lambda: 0) as ran:
        run = experiment.run_layers(
            network, [*copies, *kept[first:]], first, last, edit=follow, options=target.options(experiment.model)
        )
    value = target.read(experiment.model, [experiment.input], run).sum()
    return contexts, [_rows(layer.output) for layer in ran], value


def _rows(output: object) -> Tensor:
    rows = output[0] if isinstance(output, tuple) else output
    assert isinstance(rows, Tensor)
    return rows


def _with_rows(output: object, rows: Tensor) -> object:
    return (rows, *output[1:]) if isinstance(output, tuple) else rows
