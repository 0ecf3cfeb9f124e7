"""Several words chosen: the address keeps their tokens, and what is shown of them is the mean or sum between words."""

from dataclasses import replace

import numpy as np
import pytest

from headlens.model.analysis.heads import spread
from headlens.model.comparison.merged import Merged, merge_words
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.view import derived, words
from headlens.viz.view.pieces import in_shown, in_tokens
from headlens.viz.view.view import Direction, Reduction, View
from tests.recordings import random_recording

WORDS = (None, 0, 0, 1, 2, 2, None)  # seven tokens, five words
HEADS = ((0, 2), (1, 0))


@pytest.fixture
def merged() -> Merged:
    return merge_words(replace(random_recording("causal"), words=WORDS))


def test_an_address_keeps_the_tokens_of_what_is_chosen(merged: Merged) -> None:
    tokens = View(0, 0, 2, queries=(2, 3, 5))
    words = in_shown(merged.groups, tokens)
    assert (words.query, words.queries) == (1, (1, 2, 3))
    assert in_tokens(merged.groups, replace(words, layer=1), tokens) == replace(tokens, layer=1)
    more = in_tokens(merged.groups, replace(words, queries=(0, 1, 3)), tokens)
    assert (more.query, more.queries) == (2, (0, 1, 2, 4, 5))
    assert in_shown(merged.groups, more).queries == (0, 1, 3)
    one = in_tokens(merged.groups, replace(words, queries=()), tokens)
    assert (one.query, one.queries) == (2, ())
    assert in_shown(merged.groups, View(0, 0, 1, queries=(1, 2))).chosen == (1,)  # a word alone


@pytest.mark.parametrize("direction", ["at", "by"])
@pytest.mark.parametrize("reduction", ["mean", "max"])
def test_heads_are_made_one_then_tokens_then_words_together(
    merged: Merged, reduction: Reduction, direction: Direction
) -> None:
    view = View(1, 0, 1, "heads", reduction, direction, queries=(1, 2, 4), heads=HEADS)
    heads = np.stack([merged.recording.attention(layer, head) for layer, head in HEADS]).astype(np.float64)
    tokens = heads.mean(axis=0) if reduction == "mean" else heads.max(axis=0)
    words = np.zeros((5, 5))
    for row, queries in enumerate(merged.groups):
        for column, keys in enumerate(merged.groups):
            words[row, column] = tokens[np.ix_(queries, keys)].sum(axis=1).mean()
    expected = words[[1, 2, 4]].mean(axis=0) if direction == "at" else words[:, [1, 2, 4]].sum(axis=1)
    np.testing.assert_allclose(derived.shown_row(merged, view), expected, atol=5e-6)
    matrix = derived.matrix(RecordingEntry("", merged), view)
    np.testing.assert_allclose(derived.row_of(matrix, view), expected, atol=1e-6)


def test_a_query_with_nothing_left_is_no_part_of_the_mean() -> None:
    recording = replace(random_recording("causal"), special=np.arange(7) == 0).without_special()
    entry, expected = RecordingEntry("", recording), recording.attention(1, 0)[1:3].mean(axis=0)
    assert not recording.attention(1, 0, 0).any()  # the first token had looked at itself alone
    view = View(1, 0, 0, queries=(0, 1, 2))
    for row in (
        derived.shown_row(recording, view),
        derived.row_of(derived.matrix(entry, view), view),
        derived.all_heads(recording, "at", view.chosen)[1, 0],
    ):
        np.testing.assert_allclose(row, expected, atol=1e-6)
        assert row.sum() == pytest.approx(1)
    assert not derived.shown_row(recording, View(1, 0, 0)).any()
    by = derived.shown_row(recording, replace(view, direction="by"))
    np.testing.assert_allclose(by, recording.attention(1, 0)[:, :3].sum(axis=1), atol=1e-6)
    said = words.head_in_words(recording, 1, 0, chosen=view.chosen)
    assert f"spreads over {spread(expected):.1f} of" in said
