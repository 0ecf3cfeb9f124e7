"""All heads in a plane: alike ones together."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon

from headlens.model.attention.inputs import inputs_of_scores
from headlens.model.comparison import head_map
from headlens.model.comparison.head_map import MOST_QUERIES, compared_queries, head_divergences, lay_out
from headlens.model.errors import InputError
from tests.recordings import random_recording


def test_each_pair_by_the_distance_of_scipy() -> None:
    recording = random_recording(num_layers=2, num_heads=3, num_tokens=9)
    steps: list[tuple[int, int]] = []
    found = head_divergences(recording, lambda done, total: steps.append((done, total)))
    weights = np.concatenate([recording.attention(layer) for layer in (0, 1)]).astype(float)
    for one in range(6):
        for other in range(6):
            rows = [jensenshannon(*pair, base=2) ** 2 for pair in zip(weights[one], weights[other])]
            assert found[one, other] == pytest.approx(np.mean(rows), abs=1e-5)
    assert steps == [(done, 6) for done in range(1, 7)]


def test_heads_that_look_alike_lie_together() -> None:
    """Four heads: two look at themselves, one to the left, one to the right."""
    eye = np.eye(8)
    weights = np.stack([eye, np.roll(eye, -1, axis=1), eye, np.roll(eye, 1, axis=1)])
    scores = torch.from_numpy(np.log(weights + 1e-9)).float()
    base = random_recording(num_layers=1, num_heads=4, num_tokens=8)
    divergences = head_divergences(dataclasses.replace(base, layers=(inputs_of_scores(scores),)))
    assert divergences[0].round(3).tolist() == [0.0, 1.0, 0.0, 1.0]
    places = lay_out(divergences)
    away = np.linalg.norm(places[:, None] - places, axis=-1)
    assert away[0, 2] < 0.01
    assert min(away[0, 1], away[0, 3], away[1, 3]) > 0.8
    np.testing.assert_array_equal(lay_out(divergences), places)


def test_fewer_queries_of_long_inputs() -> None:
    assert len(compared_queries(random_recording(num_tokens=9))) == 9
    assert len(compared_queries(random_recording(num_tokens=300))) == MOST_QUERIES
    many = random_recording(num_layers=30, num_heads=16, num_tokens=40, d_head=2)
    queries = compared_queries(many)
    assert 4 <= len(queries) < 40
    assert (queries[0], queries[-1]) == (0, 39)


def test_without_scikit_learn_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_map, "can_lay_out", lambda: False)
    with pytest.raises(InputError, match="pip install"):
        lay_out(np.zeros((3, 3)))
