"""How fast the pages answer, in a real Chromium with server and browser on this machine; medians of ROUNDS."""

import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, Request, Response, WebSocket, sync_playwright

from tests.browser.find_browser import HOW, find
from tests.browser.serve import ARGUMENTS, serve

ROUNDS = 20
# From a change that a click makes until the element says that its picture is painted.
CLICK = """(change) => new Promise((painted, failed) => {
    const root = document.querySelector(".hl");
    setTimeout(() => failed(new Error("nothing was painted")), 5000);
    const start = performance.now();
    new MutationObserver((changes, observer) => {
        observer.disconnect();
        painted(performance.now() - start);
    }).observe(root, { attributeFilter: ["data-painted"] });
    root.explorer.pin(change);
})"""
# What one event of the pointer costs: everything that it paints.
HOVER = """([what, values]) => {
    const { explorer } = document.querySelector(".hl");
    const times = values.map((value) => {
        const start = performance.now();
        explorer.hover[what] = value;
        explorer.paint();
        if (what === "head") explorer.paintGrid();
        return performance.now() - start;
    });
    explorer.hover[what] = null;
    explorer.paint();
    explorer.paintGrid();
    return times;
}"""


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

    def _count(self, number: int) -> None:
        self.bytes += number


def first_view(browser: Browser, url: str) -> tuple[float, int]:
    """Milliseconds from the address to the first picture, in a fresh visitor's browser, and the bytes until then.

    The bytes are an upper bound: what is sent after the picture, for hovering, may have begun to arrive.
    """
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    wire = Wire(page)
    page.goto(url)
    page.wait_for_selector(".hl[data-painted]", timeout=60_000)
    time, received = page.evaluate("headlensFirst"), wire.bytes
    context.close()
    return time, received


def clicks(page: Page, name: str, count: int) -> float:
    """Median milliseconds from a click on another layer, head or query to its picture."""
    times = []
    for number in range(ROUNDS):
        times.append(page.evaluate(CLICK, {name: number % (count - 1) + (number // (count - 1)) % 2}))
        page.wait_for_timeout(500)  # what is left out for speed is sent now
    return statistics.median(times)


def measure(browser: Browser, url: str, layers: int, heads: int, tokens: int) -> dict[str, str]:
    """The figures of one page."""
    first_view(browser, url)  # the server is warm from here on
    firsts = [first_view(browser, url) for _ in range(5)]
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto(url)
    page.wait_for_selector(".hl[data-painted]", timeout=60_000)
    page.wait_for_timeout(2_000)
    each_head = [[number % layers, number % heads] for number in range(ROUNDS)]
    spread = [number * (tokens // ROUNDS or 1) % tokens for number in range(ROUNDS)]
    found = {
        "first picture": f"{statistics.median(time for time, _ in firsts):.0f} ms",
        "first view, over the wire": f"{min(size for _, size in firsts) / 1e6:.2f} MB",
        "click: another head": f"{clicks(page, 'head', heads):.0f} ms",
        "click: another layer": f"{clicks(page, 'layer', layers):.0f} ms",
        "click: another query": f"{clicks(page, 'query', min(tokens, 17)):.0f} ms",
        "hover: token or patch": f"{statistics.median(page.evaluate(HOVER, ['token', spread])):.1f} ms",
        "hover: head in the grid": f"{statistics.median(page.evaluate(HOVER, ['head', each_head])):.1f} ms",
    }
    page.context.close()
    return found


def main() -> None:
    """Print the table."""
    path = find()
    if path is None:
        raise SystemExit(HOW)
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(Path(folder) / "log") as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        text = measure(browser, address, layers=6, heads=12, tokens=17)
        image = measure(browser, f"{address}/image", layers=12, heads=6, tokens=1537)
        browser.close()
    aims = ["3,000 ms", "0.5 MB", "120 ms", "120 ms", "120 ms", "16 ms", "16 ms"]
    print("| what | Text, 17 tokens | Image, 1,537 tokens | aim |\n| --- | --- | --- | --- |")
    for (what, figure), aim in zip(text.items(), aims):
        print(f"| {what} | {figure} | {image[what]} | {aim} |")


if __name__ == "__main__":
    main()
