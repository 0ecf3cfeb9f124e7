"""A server that is killed in the middle of its work leaves nothing to repair."""

from pathlib import Path

from websockets.exceptions import ConnectionClosed

from tests.browser.serve import ROOT, start
from tests.load.visitor import Visitor

QUERY = "sample=Rocket&size=672"


def files() -> set[Path]:
    """All files in the project's folder, except what Python, pytest and git put there."""
    return {
        path
        for path in ROOT.rglob("*")
        if not any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(ROOT).parts)
    }


def test_after_a_kill_it_starts_again_as_if_nothing_had_been(log: Path, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    before = files()
    with start(log, TMPDIR=str(temporary)) as server:
        visitor = Visitor(server.url, "image", QUERY)
        visitor.ask()
        visitor.see(until=lambda seen: bool(seen.progress))
        server.process.kill()
        server.process.wait(20)
        try:
            visitor.see()
        except ConnectionClosed:
            pass
        else:
            raise AssertionError("the run ended before the server was killed")
    assert files() == before
    assert list(temporary.iterdir()) == []
    with start(log, TMPDIR=str(temporary)) as server, Visitor(server.url, "image", QUERY) as visitor:
        seen = visitor.look()
        assert seen.payload.header["grid"] is not None
        assert seen.alerts == []
    assert files() == before
    assert list(temporary.iterdir()) == []
