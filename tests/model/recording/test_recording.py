"""What a Recording answers: weights of any head and query under any mask, by the formula in float64."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from headlens.model.attention.inputs import AttentionInputs
from headlens.model.errors import RecordingError
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.model.recording.parts import Photo
from headlens.model.recording.recording import Recording
from tests.masks import KINDS, as_additive
from tests.recordings import random_recording, scores_by_hand, softmax
from tests.sentences import is_one_sentence


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-13), (torch.float32, 2e-6), (torch.bfloat16, 2e-6)]
)
@pytest.mark.parametrize("kind", KINDS)
def test_weights_and_scores_by_the_formula(kind: str, dtype: torch.dtype, tolerance: float) -> None:
    recording = random_recording(kind, dtype=dtype)
    for layer, heads in enumerate(recording.layers):
        expected = scores_by_hand(heads)
        scores, attention = recording.scores(layer), recording.attention(layer)
        np.testing.assert_allclose(scores, expected, atol=10 * tolerance, rtol=0)
        np.testing.assert_allclose(attention, softmax(expected), atol=tolerance, rtol=0)
        assert scores.dtype == attention.dtype == (np.float64 if dtype == torch.float64 else np.float32)
        np.testing.assert_allclose(attention.sum(axis=-1), 1, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_one_head_and_one_query_are_parts_of_the_whole(kind: str) -> None:
    recording = random_recording(kind, dtype=torch.float64)
    for ask in (recording.attention, recording.scores):
        whole = ask(1)
        assert whole.shape == (3, 7, 7)
        for head in (0, 2):
            np.testing.assert_allclose(ask(1, head), whole[head], atol=1e-13, rtol=0)
            for query in (0, 3, 6):
                np.testing.assert_allclose(ask(1, head, query), whole[head, query], atol=1e-13, rtol=0)
        for query in (0, 6):
            np.testing.assert_allclose(ask(1, query=query), whole[:, query], atol=1e-13, rtol=0)


def test_a_query_that_may_look_at_nothing_has_no_weights() -> None:
    recording = random_recording()
    mask = torch.ones(1, 7, 7, dtype=torch.bool)
    mask[0, 2] = False
    layers = tuple(dataclasses.replace(heads, mask=mask) for heads in recording.layers)
    recording = dataclasses.replace(recording, layers=layers)
    assert (recording.attention(0)[:, 2] == 0).all()
    assert (recording.attention(0, 1, 2) == 0).all()
    assert np.isneginf(recording.scores(0, 1, 2)).all()
    np.testing.assert_allclose(recording.attention(0)[:, 3].sum(axis=-1), 1, atol=1e-6)


def test_the_recorded_scale_is_used() -> None:
    recording = random_recording()
    layers = tuple(dataclasses.replace(heads, scale=2.0) for heads in recording.layers)
    scaled = dataclasses.replace(recording, layers=layers)
    np.testing.assert_allclose(scaled.scores(0), recording.scores(0) * 4, rtol=1e-5)


@pytest.fixture(params=["text", "pair", "photo"])
def recorded(
    request: pytest.FixtureRequest,
    minilm: EncoderTextModel,
    dinov2: EncoderImageModel,
    sample_photo: Callable[[str], Path],
) -> Recording:
    """Of the two real models."""
    if request.param == "text":
        return minilm.record("The animal didn't cross the street because it was too tired.")
    if request.param == "pair":
        return minilm.record(("How are you?", "I am unbelievably well."))
    return dinov2.record(sample_photo("coffee"), 224)


def test_the_real_models_answer_in_float32_of_the_right_shape(recorded: Recording) -> None:
    heads, tokens = recorded.num_heads, recorded.num_tokens
    d_head = recorded.layers[0].query.shape[-1]
    last = recorded.num_layers - 1
    for ask in (recorded.attention, recorded.scores):
        answers = [ask(last), ask(last, 1), ask(last, query=2), ask(last, 1, 2)]
        assert [a.shape for a in answers] == [(heads, tokens, tokens), (tokens, tokens), (heads, tokens), (tokens,)]
        assert {a.dtype for a in answers} == {np.dtype(np.float32)}
    for ask_vectors in (recorded.query, recorded.key, recorded.value):
        assert ask_vectors(last).shape == (heads, tokens, d_head)
        assert ask_vectors(last).dtype == np.float32
        np.testing.assert_array_equal(ask_vectors(last, 1), ask_vectors(last)[1])


def test_the_real_models_weights_mix_the_values_as_the_fused_kernel_does(recorded: Recording) -> None:
    """DINOv2's scores go up to 220, where float32 is 1.5e-5 wide: so much is left of any two ways."""
    for layer, heads in enumerate(recorded.layers):
        attention = recorded.attention(layer)
        np.testing.assert_allclose(attention.sum(axis=-1), 1, atol=1e-5)
        np.testing.assert_allclose(softmax(recorded.scores(layer).astype(np.float64)), attention, atol=1e-6)
        np.testing.assert_allclose(recorded.scores(layer), scores_by_hand(heads), atol=1e-4, rtol=1e-6)
        mask = as_additive(heads.mask, heads.causal, recorded.num_heads, recorded.num_tokens).float()
        context = F.scaled_dot_product_attention(heads.query, heads.key, heads.value, mask, scale=heads.scale)
        np.testing.assert_allclose(attention @ recorded.value(layer), context.numpy(), atol=5e-5, rtol=0)


