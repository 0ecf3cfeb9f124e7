"""The store of recordings: the ones used last, by their bytes."""

import sys
import threading
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

from headlens.model.runtime.recordings import DERIVED, RecordingEntry, RecordingStore, Visitor
from tests.recordings import random_recording

SMALL = random_recording(num_tokens=5)
LARGE = random_recording(num_tokens=50)  # ten times as large


def ids_in(store: RecordingStore, ids: str) -> str:
    """Those that are kept; asking changes which was used last, so it comes at the end."""
    return "".join(id for id in ids if store.get(id, None) is not None)


def test_the_sizes_that_these_tests_count_on() -> None:
    assert SMALL.nbytes == 2 * 3 * 3 * 5 * 4 * 4  # layers, q k v, heads, tokens, d_head, bytes
    assert LARGE.nbytes == 10 * SMALL.nbytes


def test_what_was_put_comes_back_itself() -> None:
    store = RecordingStore(10**9)
    assert store.get("a", None) is None
    store.put("a", SMALL, None)
    store.put("b", LARGE, None)
    for id, recording in (("a", SMALL), ("b", LARGE)):
        entry = store.get(id, None)
        assert entry is not None
        assert (entry.id, entry.recording) == (id, recording)
    assert store.get("c", None) is None


def test_the_one_unused_for_longest_goes_first() -> None:
    store = RecordingStore(3 * SMALL.nbytes)
    for id in "abcd":
        store.put(id, SMALL, None)
    assert ids_in(store, "abcd") == "bcd"


def test_getting_one_keeps_it() -> None:
    store = RecordingStore(3 * SMALL.nbytes)
    for id in "abc":
        store.put(id, SMALL, None)
    store.get("a", None)
    store.put("d", SMALL, None)
    assert ids_in(store, "abcd") == "acd"


def test_putting_one_again_keeps_it_and_counts_it_once() -> None:
    store = RecordingStore(3 * SMALL.nbytes)
    for id in "abcad":
        store.put(id, SMALL, None)
    assert ids_in(store, "abcd") == "acd"


def test_bytes_are_counted_not_entries() -> None:
    store = RecordingStore(LARGE.nbytes + SMALL.nbytes)
    for id in "abcde":
        store.put(id, SMALL, None)
    store.put("f", LARGE, None)
    assert ids_in(store, "abcdef") == "ef"


@pytest.mark.parametrize("limit", [0, LARGE.nbytes - 1])
def test_the_newest_is_kept_whatever_its_size(limit: int) -> None:
    store = RecordingStore(limit)
    store.put("a", SMALL, None)
    store.put("b", LARGE, None)
    assert ids_in(store, "ab") == "b"


@pytest.fixture
def eager_switching() -> Iterator[None]:
    """Threads take turns after every few instructions, so that a missing lock shows."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("eager_switching")
def test_many_visitors_at_once() -> None:
    store = RecordingStore(20 * SMALL.nbytes)
    recordings = {f"{thread} {number}": random_recording() for thread in range(6) for number in range(5)}
    wrong: list[object] = []

    def visit(thread: int) -> None:
        try:
            for turn in range(150):
                id = f"{thread} {turn % 5}"
                store.put(id, recordings[id], None)
                found = store.get(id, None)
                if found is not None and found.recording is not recordings[id]:
                    wrong.append(id)
        except Exception as error:
            wrong.append(error)

    visitors = [threading.Thread(target=visit, args=(thread,)) for thread in range(6)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert wrong == []
    kept = [found for id in recordings if (found := store.get(id, None)) is not None]
    assert 0 < sum(each.nbytes for each in kept) <= 20 * SMALL.nbytes


def test_what_one_visitor_alone_has_used_goes_with_them() -> None:
    store, one, other = RecordingStore(10**9), Visitor(), Visitor()
    for id, visitor in {"a": one, "b": other, "c": one, "s": None}.items():
        store.put(id, SMALL, visitor)
    store.get("c", other)
    store.forget(one)
    assert ids_in(store, "abcs") == "bcs"
    store.forget(other)
    assert ids_in(store, "abcs") == "bcs"  # ids_in asked as for samples: they are everybody's now


def test_a_sample_stays_whoever_uses_it() -> None:
    store, visitor = RecordingStore(10**9), Visitor()
    store.put("a", SMALL, visitor)
    store.put("a", SMALL, None)
    store.put("b", SMALL, None)
    store.get("b", visitor)
    store.forget(visitor)
    assert ids_in(store, "ab") == "ab"


def test_recorded_again_it_keeps_its_owners() -> None:
    store, one, other = RecordingStore(10**9), Visitor(), Visitor()
    store.put("a", SMALL, one)
    store.put("a", SMALL, other)
    store.forget(one)
    assert store.get("a", other) is not None
    store.forget(other)
    assert store.get("a", other) is None


def test_what_comes_too_late_for_a_visitor_is_not_kept() -> None:
    store, visitor, other = RecordingStore(10**9), Visitor(), Visitor()
    store.forget(visitor)
    assert store.put("a", SMALL, visitor).recording is SMALL
    assert store.get("a", other) is None
    store.put("b", SMALL, other)
    store.get("b", visitor)
    store.forget(other)
    assert store.get("b", visitor) is None


def test_what_was_computed_is_kept_with_it_the_last_used_few() -> None:
    entry, computed = RecordingEntry("a", SMALL), []

    def square(number: int) -> int:
        computed.append(number)
        return number**2

    for number in [*range(DERIVED), 0, DERIVED, 0, 1]:
        assert entry.derive(("square", number), lambda number=number: square(number)) == number**2  # type: ignore[misc]
    assert computed == [*range(DERIVED), DERIVED, 1]


def test_what_failed_is_not_kept() -> None:
    entry = RecordingEntry("a", SMALL)
    with pytest.raises(ZeroDivisionError):
        entry.derive("x", lambda: 1 // 0)
    assert entry.derive("x", lambda: 5) == 5


def test_what_was_computed_counts_as_well() -> None:
    store = RecordingStore(2 * SMALL.nbytes + 999)
    first = store.put("a", SMALL, None)
    store.put("b", SMALL, None)
    first.derive("numbers", lambda: {"x": np.zeros(100), "y": (np.zeros(20, np.uint8), b"1" * 180)})
    assert first.nbytes == SMALL.nbytes + 1000
    store.put("b", SMALL, None)
    assert ids_in(store, "ab") == "b"


def test_it_tells_how_much_has_been_dropped() -> None:
    dropped: list[int] = []
    store, visitor = RecordingStore(LARGE.nbytes, dropped.append), Visitor()
    store.put("a", SMALL, None)
    store.put("b", SMALL, visitor)
    assert dropped == []
    store.put("c", LARGE, visitor)
    assert dropped == [2 * SMALL.nbytes]
    store.forget(Visitor())
    store.forget(visitor)
    assert dropped == [2 * SMALL.nbytes, LARGE.nbytes]


def test_it_tells_when_what_was_dropped_is_held_no_longer() -> None:
    held: list[bool] = []
    store = RecordingStore(LARGE.nbytes, lambda nbytes: held.append(any(each() is not None for each in entries)))
    visitor = Visitor()
    entries = [weakref.ref(store.put(id, SMALL, visitor)) for id in "ab"]
    entries = [*entries, weakref.ref(store.put("c", LARGE, visitor))]
    assert held == [False]
    store.forget(visitor)
    assert held == [False, False]
