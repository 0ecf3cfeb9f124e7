"""Where information could flow, by the weights alone: the last layer's attention, rollout, flow."""

import numpy as np
import torch

from headlens.model.analysis.flow import attention_flow
from headlens.model.analysis.rollout import Fusion, fused_heads, fused_row, roll_through, rolled
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.explain.explanation import Explanation, as_scores
from headlens.model.effects.explain.positions import layers_of, reading_stage, start_row, writes_another
from headlens.model.effects.targets import Target
from headlens.model.errors import InputError
from headlens.model.progress import OnStep, no_step


def attention(experiment: Experiment, target: Target) -> Explanation:
    """The mean over heads of the last layer's weights, in the row of the target's position."""
    crosses = writes_another(experiment)
    layer = layers_of(experiment, "cross" if crosses else reading_stage(experiment))[-1]
    row = fused_row(start_row(experiment, target), layer)
    what = "cross attention" if crosses else "attention"
    return Explanation("attention", as_scores(row), False, False, f"The last layer's {what}, the mean over its heads.")


def rollout(experiment: Experiment, target: Target, *, share: float = 0.5, fusion: Fusion = "mean") -> Explanation:
    """Attention rollout (Abnar & Zuidema 2020): the product of all layers' weights.

    Where one text is read and another one written, a row of cross attention goes on in the encoder, with the same
    residual share; the rest of the row is at what was written.

    Args:
        experiment: a model on an input.
        target: what is asked about; only its position counts.
        share: of the residual connection, 0 to 1.
        fusion: how the heads of a layer become one.

    Raises InputError for a share that is none.
    """
    if not 0 <= share <= 1:
        raise InputError(f"The residual share must be from 0 to 1, not {share}.")
    row = start_row(experiment, target)
    if writes_another(experiment):
        written, row = row, torch.zeros(len(experiment.input.ids), device=row.device)
        decoder, cross = layers_of(experiment, "decoder"), layers_of(experiment, "cross")
        for own_layer, cross_layer in zip(reversed(decoder), reversed(cross)):
            written, looked = roll_through(written, cross_layer, share=share, fusion=fusion)
            row = row + looked
            written = rolled(written, own_layer, share=share, fusion=fusion)
    for layer in reversed(layers_of(experiment, reading_stage(experiment))):
        row = rolled(row, layer, share=share, fusion=fusion)
    held = f"The residual connection has a share of {share:g} in each layer; the heads' {fusion} stands for them."
    return Explanation("rollout", as_scores(row), False, False, held)


def flow(experiment: Experiment, target: Target, *, on_step: OnStep = no_step) -> Explanation:
    """Attention flow (Abnar & Zuidema 2020): the maximum flow to the target's position, as it is.

    Args:
        experiment: a model on an input.
        target: what is asked about; only its position counts.
        on_step: called with how many inputs are done, and of how many; what it raises stops the search.
    """
    capacities = list[np.ndarray]()
    for layer in layers_of(experiment, reading_stage(experiment)):
        fused = fused_heads(layer, slice(None), "mean").float().cpu().numpy()
        both = fused + np.eye(len(fused), dtype=fused.dtype)
        capacities.append(both / both.sum(axis=-1, keepdims=True))
    scores = attention_flow(capacities, start_row(experiment, target).cpu().numpy(), on_step)
    held = "The flow as it is, at most 1; the residual connection has half of each layer, the heads' mean the other."
    return Explanation("flow", scores, False, False, held)
