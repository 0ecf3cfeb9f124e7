"""Reading a page as the tests need it, and doing to it what a visitor does."""

import itertools
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from playwright.sync_api import FloatRect, Locator, Page, Position, expect

from tests.paths import ROOT

SCREENSHOTS = Path(__file__).parent / "screenshots"
PICTURES = ROOT / "assets" / "pictures"  # of the README
STATE = "document.querySelector('.hl').explorer.state"
GRID = "document.querySelector('.hl').explorer.grid"
FRAMES = 8  # for which a page stays as it is before it counts as settled
SLOW = 60_000  # milliseconds: sums of all heads of a photo, with the other worker's models on the same cores
LOAD = 120_000  # milliseconds: the first page waits for the server's imports and its model, with others at work too
SETTLED = """() => {
    const root = document.querySelector('.hl[data-painted]');
    if (!root || !document.querySelector('[data-testid=stApp][data-test-script-state=notRunning]')) return false;
    const { server, state: { header, view } } = root.explorer;
    const painted = JSON.parse(root.dataset.painted).join() === [header.id, view.layer, view.head, view.query].join();
    return painted && !server.pinned && !header.more;
}"""


FRAMED = """() => {
    const box = document.querySelector('.hl-matrix');
    const { xaxis, yaxis } = box._fullLayout;
    const [frame, whole] = [box.querySelector('.hl-mark'), box].map((part) => part.getBoundingClientRect());
    const at = (axis, place) => axis.p2l(place - axis._offset);
    return {
        x0: at(xaxis, frame.left - whole.left), x1: at(xaxis, frame.right - whole.left),
        y0: at(yaxis, frame.top - whole.top), y1: at(yaxis, frame.bottom - whole.top),
    };
}"""


def open_page(page: Page, url: str) -> None:
    """Open an address and wait until all is painted."""
    page.goto(url)
    settle(page, timeout=LOAD)


def settle(page: Page, frames: int = FRAMES, timeout: float = SLOW) -> None:
    """Wait until the server has answered and everything is painted, and no frame in a row has changed that."""
    holds(page, SETTLED, frames, timeout)


def holds(page: Page, condition: str, frames: int = FRAMES, timeout: float = SLOW) -> None:
    """Wait until a condition, a function in JavaScript, holds in so many frames in a row."""
    page.evaluate("window.framesHeld = 0")
    count = f"(frames) => (window.framesHeld = ({condition})() ? (window.framesHeld ?? 0) + 1 : 0) >= frames"
    page.wait_for_function(count, arg=frames, timeout=timeout)


def shows(page: Page, **view: object) -> None:
    """Wait until the pinned view is as said, and painted; `of` is scope and reduction as the control has them."""
    if "of" in view:
        scope, _, reduction = str(view.pop("of")).partition("-")
        view |= {"scope": scope, "reduction": reduction or "mean"}
    condition = f"view => Object.entries(view).every(([name, value]) => {STATE}.view[name] === value)"
    page.wait_for_function(condition, arg=view, timeout=10_000)
    settle(page)


def seen(page: Page) -> np.ndarray:
    """The weights that are to be seen now."""
    return np.array(page.evaluate(f"Array.from({STATE}.shown.weights)"))


def sentence(page: Page) -> str:
    """What the page says of them, with plain spaces."""
    return re.sub(r"\s+", " ", page.locator(".hl-sentence").inner_text())


def says(page: Page, pattern: str) -> None:
    """Wait for a beginning of the sentence."""
    expect(page.locator(".hl-sentence")).to_have_text(re.compile(r"^\s*" + pattern.replace(" ", r"\s+")))


def framed(page: Page) -> dict[str, float]:
    """Which cells of the full matrix the frame is drawn around, on the screen: -0.5 is the edge of the first."""
    return page.evaluate(FRAMED)


def trace(page: Page, field: str = "z") -> np.ndarray:
    """An array of the full matrix as plotly.js has it."""
    data = f"document.querySelector('.hl-matrix')._fullData[0].{field}"
    return np.array(page.evaluate(f"Array.from({data}, row => row.length === undefined ? row : Array.from(row))"))


