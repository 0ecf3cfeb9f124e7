"""Tokens paired by hand: as a plain list of groups has it, and the same both ways round."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headlens.model.comparison.alignment import Alignment, align
from headlens.model.comparison.comparison import compare
from headlens.model.comparison.corrections import MOST, Correction, corrected
from headlens.model.errors import InputError
from tests.model.comparison.test_comparison import groups_of, photo, recording_of
from tests.sentences import is_one_sentence

Group = tuple[frozenset[int], frozenset[int]]


def as_set(alignment: Alignment) -> set[Group]:
    return {(frozenset(own), frozenset(theirs)) for own, theirs in groups_of(alignment)}


def by_hand(alignment: Alignment, corrections: list[Correction]) -> set[Group]:
    """Partners as a dictionary would have them, token by token."""
    groups = as_set(alignment)
    for own, theirs in corrections:
        groups = {(a - {own}, b - {theirs}) for a, b in groups}
        groups.add(
            (frozenset() if own is None else frozenset({own}), frozenset() if theirs is None else frozenset({theirs}))
        )
    whole = {(a, b) for a, b in groups if a and b}
    whole |= {(frozenset({at}), frozenset()) for a, b in groups if not b for at in a}
    return whole | {(frozenset(), frozenset({at})) for a, b in groups if not a for at in b}


@settings(max_examples=40, deadline=None)
@given(
    first=st.text("abcd", min_size=1, max_size=7),
    second=st.text("abcx", min_size=1, max_size=7),
    data=st.data(),
)
def test_as_by_hand_and_the_same_both_ways_round(first: str, second: str, data: st.DataObject) -> None:
    a, b = recording_of(list(first)), recording_of(list(second), seed=1)
    of_a, of_b = (st.none() | st.integers(0, len(text) - 1) for text in (first, second))
    pairs = st.tuples(of_a, of_b).filter(lambda pair: pair != (None, None))
    corrections = data.draw(st.lists(pairs, max_size=5))
    found = align(a, b)
    alignment = corrected(found, a, b, corrections)
    assert as_set(alignment) == by_hand(found, corrections)
    for places, recording in ((alignment.a, a), (alignment.b, b)):
        np.testing.assert_array_equal(places.shares.sum(axis=0), np.ones(recording.num_tokens))
    back = corrected(found.swapped(), b, a, [(theirs, own) for own, theirs in corrections])
    assert as_set(back.swapped()) == as_set(alignment)
    one, other = compare(a, b, alignment), compare(b, a, back)
    np.testing.assert_allclose(one.between((1, 2), (1, 2)), other.between((1, 2), (1, 2)), atol=1e-6)
    own, theirs = one.difference(1, 2), other.difference(1, 2)
    order = [as_list(back.swapped()).index(group) for group in as_list(alignment)]
    np.testing.assert_allclose(theirs[np.ix_(order, order)], -own, atol=1e-6)


def as_list(alignment: Alignment) -> list[Group]:
    return [(frozenset(own), frozenset(theirs)) for own, theirs in groups_of(alignment)]


def test_she_and_he_become_partners() -> None:
    a, b = recording_of(["that", "she", "was"]), recording_of(["that", "he", "was"], seed=1)
    found = align(a, b)
    assert found.paired.tolist() == [True, False, False, True]
    alignment = corrected(found, a, b, [(1, 1)])
    assert groups_of(alignment) == [([0], [0]), ([1], [1]), ([2], [2])]
    assert alignment.names == ("that", "she", "was")
    own, theirs = compare(a, b, alignment).weights(0, 0)
    np.testing.assert_array_equal(own, a.attention(0, 0))
    np.testing.assert_array_equal(theirs, b.attention(0, 0))
    assert groups_of(corrected(found, a, b, [(1, 1), (1, None)])) == groups_of(found)
    crossed = corrected(found, a, b, [(0, 2), (2, 0)])
    assert groups_of(crossed) == [([0], [2]), ([1], []), ([2], [0]), ([], [1])]


def test_what_is_refused() -> None:
    a, b = recording_of(list("abc")), recording_of(list("ab"))
    found = align(a, b)
    wrong: list[list[Correction]] = [[(3, 0)], [(0, 2)], [(-1, 0)], [(None, None)], [(0, 0)] * (MOST + 1)]
    for corrections in wrong:
        with pytest.raises(InputError) as raised:
            corrected(found, a, b, corrections)
        assert is_one_sentence(raised.value)
    one = photo((2, 3), (0.0, 0.0, 1.0, 1.0), ("[CLS]",))
    with pytest.raises(InputError, match="pair tokens of texts alone"):
        corrected(align(one, one), one, one, [(0, 0)])
    assert corrected(align(one, one), one, one, ()).names == one.tokens
