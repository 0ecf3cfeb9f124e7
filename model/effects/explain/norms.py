"""How long the vectors are that attention adds up, in one layer (Kobayashi et al. 2020)."""

from contextlib import ExitStack, suppress

import torch
from torch import Tensor, nn

from headlens.model.analysis.value_norms import value_weighted_norms
from headlens.model.attention.clone import weight_sharing_clone
from headlens.model.attention.point import Call
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.explain.explanation import Explanation, as_scores
from headlens.model.effects.explain.positions import layers_of, reading_stage, start_row, writes_another
from headlens.model.effects.targets import Target
from headlens.model.errors import CheckpointError, InputError
from headlens.model.trace.hooks import Done, is_linear

NOT_BEHIND = (
    "In this model more than one linear map lies between the heads' output and what attention adds, so its vectors "
    "have no norms to be shown."
)


def norms(experiment: Experiment, target: Target, *, layer: int | None = None) -> Explanation:
    """‖Σ_h α_h f_h(x)‖ in the row that the target is read from, of one layer.

    Args:
        experiment: a model on an input.
        target: what is asked about; only its position counts.
        layer: its index; None: the last one. Of a model that reads one text and writes another, of cross attention.

    Raises InputError for a layer that is not there, CheckpointError where the output projection is not known.
    """
    crosses = writes_another(experiment)
    stage = "cross" if crosses else reading_stage(experiment)
    layers = layers_of(experiment, stage)
    layer = len(layers) - 1 if layer is None else layer
    if not 0 <= layer < len(layers):
        raise InputError(f"The layer must be from 0 to {len(layers) - 1}, not {layer}.")
    weight = output_projection(experiment, experiment.call_index(stage, layer))
    scores = value_weighted_norms(layers[layer], weight, start_row(experiment, target))
    what = "Cross attention" if crosses else "Attention"
    return Explanation(
        "norms", as_scores(scores), False, False, f"{what} of layer {layer + 1}, all its heads together."
    )


def output_projection(experiment: Experiment, call: int) -> Tensor:
    """The weight of the linear map that reads the heads' output of an attention call, [width, head * d_value].

    Raises CheckpointError where a gate or a norm lies between, or the heads' output cannot be reached.
    """
    context = experiment.contexts[call]  # [head, query, d_value]
    rows = context.transpose(0, 1).flatten(1)  # [query, head * d_value]
    seen, found = list[int](), list[nn.Module]()

    def note(index: int, _: Call, context: Tensor) -> Tensor:
        seen.append(index)
        return context

    def first_behind(module: nn.Module, args: tuple[object, ...], output: object) -> None:
        if not seen or seen[-1] < call:
            return
        read = args[0] if args else None
        if isinstance(read, Tensor) and read.numel() == rows.numel() and _alike(read.reshape(rows.shape), rows):
            found.append(module)
        raise Done

    network = weight_sharing_clone(experiment.model.network)
    with ExitStack() as hooks, torch.no_grad(), suppress(Done):
        for module in network.modules():
            if is_linear(module):
                hooks.enter_context(module.register_forward_hook(first_behind))
        experiment.forward([experiment.input], note, network=network)
    if not found:
        raise CheckpointError(NOT_BEHIND)
    weight = found[0].weight
    assert isinstance(weight, Tensor)
    return (weight if isinstance(found[0], nn.Linear) else weight.T).detach()


def _alike(one: Tensor, other: Tensor) -> bool:
    tolerance = max(1e-3, 4 * torch.finfo(other.dtype).eps) * float(other.abs().max())
    return torch.allclose(one, other, rtol=0, atol=tolerance)