def close(actual: np.ndarray, expected: np.ndarray) -> None:
    """Fail unless the weights on the page are the recording's."""
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5)


def box(place: Locator) -> FloatRect:
    """Where something stands on the page."""
    found = place.bounding_box()
    assert found is not None
    return found


def head_at(page: Page, layer: int, head: int) -> Position:
    """Where a head's picture stands in the grid's canvas."""
    script = f"""([layer, head]) => {{
        const {{ layout }} = {GRID};
        const [x, y] = layout.corner(layout.order.findIndex(([l, h]) => l === layer && h === head));
        return [x + layout.tileWidth / 2, y + layout.tileHeight / 2];
    }}"""
    x, y = page.evaluate(script, [layer, head])
    return {"x": x, "y": y}


def point(page: Page, row: int, column: int) -> Position:
    """Where a patch stands in the photo."""
    size = box(page.locator(".hl-photo"))
    rows, columns = page.evaluate(f"{STATE}.header.grid")
    return {"x": (column + 0.5) / columns * size["width"], "y": (row + 0.5) / rows * size["height"]}


def press(page: Page, name: str, value: str | None = None) -> None:
    """Press the button of a view option."""
    page.locator(f"button[data-set={name}]" + (f"[data-value={value}]" if value else "")).click()
    settle(page)


def select(page: Page, name: str, value: str) -> None:
    """Choose a view option from its list."""
    page.locator(f"select[data-set={name}]").select_option(value)
    shows(page, **{name: value})


class Frames:
    """Counts what the page sends to the server from now on; make it before the page is opened."""

    def __init__(self, page: Page) -> None:
        self.sent = 0
        page.on("websocket", lambda socket: socket.on("framesent", self._count))

    def _count(self, _: object) -> None:
        self.sent += 1


def type_text(page: Page, first: str, second: str | None = None) -> None:
    """Type an own text, or a pair, and have it looked at."""
    page.get_by_role("textbox", name="Your text").fill(first)
    if second is not None:
        page.get_by_role("textbox", name="Second sentence").fill(second)
    page.get_by_role("button", name="Look", exact=True).click()


def painted(page: Page) -> list:
    """[recording, layer, head, query] of what is painted."""
    return json.loads(page.locator(".hl").get_attribute("data-painted") or "null")


def screenshot(page: Page, name: str, look: str, wait: Callable[[Page], None] = settle) -> None:
    """With HEADLENS_PICTURES set, keep a picture of the whole page for a person to look at, and those of the README."""
    if not os.environ.get("HEADLENS_PICTURES"):
        return
    SCREENSHOTS.mkdir(exist_ok=True)
    page.mouse.move(0, 0)
    if look == "1440-light":
        page.screenshot(path=PICTURES / f"{name}.png")
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    size = page.viewport_size
    assert size is not None
    page.set_viewport_size({"width": size["width"], "height": max(size["height"], height)})
    wait(page)
    page.screenshot(path=SCREENSHOTS / f"{name}-{look}.png")
    page.set_viewport_size(size)


def check_layout(page: Page, pieces: list[tuple[str, float, float, float, float]], *, slack: float = 1.0) -> None:
    """Nothing is wider than the window, and nothing stands on anything else.

    Args:
        page: that is looked at.
        pieces: of it: a name, left, top, right, bottom.
        slack: pixels that two may share.
    """
    width = page.viewport_size["width"] if page.viewport_size else 0
    for element in ("document.documentElement", "document.querySelector('[data-testid=stMain]')"):
        widths = page.evaluate(f"(({{scrollWidth, clientWidth}}) => [scrollWidth, clientWidth])({element})")
        assert widths[0] <= widths[1], element
    for name, left, _, right, _ in pieces:
        assert left >= 0, name
        assert right <= width, name
    for (one, *a), (other, *b) in itertools.combinations(pieces, 2):
        apart = a[2] <= b[0] + slack or b[2] <= a[0] + slack or a[3] <= b[1] + slack or b[3] <= a[1] + slack
        assert apart, (one, other)
