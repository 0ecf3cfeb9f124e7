"""What becomes of a visitor's recordings and runs when the tab is closed, or its connection lost."""

import sys
import time

import pytest

from tests.load.conftest import STAYS, Watched
from tests.load.inputs import is_photo, photo
from tests.load.visitor import Visitor

LARGE = 2_305 * 384 * 3 * 12 * 4  # bytes of a recording at 672 pixels: tokens, width, q k v, layers, float32


def upload(watched: Watched, number: int, size: int) -> Visitor:
    """A visitor with a photo of their own on the screen."""
    visitor = Visitor(watched.url, "image", "size=224")
    visitor.look()
    visitor.query = f"size={size}"
    visitor.upload(photo(number))
    assert is_photo(visitor.see().payload, number)
    return visitor


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the memory of a process")
def test_a_closed_tab_frees_its_recordings_at_once_and_the_rest_later(watched: Watched) -> None:
    Visitor(watched.url, "image", "size=224").look()
    before = watched.held()
    visitors = [upload(watched, number, 672) for number in (1, 2)]
    full, held = watched.server.memory(), watched.held()
    assert held.recordings == before.recordings + len(visitors)
    for visitor in visitors:
        visitor.close()
    watched.comes_to(lambda now: now.recordings == before.recordings, STAYS)
    deadline = time.monotonic() + 10
    while watched.server.memory() > full - LARGE and time.monotonic() < deadline:
        time.sleep(0.05)
    assert watched.server.memory() < full - LARGE  # of two
    time.sleep(STAYS)
    with Visitor(watched.url) as other:
        other.look()
    watched.comes_to(lambda now: now.uploads == 0 and now.sessions <= 1)


def test_a_closed_tab_frees_nothing_that_another_has_on_the_screen(watched: Watched) -> None:
    with upload(watched, 3, 224) as one, upload(watched, 3, 224) as other:
        held = watched.held()
        one.close()
        time.sleep(0.5)
        assert watched.held().recordings == held.recordings
        other.pin(layer=1)
        assert other.see().progress == []
    watched.comes_to(lambda now: now.recordings == held.recordings - 1)


def test_after_a_lost_connection_the_picture_is_recorded_once_more_not_at_every_click(watched: Watched) -> None:
    lost = upload(watched, 4, 224)
    held = watched.held()
    lost.close()
    watched.comes_to(lambda now: now.recordings == held.recordings - 1)
    with lost.again() as back:
        for layer in range(3):
            back.pin(layer=layer)
            payload = back.see().payload
            assert is_photo(payload, 4)
            assert payload.header["view"]["layer"] == layer
            assert watched.held().recordings == held.recordings
    watched.comes_to(lambda now: now.recordings == held.recordings - 1)


def test_a_closed_tab_stops_its_run(watched: Watched) -> None:
    with Visitor(watched.url, "image", "sample=Rocket&size=1036") as visitor:
        visitor.ask()
        visitor.see(until=lambda seen: len(seen.progress) == 1)
        layer = visitor.see(until=lambda seen: len(seen.progress) == 1).seconds
        assert watched.held().at_work == 1
    watched.comes_to(lambda now: now.at_work == 0, 6 * layer)  # ten more would have come
