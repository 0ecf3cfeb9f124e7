"""Several tokens and several heads chosen: what travels is the mean or the sum of the recording's own weights."""

import numpy as np
import pytest

from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.explorer import arrays, payload
from headlens.viz.view import derived
from headlens.viz.view.view import Direction, Reduction, View
from tests.masks import KINDS
from tests.recordings import random_recording
from tests.viz.explorer.payloads import Payload, unpack

QUERIES = (0, 3, 4, 5)
HEADS = ((0, 2), (1, 0), (1, 1))
DIRECTIONS: list[Direction] = ["at", "by"]
CLOSE = {"at": 1e-6, "by": 5e-6}  # a column is made of scores and the sums of rows, in float32


def built(recording: Recording, view: View, *, hover: bool = True) -> Payload:
    entry = RecordingEntry("chosen", recording)
    return unpack(payload.build(entry, view, link="", full=True, hover=hover))


def seen(weights: np.ndarray, chosen: tuple[int, ...], direction: Direction) -> np.ndarray:
    """The mean of rows or the sum of columns of [..., query, key] by numpy: [..., token]."""
    weights = weights.astype(np.float64)
    if direction == "at":
        return np.stack([weights[..., query, :] for query in chosen]).mean(axis=0)
    return np.stack([weights[..., :, key] for key in chosen]).sum(axis=0)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_of_one_head_and_of_every_head(kind: str, direction: Direction) -> None:
    recording = random_recording(kind)
    view = View(1, 1, query=5, queries=QUERIES, direction=direction)
    result = built(recording, view)
    np.testing.assert_allclose(
        result.seen(), seen(recording.attention(1, 1), QUERIES, direction), atol=CLOSE[direction]
    )
    every = seen(np.stack([recording.attention(layer) for layer in range(2)]), QUERIES, direction)
    tops = result.arrays["tops"].reshape(2, 3, 1)
    assert (np.abs(result.preview() - every) <= tops / 255 / 2 + CLOSE[direction]).all()
    heads = derived.all_heads(recording, direction, QUERIES)
    np.testing.assert_allclose(heads, every, atol=CLOSE[direction])
    np.testing.assert_allclose(derived.shown_row(recording, view), every[1, 1], atol=CLOSE[direction])


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("reduction", ["mean", "max"])
@pytest.mark.parametrize("limits", [(600, 2_048), (6, 2_048), (5, 6)], ids=["exact", "levels", "row"])
def test_of_merged_heads(
    limits: tuple[int, int], reduction: Reduction, direction: Direction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "EXACT_MATRIX", limits[0])
    monkeypatch.setattr(derived, "LONG", limits[1])
    recording = random_recording("causal")
    heads = np.stack([recording.attention(layer, head) for layer, head in HEADS])
    merged = heads.mean(axis=0) if reduction == "mean" else heads.max(axis=0)
    view = View(1, 0, 5, "heads", reduction, direction, queries=QUERIES, heads=HEADS, matrix=True)
    result = built(recording, view)
    np.testing.assert_allclose(result.seen(), seen(merged, QUERIES, direction), atol=CLOSE[direction])
    np.testing.assert_allclose(
        derived.shown_row(recording, view), seen(merged, QUERIES, direction), atol=CLOSE[direction]
    )
    if limits[0] == 600:
        np.testing.assert_allclose(result.weights(), merged, atol=1e-6)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_of_a_photo_with_its_class_token(direction: Direction, coffee: Recording) -> None:
    chosen = (0, 150, 151, 170)
    view = View(11, 4, query=0, queries=chosen, direction=direction)
    expected = seen(coffee.attention(11, 4), chosen, direction)
    np.testing.assert_allclose(built(coffee, view, hover=False).arrays["row"], expected, atol=1e-5)
    np.testing.assert_allclose(derived.shown_row(coffee, view), expected, atol=1e-5)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_in_parts_it_is_the_same(direction: Direction, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = random_recording()
    view = View(1, 0, 5, "heads", "max", direction, queries=QUERIES, heads=HEADS)
    whole = derived.shown_row(recording, view), derived.all_heads(recording, direction, QUERIES)
    monkeypatch.setattr(derived, "CHUNK", 1)
    np.testing.assert_allclose(derived.shown_row(recording, view), whole[0], atol=CLOSE[direction])
    np.testing.assert_allclose(derived.all_heads(recording, direction, QUERIES), whole[1], atol=CLOSE[direction])


def test_heads_are_ordered_by_the_mean_weight_of_the_queries_on_the_key() -> None:
    recording = random_recording()
    order = built(recording, View(1, 1, query=5, queries=QUERIES, order="key", key=2)).header["order"]
    expected = {
        (layer, head): recording.attention(layer, head)[list(QUERIES), 2].mean()
        for layer in range(2)
        for head in range(3)
    }
    assert [(layer, head) for layer, head, _ in order] == sorted(expected, key=lambda head: -expected[head])
    assert [measure for *_, measure in order] == pytest.approx(sorted(expected.values(), reverse=True), abs=1e-6)


def test_several_columns_at_once_are_those_that_come_one_by_one() -> None:
    for kind in KINDS:
        recording = random_recording(kind)
        together = recording.attention_to(1, [4, 0, 4])
        assert together.shape == (3, 7, 3)
        np.testing.assert_allclose(together, recording.attention(1)[..., [4, 0, 4]], atol=CLOSE["by"])
        np.testing.assert_allclose(
            recording.attention_to(1, np.array([2]), 1)[:, 0], recording.attention_to(1, 2, 1), atol=1e-6
        )
    with pytest.raises(ValueError, match="key must be"):
        recording.attention_to(1, [0, 7])
