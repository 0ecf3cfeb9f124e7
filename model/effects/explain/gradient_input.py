"""Gradient × input (Shrikumar et al. 2016, "Not Just a Black Box", section 3; of tokens: Denil et al. 2014)."""

from dataclasses import replace

import torch
from torch import Tensor

from headlens.model.effects.embeddings import replaced_embeddings
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.explain.explanation import Explanation, as_scores
from headlens.model.effects.explain.leaves import replaced_rows, summed
from headlens.model.effects.explain.positions import num_prefix
from headlens.model.effects.targets import Target
from headlens.model.inputs.image import ImageInput
from headlens.model.inputs.image_text import ImagePrompt


def gradient_input(experiment: Experiment, target: Target) -> Explanation:
    """What is read times the target's gradient: rows of embeddings, summed over the width, or a patch's pixels.

    Of an image among a text's tokens: the rows that go into the language model's first layer.

    Raises CheckpointError where the embeddings are not known.
    """
    model, given = experiment.model, experiment.input
    leaves, network = list[Tensor](), experiment.clone()

    def follow(rows: Tensor) -> Tensor:
        leaves.append(rows.detach().requires_grad_())
        return leaves[0]

    with torch.enable_grad():
        options = target.options(model)
        if isinstance(given, ImageInput):
            run = experiment.forward([replace(given, pixels=follow(given.pixels))], network=network, options=options)
        elif isinstance(given, ImagePrompt):
            with replaced_rows(network, experiment, follow):
                run = experiment.forward([given], network=network, options=options)
        else:
            with replaced_embeddings(network, follow):
                run = experiment.forward([given], network=network, options=options)
        (gradient,) = torch.autograd.grad(target.read(model, [given], run).sum(), leaves)
    products = (gradient.float() * leaves[0].detach().float())[0]
    scores = summed(products, given, num_prefix(experiment))
    held = "The rows of the tokens' embeddings as they are; positions are held."
    if isinstance(given, ImageInput):
        held = "The pixels as the model reads them, normalised: zero is the mean colour of what it was trained on."
    return Explanation("gradient_input", as_scores(scores), True, True, held)
