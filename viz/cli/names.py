"""What to call each position of an experiment's run."""

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from headlens.model.effects.experiment import Experiment
    from headlens.model.effects.targets import Target
    from headlens.model.protocol import ImageModel


def names_of(experiment: "Experiment", target: "Target") -> list[str]:
    """Of each position that an explanation scores: tokens, or what stands before the patches and then the patches."""
    import numpy as np

    from headlens.model.effects.choices import num_written
    from headlens.model.effects.removal import removable
    from headlens.model.inputs.image import ImageInput, patch_names
    from headlens.model.inputs.image_text import ImagePrompt
    from headlens.model.inputs.token_names import TokenNames

    model, given = experiment.model, experiment.input
    if isinstance(given, ImageInput):
        return [*cast("ImageModel", model).prefix, *patch_names(*given.photo.grid)]
    if isinstance(given, ImagePrompt):  # a run has the patches among the words
        is_patch = removable(experiment, target)
        patches = iter(patch_names(*given.image.photo.grid))
        names = TokenNames(model.tokenizer)  # type: ignore[attr-defined]  # of every model that reads a text
        return [next(patches) if patch else names.of_id(token) for patch, token in zip(np.asarray(is_patch), given.ids)]
    if model.description.kind == "causal" and num_written(given):
        return list(given.tokens)  # `continued` has named them
    return list(TokenNames(model.tokenizer).of_text(given))  # type: ignore[attr-defined]
