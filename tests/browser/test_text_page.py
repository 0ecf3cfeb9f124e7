"""The page Text in a real browser."""

import itertools
import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.look import choose, headline, open_page, screenshot, settle, trace
from viz.samples import TEXTS

TROPHY = TEXTS["Trophy"].texts[0]


@pytest.fixture
def recording(minilm):
    return minilm.record(TROPHY)


def test_opens_on_the_trophy(page: Page, address: str, recording) -> None:
    open_page(page, address)
    assert headline(page).startswith("Layer 3, head 1: what “it” looks at: trophy 51 %, suitcase 33 %")
    np.testing.assert_allclose(trace(page, "text_heatmap"), recording.attention(3, 1), atol=1e-6)
    expect(page.locator(".strip span").nth(11)).to_have_attribute("style", re.compile("outline"))


def test_layer_and_head_change_the_picture(page: Page, address: str, recording) -> None:
    open_page(page, address)
    choose(page, "Layer", "5")
    choose(page, "Head", "0")
    np.testing.assert_allclose(trace(page, "text_heatmap"), recording.attention(5, 0), atol=1e-6)
    assert headline(page).startswith("Layer 5, head 0:")
    assert "text_layer=5" in page.url
    assert "text_head=0" in page.url
    page.reload()
    settle(page)
    assert headline(page).startswith("Layer 5, head 0:")


def test_query_follows_the_control(page: Page, address: str, recording) -> None:
    open_page(page, address)
    page.get_by_role("combobox", name="Query").click()
    page.get_by_role("option", name="2 · trophy").click()
    settle(page)
    assert headline(page).startswith("Layer 3, head 1: what “trophy” looks at:")
    strongest = np.sort(recording.attention(3, 1, 2))[::-1][:10]
    np.testing.assert_allclose(trace(page, "text_bars", "x"), strongest, atol=1e-6)


def test_log_colours_keep_the_exact_weights(page: Page, address: str, recording) -> None:
    open_page(page, f"{address}/?text_log=true")
    np.testing.assert_allclose(trace(page, "text_heatmap", "customdata"), recording.attention(3, 1), atol=1e-6)


def test_hover_says_the_whole_token_and_the_exact_weight(page: Page, address: str, recording) -> None:
    open_page(page, address)
    plot = page.locator(".st-key-text_heatmap .nsewdrag").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 2.5 / 17, box["y"] + box["height"] * 11.5 / 17)
    hover = page.locator(".st-key-text_heatmap .hoverlayer .hovertext")
    expect(hover).to_contain_text("11 · it → \u20602 · trophy")
    weight = re.search(r"\((0\.\d{6})\)", hover.text_content() or "")
    assert weight is not None
    assert float(weight[1]) == pytest.approx(recording.attention(3, 1, 11)[2], abs=2e-6)


def test_own_pair_shows_similarity_and_what_was_typed_survives_a_refusal(page: Page, address: str, minilm) -> None:
    open_page(page, address)
    page.get_by_role("textbox", name="Your text").fill("Birds fly south.")
    page.get_by_role("textbox", name="Second sentence").fill("Geese migrate in winter.")
    page.get_by_role("button", name="Look", exact=True).click()
    expect(page.locator("[data-testid=stMetric]")).to_be_visible(timeout=30_000)
    settle(page)
    recording = minilm.record(("Birds fly south.", "Geese migrate in winter."))
    expect(page.locator("[data-testid=stMetricValue]")).to_have_text(f"{float(recording.outputs['similarity']):.3f}")
    np.testing.assert_allclose(trace(page, "text_heatmap"), recording.attention(3, 1), atol=1e-6)

    page.get_by_role("textbox", name="Your text").fill("typed, not looked at")
    choose(page, "Head", "2")
    assert page.get_by_role("textbox", name="Your text").input_value() == "typed, not looked at"
    choose(page, "Head", "1")
    page.get_by_role("textbox", name="Your text").fill("   ")
    page.get_by_role("button", name="Look", exact=True).click()
    expect(page.get_by_text("The text is empty; type at least one word.")).to_be_visible()
    settle(page)
    np.testing.assert_allclose(trace(page, "text_heatmap"), recording.attention(3, 1), atol=1e-6)
    assert page.get_by_role("textbox", name="Second sentence").input_value() == "Geese migrate in winter."


@pytest.mark.parametrize(
    "text", ["<img src=x onerror=alert(1)> <b>bold</b>", "{{x}} **md** $\\frac{1}{2}$ [a](b)", "שלום"]
)
def test_hostile_text_appears_as_its_characters(page: Page, address: str, minilm, text: str) -> None:
    open_page(page, address)
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    page.get_by_role("textbox", name="Your text").fill(text)
    page.get_by_role("button", name="Look", exact=True).click()
    tokens = minilm.record(text).tokens
    expect(page.locator(".strip span")).to_have_text(list(tokens), timeout=30_000)
    settle(page)
    labels = page.locator(".st-key-text_heatmap .ytick").all_text_contents()
    assert set(labels) <= set(tokens)
    assert page.locator(".strip img, .headline img").count() == 0


def test_axis_labels_never_overlap(page: Page, address: str) -> None:
    open_page(page, address)
    page.get_by_role("textbox", name="Your text").fill("word " * 300)
    page.get_by_role("button", name="Look", exact=True).click()
    expect(page.locator(".strip span").nth(250)).to_be_attached(timeout=60_000)
    settle(page)
    boxes = [label.bounding_box() for label in page.locator(".st-key-text_heatmap .ytick text").all()]
    tops = sorted(box["y"] for box in boxes if box is not None)
    assert len(tops) > 5
    assert all(below - above >= 12 for above, below in itertools.pairwise(tops))  # pixels of the type


LOOKS = [
    {"width": width, "height": height, "theme": theme}
    for width, height in ((1440, 900), (1280, 800), (390, 844))
    for theme in ("light", "dark")
]


@pytest.mark.parametrize("page", LOOKS, indirect=True, ids=lambda look: f"{look['width']}-{look['theme']}")
def test_nothing_is_wider_than_the_window(page: Page, address: str, request: pytest.FixtureRequest) -> None:
    open_page(page, address)
    widths = page.evaluate("(({scrollWidth, clientWidth}) => [scrollWidth, clientWidth])(document.documentElement)")
    assert widths[0] <= widths[1]
    screenshot(page, "text", request.node.callspec.id)
