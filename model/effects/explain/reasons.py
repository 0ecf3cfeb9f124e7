"""Why a model, an input or a target cannot have a method: a sentence, or None where it can."""

from headlens.model.effects.embeddings import token_embeddings
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.explain.norms import output_projection
from headlens.model.effects.explain.positions import layers_of, reading_stage, writes_another
from headlens.model.effects.targets import LogitTarget, Target
from headlens.model.errors import CheckpointError
from headlens.model.inputs.image import ImageInput
from headlens.model.inputs.image_text import ImagePrompt

MAX_EDGES = 800_000  # layers × n²: the flow of all inputs takes about ten seconds
NO_GRADIENT = (
    "How far an embedding moves has no slope at the unchanged input; ask how similar it is to another one, or take "
    "tokens away."
)
ONLY_SCORES = "This model computes its attention by itself, and the values that this method needs are not recorded."
NO_POSITIONS = "The layers of this model do not look from and at the same positions, so a way back cannot be followed."
TWO_STACKS = "This method is defined for one stack of layers, and this model has an encoder and a decoder."
MIXED_PATH = "An image among the tokens of a text has no baseline that stands for nothing of both."


def weights_missing(experiment: Experiment, target: Target) -> str | None:
    """Of what follows the weights from layer to layer."""
    run = experiment.unchanged.run
    of_whole = isinstance(target, LogitTarget) and target.position is None
    if of_whole and experiment.unchanged.refusal is not None:
        return str(experiment.unchanged.refusal)  # which positions it is read from is found by a gradient
    for stage in ("encoder", "decoder"):
        shapes = {(layer.query.shape[-2], layer.key.shape[-2]) for layer in run.stages.get(stage, ())}
        if len(shapes) > 1 or any(queries != keys for queries, keys in shapes):
            return NO_POSITIONS
    return None


def flow_missing(experiment: Experiment, target: Target) -> str | None:
    """Of the maximum flow."""
    if writes_another(experiment):
        return TWO_STACKS
    layers = experiment.unchanged.run.stages[reading_stage(experiment)]
    num_tokens = layers[0].query.shape[-2]
    if len(layers) * num_tokens**2 > MAX_EDGES:
        return (
            f"The flow through {len(layers)} layers of {num_tokens:,} × {num_tokens:,} weights would take too long, as "
            f"these are more than {MAX_EDGES:,}; give a shorter text or a smaller photo."
        )
    return weights_missing(experiment, target)


def norms_missing(experiment: Experiment, target: Target) -> str | None:
    """Of the norms of value-weighted vectors."""
    stage = "cross" if writes_another(experiment) else reading_stage(experiment)
    if any(layer.scores_only for layer in layers_of(experiment, stage)):
        return ONLY_SCORES
    try:
        output_projection(experiment, experiment.unchanged.run.call_indices[stage][-1])
    except CheckpointError as error:
        return str(error)
    return weights_missing(experiment, target)


def gradient_missing(experiment: Experiment, target: Target) -> str | None:
    """Of a gradient at what is read."""
    if not target.has_gradient:
        return NO_GRADIENT
    if isinstance(experiment.input, ImageInput | ImagePrompt):
        return None
    try:
        token_embeddings(experiment.model.network)
    except CheckpointError as error:
        return str(error)
    return None


def path_missing(experiment: Experiment, target: Target) -> str | None:
    """Of gradients on the way from a baseline."""
    missing = gradient_missing(experiment, target)
    return MIXED_PATH if missing is None and isinstance(experiment.input, ImagePrompt) else missing


def relevance_missing(experiment: Experiment, target: Target) -> str | None:
    """Of weights and their gradients."""
    if not target.has_gradient:
        return NO_GRADIENT
    if experiment.unchanged.refusal is not None:
        return str(experiment.unchanged.refusal)
    stages = experiment.unchanged.run.stages
    if any(layer.scores_only for stage, layers in stages.items() if stage != "vision" for layer in layers):
        return ONLY_SCORES
    return weights_missing(experiment, target)


def legrad_missing(experiment: Experiment, target: Target) -> str | None:
    """Of each layer scored by the model's head."""
    missing = relevance_missing(experiment, target)
    return TWO_STACKS if missing is None and writes_another(experiment) else missing
