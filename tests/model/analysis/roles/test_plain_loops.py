"""Roles of photos and of causal texts, beside plain loops over each sentence of a definition, on random weights."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from headlens.model.analysis.roles.positions import HIGH
from headlens.model.analysis.roles.recorded import RecordedRoles
from headlens.model.recording.parts import Photo
from headlens.model.recording.recording import Recording
from tests.model.analysis.roles.test_roles import GRID, causal, of_weights, photo

Counts = Callable[[int, int], float | None]  # what a key counts for a query; None: the query is not asked
PREFIX, HEIGHT, WIDTH = 2, 14, 28
HIGH_ONES = {5, 17}
TOKENS = ("A", "b", "b", ",", "A", ".", "\n", "b")  # two alike in a row, and one that another copy ends with
WORDS = (0, 1, 1, None, 2, 2, 2, None)


def random_weights(seen: np.ndarray) -> np.ndarray:
    powers = np.exp(2 * np.random.default_rng(0).standard_normal((2, *seen.shape))) * seen
    return powers / powers.sum(axis=-1, keepdims=True)


def expected(
    weights: np.ndarray, seen: np.ndarray, free: set[int], counts: Counts, *, rest: bool, share: bool
) -> tuple[float, int]:
    """The mean over the queries that are asked, and how many these are."""
    scores = []
    for query, row in enumerate(weights.tolist()):
        keys = [key for key in range(len(row)) if seen[query, key] and (not rest or key in free)]
        found = [count for key in keys if (count := counts(query, key)) is not None]
        if len(found) < len(keys) or (rest and len(keys) < 2):
            continue
        if rest and share and sum(found) in (0, len(keys)):  # any head would score 0, or 1
            continue
        whole = math.fsum(row[key] for key in keys) if rest else 1.0
        scores.append(math.fsum(count * row[key] for count, key in zip(found, keys)) / whole)
    return (math.fsum(scores) / len(scores) if scores else math.nan), len(scores)


def assert_all(
    recording: Recording, weights: np.ndarray, seen: np.ndarray, free: set[int], by_hand: dict[str, Counts]
) -> None:
    recorded = RecordedRoles(recording)
    sums = recorded.of_layer(0)
    assert by_hand.keys() == {role.key for role in recorded.roles} - {"broad", "spread"}
    for role, means, asked in zip(recorded.roles, sums.mean, sums.count):
        for head in range(2) if role.key in by_hand else ():
            mean, count = expected(
                weights[head], seen, free, by_hand[role.key], rest=role.among == "rest", share=role.unit == "share"
            )
            assert (role.key, asked[head]) == (role.key, count)
            assert means[head] == pytest.approx(mean, rel=1e-4, abs=1e-6, nan_ok=True), role.key


def cell(position: int) -> tuple[int, int]:
    return divmod(position - PREFIX, GRID[1])


def between(query: int, key: int, *, height: float = 1, width: float = 1) -> float | None:
    """How far; None from what is no patch, 0 to it."""
    if query < PREFIX:
        return None
    (row, column), (top, left) = cell(query), cell(key)
    return math.dist((row * height, column * width), (top * height, left * width)) if key >= PREFIX else 0.0


def of_patches(told: Callable[[int, int], bool]) -> Counts:
    """By the rows and columns that lie between; every query that is a patch is asked."""

    def counts(query: int, key: int) -> float | None:
        (row, column), (top, left) = cell(query), cell(key)
        return float(told(abs(row - top), abs(column - left))) if query >= PREFIX else None

    return counts


PHOTO: dict[str, Counts] = {
    "near": of_patches(lambda rows, columns: max(rows, columns) < 2),
    "row": of_patches(lambda rows, columns: rows == 0 and columns > 0),
    "column": of_patches(lambda rows, columns: columns == 0 and rows > 0),
    "registers": lambda query, key: float(key in HIGH_ONES),
    "cls": lambda query, key: float(key == 0),
    "special": lambda query, key: float(key < PREFIX),
    "same": lambda query, key: float(key == query),
    "distance": between,
    "distance-all": between,
    "pixels": lambda query, key: between(query, key, height=HEIGHT, width=WIDTH),
    "pixels-all": lambda query, key: between(query, key, height=HEIGHT, width=WIDTH),
}
TEXT: dict[str, Counts] = {
    "previous": lambda query, key: float(key == query - 1),
    "same": lambda query, key: float(key == query),
    "word": lambda query, key: float(key != query and WORDS[key] == WORDS[query] is not None),
    "duplicate": lambda query, key: float(key != query and TOKENS[key] == TOKENS[query]),
    "induction": lambda query, key: float(0 < key < query and TOKENS[key - 1] == TOKENS[query]),
    "ends": lambda query, key: float(TOKENS[key] in ".\n"),
    "punctuation": lambda query, key: float(TOKENS[key] in ",.\n"),
    "first": lambda query, key: float(key == 0),
    "distance": lambda query, key: float(query - key),
    "distance-rest": lambda query, key: float(query - key),
}


def test_of_a_photo() -> None:
    count = PREFIX + GRID[0] * GRID[1]
    seen = np.full((count, count), True)
    norms = np.where(np.isin(np.arange(count), [1, *HIGH_ONES]), HIGH, 1.0)  # a register's own does not count
    weights = random_weights(seen)
    recording = photo(weights, outputs={"norms": norms})
    assert_all(recording, weights, seen, set(range(PREFIX, count)), PHOTO)


@pytest.mark.parametrize("special", [{0}, set()], ids=["a sink", "none"])
def test_of_a_causal_text(special: set[int]) -> None:
    places = np.arange(len(TOKENS))
    seen = np.tri(len(TOKENS), dtype=bool)
    weights = random_weights(seen)
    recording = replace(causal(weights), tokens=TOKENS, words=WORDS, special=np.isin(places, list(special)))
    by_hand = {**TEXT, "special": lambda query, key: float(key in special)}
    assert_all(recording, weights, seen, set(places.tolist()) - special, by_hand)


def test_layers_that_do_not_see_the_same() -> None:
    """The second one sees the last three tokens, as layers with a sliding window do."""
    causally = np.tri(len(TOKENS), dtype=bool)
    window = causally & ~np.tri(len(TOKENS), k=-3, dtype=bool)
    alone = []
    for seen in (causally, window):
        weights = random_weights(seen)
        known = {"tokens": TOKENS, "words": WORDS, "special": np.arange(len(TOKENS)) == 0, "stage": "decoder"}
        recording = of_weights(weights, seen, **known)
        by_hand = {**TEXT, "special": lambda query, key: float(key == 0)}
        assert_all(recording, weights, seen, set(range(1, len(TOKENS))), by_hand)
        alone.append(recording)
    both = replace(alone[0], layers=(*alone[0].layers, *alone[1].layers))
    found = RecordedRoles(both).of_all()
    for layer, recording in enumerate(alone):
        expected = RecordedRoles(recording).of_layer(0)
        np.testing.assert_array_equal(found.total[:, layer], expected.total)
        np.testing.assert_array_equal(found.count[:, layer], expected.count)


def test_cls_is_no_patch() -> None:
    """Of a model without one its share is nothing, and the first patch is as any other."""
    weights = random_weights(np.full((20, 20), True))
    tokens = tuple(f"({place // GRID[1]}, {place % GRID[1]})" for place in range(20))
    pixels = Photo(np.zeros((HEIGHT * GRID[0], WIDTH * GRID[1], 3), np.uint8), 2.5, GRID)
    recording = of_weights(weights, tokens=tokens, photo=pixels)
    recorded = RecordedRoles(recording)
    scores = dict(zip((role.key for role in recorded.roles), recorded.of_layer(0).mean))
    assert scores["cls"].tolist() == scores["special"].tolist() == [0.0, 0.0]
    np.testing.assert_allclose(scores["distance"], scores["distance-all"], rtol=1e-5)
