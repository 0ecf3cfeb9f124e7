"""Relevance by weights and their gradients (Chefer, Gur & Wolf 2021, "Generic Attention-model Explainability")."""

import torch
from torch import Tensor

from headlens.model.analysis.relevance import cross_update, relevance_through, weighted_gradients
from headlens.model.attention.inputs import AttentionInputs
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.explain.explanation import Explanation, as_scores
from headlens.model.effects.explain.positions import layers_of, reading_stage, start_row, writes_another
from headlens.model.effects.gradients import gradients_of
from headlens.model.effects.targets import Target
from headlens.model.errors import InputError

Layer = tuple[AttentionInputs, Tensor]  # and d target / d out of its heads, [head, query, d_value]


def chefer(experiment: Experiment, target: Target, *, first_layer: int = 0) -> Explanation:
    """R ← R + Ā R in each layer; of R, the row that the target is read from, less the identity that R starts as.

    Args:
        experiment: a model on an input.
        target: what is asked about.
        first_layer: where it starts; early layers overpower late ones in some models.

    Raises InputError for a layer that is not there or a target that has no gradient, CheckpointError where the heads'
    output cannot be reached.
    """
    stage = reading_stage(experiment)
    gradients = gradients_of(experiment, target)
    indices, row = experiment.unchanged.run.call_indices, start_row(experiment, target)
    num_layers = min(len(indices[each]) for each in indices if each != "vision")
    if not 0 <= first_layer < num_layers:
        raise InputError(f"The first layer must be from 0 to {num_layers - 1}, not {first_layer}.")

    def layers(stage: str) -> list[Layer]:
        own = [gradients[index] for index in indices[stage]]
        return list(zip(layers_of(experiment, stage), own))[first_layer:]

    with torch.no_grad():
        if writes_another(experiment):
            scores = row @ _crossed(layers("encoder"), layers("decoder"), layers("cross"))
        else:
            relevance = row
            for inputs, gradient in reversed(layers(stage)):
                relevance = relevance_through(relevance, inputs, gradient)
            scores = relevance - row
    held = "From the first layer on" if first_layer == 0 else f"From layer {first_layer + 1} on"
    return Explanation(
        "chefer", as_scores(scores), False, True, f"{held}, the relevance of a token to itself left out."
    )


def _crossed(encoder: list[Layer], decoder: list[Layer], cross: list[Layer]) -> Tensor:
    """R_sq [written, read] of the last layer (ibid., section 3.2, and figure 2 c)."""
    read = _identity(encoder[0][0])
    for inputs, gradient in encoder:
        read = read + weighted_gradients(inputs, gradient) @ read
    own = _identity(decoder[0][0])
    crossed = own.new_zeros(len(own), len(read))
    for (inputs, gradient), (cross_inputs, cross_gradient) in zip(decoder, cross):
        looks = weighted_gradients(inputs, gradient)
        own, crossed = own + looks @ own, crossed + looks @ crossed
        crossed = cross_update(crossed, weighted_gradients(cross_inputs, cross_gradient), own, read)
    return crossed


def _identity(inputs: AttentionInputs) -> Tensor:
    return torch.eye(inputs.query.shape[-2], device=inputs.query.device)
