"""A server of the real app, and a page in a real browser that may talk to nobody else."""

import functools
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, BrowserType, Page, Request, sync_playwright

from tests.browser.find_browser import HOW, find, in_ci
from tests.browser.serve import ARGUMENTS, serve
from tests.paths import ROOT

NOWHERE_ELSE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


@dataclass(frozen=True)
class Launch:
    """A kind of browser, and where it is."""

    kind: BrowserType
    path: str


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where `streamlit run app.py` answers; its log must stay free of tracebacks."""
    log = tmp_path_factory.mktemp("server") / "log"
    with serve(log) as answering:
        yield answering
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="module")
def models_folder() -> Iterator[Path]:
    """A folder in which the server may open models: it works there. The other worker has its own."""
    models = ROOT / ".pytest_cache" / "models"
    models.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=models) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Launch]:
    """What starts Chromium, as find_browser finds it: `launch`, or `launch_persistent_context` with a profile."""
    path = find()
    if path is None:
        if in_ci():
            pytest.fail(f"No browser. {HOW}")
        pytest.skip(f"NO BROWSER. {HOW}")
    with sync_playwright() as playwright:
        yield Launch(playwright.chromium, path)


@pytest.fixture(scope="session")
def browser(chromium: Launch) -> Iterator[Browser]:
    """A browser whose contexts begin with nothing."""
    started = chromium.kind.launch(executable_path=chromium.path, args=ARGUMENTS)
    yield started
    started.close()


@pytest.fixture(scope="session")
def profiles(chromium: Launch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[bool], BrowserContext]]:
    """The profile of a visitor with a mouse, and of one with a touch screen.

    A profile keeps what it has compiled of the scripts, as visitors' own do: a page opens in half the time.
    """

    @functools.cache
    def profile(touch: bool) -> BrowserContext:
        context = chromium.kind.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=chromium.path,
            args=[*ARGUMENTS, NOWHERE_ELSE],
            accept_downloads=True,
            has_touch=touch,
            is_mobile=touch,
        )
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        opened.append(context)
        return context

    opened: list[BrowserContext] = []
    yield profile
    for context in opened:
        context.close()


@pytest.fixture
def page(profiles: Callable[[bool], BrowserContext], address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page at 1440 x 900 in light colours, or as the parameters say; a request that leaves the machine fails it."""
    options = getattr(request, "param", {})
    context = profiles(options.get("touch", False))
    left: list[str] = []

    def note(asked: Request) -> None:
        if not asked.url.startswith((address, "data:", "blob:")):
            left.append(asked.url)

    context.on("request", note)
    opened = context.new_page()
    opened.set_viewport_size({"width": options.get("width", 1440), "height": options.get("height", 900)})
    opened.emulate_media(color_scheme=options.get("theme", "light"))
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    stored = {"origin": address, "storageTypes": "cookies,local_storage,indexeddb"}  # the cache of files stays
    context.new_cdp_session(opened).send("Storage.clearDataForOrigin", stored)
    for each in context.pages[1:]:  # the first is the empty one that every profile opens with
        each.close()
    context.remove_listener("request", note)
    assert left == []
    assert errors == []
