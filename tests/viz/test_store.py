"""The store of recordings: the ones used last, by their bytes."""

import sys
import threading
from collections.abc import Iterator

import pytest

from model.recording import Recording
from tests.recordings import random_recording
from viz.store import RecordingStore

SMALL = random_recording(num_tokens=5)
LARGE = random_recording(num_tokens=50)  # ten times as large


def keys_in(store: RecordingStore, keys: str) -> str:
    """Those that are kept; asking changes which was used last, so it comes at the end."""
    return "".join(key for key in keys if store.get(key) is not None)


def test_the_sizes_that_these_tests_count_on() -> None:
    assert SMALL.nbytes == 2 * 3 * 3 * 5 * 4 * 4  # layers, q k v, heads, tokens, d_head, bytes
    assert LARGE.nbytes == 10 * SMALL.nbytes


def test_what_was_put_comes_back_itself() -> None:
    store = RecordingStore()
    assert store.get("a") is None
    store.put("a", SMALL)
    store.put("b", LARGE)
    assert store.get("a") is SMALL
    assert store.get("b") is LARGE
    assert store.get("c") is None


def test_the_one_unused_for_longest_goes_first() -> None:
    store = RecordingStore(3 * SMALL.nbytes)
    for key in "abcd":
        store.put(key, SMALL)
    assert keys_in(store, "abcd") == "bcd"


def test_getting_one_keeps_it() -> None:
    store = RecordingStore(3 * SMALL.nbytes)
    for key in "abc":
        store.put(key, SMALL)
    store.get("a")
    store.put("d", SMALL)
    assert keys_in(store, "abcd") == "acd"


def test_putting_one_again_keeps_it_and_counts_it_once() -> None:
    store = RecordingStore(3 * SMALL.nbytes)
    for key in "abcad":
        store.put(key, SMALL)
    assert keys_in(store, "abcd") == "acd"


def test_bytes_are_counted_not_entries() -> None:
    store = RecordingStore(LARGE.nbytes + SMALL.nbytes)
    for key in "abcde":
        store.put(key, SMALL)
    store.put("f", LARGE)
    assert keys_in(store, "abcdef") == "ef"


@pytest.mark.parametrize("limit", [0, LARGE.nbytes - 1])
def test_the_newest_is_kept_whatever_its_size(limit: int) -> None:
    store = RecordingStore(limit)
    store.put("a", SMALL)
    store.put("b", LARGE)
    assert keys_in(store, "ab") == "b"


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
                key = f"{thread} {turn % 5}"
                store.put(key, recordings[key])
                found = store.get(key)
                if found not in (recordings[key], None):
                    wrong.append(key)
        except Exception as error:
            wrong.append(error)

    visitors = [threading.Thread(target=visit, args=(thread,)) for thread in range(6)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert wrong == []
    kept: list[Recording] = [found for key in recordings if (found := store.get(key)) is not None]
    assert 0 < sum(recording.nbytes for recording in kept) <= 20 * SMALL.nbytes
