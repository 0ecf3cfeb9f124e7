"""Tokens merged into words, and special tokens left out, against plain loops in float64."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from headlens.model.analysis.joint import joined
from headlens.model.attention.inputs import inputs_of_scores
from headlens.model.comparison.comparison import compare
from headlens.model.comparison.merged import Merged
from headlens.model.errors import InputError, RecordingError
from headlens.model.recording.recording import Recording
from tests.masks import KINDS
from tests.recordings import random_recording, scores_by_hand, softmax

HEADS = 3
PIECES = ("un", "##able", "שלום", "🙂", "é", "a b", " ", "x")


@st.composite
def recordings(draw: st.DrawFn) -> Recording:
    """Ragged words, special tokens anywhere, under any mask; some of scores alone, some with sinks."""
    num_tokens = draw(st.integers(1, 9))
    kind = draw(st.sampled_from([*KINDS, "window", "scores", "sinks", "lowest"]))
    known = {"window": "none", "scores": "causal", "sinks": "causal", "lowest": "none"}.get(kind, kind)
    recording = random_recording(known, num_tokens=num_tokens, num_heads=HEADS)
    layers = recording.layers
    if kind == "window":
        at = torch.arange(num_tokens)
        window = ((at[:, None] - at).abs() <= 1)[None]
        layers = tuple(dataclasses.replace(layer, mask=window, causal=True) for layer in layers)
    elif kind == "scores":
        layers = tuple(inputs_of_scores(layer.scores(slice(None), slice(None))) for layer in layers)
    elif kind == "sinks":
        layers = tuple(dataclasses.replace(layer, sinks=torch.tensor([0.5, -1.0, 2.0])) for layer in layers)
    elif kind == "lowest":  # as eager attention of older models hides the future
        future = torch.ones(num_tokens, num_tokens).triu(1)[None] * draw(
            st.sampled_from([torch.finfo(torch.float32).min, -10_000.0])
        )
        layers = tuple(dataclasses.replace(layer, mask=future) for layer in layers)
    sizes = st.lists(st.none() | st.integers(0, 2), min_size=num_tokens, max_size=num_tokens)
    flags = st.lists(st.booleans(), min_size=num_tokens, max_size=num_tokens)
    return dataclasses.replace(
        recording,
        layers=layers,
        tokens=tuple(draw(st.lists(st.sampled_from(PIECES), min_size=num_tokens, max_size=num_tokens))),
        words=tuple(draw(sizes)),
        special=np.array(draw(flags) if draw(st.booleans()) else [draw(st.booleans())] * num_tokens),
        segments=tuple(sorted(draw(st.lists(st.integers(0, 1), min_size=num_tokens, max_size=num_tokens)))),
    )


def groups_by_hand(recording: Recording) -> list[list[int]]:
    groups: list[list[int]] = []
    for token, word in enumerate(recording.words):
        before = token - 1
        goes_on = token > 0 and word is not None and word == recording.words[before]
        goes_on = goes_on and recording.segments[before] == recording.segments[token]
        if goes_on and not recording.special[before] and not recording.special[token]:
            groups[-1].append(token)
        else:
            groups.append([token])
    return groups


def merged_by_hand(weights: np.ndarray, groups: list[list[int]]) -> np.ndarray:
    """[query, key] between tokens -> between words."""
    result = np.zeros((len(groups), len(groups)))
    for row, queries in enumerate(groups):
        for column, keys in enumerate(groups):
            for query in queries:
                for key in keys:
                    result[row, column] += weights[query, key] / len(queries)
    return result


def left_by_hand(weights: np.ndarray, special: np.ndarray) -> np.ndarray:
    """[query, key], each row scaled to sum to one without the special keys; zeros where nothing is left."""
    rest = np.where(special, 0.0, weights.astype(np.float64))
    for row in rest:
        row /= row.sum() or 1.0
    return rest


@settings(max_examples=150, deadline=None)
@given(recordings())
def test_words_are_sums_and_means(recording: Recording) -> None:
    merged, groups = recording.merged("words"), groups_by_hand(recording)
    assert [list(group) for group in merged.groups] == groups
    assert merged.tokens == tuple("".join(recording.tokens[at] for at in group) for group in groups)
    weights = recording.attention(1)
    expected = np.stack([merged_by_hand(head, groups) for head in weights])
    np.testing.assert_allclose(merged.attention(1), expected, atol=2e-6)
    sums = [[weights[head, group].sum() / len(group) for group in groups] for head in range(HEADS)]
    np.testing.assert_allclose(merged.attention(1).sum(axis=-1), sums, atol=2e-6)  # one, but with sinks
    last = len(groups) - 1
    np.testing.assert_allclose(merged.attention(1, 2, last), expected[2, last], atol=2e-6)
    np.testing.assert_allclose(merged.attention_from(1, [last, 0], 0), expected[0, [last, 0]], atol=2e-6)
    np.testing.assert_allclose(merged.attention_to(1, last), expected[:, :, last], atol=4e-6)
    np.testing.assert_allclose(merged.attention_to(1, 0, 1), expected[1, :, 0], atol=4e-6)
    np.testing.assert_allclose(merged.attention_to(1, [last, 0]), expected[:, :, [last, 0]], atol=4e-6)
    np.testing.assert_allclose(merged.pooled(1, 0, len(groups)), expected[0], atol=2e-6)
    assert merged.special.tolist() == [bool(recording.special[group[0]]) for group in groups]


@settings(max_examples=150, deadline=None)
@given(recordings())
def test_what_is_left_sums_to_one(recording: Recording) -> None:
    left = recording.without_special()
    for layer in range(2):
        expected = np.stack([left_by_hand(head, recording.special) for head in recording.attention(layer)])
        found = left.attention(layer)
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found, expected, atol=5e-6)
        totals = found.sum(axis=-1)
        np.testing.assert_allclose(totals, np.where(expected.any(axis=-1), 1, 0), atol=5e-6)
        for key in range(recording.num_tokens):
            np.testing.assert_allclose(left.attention_to(layer, key), expected[..., key], atol=5e-6)
    np.testing.assert_array_equal(left.special, recording.special)
    merged, groups = left.merged("words"), groups_by_hand(recording)
    both = np.stack([merged_by_hand(head, groups) for head in left.attention(0)])
    np.testing.assert_allclose(merged.attention(0), both, atol=5e-6)
    again = recording.merged("words").without_special()  # special tokens are left out first, whatever is asked first
    np.testing.assert_array_equal(again.attention(0), merged.attention(0))
    assert again.notes == merged.notes == {"weights": "special tokens left out, merged into words"}


def test_what_is_left_is_the_softmax_of_its_scores() -> None:
    recording = random_recording("causal", num_tokens=6)
    recording = dataclasses.replace(recording, special=np.array([True, False, False, True, False, False]))
    scores = scores_by_hand(recording.layers[1])
    scores[..., recording.special] = -math.inf
    np.testing.assert_allclose(recording.without_special().attention(1), softmax(scores), atol=1e-6)
    assert (recording.without_special().attention(1)[:, 0] == 0).all()
    np.testing.assert_array_equal(recording.without_special().query(1), recording.query(1))


def test_nothing_of_special_tokens_is_changed_in_a_recording_that_has_none() -> None:
    recording = random_recording("padding")
    np.testing.assert_array_equal(recording.without_special().attention(0), recording.attention(0))


def test_a_text_that_no_tokenizer_splits_is_split_at_its_spaces() -> None:
    recording = dataclasses.replace(
        random_recording(num_tokens=5),
        tokens=("the", "cat", "s", "sl", "eep"),
        words=(0,) * 5,
        offsets=((0, 3), (3, 7), (7, 8), (9, 11), (11, 14)),
        texts=("the cats sleep",),
    )
    assert recording.merged("words").tokens == ("the", "cats", "sleep")
    assert recording.merged("words").offsets == ((0, 3), (3, 8), (9, 14))


def test_words_have_neither_scores_nor_vectors_nor_a_file(tmp_path: Path) -> None:
    merged = random_recording().merged("words")
    for ask in (merged.scores, merged.query, merged.key, merged.value, merged.log_sum_exp):
        with pytest.raises(InputError, match="Words have weights alone"):
            ask(0)
    with pytest.raises(InputError, match="Words have weights alone"):
        merged.mask(0, 0)
    with pytest.raises(RecordingError, match="save the recording that they are merged from"):
        merged.save(tmp_path / "words.safetensors")
    with pytest.raises(ValueError, match="from 0 to 6"):
        merged.attention_to(0, 7)
    with pytest.raises(InputError, match="not into 'letters'"):
        merged.merged("letters")
    assert merged.merged("words") is merged
    assert merged.nbytes == 0  # nothing is kept twice


def test_what_is_left_is_saved_with_its_note(tmp_path: Path) -> None:
    recording = dataclasses.replace(random_recording(), special=np.arange(7) == 0)
    left = recording.without_special()
    left.save(tmp_path / "left.safetensors")
    loaded = Recording.load(tmp_path / "left.safetensors")
    np.testing.assert_array_equal(loaded.attention(1), left.attention(1))
    assert loaded.notes == {"weights": "special tokens left out"}


def test_predictions_stand_at_the_words(minilm) -> None:
    recording = minilm.record("The untranslatable dog barked at [MASK].")
    merged = recording.merged("words")
    assert isinstance(merged, Merged)
    assert merged.tokens == ("[CLS]", "The", "untranslatable", "dog", "barked", "at", "[MASK]", ".", "[SEP]")
    for prediction in merged.predictions:
        assert prediction.position is None or merged.tokens[prediction.position] == "[MASK]"


def test_cross_attention_is_looked_at_between_words() -> None:
    keys = dataclasses.replace(random_recording(num_tokens=5), words=(None, 0, 0, 1, 1), special=np.arange(5) == 0)
    queries = random_recording(num_tokens=3)
    layers = tuple(
        dataclasses.replace(own, key=theirs.key, value=theirs.value)
        for own, theirs in zip(queries.layers, keys.layers, strict=True)
    )
    cross = dataclasses.replace(queries, layers=layers, keys=keys, words=(0, 0, 1), stage="cross")
    left = cross.without_special()
    expected = np.stack([left_by_hand(head, keys.special) for head in cross.attention(1)])
    np.testing.assert_allclose(left.attention(1), expected, atol=2e-6)
    words = left.merged("words")
    by_hand = [
        [[expected[h][own][:, of].sum(axis=1).mean() for of in ([0], [1, 2], [3, 4])] for own in ([0, 1], [2])]
        for h in range(HEADS)
    ]
    np.testing.assert_allclose(words.attention(1), by_hand, atol=2e-6)
    np.testing.assert_allclose(words.attention_to(1, 2, 0), np.array(by_hand)[0, :, 2], atol=2e-6)
    shown = joined(left).merged("words")  # as on the pages: one sequence, the keys before the queries
    assert shown.tokens == ("token0", "token1token2", "token3token4", "token0token1", "token2")
    np.testing.assert_allclose(shown.attention(1)[:, 3:, :3], by_hand, atol=2e-6)
    assert not shown.attention(1)[:, :3].any()


def test_words_are_compared() -> None:
    a = dataclasses.replace(random_recording("causal", num_tokens=4), words=(0, 1, 1, 2))
    b = dataclasses.replace(random_recording(num_tokens=4), words=(0, 1, 1, 2))
    comparison = compare(a.merged("words"), b.merged("words"))
    assert comparison.alignment.names == ("token0", "token1token2", "token3")
    np.testing.assert_allclose(comparison.weights(1, 2)[0], a.merged("words").attention(1, 2), atol=1e-6)
    mask = a.merged("words").layers[0].full_mask()
    assert mask is not None
    np.testing.assert_array_equal(mask[0], np.tri(3, dtype=bool))
