"""Row sums and columns of the weights: the same as from the whole matrix, under any mask."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.model.recording import recording as module
from headlens.model.recording.recording import Recording
from tests.masks import KINDS
from tests.recordings import random_recording, scores_by_hand, softmax


def sums_by_hand(scores: np.ndarray) -> np.ndarray:
    """log of the sum of exp over the last axis, in float64."""
    highest = scores.astype(np.float64).max(axis=-1, keepdims=True)
    shift = np.where(np.isinf(highest), 0, highest)
    with np.errstate(divide="ignore"):
        return (shift + np.log(np.exp(scores - shift).sum(axis=-1, keepdims=True)))[..., 0]


def assert_columns(recording: Recording, layer: int, keys: list[int], tolerance: float) -> None:
    whole = recording.attention(layer)
    for key in keys:
        np.testing.assert_allclose(recording.attention_to(layer, key), whole[..., key], atol=tolerance, rtol=0)
        for head in (0, recording.num_heads - 1):
            one = recording.attention_to(layer, key, head)
            np.testing.assert_allclose(one, whole[head, :, key], atol=tolerance, rtol=0)
            assert one.dtype == whole.dtype


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 5e-6)])
@pytest.mark.parametrize("chunk", [1, 3 * 7, 2_000_000])
@pytest.mark.parametrize("kind", KINDS)
def test_by_the_formula_in_chunks_of_any_size(
    kind: str, chunk: int, dtype: torch.dtype, tolerance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", chunk)
    recording = random_recording(kind, dtype=dtype)
    for layer, heads in enumerate(recording.layers):
        scores = scores_by_hand(heads)
        np.testing.assert_allclose(recording.log_sum_exp(layer), sums_by_hand(scores), atol=10 * tolerance, rtol=0)
        for key in range(7):
            np.testing.assert_allclose(
                recording.attention_to(layer, key), softmax(scores)[..., key], atol=tolerance, rtol=0
            )
        assert_columns(recording, layer, list(range(7)), tolerance)


@pytest.mark.parametrize("additive", [False, True])
def test_a_query_that_may_look_at_nothing_gives_nothing_to_any_key(additive: bool) -> None:
    may = torch.ones(1, 7, 7, dtype=torch.bool)
    may[0, 2] = False
    mask = torch.zeros(1, 7, 7).masked_fill(~may, -torch.inf) if additive else may
    recording = random_recording()
    recording = dataclasses.replace(
        recording, layers=tuple(dataclasses.replace(heads, mask=mask) for heads in recording.layers)
    )
    assert np.isneginf(recording.log_sum_exp(0)[:, 2]).all()
    assert (recording.attention_to(0, 4)[:, 2] == 0).all()
    assert_columns(recording, 0, list(range(7)), 5e-6)


def test_row_sums_are_kept_and_are_each_layer_s_and_recording_s_own() -> None:
    recording = random_recording()
    assert recording.log_sum_exp(1, 2) is recording.log_sum_exp(np.int64(1), np.int64(2))
    np.testing.assert_array_equal(recording.log_sum_exp(1)[2], recording.log_sum_exp(1, 2))
    assert not np.allclose(recording.log_sum_exp(0), recording.log_sum_exp(1))
    layers = tuple(dataclasses.replace(heads, scale=2.0) for heads in recording.layers)
    scaled = dataclasses.replace(recording, layers=layers)
    np.testing.assert_allclose(scaled.log_sum_exp(1), sums_by_hand(scaled.scores(1)), rtol=1e-5)


@pytest.mark.parametrize("kind", ["text", "photo"])
def test_of_the_real_models(
    kind: str, minilm: EncoderTextModel, dinov2: EncoderImageModel, sample_photo: Callable[[str], Path]
) -> None:
    """DINOv2's scores go up to 220, where float32 is 1.5e-5 wide: so much is left of any two ways."""
    if kind == "text":
        recording, tolerance = minilm.record("Heads look where they like."), 2e-5
    else:
        recording, tolerance = dinov2.record(sample_photo("coffee"), 224), 3e-4
    for layer in range(recording.num_layers):
        scores = recording.scores(layer)
        np.testing.assert_allclose(recording.log_sum_exp(layer), sums_by_hand(scores), atol=5e-5, rtol=1e-6)
        assert_columns(recording, layer, [0, 1, recording.num_tokens - 1], tolerance)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ((0, 7), "key must be a whole number from 0 to 6, not 7"),
        ((0, -1), "key"),
        ((0, True), "key"),
        ((2, 0), "layer must be a whole number from 0 to 1, not 2"),
        ((0, 0, 3), "head must be a whole number from 0 to 2, not 3"),
    ],
)
def test_a_column_that_is_not_there(asked: tuple[int, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        random_recording().attention_to(*asked)
    with pytest.raises(ValueError, match="layer must be a whole number from 0 to 1, not 2"):
        random_recording().log_sum_exp(2)
