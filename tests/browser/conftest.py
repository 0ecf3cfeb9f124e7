"""A server of the real app, and a page in a real browser that may talk to nobody else."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Request, Route, sync_playwright

from tests.browser.find_browser import HOW, find, in_ci
from tests.browser.serve import ARGUMENTS, serve


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where `streamlit run app.py` answers; its log must stay free of tracebacks."""
    log = tmp_path_factory.mktemp("server") / "log"
    with serve(log) as answering:
        yield answering
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, as find_browser finds it."""
    path = find()
    if path is None:
        if in_ci():
            pytest.fail(f"No browser. {HOW}")
        pytest.skip(f"NO BROWSER. {HOW}")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page at 1440 x 900 in light colours, or as the parameters say; a request that leaves the machine fails it."""
    options = getattr(request, "param", {})
    context = browser.new_context(
        viewport={"width": options.get("width", 1440), "height": options.get("height", 900)},
        color_scheme=options.get("theme", "light"),
        accept_downloads=True,
        has_touch=options.get("touch", False),
        is_mobile=options.get("touch", False),
    )
    left: list[str] = []

    def guard(route: Route, request: Request) -> None:
        if request.url.startswith((address, "data:", "blob:")):
            route.continue_()
        else:
            left.append(request.url)
            route.abort()

    context.grant_permissions(["clipboard-read", "clipboard-write"])
    context.route("**/*", guard)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert left == []
    assert errors == []
