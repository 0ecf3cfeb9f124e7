"""Tokens and patches paired by hand: as plain lists have it, and the same both ways round."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from headlens.model.comparison.alignment import Alignment, align
from headlens.model.comparison.comparison import Comparison, compare
from headlens.model.comparison.corrections import MOST, Correction, corrected
from headlens.model.errors import InputError
from headlens.model.recording.recording import Recording
from tests.model.comparison.test_comparison import groups_of, photo, recording_of
from tests.sentences import is_one_sentence

Group = tuple[frozenset[int], frozenset[int]]
WINDOWS = [(0.0, 0.0, 1.0, 1.0), (0.25, 0.0, 1.0, 1.0), (0.0, 0.125, 0.75, 1.0)]
PREFIXES = [("[CLS]",), (), ("[CLS]", "[REG0]", "[REG1]")]


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
    wrong: list[list[Correction]] = [[(3, 0)], [(0, 2)], [(-1, 0)], [(None, None)], [(0, 0)] * (MOST + 1)]
    texts = recording_of(list("abc")), recording_of(list("ab"))
    photos = photo((1, 2), WINDOWS[0], ("[CLS]",)), photo((1, 1), WINDOWS[0], ("[CLS]",))
    for (a, b), unit in ((texts, "tokens"), (photos, "positions")):
        for corrections in wrong:
            with pytest.raises(InputError, match=f"A has the {unit} 0 to 2 and B 0 to 1|65 corrections") as raised:
                corrected(align(a, b), a, b, corrections)
            assert is_one_sentence(raised.value)
        assert corrected(align(a, b), a, b, ()).names == align(a, b).names


@st.composite
def photos_and_corrections(draw: st.DrawFn) -> tuple[Recording, Recording, list[Correction]]:
    """Grids, aspect ratios and registers of all kinds, what the two see of the photo, and what is said of them."""
    sides = [
        photo(
            (draw(st.integers(1, 4)), draw(st.integers(1, 4))),
            draw(st.sampled_from(WINDOWS)),
            draw(st.sampled_from(PREFIXES)),
        )
        for _ in range(2)
    ]
    own, theirs = (st.none() | st.integers(0, side.num_tokens - 1) for side in sides)
    pairs = st.tuples(own, theirs).filter(lambda pair: pair != (None, None))
    return sides[0], sides[1], draw(st.lists(pairs, min_size=1, max_size=5))


def shares_by_hand(alignment: Alignment, corrections: list[Correction]) -> list[np.ndarray]:
    """[place, position] of A and of B, one correction after another."""
    sides = [alignment.a.shares.toarray(), alignment.b.shares.toarray()]
    for pair in corrections:
        for side, at in enumerate(pair):
            own = np.zeros(sides[side].shape[1])
            if at is not None:
                sides[side][:, at] = 0
                own[at] = 1
            sides[side] = np.vstack([sides[side], own])
    places = [place for place in range(len(sides[0])) if sides[0][place].any() or sides[1][place].any()]
    return [side[places] for side in sides]


def head_by_hand(comparison: Comparison, shares: list[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray, float]:
    """Weights of A and of B, their difference, and the divergence, place by place."""
    count, sides = len(shares[0]), list[np.ndarray]()
    for recording, own in zip((comparison.a, comparison.b), shares):
        weights, places = recording.attention(1, 2).astype(float), np.zeros((count, count))
        for row in range(count):
            for query in np.flatnonzero(own[row]):
                for column in range(count):
                    to = sum(weights[query, key] * own[column, key] for key in np.flatnonzero(own[column]))
                    places[row, column] += own[row, query] / own[row].sum() * to
        sides.append(places)
    difference, divergences = np.full((count, count), np.nan), []
    for row in range(count):
        if shares[0][row].any() and shares[1][row].any():
            difference[row] = sides[0][row] - sides[1][row]
            several = all(recording.num_tokens > 1 for recording in (comparison.a, comparison.b))
            divergences += [jensenshannon(sides[0][row], sides[1][row], base=2) ** 2] if several else []
    return sides, difference, float(np.mean(divergences)) if divergences else np.nan


@settings(max_examples=60, deadline=None)
@given(given=photos_and_corrections())
def test_patches_as_by_hand_and_exactly_negated(given: tuple[Recording, Recording, list[Correction]]) -> None:
    a, b, corrections = given
    alignment = corrected(align(a, b), a, b, corrections)
    expected = shares_by_hand(align(a, b), corrections)
    for places, shares in zip((alignment.a, alignment.b), expected):
        np.testing.assert_array_equal(places.shares.toarray(), shares)
        np.testing.assert_allclose(shares.sum(axis=0), 1)
    assert len(alignment.names) == len(expected[0])
    assert alignment.parts is not None
    assert len(alignment.parts) == len(expected[0])
    for index, (own, theirs) in enumerate(corrections):
        later = corrections[index + 1 :]
        if None not in (own, theirs) and not any(own == pair[0] or theirs == pair[1] for pair in later):
            assert (alignment.counterparts[0][own], alignment.counterparts[1][theirs]) == (theirs, own)
    comparison = compare(a, b, alignment)
    sides, difference, divergence = head_by_hand(comparison, expected)
    for weights, found, shares in zip(sides, comparison.weights(1, 2), expected):
        np.testing.assert_allclose(found, weights, atol=1e-5)
        np.testing.assert_allclose(found[shares.any(axis=1)].sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(comparison.difference(1, 2), difference, atol=1e-5)
    np.testing.assert_allclose(comparison.between((1, 2), (1, 2)), divergence, atol=1e-5)
    back = compare(b, a, corrected(align(a, b).swapped(), b, a, [(theirs, own) for own, theirs in corrections]))
    np.testing.assert_array_equal(back.difference(1, 2), -comparison.difference(1, 2))
    np.testing.assert_allclose(back.between((1, 2), (1, 2)), divergence, atol=1e-5)
    assert back.unpaired(1, 2) == pytest.approx(comparison.unpaired(1, 2)[::-1], nan_ok=True)


def test_what_has_moved_becomes_partners() -> None:
    """The same photo in patches as large: a pair takes both out of where they were."""
    a = photo((2, 3), (0.0, 0.0, 1.0, 1.0), ("[CLS]", "[REG0]"))
    found = align(a, a)
    alignment = corrected(found, a, a, [(2, 7)])
    assert alignment.names == (*a.tokens, "0 | 5")
    assert groups_of(alignment)[2] == ([], [2])
    assert groups_of(alignment)[7:] == [([7], []), ([2], [7])]
    assert [each[2] for each in alignment.counterparts] == [7, -1]
    assert [each[7] for each in alignment.counterparts] == [-1, 2]
    assert alignment.parts is not None
    assert alignment.parts.tolist() == [-1, -1, 0, 1, 2, 3, 4, 5, -1]
    assert groups_of(corrected(found, a, a, [(2, 7), (2, 2), (7, 7)]))[6:] == [([2], [2]), ([7], [7])]
    exchanged = corrected(found, a, a, [(2, 7), (7, 2), (0, 1), (1, 0)])
    assert groups_of(exchanged)[4:] == [([2], [7]), ([7], [2]), ([0], [1]), ([1], [0])]
    assert exchanged.names[4:] == ("0 | 5", "5 | 0", "[CLS] | [REG0]", "[REG0] | [CLS]")
    assert exchanged.paired.all()
    alone = corrected(found, a, a, [(3, None), (None, 4)])
    assert groups_of(alone)[3:5] == [([], [3]), ([4], [])]
    assert groups_of(alone)[-2:] == [([3], []), ([], [4])]
