"""Longest common subsequences, against every subsequence there is."""

import difflib
import itertools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headlens.model.comparison.sequences import MOST, common_subsequence
from headlens.model.errors import InputError

WORDS = st.text("abcd", max_size=7)


def longest_by_hand(first: str, second: str) -> int:
    """Of all subsequences of the first, the longest that is one of the second."""

    def is_part(letters: tuple[str, ...]) -> bool:
        rest = iter(second)
        return all(letter in rest for letter in letters)

    sizes = range(len(first), -1, -1)
    return next(size for size in sizes if any(map(is_part, itertools.combinations(first, size))))


@settings(max_examples=400, deadline=None)
@given(first=WORDS, second=WORDS)
@example(first="tide", second="diet")
@example(first="abab", second="baba")
@example(first="", second="a")
@example(first="aab", second="aba")
def test_it_is_longest_in_order_and_the_same_both_ways(first: str, second: str) -> None:
    pairs = common_subsequence(first, second)
    assert len(pairs) == longest_by_hand(first, second)
    assert all(first[i] == second[j] for i, j in pairs)
    for side in (0, 1):
        places = [pair[side] for pair in pairs]
        assert places == sorted(set(places))
    assert [(i, j) for j, i in common_subsequence(second, first)] == pairs


def test_difflib_is_not() -> None:
    sizes = [
        sum(block.size for block in difflib.SequenceMatcher(None, *words).get_matching_blocks())
        for words in (("tide", "diet"), ("diet", "tide"))
    ]
    assert sizes[0] != sizes[1]


def test_equal_texts_of_any_length() -> None:
    tokens = [str(index % 7) for index in range(20_000)]
    assert common_subsequence(tokens, tokens) == [(index, index) for index in range(20_000)]
    changed = [*tokens[:10_000], "x", *tokens[10_000:]]
    assert len(common_subsequence(tokens, changed)) == 20_000


def test_what_is_too_long_is_refused() -> None:
    with pytest.raises(InputError, match="compare shorter ones"):
        common_subsequence(["a"] * (MOST + 1), ["b"] * (MOST + 1))
