"""What a head's weights come to, by plain loops."""

import math

import numpy as np
import pytest

from headlens.model.analysis.heads import patch_distance, spread, strongest, token_distance
from tests.recordings import softmax

RANDOM = np.random.default_rng(7)


def random_weights(*shape: int) -> np.ndarray:
    return softmax(3 * RANDOM.normal(size=shape))


def test_the_strongest_come_in_order() -> None:
    weights = np.array([0.1, 0.4, 0.05, 0.3, 0.15])
    assert strongest(weights, 3) == [(1, 0.4), (3, 0.3), (4, 0.15)]
    assert strongest(weights, 9) == [(1, 0.4), (3, 0.3), (4, 0.15), (0, 0.1), (2, 0.05)]
    assert strongest(weights, 0) == []


def test_keys_may_be_left_out() -> None:
    weights = np.array([0.1, 0.4, 0.05, 0.3, 0.15])
    leave_out = np.array([True, True, False, False, False])
    assert strongest(weights, 2, leave_out) == [(3, 0.3), (4, 0.15)]
    assert strongest(weights, 5, leave_out) == [(3, 0.3), (4, 0.15), (2, 0.05)]
    assert strongest(weights, 2, np.ones(5, dtype=bool)) == []
    assert strongest(weights, 1, np.zeros(5, dtype=bool)) == [(1, 0.4)]


def test_of_equal_weights_the_earlier_key_comes_first() -> None:
    assert [key for key, _ in strongest(np.array([0.1, 0.3, 0.1, 0.3]), 4)] == [1, 3, 0, 2]
    for count in (30, 300):
        weights = RANDOM.integers(1, 4, count) / count  # three values only
        assert [key for key, _ in strongest(weights, count)] == sorted(range(count), key=lambda key: -weights[key])


def test_keys_and_weights_are_plain_numbers() -> None:
    ((key, weight),) = strongest(np.array([0.25, 0.75], dtype=np.float32), 1)
    assert (type(key), type(weight)) == (int, float)


@pytest.mark.parametrize("num_keys", [1, 2, 17, 1000])
def test_spread_over_all_alike_is_their_number_and_on_one_is_one(num_keys: int) -> None:
    assert spread(np.full(num_keys, 1 / num_keys)) == pytest.approx(num_keys)
    assert spread(np.eye(num_keys)) == pytest.approx(np.ones(num_keys))


def test_spread_over_some_alike_is_the_number_of_these() -> None:
    weights = np.array([[0.25, 0, 0.25, 0.25, 0, 0.25], [0, 0.5, 0, 0, 0.5, 0]])
    assert spread(weights) == pytest.approx([4, 2])


@pytest.mark.parametrize("shape", [(6,), (5, 6), (3, 5, 6)])
def test_spread_is_the_exponential_of_the_entropy(shape: tuple[int, ...]) -> None:
    weights = random_weights(*shape)
    found = spread(weights)
    assert found.shape == shape[:-1]
    for index in np.ndindex(shape[:-1]):
        entropy = -math.fsum(p * math.log(p) for p in weights[index].tolist())
        assert found[index] == pytest.approx(math.exp(entropy))


@pytest.mark.parametrize("before", [(), (2,), (2, 3)])
def test_token_distance(before: tuple[int, ...]) -> None:
    weights = random_weights(*before, 6, 6)
    found = token_distance(weights)
    assert found.shape == (*before, 6)
    for index in np.ndindex(*before, 6):
        query = index[-1]
        assert found[index] == pytest.approx(sum(weights[(*index, key)] * abs(query - key) for key in range(6)))


@pytest.mark.parametrize("before", [(), (2,), (2, 3)])
@pytest.mark.parametrize("grid", [(2, 4), (4, 2), (1, 8)])
def test_patch_distance_on_a_grid_that_is_not_square(grid: tuple[int, int], before: tuple[int, ...]) -> None:
    weights = 0.3 * random_weights(*before, 8, 8)  # the rest went to [CLS]
    cells = [(row, column) for row in range(grid[0]) for column in range(grid[1])]
    found = patch_distance(weights, grid)
    assert found.shape == (*before, 8)
    for index in np.ndindex(*before, 8):
        total = away = 0.0
        for key, cell in enumerate(cells):
            weight = float(weights[(*index, key)])
            total += weight
            away += weight * math.dist(cells[index[-1]], cell)
        assert found[index] == pytest.approx(away / total)


def test_a_patch_that_looks_at_no_patch_looks_nowhere() -> None:
    assert patch_distance(np.zeros((6, 6)), (2, 3)).tolist() == [0.0] * 6
