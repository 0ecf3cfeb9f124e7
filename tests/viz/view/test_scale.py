"""From weights to levels along a colour scale."""

import numpy as np
import pytest

from headlens.viz.view.scale import colour_limit, to_levels
from tests.viz.figures.inputs import special_at


@pytest.mark.parametrize(
    ("weights", "places", "limit"),
    [
        ([0.7, 0.1, 0.2], (0,), 0.2),
        ([0.7, 0.1, 0.2], (), 0.7),
        ([0.7, 0.1, 0.2], (0, 1, 2), 0.7),
        ([1.0, 0.0, 0.0], (0,), 1.0),
        ([0.0, 0.0, 0.0], (), 1.0),
        ([[0.7, 0.1, 0.2], [0.5, 0.4, 0.1]], (0,), 0.4),
        ([[[0.7, 0.3, 0.0]], [[0.9, 0.0, 0.1]]], (0, 1), 0.1),
    ],
)
def test_the_largest_weight_on_an_ordinary_key_is_the_top(
    weights: list[object], places: tuple[int, ...], limit: float
) -> None:
    assert colour_limit(np.array(weights), special_at(3, *places)) == limit


def test_levels_are_rounded_and_end_at_the_limit() -> None:
    weights = np.array([0.0, 0.1, 0.2, 0.4, 0.5, 3.0])
    levels = to_levels(weights, 0.4)
    assert levels.dtype == np.uint8
    assert levels.tolist() == [0, 64, 128, 255, 255, 255]  # 63.75 and 127.5 upwards


def test_every_step_is_reached() -> None:
    assert to_levels(np.arange(256) / 255, 1.0).tolist() == list(range(256))


def test_each_row_may_have_a_limit_of_its_own() -> None:
    levels = to_levels(np.array([[0.1, 0.2], [0.3, 0.6]]), np.array([[0.2], [0.6]]))
    assert levels.tolist() == [[128, 255], [128, 255]]
