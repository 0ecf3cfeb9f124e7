"""Weights pooled into cells: the mean over a cell's queries of the sum over its keys, by plain loops."""

import math
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from headlens.model.attention.inputs import AttentionInputs
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.recording import recording as module
from headlens.model.recording.recording import Recording
from tests.masks import KINDS
from tests.recordings import random_recording


def pooled_by_hand(weights: np.ndarray, size: int) -> np.ndarray:
    """[query, key] -> [cell, cell], in float64."""
    num_tokens = len(weights)
    step = math.ceil(num_tokens / size)
    starts = range(0, num_tokens, step)
    cells = [[weights[q : q + step, k : k + step].astype(float).sum(axis=1).mean() for k in starts] for q in starts]
    return np.array(cells)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("chunk", [1, 40, 2_000_000])
def test_by_plain_loops_under_any_mask_in_chunks_of_any_size(
    kind: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", chunk)
    recording = random_recording(kind, dtype=torch.float64)
    for size in (1, 2, 3, 4, 7, 512):
        for layer, head in ((0, 2), (1, 0)):
            expected = pooled_by_hand(recording.attention(layer, head), size)
            np.testing.assert_allclose(recording.pooled(layer, head, size), expected, atol=1e-12)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 400))
def test_any_length_fits_and_rows_still_sum_to_one(num_tokens: int, size: int, chunk: int) -> None:
    recording = random_recording(num_tokens=num_tokens)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", chunk)
        cells = recording.pooled(0, 1, size)
    assert cells.shape == (len(cells), len(cells))
    assert len(cells) <= size
    np.testing.assert_allclose(cells.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(cells, pooled_by_hand(recording.attention(0, 1), size), atol=1e-6)


def test_a_size_of_at_least_the_tokens_gives_the_weights_themselves() -> None:
    recording = random_recording()
    np.testing.assert_array_equal(recording.pooled(1, 2), recording.attention(1, 2))


def test_a_real_photo(dinov2: EncoderImageModel, sample_photo) -> None:
    photo: Path = sample_photo("coffee")
    recording = dinov2.record(photo, 448)
    expected = pooled_by_hand(recording.attention(7, 3), 512)
    assert expected.shape == (385, 385)
    np.testing.assert_allclose(recording.pooled(7, 3), expected, atol=2e-6)


def long_recording() -> Recording:
    return random_recording(num_layers=1, num_heads=1, num_tokens=8_200, d_head=8)


def test_rows_of_a_long_input_are_right_though_the_matrix_never_is_whole() -> None:
    recording = long_recording()
    tracemalloc.start()  # numpy's arrays; torch's are bounded by CHUNK below
    cells = recording.pooled(0, 0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20e6
    step = math.ceil(8_200 / 512)
    rows = recording.attention_from(0, np.arange(3 * step, 4 * step), 0)
    np.testing.assert_allclose(cells[3], np.add.reduceat(rows.mean(axis=0), np.arange(0, 8_200, step)), atol=1e-6)


def test_never_more_than_a_chunk_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = long_recording()
    sizes = []
    original = AttentionInputs.scores

    def watched(heads: AttentionInputs, rows: slice, columns: slice, head: int | None = None) -> torch.Tensor:
        scores = original(heads, rows, columns, head)
        sizes.append(scores.numel())
        return scores

    monkeypatch.setattr(AttentionInputs, "scores", watched)
    recording.pooled(0, 0)
    assert max(sizes) <= module.CHUNK
    assert sum(sizes) == 8_200**2


@pytest.mark.parametrize("asked", [(2, 0), (0, 3), (-1, 0), (0, 0, 0), (0, 0, -1), (0, 0, 1.5), (0, True)])
def test_what_is_not_there_is_refused(asked: tuple) -> None:
    with pytest.raises(ValueError, match="must be a whole number from"):
        random_recording().pooled(*asked)


@pytest.mark.parametrize("kind", KINDS)
def test_some_rows_are_those_of_the_whole(kind: str) -> None:
    recording = random_recording(kind)
    for queries in ([3], [6, 0, 3], range(7), np.array([5, 5])):
        found = recording.attention_from(1, queries)
        np.testing.assert_allclose(found, recording.attention(1)[:, list(queries)], atol=1e-6)
        np.testing.assert_allclose(recording.attention_from(1, queries, 2), found[2], atol=1e-6)
    with pytest.raises(ValueError, match="query must be a whole number from 0 to 6, not 7"):
        recording.attention_from(0, [1, 7])
