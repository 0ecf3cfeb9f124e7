"""Cross-attention as attention within one sequence."""

import dataclasses

import numpy as np
import pytest
import torch

from headlens.model.analysis.joint import joined, last_word
from headlens.model.analysis.roles.recorded import role_scores
from headlens.model.analysis.sample import LONG, looking_queries
from headlens.model.recording.parts import Photo, Prediction, Predicts
from headlens.model.recording.recording import Recording
from tests.model.recording.test_stages import NUM_HEADS, NUM_KEYS, NUM_QUERIES, cross_recording, heads_with, vectors
from tests.recordings import random_recording


@pytest.mark.parametrize("kind", ["none", "bool", "float", "causal"])
def test_the_weights_are_the_same_numbers(kind: str) -> None:
    masks = {
        "bool": torch.rand(NUM_QUERIES, NUM_KEYS, generator=torch.Generator().manual_seed(1)) > 0.3,
        "float": vectors(NUM_HEADS, NUM_QUERIES, NUM_KEYS, seed=4),
    }
    inputs = dataclasses.replace(
        heads_with(softcap=2.0, sinks=vectors(NUM_HEADS, seed=5)), mask=masks.get(kind), causal=kind == "causal"
    )
    cross = cross_recording(inputs).of("cross")
    both = joined(cross)
    assert cross.keys is not None
    assert both.tokens == (*cross.keys.tokens, *cross.tokens)
    assert both.keys is None
    found, expected = both.attention(1), np.zeros((NUM_HEADS, NUM_KEYS + NUM_QUERIES, NUM_KEYS + NUM_QUERIES))
    expected[:, NUM_KEYS:, :NUM_KEYS] = cross.attention(1)
    np.testing.assert_allclose(found, expected, atol=1e-7)


def test_what_has_keys_of_its_own_stays() -> None:
    recording = random_recording()
    assert joined(recording) is recording


def of_a_photo(rows: int = 2, columns: int = 3) -> Recording:
    """Five tokens written of [CLS] and the patches of a photo; the first and the last one are special."""
    whole = cross_recording(heads_with())
    photo = Photo(np.zeros((4 * rows, 4 * columns, 3), np.uint8), columns / rows, (rows, columns))
    num_keys = 1 + rows * columns
    encoder = dataclasses.replace(random_recording(num_tokens=num_keys), prefix_tokens=1, photo=photo)
    layer = heads_with()
    layer = dataclasses.replace(
        layer, key=vectors(2, num_keys, layer.key.shape[-1], seed=6), value=vectors(2, num_keys, 2, seed=7)
    )
    special = np.array([True, False, False, False, True])
    candidates = (("cat", 0.5), ("dog", 0.25))
    return dataclasses.replace(
        whole.of("cross"),
        layers=(layer, layer),
        keys=encoder,
        special=special,
        predictions=(Prediction(3, candidates, Predicts.NEXT_TOKEN),),
    )


def test_what_is_written_of_a_photo_comes_before_its_patches() -> None:
    cross = of_a_photo()
    both = joined(cross)
    assert cross.keys is not None
    assert both.tokens == (*cross.tokens, *cross.keys.tokens)
    assert (both.prefix_tokens, both.grid) == (NUM_QUERIES + 1, (2, 3))
    assert both.segments == (1,) * NUM_QUERIES + (0,) * 7
    expected = np.zeros((NUM_HEADS, NUM_QUERIES + 7, NUM_QUERIES + 7))
    expected[:, :NUM_QUERIES, NUM_QUERIES:] = cross.attention(1)
    np.testing.assert_allclose(both.attention(1), expected, atol=1e-7)
    np.testing.assert_allclose(both.attention_to(1, 8), expected[:, :, 8], atol=1e-5)
    assert both.predictions == cross.predictions
    assert last_word(both) == 3


def test_predictions_stay_at_their_tokens_behind_a_text() -> None:
    cross = dataclasses.replace(of_a_photo(), keys=random_recording(num_tokens=7), tokens=tuple("abcde"))
    both = joined(cross)
    assert [both.tokens[each.position or 0] for each in both.predictions] == ["d"]
    assert last_word(both) == 7 + 3


def test_heads_are_measured_by_what_looks() -> None:
    both = joined(of_a_photo(rows=48, columns=48))
    assert both.num_tokens > LONG, "of which a sample would be taken"
    assert looking_queries(both).tolist() == list(range(NUM_QUERIES))
    scores = role_scores(both)
    entropy = -(both.attention(0)[:, :NUM_QUERIES] * np.log(both.attention(0)[:, :NUM_QUERIES] + 1e-30)).sum(axis=-1)
    np.testing.assert_allclose(scores["spread"][0], np.exp(entropy).mean(axis=-1), rtol=1e-4)
    assert not {"distance", "near", "same"} & scores.keys(), "no patch looks at any"
