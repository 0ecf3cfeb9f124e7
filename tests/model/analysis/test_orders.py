"""Heads measured and put in order, by plain loops."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headlens.model.analysis.orders import head_order
from headlens.model.analysis.roles.recorded import role_scores
from headlens.model.analysis.sample import LONG, SAMPLE, sampled_queries
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.recording.parts import Photo
from headlens.model.recording.recording import Recording
from tests.recordings import random_recording


def test_by_layer_and_head() -> None:
    heads = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert head_order(None, 2, 3) == [(*head, None) for head in heads]
    measured = np.array([[1.0, 3.0, np.nan], [3.0, 0.5, 3.0]])
    in_place = head_order(measured, 2, 3, by_layer=True)
    assert in_place == [(*head, value) for head, value in zip(heads, [1.0, 3.0, None, 3.0, 0.5, 3.0])]
    assert head_order(measured, 2, 3)[-1] == (0, 2, None), "what could not be measured comes last"


def test_the_largest_first_and_equal_ones_by_layer_and_head() -> None:
    measured = np.array([[1.0, 3.0, 2.0], [3.0, 0.5, 3.0]])
    assert [(layer, head) for layer, head, _ in head_order(measured, 2, 3)] == [
        (0, 1),
        (1, 0),
        (1, 2),
        (0, 2),
        (0, 0),
        (1, 1),
    ]


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=12, max_size=12))
def test_each_head_once_with_its_own_number(numbers: list[float]) -> None:
    measured = np.array(numbers, np.float32).reshape(3, 4)
    order = head_order(measured, 3, 4)
    assert all(value == measured[layer, head] for layer, head, value in order)
    assert [(-float(value or 0), layer, head) for layer, head, value in order] == sorted(
        (-float(measured[layer, head]), layer, head) for layer in range(3) for head in range(4)
    )
    assert {type(part) for entry in order for part in entry} == {int, float}


def text() -> Recording:
    return dataclasses.replace(random_recording(), special=np.arange(7) % 6 == 0)


def photo() -> Recording:
    pixels = Photo(np.zeros((28, 42, 3), np.uint8), 1.5, (2, 3))
    return dataclasses.replace(text(), photo=pixels, prefix_tokens=1)


def spread_by_hand(recording: Recording, row: list[float], query: int) -> float:
    return math.exp(-math.fsum(weight * math.log(weight) for weight in row if weight > 0))


def special_by_hand(recording: Recording, row: list[float], query: int) -> float:
    return math.fsum(weight for weight, special in zip(row, recording.special) if special)


def distance_by_hand(recording: Recording, row: list[float], query: int) -> float:
    if recording.grid is None:
        return math.fsum(weight * abs(query - key) for key, weight in enumerate(row))
    columns, first = recording.grid[1], recording.prefix_tokens
    cells = [divmod(patch, columns) for patch in range(len(row) - first)]
    patches = row[first:]
    away = math.fsum(weight * math.dist(cells[query - first], cell) for weight, cell in zip(patches, cells))
    return away / math.fsum(patches)


BY_HAND: dict[str, Callable[[Recording, list[float], int], float]] = {
    "spread": spread_by_hand,
    "special": special_by_hand,
    "distance": distance_by_hand,
}


def assert_measured(recording: Recording, layer: int, order: str, *, heads: list[int]) -> None:
    found = role_scores(recording)[order][layer]
    assert found.shape == (recording.num_heads,)
    for head in heads:
        weights = recording.attention(layer, head).astype(float).tolist()
        everything = sampled_queries(recording.num_tokens)
        queries = everything[recording.prefix_tokens if order == "distance" else 0 :]
        rows = [BY_HAND[order](recording, weights[query], query) for query in queries]
        assert found[head] == pytest.approx(math.fsum(rows) / len(rows), rel=1e-4)


@pytest.mark.parametrize("order", BY_HAND)
@pytest.mark.parametrize("record", [text, photo])
def test_a_head_s_number_is_the_mean_over_its_queries(record: Callable[[], Recording], order: str) -> None:
    assert_measured(record(), 1, order, heads=[0, 1, 2])


@pytest.mark.parametrize("order", BY_HAND)
def test_the_heads_of_a_real_photo(order: str, dinov2: EncoderImageModel, sample_photo: Callable[[str], Path]) -> None:
    assert_measured(dinov2.record(sample_photo("coffee"), 224), 11, order, heads=[4])


def test_how_much_rests_on_far_residues() -> None:
    protein = random_recording(num_tokens=16)
    protein = dataclasses.replace(protein, special=np.isin(np.arange(16), [0, 15]), unit="residue")
    for head, found in enumerate(role_scores(protein)["far"][1]):
        weights = protein.attention(1, head).astype(float).tolist()
        shares = [
            math.fsum(weights[i][j] for j in range(1, 15) if abs(i - j) >= 6) / math.fsum(weights[i][1:15])
            for i in range(1, 15)
        ]
        assert found == pytest.approx(math.fsum(shares) / len(shares), rel=1e-5)
    assert np.isnan(role_scores(dataclasses.replace(random_recording(num_tokens=6), unit="residue"))["far"]).all()


def test_all_queries_up_to_a_length_and_evenly_spaced_ones_above_it() -> None:
    assert sampled_queries(1).tolist() == [0]
    assert sampled_queries(LONG).tolist() == list(range(LONG))
    sample = sampled_queries(LONG + 1)
    assert (len(sample), sample[0], sample[-1]) == (SAMPLE, 0, LONG)
    assert set(np.diff(sample)) == {LONG // (SAMPLE - 1), LONG // (SAMPLE - 1) + 1}


@pytest.mark.parametrize("order", BY_HAND)
def test_long_inputs_are_measured_by_a_sample_of_their_queries(order: str) -> None:
    long = random_recording(num_layers=1, num_heads=1, num_tokens=2_101)
    special = np.arange(2_101) % 700 == 0
    assert_measured(dataclasses.replace(long, special=special), 0, order, heads=[0])
    pixels = Photo(np.zeros((28, 14, 3), np.uint8), 1.5, (42, 50))
    assert_measured(dataclasses.replace(long, special=special, photo=pixels, prefix_tokens=1), 0, order, heads=[0])
