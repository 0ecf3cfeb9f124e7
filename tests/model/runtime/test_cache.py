"""The one cache: what was used last, up to a limit."""

import sys
import threading
from collections.abc import Iterator

import pytest

from headlens.model.runtime.cache import Cache


def held(cache: Cache[str, int]) -> str:
    return "".join(id for id, _ in cache.items())


def test_by_count_the_one_unused_for_longest_goes() -> None:
    cache = Cache[str, int](2)
    assert [cache.put(id, ord(id)) for id in "abc"] == [[], [], [ord("a")]]
    assert cache.get("b", None) == ord("b")
    assert cache.put("d", 1) == [ord("c")]
    assert (held(cache), len(cache)) == ("bd", 2)
    assert cache.get("c", None) is None


def test_by_size_until_all_fit() -> None:
    cache = Cache[str, int](10, lambda size: size)
    for id in "abc":
        cache.put(id, 3)
    assert cache.put("d", 6) == [3, 3]
    assert held(cache) == "cd"
    assert cache.put("e", 100) == [3, 6]  # the newest is held whatever its size
    assert cache.put("f", 0) == [100]


def test_another_in_its_place_is_none_that_was_dropped() -> None:
    cache = Cache[str, int](10, lambda size: size)
    cache.put("a", 9)
    cache.put("b", 1)
    assert cache.put("a", 2) == []
    assert cache.items() == [("b", 1), ("a", 2)]


def test_nothing_may_be_held_too() -> None:
    cache = Cache[str, None](1)
    cache.put("a", None)
    assert cache.get("a", "missing") is None
    assert cache.get("b", "missing") == "missing"


def test_what_is_taken_out_is_gone() -> None:
    cache = Cache[str, int](3)
    for id in "abc":
        cache.put(id, 1)
    assert (cache.pop("b", None), cache.pop("b", None)) == (1, None)
    assert held(cache) == "ac"
    cache.clear()
    assert len(cache) == 0


@pytest.fixture
def eager_switching() -> Iterator[None]:
    """Threads take turns after every few instructions, so that a missing lock shows."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("eager_switching")
def test_many_threads_at_once() -> None:
    cache, wrong = Cache[int, int](5), list[object]()

    def use(thread: int) -> None:
        try:
            for turn in range(300):
                id = (thread + turn) % 9
                cache.put(id, id)
                if cache.get(id, id) != id or cache.pop((id + 3) % 9, None) not in (None, (id + 3) % 9):
                    wrong.append(id)
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=use, args=(thread,)) for thread in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(cache) <= 5
