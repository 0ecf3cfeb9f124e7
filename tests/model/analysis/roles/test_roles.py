"""Roles of heads: on patterns whose answer is known, and against plain loops over each sentence of a definition."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from headlens.model.analysis.roles.naming import Named, strongest_role
from headlens.model.analysis.roles.positions import HIGH, Positions, high_norm
from headlens.model.analysis.roles.recorded import RecordedRoles, positions_of
from headlens.model.analysis.roles.role import Role
from headlens.model.analysis.roles.roles import ROLES
from headlens.model.analysis.roles.score import Scorer
from headlens.model.analysis.roles.text import BROAD
from headlens.model.attention.inputs import inputs_of_scores
from headlens.model.recording.parts import Photo
from headlens.model.recording.recording import CHUNK, Recording
from tests.recordings import random_recording

SENTENCE = ("[CLS]", "the", "cat", "un", "##fold", "##ed", "the", "map", ".", "[SEP]")
WORDS = (None, 0, 1, 2, 2, 2, 3, 4, 5, None)
CAUSAL = ("A", "b", "c", ",", "A", "b", "c", "\n")
GRID = (4, 5)


def of_weights(weights: np.ndarray, seen: np.ndarray | None = None, **known: Any) -> Recording:
    """A recording of one layer with these weights [head, query, key]: their logarithms are its scores."""
    scores = torch.from_numpy(np.log(np.maximum(weights, 1e-30))).float()
    if seen is not None:
        scores = scores.masked_fill(~torch.from_numpy(seen), -math.inf)
    base = random_recording(num_layers=1, num_heads=len(weights), num_tokens=weights.shape[-1])
    return dataclasses.replace(base, layers=(inputs_of_scores(scores),), **known)


def text(weights: np.ndarray) -> Recording:
    return of_weights(weights, tokens=SENTENCE, words=WORDS, special=np.isin(np.arange(10), [0, 9]))


def causal(weights: np.ndarray) -> Recording:
    known = {"tokens": CAUSAL, "special": np.arange(8) == 0, "stage": "decoder"}
    return of_weights(weights, np.tri(8, dtype=bool), **known)


def photo(weights: np.ndarray, **known: Any) -> Recording:
    rows, columns = GRID
    pixels = Photo(np.zeros((14 * rows, 28 * columns, 3), np.uint8), 2.5, GRID)
    special = np.arange(2 + rows * columns) < 2
    tokens = ("[CLS]", "[REG]", *(f"({cell // columns}, {cell % columns})" for cell in range(rows * columns)))
    return of_weights(weights, tokens=tokens, special=special, photo=pixels, prefix_tokens=2, **known)


def pattern(count: int, looks_at: Callable[[int], list[int]], *, sink: float = 0.6, sinks: int = 0) -> np.ndarray:
    """One head [1, query, key]: so much on the first key, the rest in equal parts on those that a query looks at."""
    weights = np.zeros((1, count, count))
    for query in range(count):
        keys = [key for key in looks_at(query) if 0 <= key < count]
        weights[0, query, sinks] += sink if keys else 1.0
        for key in keys:
            weights[0, query, key] += (1 - sink) / len(keys)
    return weights


def by_key(recording: Recording) -> dict[str, float]:
    found = RecordedRoles(recording)
    return {role.key: float(score) for role, score in zip(found.roles, found.of_all().mean[:, 0, 0])}


def called(recording: Recording) -> Named | None:
    found = RecordedRoles(recording)
    sums = found.of_layer(0)
    return strongest_role(found.roles, sums.mean[:, 0], counts=sums.count[:, 0], looking=len(found.queries))


def by_scores(roles: Sequence[Role], scores: dict[str, float], *, count: int = 10, looking: int = 10) -> Named | None:
    """Of scores that are means over so many positions of those that look."""
    values = [scores.get(role.key, 0.0) for role in roles]
    return strongest_role(roles, values, counts=[count] * len(roles), looking=looking)


def beside(cell: int, *, row: bool) -> list[int]:
    return [
        2 + other for other in range(20)
        if other != cell and (other // 5 == cell // 5 if row else other % 5 == cell % 5)
    ]  # fmt: skip


TEXTS = {
    "previous": lambda query: [query - 1] * (query > 1),
    "next": lambda query: [query + 1],
    "same": lambda query: [query],
    "word": lambda query: [key for key in (3, 4, 5) if query in (3, 4, 5) and key != query],
    "duplicate": lambda query: {1: [6], 6: [1]}.get(query, []),
    "ends": lambda query: [8],
}
PHOTOS = {
    "near": lambda query: [query],
    "row": lambda query: beside(query - 2, row=True) if query > 1 else [],
    "column": lambda query: beside(query - 2, row=False) if query > 1 else [],
}


@pytest.mark.parametrize("key", TEXTS)
def test_a_head_of_a_text_that_does_one_thing(key: str) -> None:
    recording = text(pattern(10, TEXTS[key]))
    scores = by_key(recording)
    assert scores[key] == pytest.approx(1.0, abs=1e-6)
    named = called(recording)
    if key in ("word", "duplicate"):
        assert named is None, "only 3 and 2 of the 10 positions can tell these, and no other has anything left"
    else:
        assert named is not None
        assert (named.role.key, named.stands_out) == (key, True)
    looks_away = sum(any(0 < other < 9 for other in TEXTS[key](query)) for query in range(10))
    assert scores["special"] == pytest.approx((0.6 * looks_away + 10 - looks_away) / 10, abs=1e-6)
    assert scores["first"] == pytest.approx(scores["special"], abs=0.05)
    assert "induction" not in scores  # it may look at what comes later


@pytest.mark.parametrize("key", PHOTOS)
def test_a_head_of_a_photo_that_does_one_thing(key: str) -> None:
    recording = photo(pattern(22, PHOTOS[key]))
    scores = by_key(recording)
    assert scores[key] == pytest.approx(1.0, abs=1e-6)
    named = called(recording)
    assert named is not None
    assert (named.role.key, named.stands_out) == (key, True)


def test_how_far_a_patch_looks_with_and_without_what_rests_on_cls() -> None:
    scores = by_key(photo(pattern(22, lambda query: [query + 1] if query > 1 and (query - 2) % 5 < 4 else [query])))
    neighbours = 16 / 20  # patches that have one at the right
    assert scores["distance"] == pytest.approx(neighbours)
    assert scores["distance-all"] == pytest.approx(0.4 * neighbours)
    assert scores["pixels"] == pytest.approx(28 * neighbours)
    assert scores["pixels-all"] == pytest.approx(0.4 * 28 * neighbours)
    assert scores["cls"] == pytest.approx((21 * 0.6 + 1) / 22, abs=1e-6)  # [CLS] gives itself all


def test_an_induction_head_and_nothing_that_comes_later() -> None:
    after = {4: [1], 5: [2], 6: [3]}
    scores = by_key(causal(pattern(8, lambda query: after.get(query, []))))
    assert scores["induction"] == pytest.approx(1.0, abs=1e-6)
    assert scores["duplicate"] == pytest.approx(0.0, abs=1e-6)
    assert "next" not in scores
    assert by_key(causal(pattern(8, lambda query: [7] if query == 7 else [])))["punctuation"] == pytest.approx(1.0)


def test_a_query_that_sees_one_key_beside_the_sink_is_not_asked() -> None:
    """Of eight, the first two: whatever the head, that key would get all."""
    recorded = RecordedRoles(causal(pattern(8, lambda query: [query])))
    counts = dict(zip([role.key for role in recorded.roles], recorded.of_layer(0).count[:, 0]))
    assert (counts["same"], counts["previous"], counts["special"]) == (6, 6, 8)


def test_what_cannot_be_told_is_nan() -> None:
    """No token of two that are the same, no weight beside the sink."""
    scores = by_key(dataclasses.replace(text(pattern(10, lambda query: [])), tokens=tuple("abcdefghij")))
    assert math.isnan(scores["duplicate"])
    assert math.isnan(scores["previous"])
    assert scores["special"] == 1.0
    assert by_scores(ROLES, dict.fromkeys((role.key for role in ROLES), math.nan)) is None


def test_a_broad_head_is_called_so_only_when_nothing_else_stands_out() -> None:
    alike = np.full((1, 10, 10), 0.1)
    recording = text(alike)
    roles = RecordedRoles(recording).roles
    scores = by_key(recording)
    assert scores["broad"] == pytest.approx(1.0, abs=1e-6)
    assert scores["spread"] == pytest.approx(10.0, rel=1e-5)
    named = called(recording)
    assert named is not None
    assert named.role.key == "broad"
    halves = by_scores(roles, {"previous": 0.6, "broad": 0.7})
    assert halves is not None
    assert (halves.role.key, halves.stands_out) == ("previous", True)
    nothing = by_scores(roles, {"previous": 0.3, "special": 0.9})
    assert nothing is not None
    assert (nothing.role.key, nothing.stands_out) == ("previous", False)


@pytest.mark.parametrize("keys", [10, 300, 1_000])
def test_half_of_what_can_be_seen_is_not_broad(keys: int) -> None:
    """Its entropy is 0.7 of the largest of 10 keys, and 0.9 of that of 1,000."""
    halves = np.where(np.arange(keys) < keys / 2, 2 / keys, 0.0)
    recording = of_weights(np.broadcast_to(halves, (1, keys, keys)).copy(), tokens=tuple(map(str, range(keys))))
    expected = math.log(keys / 2) / math.log(keys)
    assert by_key(recording)["broad"] == pytest.approx(expected, abs=1e-4)
    assert BROAD.named_from is not None
    assert expected < BROAD.named_from
    one = of_weights(pattern(keys, lambda query: [0]), tokens=tuple(map(str, range(keys))))
    assert by_key(one)["broad"] == pytest.approx(0.0, abs=1e-4)


def test_a_role_takes_four_positions_and_a_third_of_those_that_look() -> None:
    roles = RecordedRoles(causal(pattern(8, lambda query: []))).roles
    sure = {"ends": 1.0}
    for count, looking in ((3, 7), (4, 13)):
        assert by_scores(roles, sure, count=count, looking=looking) is None
    for count, looking in ((4, 7), (5, 13)):
        named = by_scores(roles, sure, count=count, looking=looking)
        assert named is not None
        assert named.role.key == "ends"


def test_the_full_stop_that_a_text_ends_with_names_no_head() -> None:
    """It alone can see an end: itself."""
    sentence = dataclasses.replace(
        causal(pattern(8, lambda query: [query])), tokens=("The", "capital", "of", "France", "is", "in", "it", ".")
    )
    recorded = RecordedRoles(sentence)
    sums = recorded.of_layer(0)
    index = [role.key for role in recorded.roles].index("ends")
    assert (sums.mean[index, 0], sums.count[index, 0]) == (pytest.approx(1.0), 1)
    named = called(sentence)
    assert named is not None
    assert named.role.key == "same"


@pytest.mark.parametrize("tokens", [("[CLS]", *".,;.,;.,", "[SEP]"), ("[CLS]", *"a.......", "[SEP]")])
def test_a_position_where_every_key_counts_is_not_asked(tokens: tuple[str, ...]) -> None:
    """Of marks alone any head would score 1; where one other token can be seen, it is asked."""
    scores = by_key(dataclasses.replace(text(np.full((1, 10, 10), 0.1)), tokens=tokens))
    if "a" in tokens:
        assert scores["punctuation"] == pytest.approx(7 / 8)
    else:
        assert math.isnan(scores["punctuation"])
    assert scores["special"] == pytest.approx(0.2)  # of all weight: it says how much, and names no head


def test_patches_of_a_high_norm() -> None:
    norms = np.array([90.0, 1.0, *([1.0] * 19), HIGH])
    assert np.flatnonzero(high_norm(norms, prefix=2)).tolist() == [21]
    known = {"outputs": {"norms": norms}}
    assert by_key(photo(pattern(22, lambda query: [21]), **known))["registers"] == pytest.approx(1.0)
    assert "registers" not in by_key(photo(pattern(22, lambda query: [21])))


# Each role in words of plain Python: what a key counts for a query, or None where the query is not asked.
SPECIAL = {0, 9}


def by_hand(key: str, query: int, other: int) -> float | None:
    """Of SENTENCE, which may look both ways."""
    if key in ("previous", "next", "same"):
        return float(other - query == {"previous": -1, "next": 1, "same": 0}[key])
    if key == "word":
        return float(WORDS[query] is not None and WORDS[query] == WORDS[other] and query != other)
    if key == "duplicate":
        return float(SENTENCE[query] == SENTENCE[other] and query != other)
    if key in ("ends", "punctuation"):
        return float(other == 8)
    if key in ("distance", "distance-rest"):
        return float(abs(query - other))
    return float(other == 0 if key == "first" else other in SPECIAL)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.floats(0.0, 6.0))
def test_against_plain_loops(seed: int, sharpness: float) -> None:
    generator = np.random.default_rng(seed)
    powers = np.exp(sharpness * generator.standard_normal((2, 10, 10)))
    weights = (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float32)
    scorer = Scorer(positions_of(text(weights)), np.arange(10), np.full((10, 10), True))
    found = dict(zip((role.key for role in scorer.roles), scorer.sums(torch.from_numpy(weights)).mean))
    free = [key for key in range(10) if key not in SPECIAL]
    for head in range(2):
        rows = weights[head].astype(float).tolist()
        for role in scorer.roles:
            if role.key in ("broad", "spread"):
                continue
            keys, scores = free if role.among == "rest" else range(10), []
            for query, row in enumerate(rows):
                counts = [by_hand(role.key, query, key) or 0.0 for key in keys]
                if role.among == "rest" and role.unit == "share" and not any(counts):
                    continue
                whole = math.fsum(row[key] for key in keys) if role.among == "rest" else 1.0
                scores.append(math.fsum(count * row[key] for count, key in zip(counts, keys)) / whole)
            assert found[role.key][head] == pytest.approx(math.fsum(scores) / len(scores), rel=1e-4, abs=1e-6)
        rests = [[row[key] / math.fsum(row[each] for each in free) for key in free] for row in rows]
        entropy = [-math.fsum(weight * math.log(weight) for weight in rest if weight > 0) for rest in rests]
        evenness = [each / math.log(8) for each in entropy]
        assert found["broad"][head] == pytest.approx(math.fsum(evenness) / 10, rel=1e-4, abs=1e-6)
        spreads = [math.exp(-math.fsum(weight * math.log(weight) for weight in row if weight > 0)) for row in rows]
        assert found["spread"][head] == pytest.approx(math.fsum(spreads) / 10, rel=1e-4)


@pytest.mark.parametrize("kind", ["none", "causal"])
def test_in_stretches_it_is_the_same_as_in_one(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = random_recording(kind, num_tokens=33, num_layers=3)
    whole = RecordedRoles(recording).of_all()
    steps: list[tuple[int, int]] = []
    monkeypatch.setattr("headlens.model.analysis.roles.recorded.CHUNK", 3 * 33 * 10)
    parts = RecordedRoles(recording).of_all(lambda done, total: steps.append((done, total)))
    np.testing.assert_allclose(parts.mean, whole.mean, rtol=1e-5, atol=1e-7)
    assert (parts.count == whole.count).all()
    assert steps == [(done, 12) for done in range(1, 13)]
    one = RecordedRoles(recording).of_layer(1)
    np.testing.assert_allclose(one.mean, whole.mean[:, 1], rtol=1e-5, atol=1e-7)
    assert CHUNK > 10_000


def test_a_window_counts_as_what_is_seen() -> None:
    """What a window hides is no reason to be less broad."""
    window = np.abs(np.arange(12)[:, None] - np.arange(12)) <= 2
    alike = (window / window.sum(axis=-1, keepdims=True))[None]
    recording = of_weights(alike, window, tokens=tuple("abcdefghijkl"))
    assert by_key(recording)["broad"] == pytest.approx(1.0, abs=1e-6)


def test_keys_are_unique_on_each_input() -> None:
    facts = [
        text(pattern(10, lambda query: [])),
        causal(pattern(8, lambda query: [])),
        photo(pattern(22, lambda q: [])),
    ]
    for recording in facts:
        keys = [role.key for role in RecordedRoles(recording).roles]
        assert len(set(keys)) == len(keys)
    for role in ROLES:
        assert role.definition.endswith(".")
        assert role.source


def test_positions_of_a_text() -> None:
    positions: Positions = positions_of(text(pattern(10, lambda query: [])))
    assert positions.facts == {"within", "sequence", "both ways", "text"}
    assert np.flatnonzero(positions.ends).tolist() == [8]
    assert positions_of(causal(pattern(8, lambda query: []))).facts == {"within", "sequence", "causal", "text"}
    assert np.flatnonzero(positions_of(causal(pattern(8, lambda query: []))).punctuation).tolist() == [3, 7]


def test_between_words_a_causal_model_stays_causal() -> None:
    words = (0, 1, 2, 3, 4, 4, 5, 6)
    merged = dataclasses.replace(causal(pattern(8, lambda query: [query - 1])), words=words).merged("words")
    facts = positions_of(merged).facts
    assert "causal" in facts
    assert "both ways" not in facts
    assert merged.layers[0].seen(slice(None)).tolist() == np.tri(7, dtype=bool).tolist()
