"""The app and a Chromium on this machine, and what a page receives."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, Request, Response, WebSocket, sync_playwright

from tests.browser.find_browser import HOW, find
from tests.browser.serve import ARGUMENTS, serve


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser."""
    path = find()
    if path is None:
        raise SystemExit(HOW)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def app() -> Iterator[str]:
    """Where the app answers, while the context lasts."""
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder) / "log") as address:
        yield address


@contextmanager
def visitor(browser: Browser) -> Iterator[Page]:
    """A page in a new browser context, with nothing in its caches."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield context.new_page()
    context.close()


def wait_for_picture(page: Page) -> None:
    """Until the element says that it has painted."""
    page.wait_for_selector(".hl[data-painted]", timeout=60_000)


class Wire:
    """Bytes that a page has received, without Streamlit's own files and Plotly's script."""

    def __init__(self, page: Page) -> None:
        self.bytes = 0
        page.on("websocket", self._watch)
        page.on("response", self._add)

    def _watch(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: self._count(len(frame)))

    def _add(self, response: Response) -> None:
        request: Request = response.request
        if "/headlens/" in request.url and "plotly" not in request.url:
            self._count(int(response.headers.get("content-length", 0)))

    def _count(self, size: int) -> None:
        self.bytes += size
