"""Heads made one for the explorer: their mean and maximum, as exact as the input's length lets them travel."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.explorer import arrays, payload
from headlens.viz.view import derived
from headlens.viz.view.address import OF
from headlens.viz.view.view import Direction, View
from tests.recordings import random_recording
from tests.viz.explorer.payloads import Payload, unpack

RECORDING = random_recording()
EVERY = np.stack([RECORDING.attention(layer) for layer in range(2)]).astype(np.float64)
MERGED = {
    "layer-mean": EVERY[1].mean(axis=0),
    "layer-max": EVERY[1].max(axis=0),
    "all-mean": EVERY.mean(axis=(0, 1)),
    "all-max": EVERY.max(axis=(0, 1)),
}


def built(of: str, direction: Direction = "at", recording: Recording = RECORDING) -> Payload:
    scope, reduction = OF[of]
    view = View(1, 0, query=4, scope=scope, reduction=reduction, direction=direction, matrix=True)
    return unpack(payload.build(RecordingEntry("merged", recording), view, link="", full=True, hover=True))


def test_the_limits() -> None:
    assert (arrays.EXACT_MATRIX, derived.LARGEST_DRAWN, derived.LONG) == (600, 1_024, 2_048)


@pytest.mark.parametrize("of", MERGED)
@pytest.mark.parametrize("direction", ["at", "by"])
def test_a_short_input_s_matrix_is_exact(of: str, direction: Direction, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "EXACT_MATRIX", 7)
    result = built(of, direction)
    assert result.arrays["matrix"].dtype == np.float32
    assert not {"rowMax", "row", "query", "key", "lse"} & result.arrays.keys()
    np.testing.assert_allclose(result.weights(), MERGED[of], atol=1e-6)
    expected = MERGED[of][4] if direction == "at" else MERGED[of][:, 4]
    np.testing.assert_allclose(result.seen(), expected, atol=1e-6)


@pytest.mark.parametrize("of", MERGED)
def test_a_longer_one_s_matrix_is_in_levels_of_each_row(of: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "EXACT_MATRIX", 6)
    result = built(of)
    assert result.arrays["matrix"].dtype == np.uint8
    tops = MERGED[of].max(axis=1)
    np.testing.assert_allclose(result.arrays["rowMax"], tops, atol=1e-6)
    assert (np.abs(result.weights() - MERGED[of]) <= tops[:, None] / 255 / 2 + 1e-6).all()


@pytest.mark.parametrize("of", MERGED)
@pytest.mark.parametrize("direction", ["at", "by"])
def test_of_the_longest_one_row_travels(of: str, direction: Direction, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "EXACT_MATRIX", 5)
    monkeypatch.setattr(derived, "LONG", 6)
    result = built(of, direction)
    assert not {"matrix", "rowMax", "query"} & result.arrays.keys()
    assert result.header["figure"] is None
    expected = MERGED[of][4] if direction == "at" else MERGED[of][:, 4]
    np.testing.assert_allclose(result.arrays["row"], expected, atol=1e-6)


def test_the_preview_stays_of_single_heads() -> None:
    np.testing.assert_allclose(built("all-max").preview(), EVERY[:, :, 4], atol=1 / 255 / 2 + 1e-6)


@pytest.mark.parametrize("of", MERGED)
def test_the_mean_of_a_photo_s_heads(of: str, coffee: Recording) -> None:
    layers = [1] if of.startswith("layer") else range(12)
    weights = np.concatenate([coffee.attention(layer) for layer in layers])
    expected = weights.mean(axis=0) if of.endswith("mean") else weights.max(axis=0)
    np.testing.assert_allclose(built(of, recording=coffee).weights(), expected, atol=1e-6)


def test_rows_of_what_may_look_at_nothing_are_zeros(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "EXACT_MATRIX", 6)
    mask = torch.ones(1, 7, 7, dtype=torch.bool)
    mask[0, 4] = False
    layers = tuple(dataclasses.replace(heads, mask=mask) for heads in RECORDING.layers)
    result = built("all-mean", recording=dataclasses.replace(RECORDING, layers=layers))
    assert (result.weights()[4] == 0).all()


@pytest.mark.parametrize("of", MERGED)
@pytest.mark.parametrize("direction", ["at", "by"])
def test_heads_are_made_one_before_tokens_are_merged(
    of: str, direction: Direction, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = [0], [1, 2, 3], [4], [5], [6]
    words = dataclasses.replace(RECORDING, words=(None, 0, 0, 0, 1, 2, 3)).merged("words")
    expected = np.array([[MERGED[of][own][:, keys].sum(axis=1).mean() for keys in groups] for own in groups])
    np.testing.assert_allclose(built(of, direction, words).weights(), expected, atol=2e-6)
    if of.endswith("max"):  # which is not the maximum of what heads give to words
        every = np.stack([words.attention(layer) for layer in ([1] if of == "layer-max" else [0, 1])])
        assert np.abs(every.max(axis=(0, 1)) - expected).max() > 0.05
    monkeypatch.setattr(derived, "LONG", 6)  # of the seven tokens, not of the five words
    sent = built(of, direction, words)
    assert "matrix" not in sent.arrays
    row = expected[4] if direction == "at" else expected[:, 4]
    np.testing.assert_allclose(sent.arrays["row"], row, atol=2e-6)
    scope, reduction = OF[of]
    view = View(1, 0, query=1, scope=scope, reduction=reduction, direction=direction)
    row = expected[1] if direction == "at" else expected[:, 1]  # of a word of three tokens
    np.testing.assert_allclose(derived.shown_row(words, view), row, atol=2e-6)


def test_roles_stay_between_tokens_where_words_are_shown(minilm) -> None:
    recording = minilm.record("The untranslatable lexicographer barked.")
    left, merged = recording.without_special(), recording.merged("words")

    def header(shown: Recording, order: str) -> dict[str, Any]:
        view = View(3, 1, query=2, order=order)
        return unpack(payload.build(RecordingEntry(order, shown), view, link="", full=True, hover=True)).header

    for order in ("previous", "spread"):
        own, between_words = header(recording, order), header(merged, order)
        assert {name: between_words[name] for name in ("order", "measures")} == {
            name: own[name] for name in ("order", "measures")
        }
        assert between_words["role"] == own["role"].removesuffix(".") + "; roles are measured between tokens."
    assert "of its weight rests on [CLS] and [SEP]" in own["role"]
    assert "rests on" not in header(left, "previous")["role"]  # they are left out
    scores = [sorted(header(each, "previous")["order"]) for each in (left, recording)]
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-4)  # what rests on them is taken away in any case
