"""What the page Compare compares, in a real browser: a rectangle dragged over a photo, tokens paired on a phone."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from headlens.model.comparison.comparison import compare
from headlens.model.comparison.corrections import corrected
from headlens.model.inputs.image_file import open_image
from headlens.model.inputs.paint import Rectangle, painted
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.viz.inputs.samples import FIRST_PAIR, PAIRS, PHOTOS
from tests.browser.look import LOAD, holds
from tests.browser.test_matter import PHONE

GRID = """() => Array.from(document.querySelector('[data-testid=stMain] .js-plotly-plot').data[0].customdata,
    (row) => row[2])"""
SETTLED = "() => !!document.querySelector('[data-testid=stApp][data-test-script-state=notRunning]')"
WIDER = "document.querySelector('[data-testid=stMain]').scrollWidth > innerWidth"


def settle(page: Page) -> None:
    holds(page, SETTLED, timeout=60_000)


def open_compare(page: Page, url: str) -> None:
    page.goto(url)
    expect(page.get_by_text("This link opens what you see.")).to_be_visible(timeout=LOAD)
    settle(page)


def check_grid(page: Page, divergence: np.ndarray) -> None:
    expect(page.get_by_test_id("stPlotlyChart").first).to_be_visible()
    np.testing.assert_allclose(page.evaluate(GRID), divergence.ravel(), atol=1e-5)


def test_a_rectangle_is_dragged_over_the_photo(page: Page, address: str, dinov2: EncoderImageModel) -> None:
    open_compare(page, f"{address}/compare?kind=image&sample=Cat")
    check_grid(page, np.zeros((12, 6)))
    page.get_by_role("button", name="Paint over B").click()
    photo = page.get_by_test_id("stPopoverBody").locator(".nsewdrag").first
    expect(photo).to_be_visible(timeout=LOAD)
    settle(page)
    photo.scroll_into_view_if_needed()
    box = photo.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.7 * box["height"], steps=4)
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.9 * box["height"], steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile("paint2="), timeout=LOAD)
    found = re.search(r"paint2=(\d+)-(\d+)-(\d+)-(\d+)-grey", page.url)
    assert found is not None
    expect(page.get_by_role("button", name="Take it off")).to_be_visible(timeout=LOAD)  # what was painted is seen
    left, top, right, bottom = map(int, found.groups())
    np.testing.assert_allclose([left, top, right, bottom], [10, 50, 50, 90], atol=2)
    content = PHOTOS["Cat"].read()
    after = dinov2.record(painted(open_image(content), Rectangle(left, top, right, bottom)), 224)
    divergence = compare(dinov2.record(content, 224), after).divergence
    open_compare(page, page.url)
    check_grid(page, divergence)
    expect(page.get_by_text("B is painted over: grey.")).to_be_visible()


@pytest.mark.parametrize("page", [{**PHONE, "theme": "dark"}], indirect=True, ids=["390-dark"])
def test_tokens_are_paired_on_a_phone(page: Page, address: str, minilm: EncoderTextModel) -> None:
    open_compare(page, f"{address}/compare")
    page.get_by_text("Which tokens correspond").click()
    settle(page)  # the page opens the panel in steps, and a list that opens meanwhile is closed again
    for side, token in (("A", "she (5)"), ("B", "he (5)")):
        tokens = page.get_by_role("combobox", name=re.compile(f"Token of {side}"))
        tokens.scroll_into_view_if_needed()
        settle(page)  # a list that opens while the page scrolls is closed again, too
        tokens.click()
        page.get_by_role("option", name=token, exact=True).click()
        settle(page)
    page.get_by_role("button", name="Pair", exact=True).click()
    page.wait_for_url(re.compile("pairs=5.5"))
    assert not page.evaluate(WIDER), "nothing is wider than the phone"
    open_compare(page, page.url)
    expect(page.get_by_text("1 set by hand")).to_be_visible()
    a, b = map(minilm.record, PAIRS[FIRST_PAIR])
    check_grid(page, compare(a, b, corrected(compare(a, b).alignment, a, b, [(5, 5)])).divergence)
