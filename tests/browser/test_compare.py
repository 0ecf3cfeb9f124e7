"""The page Compare in a real browser: a head pressed, the difference read off, the link reopened, on a phone too."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from headlens.model.comparison.comparison import Comparison, compare
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.viz.inputs.samples import FIRST_PAIR, PAIRS
from tests.browser.look import LOAD, SCREENSHOTS, check_layout, holds
from tests.browser.test_how import PIECES, SETTLED
from tests.browser.test_matter import PHONE, POINT

VALUES = """(chart) => Array.from(document.querySelectorAll('.js-plotly-plot')[chart]._fullData[1].z,
    row => Array.from(row, value => value ?? null))"""


def settle(page: Page) -> None:
    holds(page, SETTLED, frames=15, timeout=60_000)


def open_compare(page: Page, url: str) -> None:
    page.goto(url)
    expect(page.get_by_test_id("stPlotlyChart").nth(3)).to_be_visible(timeout=LOAD)
    settle(page)


def matrix(page: Page, chart: int) -> np.ndarray:
    """What one of the figures shows: the grid is the first."""
    return np.array(page.evaluate(VALUES, chart), dtype=float)


def check_matrices(page: Page, comparison: Comparison, layer: int, head: int) -> None:
    own, theirs = comparison.weights(layer, head)
    alignment = comparison.alignment
    for chart, weights, has in ((1, own, alignment.a.filled), (2, theirs, alignment.b.filled)):
        np.testing.assert_allclose(matrix(page, chart), np.where(has & has[:, None], weights, np.nan), atol=1e-5)
    np.testing.assert_allclose(matrix(page, 3), comparison.difference(layer, head), atol=1e-5)


def test_a_head_is_pressed_and_the_link_reopens_it(page: Page, address: str, minilm: EncoderTextModel) -> None:
    open_compare(page, f"{address}/compare")
    a, b = map(minilm.record, PAIRS[FIRST_PAIR])
    first = compare(a, b)
    most = divmod(int(first.divergence.argmax()), 12)
    expect(page.get_by_role("heading", name=f"Layer {most[0]}, head {most[1]}")).to_be_visible()
    check_matrices(page, first, *most)
    x, y = page.evaluate(POINT, [0, 0, 3 * 12 + 1])
    page.mouse.move(x, y)
    page.mouse.click(x, y)
    page.wait_for_url(re.compile("layer=3&head=1"))
    expect(page.get_by_role("heading", name="Layer 3, head 1")).to_be_visible()
    settle(page)
    check_matrices(page, first, 3, 1)
    page.get_by_role("textbox", name="A", exact=True).fill("A cat sat.")
    page.get_by_role("textbox", name="B", exact=True).fill("A dog sat down.")
    page.get_by_role("button", name="Compare", exact=True).click()
    page.wait_for_url(re.compile("text2=A"))
    settle(page)
    second = compare(minilm.record("A cat sat."), minilm.record("A dog sat down."))
    number = sorted(np.ndindex(6, 12), key=lambda head: -second.divergence[head])[2]
    page.get_by_role("button", name=re.compile(f"^layer {number[0]}, head {number[1]}:")).click()
    page.wait_for_url(re.compile(f"layer={number[0]}&head={number[1]}"))
    settle(page)
    open_compare(page, page.url)
    expect(page.get_by_role("heading", name=f"Layer {number[0]}, head {number[1]}")).to_be_visible()
    check_matrices(page, second, *number)


@pytest.mark.parametrize(
    "page",
    [
        {"width": 1440, "height": 900, "theme": "light"},
        {"width": 1440, "height": 900, "theme": "dark"},
        {**PHONE, "theme": "light"},
        {**PHONE, "theme": "dark"},
    ],
    indirect=True,
    ids=["1440-light", "1440-dark", "390-light", "390-dark"],
)
def test_looks(page: Page, address: str, request: pytest.FixtureRequest) -> None:
    open_compare(page, f"{address}/compare")
    charts = [page.get_by_test_id("stPlotlyChart").nth(chart).bounding_box() for chart in (1, 2, 3)]
    tops = [round(box["y"]) for box in charts if box is not None]
    size = page.viewport_size
    assert size is not None
    if size["width"] < 700:
        assert tops == sorted(set(tops)), "A stands above B, and B above their difference"
    else:
        assert len(set(tops)) == 1
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": max(size["height"], height)})
    settle(page)
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"compare-{request.node.callspec.id}.png")
    pieces = page.evaluate(PIECES)
    assert len(pieces) > 10
    check_layout(page, pieces)
