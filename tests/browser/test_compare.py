"""The page Compare in a real browser: both columns, linked hover and pins, the difference read off, a phone too."""

import itertools
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from headlens.model.comparison.comparison import Comparison, compare
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.viz.inputs.samples import FIRST_PAIR, PAIRS
from headlens.viz.view.wording import percent
from tests.browser.look import LOAD, SCREENSHOTS, box, check_layout, holds
from tests.browser.test_how import PIECES
from tests.browser.test_matter import PHONE, POINT

SETTLED = """() => {
    const root = document.querySelector('.hl-compared[data-painted]');
    if (!root || !document.querySelector('[data-testid=stApp][data-test-script-state=notRunning]')) return false;
    const { server } = root.compared, { id, view: { query, query2, matrix } } = server.header;
    const painted = root.dataset.painted === JSON.stringify([id, query, query2, matrix]);
    return painted && !server.pinned && [...document.querySelectorAll('[data-testid=stPlotlyChart]')].every(
        chart => chart.querySelector('.main-svg'));
}"""
LESS = "Array.from(document.querySelector('.hl-compared').compared.less.less, value => value ?? null)"
MATRIX = "(name) => Array.from(document.querySelector(`[data-part=${name}]`)._fullData[1].z, row => Array.from(row))"
RANGES = """() => [...document.querySelectorAll('.hl-compared .js-plotly-plot')].map(
    ({ layout: { xaxis, yaxis } }) => [...xaxis.range, ...yaxis.range])"""
CELL = """([name, query, key]) => {
    const plot = document.querySelector(`[data-part=${name}]`), box = plot.getBoundingClientRect();
    const { xaxis, yaxis } = plot._fullLayout;
    return [box.left + xaxis._offset + xaxis.l2p(key), box.top + yaxis._offset + yaxis.l2p(query)];
}"""
BAND = """(side) => {
    const [sentence, strip] = ['.hl-sentence > span', '[data-part=strip]'].map(
        (part) => document.querySelector(`[data-side=${side}] ${part}`).getBoundingClientRect());
    return strip.top - sentence.bottom;
}"""
FRAMES = """() => [...document.querySelectorAll('.hl-compared .js-plotly-plot')].map((plot) => {
    const { width, height } = [...plot.querySelectorAll('.hl-mark')].at(-1).getBoundingClientRect();
    return Math.min(width, height);
})"""


def settle(page: Page) -> None:
    holds(page, SETTLED, frames=10, timeout=60_000)


