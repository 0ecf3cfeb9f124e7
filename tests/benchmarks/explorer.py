"""How fast the pages answer, in a real Chromium with server and browser on this machine; medians of ROUNDS."""

import statistics
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

from playwright.sync_api import Browser, Page

from tests.benchmarks.measure import Row, markdown, megabytes, milliseconds, say
from tests.benchmarks.pages import Wire, app, chromium, visitor, wait_for_picture

ROUNDS = 20
PAGES = [("/", 6, 12, 17), ("/image", 12, 6, 1_537)]  # address, layers, heads and tokens
OF = "Text, 17 tokens; Image, 1,537 tokens"
FIGURES: list[tuple[str, Callable[[float], str], float]] = [  # what, how to write it, and the aim: at most so much
    ("first picture", milliseconds, 3_000),
    ("sent until the first picture", megabytes, 500_000),
    ("click: another head", milliseconds, 120),
    ("click: another layer", milliseconds, 120),
    ("click: another query", milliseconds, 120),
    ("click: another run of queries", milliseconds, 150),
    ("hover: token or patch", milliseconds, 16),
    ("hover: head in the grid", milliseconds, 16),
]
# Milliseconds from what is done with a value until the element of a selector says that its picture is painted.
PAINTED = """(value) => new Promise((painted, failed) => {
    const root = document.querySelector("SELECTOR");
    setTimeout(() => failed(new Error("nothing was painted")), 5000);
    const start = performance.now();
    new MutationObserver((changes, observer) => {
        observer.disconnect();
        painted(performance.now() - start);
    }).observe(root, { attributeFilter: ["data-painted"] });
    DONE;
})"""
# A click's change, and a press on a button of the page with so many before it.
CLICK = PAINTED.replace("SELECTOR", ".hl").replace("DONE", "root.explorer.pin(value)")
PRESS = PAINTED.replace("SELECTOR", ".hl-compared").replace(
    "DONE",
    'document.querySelectorAll("[class*=st-key-compare_head_] .stTooltipHoverTarget button")[value].click()',
)
# Milliseconds of one event of the pointer, with everything that it paints.
HOVER = """([what, values]) => {
    const { explorer } = document.querySelector(".hl");
    const times = values.map((value) => {
        const start = performance.now();
        explorer.state.hover[what] = value;
        explorer.paint();
        document.body.getBoundingClientRect(); // the layout that it asks for is part of it
        return performance.now() - start;
    });
    explorer.state.hover[what] = null;
    explorer.paint();
    return times;
}"""

SIDES = [" ".join(f"{word} and" for word in [first, *["it"] * 62]) for first in ("she", "he")]  # 128 tokens each
COMPARED: list[tuple[str, float]] = [("click: another query", 150), ("click: another head", 150), ("hover: token", 16)]
OF_BOTH = "Compare, twice 128 tokens"
# Milliseconds from what is done with a token of one side until both columns and A − B are laid out.
LAID_OUT = """(tokens) => tokens.map((token, turn) => {
    const { compared } = document.querySelector(".hl-compared");
    const start = performance.now();
    DONE;
    document.body.getBoundingClientRect();
    return performance.now() - start;
})"""
PIN = LAID_OUT.replace("DONE", 'compared.take("pin", turn % 2, token)')
POINT = LAID_OUT.replace("DONE", "compared.hover = { side: turn % 2, token }; compared.paint()")


def first_view(browser: Browser, url: str) -> tuple[float, int]:
    """Milliseconds from the address to the first picture, in a fresh visitor's browser, and the bytes until then.

    The bytes are an upper bound: what is sent after the picture, for hovering, may have begun to arrive.
    """
    with visitor(browser) as page:
        wire = Wire(page)
        page.goto(url)
        wait_for_picture(page)
        return page.evaluate("headlensFirst"), wire.bytes


def clicks(page: Page, name: str, count: int, *, more: int = 0) -> float:
    """Median milliseconds from a click on another layer, head or query, or a run of so many more, to its picture."""
    times = []
    for turn in range(ROUNDS):
        rounds, index = divmod(turn, count - 1)
        first = index + rounds % 2  # never what is pinned already
        run = {"queries": list(range(first, first + more + 1))} if more else {}
        times.append(page.evaluate(CLICK, {name: first, **run}))
        page.wait_for_timeout(500)  # what is left out for speed is sent now
    return statistics.median(times)


def measure(browser: Browser, url: str, layers: int, heads: int, tokens: int) -> list[float]:
    """The figures of one page, in the order of FIGURES."""
    first_view(browser, url)  # the server is warm from here on
    firsts = [first_view(browser, url) for _ in range(5)]
    with visitor(browser) as page:
        page.goto(url)
        wait_for_picture(page)
        page.wait_for_timeout(2_000)
        each_head = [[turn % layers, turn % heads] for turn in range(ROUNDS)]
        spread = [turn * (tokens // ROUNDS or 1) % tokens for turn in range(ROUNDS)]
        return [
            statistics.median(time for time, _ in firsts),
            min(size for _, size in firsts),
            clicks(page, "head", heads),
            clicks(page, "layer", layers),
            clicks(page, "query", min(tokens, 17)),
            clicks(page, "query", 9, more=min(tokens, 128) // 2 - 1),
            statistics.median(page.evaluate(HOVER, ["token", spread])),
            statistics.median(page.evaluate(HOVER, ["head", each_head])),
        ]


def measure_compared(browser: Browser, address: str) -> list[float]:
    """The figures of the page Compare, in the order of COMPARED."""
    with visitor(browser) as page:
        page.goto(f"{address}/compare?{urlencode(dict(zip(('text', 'text2'), SIDES)))}")
        wait_for_picture(page)
        page.wait_for_timeout(2_000)
        pinned = page.evaluate(PIN, [2 + turn for turn in range(ROUNDS)])
        page.wait_for_timeout(2_000)
        pressed = []
        for turn in range(ROUNDS):
            pressed.append(page.evaluate(PRESS, 1 + turn % 9))
            page.wait_for_timeout(500)
        pointed = page.evaluate(POINT, [1 + 6 * turn for turn in range(ROUNDS)])
        return [statistics.median(times) for times in (pinned, pressed, pointed)]


def rows() -> Iterator[Row]:
    pages = []
    with app() as address, chromium() as browser:
        for url, layers, heads, tokens in PAGES:
            say(f"explorer: {url}")
            pages.append(measure(browser, address + url, layers, heads, tokens))
        say("explorer: /compare")
        both = measure_compared(browser, address)
    for (what, write, aim), *figures in zip(FIGURES, *pages):
        yield Row(what, OF, "; ".join(map(write, figures)), aim=write(aim), met=max(figures) <= aim)
    for (what, aim), figure in zip(COMPARED, both, strict=True):
        yield Row(what, OF_BOTH, milliseconds(figure), aim=milliseconds(aim), met=figure <= aim)


if __name__ == "__main__":
    print(markdown(rows()))
