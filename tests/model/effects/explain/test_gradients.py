"""Gradient × input and integrated gradients, against the eager model's own gradients and captum's."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients
from torch import Tensor

from headlens.model.effects.explain.methods import explain
from headlens.model.errors import InputError
from tests.model.effects.explain.cases import Case


def rows_of(case: Case) -> Tensor:
    with torch.no_grad():
        rows: Tensor = case.eager.get_input_embeddings()(case.inputs["input_ids"])
    return rows


def values_of(case: Case) -> Callable[[Tensor], Tensor]:
    """The target [batch], of rows or pixels."""
    name = "pixel_values" if "pixel_values" in case.inputs else "inputs_embeds"
    others = {key: value for key, value in case.inputs.items() if key not in ("input_ids", "pixel_values")}

    def values(read: Tensor) -> Tensor:
        return torch.stack([case.value(case.eager(**{**others, name: row[None]}).logits) for row in read])

    return values


def as_scores(case: Case, products: Tensor) -> np.ndarray:
    if products.ndim == 3:
        return products[0].sum(dim=-1).detach().numpy()
    rows, columns = case.given.photo.grid
    height, width = products.shape[-2] // rows, products.shape[-1] // columns
    patches = [
        products[..., row * height : (row + 1) * height, column * width : (column + 1) * width].sum().item()
        for row in range(rows)
        for column in range(columns)
    ]
    return np.array([0.0, *patches])


@pytest.mark.parametrize("family", ["BERT", "ViT", "Llama", "T5"])
def test_gradient_input(family: str, case_of: Any) -> None:
    case = case_of(family)
    leaf = (case.given.pixels if family == "ViT" else rows_of(case)).clone().requires_grad_()
    (gradient,) = torch.autograd.grad(values_of(case)(leaf).sum(), leaf)
    found = explain(case.experiment, case.target, "gradient_input")
    np.testing.assert_allclose(found.scores, as_scores(case, leaf * gradient), atol=1e-5)
    assert (found.signed, found.about_output) == (True, True)


def baseline_of(case: Case, family: str) -> Tensor:
    if family == "ViT":
        return case.given.pixels.mean(dim=(2, 3), keepdim=True).expand_as(case.given.pixels)
    mask = case.model.predictor.mask_id
    token = case.eager.config.pad_token_id if mask is None else mask
    baseline = rows_of(case).clone()
    with torch.no_grad():
        table = case.eager.get_input_embeddings().weight
        row = table.mean(dim=0) if token is None else table[token]
    baseline[0, ~case.given.special] = row
    return baseline


@pytest.mark.parametrize("family", ["BERT", "ViT", "Llama", "T5"])
def test_integrated_gradients(family: str, case_of: Any) -> None:
    case = case_of(family)
    read = case.given.pixels if family == "ViT" else rows_of(case)
    values, baseline = values_of(case), baseline_of(case, family)
    expected = IntegratedGradients(values).attribute(read, baseline, n_steps=40)
    found = explain(case.experiment, case.target, "integrated", steps=40)
    np.testing.assert_allclose(found.scores, as_scores(case, expected), rtol=3e-4, atol=1e-4)

    complete = explain(case.experiment, case.target, "integrated")
    with torch.no_grad():
        difference = float(values(read) - values(baseline))
    if family != "T5":  # whose unscaled random scores jump on the way; it says how much is missing
        assert complete.scores.sum() == pytest.approx(difference, rel=0.01)
    assert (complete.signed, complete.about_output) == (True, True)


def test_no_steps(case_of: Any) -> None:
    case = case_of("BERT")
    with pytest.raises(InputError):
        explain(case.experiment, case.target, "integrated", steps=0)
