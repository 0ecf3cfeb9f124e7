"""Parts of a data set, merged in any order and grouping, give the same to the bit."""

from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headlens.model.atlas.best import NOBODY, best_of, entries_of, nothing
from headlens.model.atlas.gathered import Failed, Gathered, Limits, Seen, merge, named_in
from headlens.model.atlas.kept import Kept
from headlens.model.atlas.measures import Measure
from headlens.model.atlas.packed import DAMAGED, pack, unpack
from headlens.model.atlas.tally import tally
from headlens.model.errors import InputError

LIMITS = Limits(best=3, vectors=2, positions=2)
SHAPE = 2, 2  # layers and heads
MEASURE = Measure("share")


def gathered_of(number: int, value: int) -> Gathered:
    """What one input gives: few values, so that many are equal; each fifth input fails, each seventh has no pair."""
    if number % 5 == 4:
        return Gathered(LIMITS, failed={number: Failed(f"in:{number}", "It is broken.")})
    values = np.full((1, *SHAPE), value / 4)
    values[:, 0, 1] = (value * 7 + number) % 3 / 4
    values[:, 1, 1] = np.nan if number % 7 == 6 else 0.5
    places = np.full((1, *SHAPE), number % 4)
    best = {"weight": best_of(entries_of(values, np.array([number]), places, places + 1), LIMITS.best)}
    vectors = np.full((2, 2, 3), number, np.float32)
    kept = {number: Kept((value * 31 + number) % 17, np.array([0, number]), (vectors,) * 2, (vectors[:1],) * 2)}
    return Gathered(
        LIMITS,
        {"share": tally(values, values > 0.5, MEASURE)},
        best,
        kept,
        {
            (place[0], place[1], number): np.full(number + 1, value, np.float32)
            for place in np.argwhere(values[0] >= 0).tolist()
        },
        {number: Seen(f"in:{number}", (f"text {number}",), ("a", "b"), (True, False), None, bytes([number]))},
        inputs=1,
        tokens=number + 2,
    )


def alike(one: Gathered, other: Gathered) -> bool:
    return pack(one) == pack(other)


VALUES = st.lists(st.integers(0, 4), min_size=1, max_size=30)


@given(VALUES, st.randoms(use_true_random=False))
def test_no_order_and_no_grouping_changes_a_bit(values: list[int], chance: object) -> None:
    parts = [gathered_of(number, value) for number, value in enumerate(values)]
    whole = reduce(merge, parts)
    while len(parts) > 1:
        first, second = chance.sample(range(len(parts)), 2)  # type: ignore[attr-defined]
        parts[first] = merge(parts[first], parts[second])
        parts.pop(second)
    assert alike(parts[0], whole)


@given(VALUES)
def test_beside_all_at_once(values: list[int]) -> None:
    parts = [gathered_of(number, value) for number, value in enumerate(values)]
    whole = reduce(merge, parts)
    ran = [(number, part) for number, part in enumerate(parts) if part.inputs]
    assert (whole.inputs, len(whole.failed)) == (len(ran), len(parts) - len(ran))
    assert list(whole.failed) == sorted(whole.failed)
    lowest = sorted((part.kept[number].priority, number) for number, part in ran)
    assert sorted(whole.kept) == sorted(number for _, number in lowest[: LIMITS.vectors])
    if not ran:
        return
    named = {
        (*place, number)
        for place in np.ndindex(SHAPE)
        for number in whole.best["weight"][place]["input"].tolist()
        if number != NOBODY
    }
    assert whole.rows.keys() == named
    assert all(row is parts[place[2]].rows[place] for place, row in whole.rows.items())
    for place in np.ndindex(SHAPE):
        entries = [part.best["weight"][place][0] for _, part in ran]
        own = sorted((-entry["value"], entry["input"]) for entry in entries if entry["input"] != NOBODY)
        found = whole.best["weight"][place]
        found = found[found["input"] != NOBODY]
        assert list(zip(-found["value"], found["input"])) == own[: LIMITS.best]
        assert (found["query"] == found["input"] % 4).all()
        assert (found["key"] == found["query"] + 1).all()
    assert list(whole.seen) == named_in(whole.best, whole.kept)
    assert all(seen == parts[number].seen[number] for number, seen in whole.seen.items())


def test_parts_with_other_limits() -> None:
    with pytest.raises(ValueError, match="different limits"):
        merge(Gathered(LIMITS), Gathered(Limits()))


def test_empty_places_come_last() -> None:
    best = best_of(np.concatenate([nothing((2, 4)), gathered_of(1, 0).best["weight"][0]], axis=-1), 3)
    assert best["input"][0].tolist() == [1, NOBODY, NOBODY]


def test_as_bytes_and_back() -> None:
    whole = reduce(merge, [gathered_of(number, number % 3) for number in range(12)])
    found, about = unpack(pack(whole, {"done": [1, 2]}))
    assert about == {"done": [1, 2]}
    assert alike(found, whole)
    assert found.failed == whole.failed
    assert found.seen == whole.seen
    assert all(row.base is None for row in found.rows.values()), "a few that are kept do not hold all others"
    assert alike(merge(found, gathered_of(12, 1)), merge(whole, gathered_of(12, 1)))
    empty, _ = unpack(pack(Gathered(LIMITS)))
    assert empty == Gathered(LIMITS)


@pytest.mark.parametrize("cut", [0, 7, 200, -1])
def test_bytes_that_are_damaged(cut: int) -> None:
    with pytest.raises(InputError) as caught:
        unpack(pack(gathered_of(1, 1))[:cut])
    assert str(caught.value) == DAMAGED
