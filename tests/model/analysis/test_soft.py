"""The softmax of one query, against torch and by hand."""

import numpy as np
import pytest
import torch

from headlens.model.analysis.soft import at_temperature, neighbourhood, slopes

SCORES = np.array([[2.0, -1.0, 0.5, 2.5], [0.0, 0.0, -3.0, 88.0]])


@pytest.mark.parametrize("temperature", [0.01, 0.5, 1.0, 10.0])
def test_it_is_torchs_softmax_of_what_is_divided(temperature: float) -> None:
    expected = torch.from_numpy(SCORES / temperature).softmax(-1).numpy()
    np.testing.assert_allclose(at_temperature(SCORES, temperature), expected, atol=1e-12)


def test_at_zero_one_key_wins() -> None:
    assert at_temperature(SCORES, 0).tolist() == [[0, 0, 0, 1], [0, 0, 0, 1]]


def test_slopes_are_the_diagonal_of_the_jacobian() -> None:
    scores = torch.from_numpy(SCORES[0])
    jacobian = torch.autograd.functional.jacobian(lambda row: row.softmax(-1), scores)
    assert isinstance(jacobian, torch.Tensor)
    np.testing.assert_allclose(slopes(scores.softmax(-1).numpy()), jacobian.diagonal().numpy(), atol=1e-12)


def test_a_neighbourhood_is_the_largest_weights_and_the_query_in_order() -> None:
    weights = np.array([0.1, 0.3, 0.05, 0.25, 0.3])
    assert neighbourhood(weights, query=2, count=2).tolist() == [1, 2, 4]
    assert neighbourhood(weights, query=1, count=2).tolist() == [1, 4]
    assert neighbourhood(weights, query=1).tolist() == [0, 1, 2, 3, 4]
    assert neighbourhood(np.ones(1), query=0).tolist() == [0]
    assert len(neighbourhood(np.arange(512.0), query=0)) == 25
