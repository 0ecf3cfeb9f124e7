"""Runs that are replaced, and runs that wait for others."""

from headlens.model.device import parallel_runs, pick_device
from tests.load.conftest import Watched
from tests.load.inputs import is_photo, photo
from tests.load.visitor import Visitor


def test_another_input_stops_the_run_that_it_replaces(watched: Watched) -> None:
    with Visitor(watched.url, "image", "size=224") as visitor:
        visitor.look()
        held = watched.held()
        visitor.query = "size=1036"
        visitor.upload(photo(11))
        visitor.see(until=lambda seen: len(seen.progress) == 1)
        layer = visitor.see(until=lambda seen: len(seen.progress) == 1).seconds
        visitor.query = "size=224"
        visitor.upload(photo(12))
        seen = visitor.see()
        assert is_photo(seen.payload, 12)
        assert seen.payload.header["grid"] == [16, 16]
        now = watched.comes_to(lambda now: now.at_work == 0, 8 * layer)  # ten more would have come
        assert now.recordings == held.recordings + 1  # the second one's


def test_who_waits_is_told_how_many_are_before(watched: Watched) -> None:
    at_once = parallel_runs(pick_device())
    visitors: list[Visitor] = []
    watched.comes_to(lambda now: now.at_work == 0)
    for _ in range(at_once + 3):
        visitors.append(Visitor(watched.url, "image", "sample=Rocket&size=1036"))
        visitors[-1].ask()
        watched.comes_to(lambda now: now.at_work == len(visitors))
    messages = [
        visitor.see(until=lambda seen: any("Waiting" in each for each in seen.progress)).progress[-1]
        for visitor in visitors[at_once:]
    ]
    others = ["1 other is", "2 others are", "3 others are"]
    assert messages == [f"Waiting: {each} before you" for each in others]
    visitors[at_once].close()
    visitors[-1].see(until=lambda seen: f"Waiting: {others[1]} before you" in seen.progress)
    for visitor in visitors:
        visitor.close()
    watched.comes_to(lambda now: now.at_work == 0)