def open_compare(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_selector(".hl-compared[data-painted]", timeout=LOAD)
    settle(page)


def token(page: Page, side: str, index: int) -> Locator:
    return page.locator(f'[data-side="{side}"] [data-token="{index}"]')


def title(page: Page, side: str) -> Locator:
    return page.locator(f'[data-side="{side}"] [data-part="title"]')


def marked(page: Page) -> list[str]:
    """What is under the pointer, or its partner, by side."""
    texts = "marks => marks.map(mark => `${mark.closest('section').dataset.side} ${mark.textContent}`)"
    found: list[str] = page.locator(".hl-hovered").evaluate_all(texts)
    return found


def check_difference(page: Page, comparison: Comparison, head: tuple[int, int], place: int) -> None:
    """What the page has, and what it says of the largest."""
    expected = comparison.difference(*head)[place]
    np.testing.assert_allclose(np.array(page.evaluate(LESS), dtype=float), expected, atol=1e-5)
    largest = int(np.abs(expected).argmax())
    first = page.locator('[data-side="less"] .hl-bar').first
    sign = "+" if expected[largest] > 0 else "−"
    name = f"\u2068{comparison.alignment.names[largest]}\u2069"
    expect(first).to_have_text(re.compile(f"^{re.escape(name)}.*{re.escape(sign + percent(abs(expected[largest])))}$"))


@pytest.fixture(scope="module")
def nurse(minilm: EncoderTextModel) -> Comparison:
    a, b = map(minilm.record, PAIRS[FIRST_PAIR])
    return compare(a, b)


def test_what_is_pointed_at_is_shown_of_both(page: Page, address: str, nurse: Comparison) -> None:
    sent = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    open_compare(page, f"{address}/compare?layer=3&head=1&query=2")
    check_difference(page, nurse, (3, 1), 2)
    for side in ("a", "b", "less"):
        expect(page.locator(f'[data-side="{side}"] .hl-bar')).to_have_count(10)
        assert page.evaluate(BAND, side) < 20, "no blank band between a title and its strip"
    before = len(sent)
    token(page, "a", 6).hover()
    expect(title(page, "b")).to_have_text("Layer 3, head 1: what “was” looks at:")
    assert marked(page) == ["a was", "b was", "less was"]
    assert nurse.alignment.names[7] == "was"
    check_difference(page, nurse, (3, 1), 7)
    tints = [
        [token(page, side, at).evaluate("span => span.style.getPropertyValue('--tint')") for at in range(10)]
        for side in "ab"
    ]
    own, theirs = nurse.a.attention(3, 1, 6), nurse.b.attention(3, 1, 6)
    top = max(own[1:-1].max(), theirs[1:-1].max())  # [CLS] and [SEP] do not set the scale that both share
    np.testing.assert_allclose(np.array(tints, dtype=float), np.minimum(1, [own / top, theirs / top]), atol=1e-3)
    token(page, "b", 5).hover()  # "he"
    expect(title(page, "a")).to_have_text("“he” of B has no partner in A.")
    assert marked(page) == ["b he", "less he"]
    expect(title(page, "less")).to_contain_text("Only B has “he”")
    page.mouse.move(0, 0)
    expect(title(page, "a")).to_have_text("Layer 3, head 1: what “nurse” looks at:")
    assert len(sent) == before > 0, "hovering must not ask the server"
    assert "query=2" in page.url


def test_a_pin_in_either_is_of_both_and_the_link_reopens_it(page: Page, address: str, nurse: Comparison) -> None:
    open_compare(page, f"{address}/compare?layer=3&head=1")
    token(page, "b", 3).click()
    for side in "ab":
        expect(token(page, side, 3)).to_have_attribute("aria-selected", "true")
    page.wait_for_url(re.compile(r"query=3(&|$)"))
    token(page, "b", 5).click()
    expect(page.locator('[data-side="a"] [aria-selected="true"]')).to_have_count(0)
    page.wait_for_url(re.compile("query2=5"))
    page.get_by_role("button", name="Is looked at by").click()
    page.wait_for_url(re.compile("direction=by"))
    settle(page)
    open_compare(page, page.url)
    expect(token(page, "b", 5)).to_have_attribute("aria-selected", "true")
    expect(title(page, "b")).to_have_text("Layer 3, head 1: who looks at “he”:")
    difference = nurse.difference(3, 1)[:, 6]  # a key that only B has: nothing in A
    np.testing.assert_allclose(np.array(page.evaluate(LESS), dtype=float), difference, atol=1e-5)
    page.get_by_role("button", name="One query for both").click()
    token(page, "a", 7).click()
    page.wait_for_url(re.compile("query=7.*query2=5|query2=5.*query=7"))
    expect(token(page, "b", 5)).to_have_attribute("aria-selected", "true")
    expect(token(page, "a", 7)).to_have_attribute("aria-selected", "true")


def test_the_matrices_have_one_zoom(page: Page, address: str, nurse: Comparison) -> None:
    open_compare(page, f"{address}/compare")
    most = divmod(int(nurse.divergence.argmax()), 12)
    expect(page.get_by_role("heading", name=f"Layer {most[0]}, head {most[1]}")).to_be_visible()
    x, y = page.evaluate(POINT, [0, 0, 3 * 12 + 1])
    page.mouse.move(x, y)
    page.mouse.click(x, y)
    page.wait_for_url(re.compile("layer=3&head=1"))
    page.get_by_text("Full matrices").click()
    page.wait_for_url(re.compile("matrix=1"))
    settle(page)
    own, theirs = nurse.weights(3, 1)
    alignment = nurse.alignment
    for name, weights, has in (("matrixA", own, alignment.a.filled), ("matrixB", theirs, alignment.b.filled)):
        shown = np.array(page.evaluate(MATRIX, name), dtype=float)
        np.testing.assert_allclose(shown, np.where(has & has[:, None], weights, np.nan), atol=1e-5)
    np.testing.assert_allclose(
        np.array(page.evaluate(MATRIX, "matrixLess"), dtype=float), nurse.difference(3, 1), atol=1e-5
    )
    page.locator("[data-part=matrixLess]").scroll_into_view_if_needed()
    page.mouse.move(*page.evaluate(CELL, ["matrixA", 1.6, 1.6]))
    page.mouse.down()
    page.mouse.move(*page.evaluate(CELL, ["matrixA", 5.4, 5.4]), steps=5)
    page.mouse.up()
    page.wait_for_function(f"() => ({RANGES})().every(([first]) => first > 1)")
    ranges = page.evaluate(RANGES)
    np.testing.assert_allclose(ranges[1:], [ranges[0]] * 2)
    page.mouse.move(*page.evaluate(CELL, ["matrixB", 3, 2]))
    page.mouse.move(*page.evaluate(CELL, ["matrixB", 3.1, 2.1]))
    said = page.locator("[data-part=cell]")
    expect(said).to_contain_text(f"A {percent(own[3, 2])}, B {percent(theirs[3, 2])}")
    assert min(page.evaluate(FRAMES)) > 10  # the cell is framed in all three
    assert marked(page) == ["a said", "b said", "less said"]


@pytest.mark.parametrize(
    "page",
    [
        {"width": 1440, "height": 900, "theme": "light"},
        {**PHONE, "theme": "dark"},
    ],
    indirect=True,
    ids=["1440-light", "390-dark"],
)
def test_looks(page: Page, address: str, request: pytest.FixtureRequest) -> None:
    open_compare(page, f"{address}/compare?matrix=1")
    sides = [page.locator(f'[data-side="{side}"]').bounding_box() for side in ("a", "b", "less")]
    tops = [round(box["y"]) for box in sides if box is not None]
    size = page.viewport_size
    assert size is not None
    if size["width"] < 700:
        assert tops == sorted(set(tops)), "A stands above B, and B above their difference"
    else:
        assert tops[0] == tops[1] < tops[2]
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": max(size["height"], height)})
    settle(page)
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"compare-{request.node.callspec.id}.png")
    pieces = page.evaluate(PIECES)
    assert len(pieces) > 10
    check_layout(page, pieces)


