"""Sentences about a head, on real recordings, with every number computed anew."""

import dataclasses
import math

import numpy as np
import pytest

from headlens.model.recording.recording import Recording
from headlens.viz.view import words
from tests.recordings import random_recording


def test_names_of_positions(trophy: Recording, coffee: Recording) -> None:
    assert [words.name_of(trophy, token) for token in (0, 2, 16)] == ["[CLS]", "“trophy”", "[SEP]"]
    assert [words.name_of(coffee, token) for token in (0, 1, 24, 25)] == [
        "[CLS]",
        "patch (0, 0)",
        "patch (0, 23)",
        "patch (1, 0)",
    ]


def test_a_rectangle_of_patches_is_called_by_its_corners(trophy: Recording, coffee: Recording) -> None:
    grid = np.arange(1, 385).reshape(16, 24)
    assert words.names_of(coffee, grid[2:5, 2:6].ravel().tolist()) == "patches (2, 2) to (4, 5), 3 × 4"
    assert words.names_of(coffee, grid[2:4, 23].tolist()) == "patches (2, 23) to (3, 23), 2 × 1"
    assert words.names_of(coffee, [24, 25]) == "patch (0, 23), patch (1, 0)"  # neighbours in the row of tokens alone
    assert words.names_of(coffee, grid[2:4, 2:4].ravel().tolist()[:3]) == "patch (2, 2), patch (2, 3), patch (3, 2)"
    assert words.names_of(coffee, [0, 1, 2]) == "[CLS], patch (0, 0), patch (0, 1)"
    assert words.names_of(coffee, [25]) == "patch (1, 0)"
    assert words.names_of(trophy, [2, 3]) == "“trophy”, “does”"


def spread_by_hand(weights: np.ndarray) -> float:
    return math.exp(-math.fsum(p * math.log(p) for p in weights.astype(float).tolist() if p > 0))


def count(number: float) -> str:
    return f"{number:.1f}" if number < 100 else f"{number:.0f}"


@pytest.mark.parametrize(("layer", "head", "query"), [(3, 1, 11), (0, 4, 0), (5, 7, 16)])
def test_a_head_of_a_text_in_words(trophy: Recording, layer: int, head: int, query: int) -> None:
    weights = trophy.attention(layer, head)
    rows = [spread_by_hand(row) for row in weights]
    away = [
        sum(float(weight) * abs(place - key) for key, weight in enumerate(row)) for place, row in enumerate(weights)
    ]
    assert words.head_in_words(trophy, layer, head, chosen=[query]) == (
        f"From {words.name_of(trophy, query)} the head spreads over {count(rows[query])} of 17 tokens; "
        f"over the whole input it spreads over {count(sum(rows) / 17)} and looks {sum(away) / 17:.1f} tokens away "
        "on average."
    )


@pytest.mark.parametrize(("layer", "head", "query"), [(0, 2, 100), (11, 4, 0)])
def test_a_head_of_a_photo_in_words(coffee: Recording, layer: int, head: int, query: int) -> None:
    weights = coffee.attention(layer, head).astype(float)
    rows = [spread_by_hand(row) for row in weights]
    places = [(row, column) for row in range(16) for column in range(24)]
    away = []
    for place, patch in zip(places, weights[1:, 1:].tolist()):
        far = sum(weight * math.dist(place, other) for weight, other in zip(patch, places))
        away.append(far / sum(patch))
    assert words.head_in_words(coffee, layer, head, chosen=[query]) == (
        f"From {words.name_of(coffee, query)} the head spreads over {count(rows[query])} of 385 tokens; "
        f"over the whole input it spreads over {count(sum(rows) / 385)} and looks {sum(away) / 384:.1f} patches away "
        "on average (of 16 × 24)."
    )


def test_thousands_have_a_comma_and_no_decimal() -> None:
    recording = random_recording(num_layers=1, num_heads=1, num_tokens=1500)
    still = dataclasses.replace(recording.layers[0], scale=0.0)  # looks at all alike
    said = words.head_in_words(dataclasses.replace(recording, layers=(still,)), 0, 0, chosen=[7])
    assert said.startswith("From “token7” the head spreads over 1,500 of 1,500 tokens; ")
    assert " it spreads over 1,500 and looks 500.0 tokens away" in said  # a third of them


@pytest.mark.parametrize(
    ("token", "written"),
    [("it", "it"), ("مرحبا", "\u2068مرحبا\u2069"), ("שלום", "\u2068שלום\u2069"), ("x٣", "\u2068x٣\u2069"), ("3", "3")],
)
def test_tokens_from_right_to_left_are_isolated(token: str, written: str) -> None:
    recording = dataclasses.replace(random_recording(), tokens=(token,) * 7)
    assert words.isolated(token) == written
    assert words.name_of(recording, 3) == f"“{written}”"
