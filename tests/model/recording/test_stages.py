"""Grouped key heads, soft caps, sinks, and stages whose keys are other positions than their queries."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from headlens.model.attention.inputs import AttentionInputs, inputs_of_scores
from headlens.model.recording.parts import Prediction, Predicts
from headlens.model.recording.recording import Recording
from tests.model.recording.test_file import assert_same, there_and_back
from tests.recordings import random_recording

NUM_HEADS, KEY_HEADS, NUM_QUERIES, NUM_KEYS, WIDTH = 4, 2, 5, 7, 3
CAP = 2.0


def vectors(*shape: int, seed: int) -> torch.Tensor:
    return 2 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def heads_with(**rest: object) -> AttentionInputs:
    query = vectors(NUM_HEADS, NUM_QUERIES, WIDTH, seed=0)
    key, value = vectors(KEY_HEADS, NUM_KEYS, WIDTH, seed=1), vectors(KEY_HEADS, NUM_KEYS, 2, seed=2)
    return AttentionInputs(query, key, value, None, causal=False, scale=0.5, **rest)  # type: ignore[arg-type]


def cross_recording(heads: AttentionInputs) -> Recording:
    """An encoder of 7 tokens, and a decoder of 5 that looks at it."""
    encoder = random_recording(num_tokens=NUM_KEYS)
    decoder = random_recording("causal", num_tokens=NUM_QUERIES)
    cross = dataclasses.replace(decoder, layers=(heads, heads), stage="cross", keys=encoder)
    decoder = dataclasses.replace(
        decoder, stage="decoder", predictions=(Prediction(4, (("a", 0.5), ("b", 0.25)), Predicts.NEXT_TOKEN),)
    )
    return dataclasses.replace(encoder, stages={"decoder": decoder, "cross": cross})


def by_hand(softcap: float | None = None, sinks: np.ndarray | None = None) -> np.ndarray:
    """[head, query, key] in float64, by plain loops over the heads."""
    heads = heads_with()
    query, key = heads.query.double().numpy(), heads.key.double().numpy()
    rows = []
    for head in range(NUM_HEADS):
        scores = 0.5 * query[head] @ key[head // (NUM_HEADS // KEY_HEADS)].T
        scores = scores if softcap is None else softcap * np.tanh(scores / softcap)
        powers = np.exp(scores)
        rows.append(powers / (powers.sum(-1, keepdims=True) + (0 if sinks is None else np.exp(sinks[head]))))
    return np.stack(rows)


@pytest.mark.parametrize("softcap", [None, CAP])
@pytest.mark.parametrize("sinks", [None, vectors(NUM_HEADS, seed=5)])
def test_weights_of_grouped_heads_caps_and_sinks(softcap: float | None, sinks: torch.Tensor | None) -> None:
    expected = by_hand(softcap, None if sinks is None else sinks.double().numpy())
    recording = cross_recording(heads_with(softcap=softcap, sinks=sinks))
    cross = recording.of("cross")
    assert (cross.num_heads, cross.num_tokens, cross.num_keys) == (NUM_HEADS, NUM_QUERIES, NUM_KEYS)
    np.testing.assert_allclose(recording.attention(1, stage="cross"), expected, atol=1e-6)
    np.testing.assert_allclose(recording.attention(1, 3, 2, stage="cross"), expected[3, 2], atol=1e-6)
    np.testing.assert_allclose(cross.attention_from(0, [4, 1], 2), expected[2, [4, 1]], atol=1e-6)
    np.testing.assert_allclose(cross.attention_to(0, 6), expected[:, :, 6], atol=1e-6)
    np.testing.assert_allclose(np.exp(cross.scores(0, 1) - cross.log_sum_exp(0, 1)[:, None]), expected[1], atol=1e-6)
    np.testing.assert_allclose(cross.pooled(0, 3, size=7), expected[3], atol=1e-6)
    cells = expected[3][:, :6].reshape(NUM_QUERIES, 3, 2).sum(-1)  # of two keys; the last cell has one
    cells = np.concatenate([cells, expected[3][:, 6:]], axis=1)
    cells = np.stack([cells[:2].mean(0), cells[2:4].mean(0), cells[4]])
    np.testing.assert_allclose(cross.pooled(0, 3, size=4), cells, atol=1e-6)
    np.testing.assert_array_equal(cross.key(0, 1), cross.key(0, 0))  # heads 0 and 1 share a key head
    assert cross.key(0).shape == (NUM_HEADS, NUM_KEYS, WIDTH)


def test_stages_by_name() -> None:
    recording = cross_recording(heads_with())
    assert recording.of("encoder") is recording
    np.testing.assert_array_equal(recording.attention(0, stage="decoder"), recording.stages["decoder"].attention(0))
    np.testing.assert_array_equal(
        recording.scores(0, 1, 2, stage="decoder"), recording.stages["decoder"].scores(0, 1, 2)
    )
    with pytest.raises(ValueError, match="no stage 'vision'; there are encoder, decoder, cross"):
        recording.attention(0, stage="vision")
    assert recording.nbytes > sum(stage.nbytes for stage in recording.stages.values())


def test_kept_scores_give_their_weights_and_no_vectors() -> None:
    scores = vectors(3, 7, 7, seed=3)
    recording = dataclasses.replace(random_recording(num_tokens=7), layers=(inputs_of_scores(scores),))
    np.testing.assert_array_equal(recording.scores(0), scores.numpy())
    np.testing.assert_allclose(recording.attention(0), scores.softmax(-1).numpy(), atol=1e-7)
    with pytest.raises(ValueError, match="its scores were recorded, not its vectors"):
        recording.query(0, 1)


def test_all_of_it_is_saved(tmp_path: Path) -> None:
    layers = heads_with(softcap=CAP, sinks=vectors(NUM_HEADS, seed=5))
    recording = cross_recording(layers)
    loaded = there_and_back(recording, tmp_path)
    assert loaded.stages.keys() == recording.stages.keys()
    assert_same(dataclasses.replace(loaded, stages={}), dataclasses.replace(recording, stages={}))
    assert_same(loaded.stages["decoder"], recording.stages["decoder"])
    for part in ("layers", "tokens", "special", "stage"):
        assert_same(getattr(loaded.of("cross"), part), getattr(recording.of("cross"), part))
    assert_same(loaded.of("cross").keys, dataclasses.replace(recording, stages={}))
