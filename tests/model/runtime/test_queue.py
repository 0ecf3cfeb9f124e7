"""The queue of heavy work: so many at once, in the order in which they came."""

import threading
import time
from collections.abc import Callable

import pytest

from headlens.model.runtime.queue import WorkQueue

PATIENCE = 20  # seconds that a thread is waited for; it takes milliseconds


class Work:
    """A thread that has a turn in a queue, and ends it when it is told to."""

    def __init__(self, queue: WorkQueue) -> None:
        self.inside, self.leave = threading.Event(), threading.Event()
        self.waited: list[int] = []
        self.thread = threading.Thread(target=self._run, args=(queue,), daemon=True)
        self.thread.start()

    def _run(self, queue: WorkQueue) -> None:
        with queue.enter(self.waited.append):
            self.inside.set()
            assert self.leave.wait(PATIENCE)


def until(true: Callable[[], bool]) -> None:
    """Wait for something that another thread makes true."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def never(before: int) -> None:
    raise AssertionError("there was nothing to wait for")


def test_as_many_as_there_are_places_and_the_others_are_told_who_is_before_them() -> None:
    queue = WorkQueue(2)
    works = []
    for number in range(5):
        works.append(Work(queue))
        until(works[-1].inside.is_set if number < 2 else (lambda: bool(works[-1].waited)))
    assert [work.inside.is_set() for work in works] == [True, True, False, False, False]
    assert [set(work.waited) for work in works] == [set(), set(), {1}, {2}, {3}]
    works[1].leave.set()
    until(works[2].inside.is_set)
    assert [work.inside.is_set() for work in works[3:]] == [False, False]
    until(lambda: works[3].waited[-1] == 1 and works[4].waited[-1] == 2)
    for work in works:
        work.leave.set()
        until(work.inside.is_set)
        work.thread.join(PATIENCE)
    with queue.enter(never), queue.enter(never):
        pass


def test_one_who_gives_up_leaves_the_queue() -> None:
    queue = WorkQueue(1)
    first = Work(queue)
    until(first.inside.is_set)

    def give_up(before: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError), queue.enter(give_up):
        raise AssertionError("let in though full")
    last = Work(queue)
    until(lambda: bool(last.waited))
    assert last.waited[0] == 1
    first.leave.set()
    until(last.inside.is_set)
    last.leave.set()


def test_what_fails_inside_gives_its_place_back() -> None:
    queue = WorkQueue(1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), queue.enter(never):
            _ = 1 // 0


def test_never_more_inside_than_there_are_places() -> None:
    queue, inside, most, lock = WorkQueue(3), 0, 0, threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with queue.enter(lambda before: None):
                with lock:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0.001)
                with lock:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert (most, inside) == (3, 0)
