"""One server for all tests, which tells what it holds."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.browser.serve import Server, start
from tests.load.watched import WATCH, Held, held

STAYS = 2  # seconds for which the server keeps the session of a closed tab; by default two minutes


@dataclass(frozen=True)
class Watched:
    """A server, and where it tells what it holds."""

    server: Server
    door: str

    @property
    def url(self) -> str:
        """Of the pages."""
        return self.server.url

    def held(self) -> Held:
        """What it holds now."""
        return held(self.door)

    def comes_to(self, fits: Callable[[Held], bool], seconds: float = 30) -> Held:
        """What it holds as soon as that fits; fails when it does not fit within these seconds."""
        started = time.monotonic()
        while not fits(now := self.held()):
            assert time.monotonic() - started < seconds, now
            time.sleep(0.02)
        return now


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A server for all files, with a short memory for closed tabs; its log must stay free of tracebacks."""
    folder = tmp_path_factory.mktemp("load")
    log, door = folder / "log", str(folder / "door")
    options = {WATCH: door, "STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": str(STAYS)}
    with start(log, "tests.load.watched", **options) as server:
        yield Watched(server, door)
    assert "Traceback" not in log.read_text()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The file for what a test's own server prints."""
    return tmp_path / "log"
