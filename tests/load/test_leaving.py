"""What becomes of a visitor's recordings and runs when the tab is closed, or its connection lost."""

import sys
import time
from urllib.parse import urlencode

import pytest

from tests.load.conftest import STAYS, Watched
from tests.load.inputs import is_photo, photo
from tests.load.visitor import Visitor

OWN = {"text": "These are my own words, and nobody else's."}
OTHER = {"text": "The nurse said that she", "patch": "The nurse said that he"}
PAGES = [
    ("", OWN),
    ("", OWN | {"words": "1"}),
    ("generate", OWN | {"tokens": "2"}),
    ("matter", OWN),
    ("matter", OWN | {"part": "tokens"}),
    ("matter", OWN | {"part": "hand"}),
    ("matter", OTHER | {"kind": "prompt", "tokens": "1", "by": "other"}),
    ("compare", OWN | {"text2": "These are other words of mine."}),
    *(("how", OWN | {"step": str(step)}) for step in (1, 5)),
]
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
    full, held, freed = watched.server.memory(), watched.held(), 1.5 * LARGE  # of two
    assert held.recordings == before.recordings + len(visitors)
    for visitor in visitors:
        visitor.close()
    watched.comes_to(lambda now: now.recordings == before.recordings, STAYS)
    deadline = time.monotonic() + 10
    while watched.server.memory() > full - freed and time.monotonic() < deadline:
        time.sleep(0.05)
    assert watched.server.memory() < full - freed
    time.sleep(STAYS)
    with Visitor(watched.url) as other:
        other.look()
    watched.comes_to(lambda now: now.uploads == 0 and now.sessions <= 1)


@pytest.fixture(scope="module")
def loaded(watched: Watched) -> Watched:
    """With the models of all pages: while one is loaded, all that is in memory leaves the sight of the collector."""
    for page in ("", "image", "generate"):
        with Visitor(watched.url, page) as visitor:
            visitor.look()
    return watched


@pytest.mark.parametrize(("page", "query"), PAGES)
def test_nothing_of_a_session_holds_the_recordings_of_a_closed_tab(
    loaded: Watched, page: str, query: dict[str, str]
) -> None:
    before = loaded.held()
    with Visitor(loaded.url, page, urlencode(query)) as visitor:
        assert visitor.look().alerts == []
        assert loaded.held().alive > before.alive
    now = loaded.comes_to(lambda now: now.alive <= before.alive, STAYS)
    assert now.sessions > 0  # it may come back


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