@pytest.mark.parametrize("page", [{"width": width} for width in (1280, 1024, 800)], indirect=True, ids=str)
def test_photos_stay_under_the_pointer_however_long_the_sentences_are(page: Page, address: str) -> None:
    open_compare(page, f"{address}/compare?kind=image&layer=10&head=4")
    photos = [page.locator(f'[data-side="{side}"] canvas') for side in ("a", "b", "less")]
    photos[0].scroll_into_view_if_needed()
    tops, titles = set(), set()
    for x, y in itertools.product((0.1, 0.3, 0.5, 0.7, 0.9), (0.2, 0.5, 0.8)):
        size = box(photos[0])
        page.mouse.move(size["x"] + x * size["width"], size["y"] + y * size["height"])
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        tops |= {round(box(photo)["y"]) for photo in photos}
        titles.add(title(page, "a").inner_text())
    assert len(titles) > 5
    assert len(tops) == 1, "photos side by side stand at one height, and stay there"


def test_a_patch_is_shown_of_both_photos(
    page: Page, address: str, dinov2: EncoderImageModel, sample_photo: Callable[[str], Path]
) -> None:
    """Of one photo in patches of two sizes, by the place that they show."""
    open_compare(page, f"{address}/compare?kind=image&sample=Coffee&size=224&size2=336&layer=11&head=4")
    a, b = (dinov2.record(sample_photo("coffee"), size) for size in (224, 336))
    comparison = compare(a, b)
    photo = page.locator('[data-side="b"] canvas')
    photo.scroll_into_view_if_needed()
    size = box(photo)
    rows, columns = comparison.b.grid or (0, 0)
    page.mouse.move(size["x"] + size["width"] * 20.5 / columns, size["y"] + size["height"] * 9.5 / rows)  # B's (9, 20)
    expect(title(page, "b")).to_have_text("Layer 11, head 4: what patch (9, 20) looks at:")
    expect(title(page, "a")).to_have_text("Layer 11, head 4: what patch (6, 13) looks at:")
    alignment = comparison.alignment
    place = int(alignment.main_places[1][1 + 9 * columns + 20])
    assert alignment.main_positions[0][place] == 1 + 6 * 24 + 13
    expected = alignment.a.keys(comparison.a.attention(11, 4, 1 + 6 * 24 + 13)[None])[0]
    expected = expected - alignment.b.keys(comparison.b.attention(11, 4, 1 + 9 * columns + 20)[None])[0]
    np.testing.assert_allclose(np.array(page.evaluate(LESS), dtype=float), expected, atol=1e-5)
