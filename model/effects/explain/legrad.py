"""LeGrad (Bousselham et al. 2024, "An Explainability Method for Vision Transformers via Feature Formation")."""

import torch

from headlens.model.analysis.relevance import positive_gradients
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.explain.explanation import Explanation, as_scores
from headlens.model.effects.explain.positions import layer_gradient, layers_of, num_prefix, reading_stage
from headlens.model.effects.targets import Target
from headlens.model.errors import InputError
from headlens.model.inputs.image import ImageInput


def legrad(experiment: Experiment, target: Target, *, layers: int = 2) -> Explanation:
    """Each of the last layers' own rows scored by the model's head; the positive slopes of its weights, summed.

    Of photos what stands before the patches counts as zero. The sum is scaled to 0 to 1, once.

    Args:
        experiment: a model on an input.
        target: what is asked about.
        layers: how many of the last ones count.

    Raises InputError for a number of layers that there are not, CheckpointError where the heads' output cannot be
    reached.
    """
    stage = reading_stage(experiment)
    calls, all_inputs = experiment.unchanged.run.call_indices[stage], layers_of(experiment, stage)
    if not 1 <= layers <= len(calls):
        raise InputError(f"The number of layers must be from 1 to {len(calls)}, not {layers}.")
    total = torch.zeros(all_inputs[0].key.shape[-2], device=all_inputs[0].key.device)
    for call, inputs in zip(calls[-layers:], all_inputs[-layers:]):
        gradient = layer_gradient(experiment, target, call, last=experiment.kept_layer(call))
        with torch.no_grad():
            total = total + positive_gradients(inputs, gradient)
    counted = torch.ones_like(total, dtype=torch.bool)
    if isinstance(experiment.input, ImageInput):
        counted[: num_prefix(experiment)] = False
    least, most = total[counted].min(), total[counted].max()
    scores = torch.where(counted & (most > least), (total - least) / (most - least), 0)
    count = "The last layer" if layers == 1 else f"The last {layers} layers"
    return Explanation("legrad", as_scores(scores), False, True, f"{count}, scaled from the least to the most.")
