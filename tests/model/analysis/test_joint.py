"""Cross-attention as attention within one sequence."""

import numpy as np
import pytest
import torch

from headlens.model.analysis.joint import joined
from tests.model.recording.test_stages import NUM_HEADS, NUM_KEYS, NUM_QUERIES, cross_recording, heads_with, vectors
from tests.recordings import random_recording


@pytest.mark.parametrize("kind", ["none", "bool", "float", "causal"])
def test_the_weights_are_the_same_numbers(kind: str) -> None:
    import dataclasses

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
