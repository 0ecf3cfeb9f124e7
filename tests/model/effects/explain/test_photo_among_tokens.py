"""Gradient × input of a photo that stands among a text's tokens: at the rows that go into the language model."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from headlens.model.effects.choices import target
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.explain.methods import explain
from tests.model.huggingface.image_text_models import FAMILIES, IMAGE, PROMPT, load, save_with_text
from tests.model.inputs.pictures import noise


def test_gradient_input_is_that_of_the_first_layer_s_rows(tmp_path: Path) -> None:
    """By a hook of one's own on the first layer, and autograd."""
    model: Any = load(save_with_text(tmp_path, FAMILIES["llava"]()))
    given = model.prompt(model.read(noise(96, 64)), PROMPT)
    experiment = Experiment(model, given)
    asked: Any = target(experiment)
    found = explain(experiment, asked, "gradient_input")
    leaves = list[Tensor]()

    def follow(module: object, args: tuple[Tensor, ...], kwargs: dict[str, Any]) -> Any:
        leaves.append((args[0] if args else kwargs["hidden_states"]).detach().requires_grad_())
        return (leaves[0], *args[1:]), {name: value for name, value in kwargs.items() if name != "hidden_states"}

    first = model.network.model.language_model.layers[0]
    handle = first.register_forward_pre_hook(follow, with_kwargs=True)
    try:
        logits = model.network(**{**model.batch_inputs([given]), "logits_to_keep": 0}).logits[0, -1]
    finally:
        handle.remove()
    (gradient,) = torch.autograd.grad(logits[asked.candidate] - logits[asked.against], leaves)
    expected = (gradient * leaves[0].detach())[0].sum(dim=-1).numpy()
    np.testing.assert_allclose(found.scores, expected, atol=1e-5 * max(1, np.abs(expected).max()))
    assert np.abs(expected[np.array(given.ids) == IMAGE]).max() > 0