@pytest.mark.parametrize("wrong", [-1, "count", 1.5, "x", None, np.float64(1), [0]])
@pytest.mark.parametrize("name", ["layer", "head", "query"])
def test_an_index_that_is_not_there(name: str, wrong: object) -> None:
    recording = random_recording()
    count = {"layer": 2, "head": 3, "query": 7}[name]
    value = count if wrong == "count" else wrong
    if value is None and name != "layer":
        return  # None is the whole axis there
    asked: dict[str, Any] = {"layer": 0, "head": 0, "query": 0, name: value}
    for ask in (recording.attention, recording.scores):
        with pytest.raises(
            ValueError, match=re.escape(f"{name} must be a whole number from 0 to {count - 1}")
        ) as caught:
            ask(**asked)
        assert repr(value) in str(caught.value)
        assert is_one_sentence(caught.value)
    if name != "query":
        with pytest.raises(ValueError, match=name):
            recording.key(asked["layer"], asked["head"])


@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.int32, int])
def test_numpy_integers_are_integers(kind: type) -> None:
    recording = random_recording()
    np.testing.assert_array_equal(recording.attention(kind(1), kind(2), kind(3)), recording.attention(1, 2, 3))


def with_layers(**changes: object) -> Callable[[Recording], Recording]:
    """The second layer changed."""

    def change(recording: Recording) -> Recording:
        first, second = recording.layers
        return dataclasses.replace(recording, layers=(first, dataclasses.replace(second, **changes)))  # type: ignore[arg-type]

    return change


def replaced(**changes: object) -> Callable[[Recording], Recording]:
    return lambda recording: dataclasses.replace(recording, **changes)  # type: ignore[arg-type]


NOTHING = torch.zeros(3, 0, 4)  # no token
PHOTO = Photo(np.zeros((28, 42, 3), np.uint8), 1.5, (2, 3))


@pytest.mark.parametrize(
    ("change", "numbers"),
    [
        (replaced(tokens=("a",) * 6), ("(3, 6, 4)", "(3, 7, 4)")),
        (replaced(words=(0,) * 8), ("7", "8")),
        (replaced(special=np.zeros(6, bool)), ("7", "6")),
        (replaced(segments=()), ("7", "0")),
        (replaced(offsets=((0, 1),)), ("7", "1")),
        (replaced(photo=PHOTO), ("6", "7", "2 x 3")),
        (replaced(photo=PHOTO, prefix_tokens=2), ("8", "7", "2 x 3")),
        (with_layers(query=torch.zeros(3, 6, 4)), ("layer 1 query", "(3, 7, 4)", "(3, 6, 4)")),
        (with_layers(key=torch.zeros(2, 7, 4)), ("layer 1 value", "(3, 7, 4)", "(2, 7, 4)")),
        (with_layers(value=torch.zeros(3, 6, 5)), ("layer 1 value", "(3, 7, 5)", "(3, 6, 5)")),
        (with_layers(sinks=torch.zeros(2)), ("layer 1 sinks", "(3,)", "(2,)")),
        (with_layers(mask=torch.ones(1, 7, 6)), ("layer 1 mask", "(1, 7, 7)", "(1, 7, 6)")),
        (with_layers(mask=torch.ones(2, 1, 7)), ("layer 1 mask", "(3, 1, 7)", "(2, 1, 7)")),
        (replaced(layers=()), ("one layer",)),
        (replaced(layers=(AttentionInputs(NOTHING, NOTHING, NOTHING, None, False, 1.0),), tokens=()), ("one token",)),
    ],
)
def test_parts_that_contradict_each_other(change: Callable[[Recording], Recording], numbers: tuple[str, ...]) -> None:
    with pytest.raises(RecordingError) as caught:
        change(random_recording())
    assert is_one_sentence(caught.value)
    assert all(number in str(caught.value) for number in numbers), str(caught.value)


@pytest.mark.parametrize("shape", [(7,), (7, 7), (1, 7), (1, 1, 7), (3, 1, 1), (3, 7, 7)])
def test_any_mask_that_can_be_broadcast_is_taken(shape: tuple[int, ...]) -> None:
    heads = random_recording().layers[0]
    mask = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    recording = dataclasses.replace(random_recording(), layers=(dataclasses.replace(heads, mask=mask),))
    plain = dataclasses.replace(recording, layers=(dataclasses.replace(heads, mask=None),))
    np.testing.assert_allclose(recording.scores(0), plain.scores(0) + mask.numpy(), atol=1e-6)
    assert recording.attention(0, 2, 3).shape == (7,)


def test_nbytes_counts_what_is_held() -> None:
    recording = random_recording()
    assert recording.nbytes == 2 * 3 * (3 * 7 * 4) * 4
    photo = dataclasses.replace(recording, photo=PHOTO, prefix_tokens=1, outputs={"o": np.zeros(5, np.float64)})
    assert photo.nbytes == recording.nbytes + 28 * 42 * 3 + 40


def test_a_layers_heads_are_kept_as_they_were_given() -> None:
    recording = random_recording()
    heads: AttentionInputs = recording.layers[1]
    assert recording.query(1, 2).tolist() == heads.query[2].tolist()
    assert recording.value(1).tolist() == heads.value.tolist()
    assert (recording.num_layers, recording.num_heads, recording.num_tokens) == (2, 3, 7)
