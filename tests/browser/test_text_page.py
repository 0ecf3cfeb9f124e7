"""The page Text in a real browser: the strip, the grid, the matrix, the bars and the choices among them."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, Position, expect

from headlens.viz.figures.labels import percent
from headlens.viz.inputs.samples import TEXTS
from tests.browser.look import (
    Frames,
    box,
    close,
    framed,
    head_at,
    open_page,
    painted,
    press,
    says,
    seen,
    sentence,
    settle,
    shows,
    trace,
)

TROPHY = TEXTS["Trophy"].texts[0]


@pytest.fixture
def recording(minilm):
    return minilm.record(TROPHY)


def test_opens_on_the_trophy(page: Page, address: str, recording) -> None:
    open_page(page, address)
    assert sentence(page).startswith("Layer 3, head 1: what “it” looks at: “trophy” 51 %, “suitcase” 33 %")
    close(trace(page), recording.attention(3, 1))
    close(seen(page), recording.attention(3, 1, 11))
    spans = page.locator(".hl-strip span")
    expect(spans).to_have_text(list(recording.tokens))
    assert [spans.nth(n).get_attribute("aria-selected") for n in range(17)] == [
        "true" if n == 11 else "false" for n in range(17)
    ]
    weights = recording.attention(3, 1, 11)
    tints = [float(spans.nth(n).evaluate("span => span.style.getPropertyValue('--tint')")) for n in range(17)]
    limit = weights[~recording.special].max()
    np.testing.assert_allclose(tints, np.minimum(1, weights / limit), atol=6e-4)
    strongest = [percent(weight) for weight in np.sort(weights)[::-1][:10]]
    expect(page.locator(".hl-bar span:last-child")).to_have_text(strongest)
    expect(page.locator(".hl-words")).to_contain_text("From “it” the head spreads over")

    press(page, "log")
    close(trace(page, "customdata"), recording.attention(3, 1))
    floor = 10.0 ** (np.log10(limit_of(recording)) - 4)
    logs = np.log10(np.maximum(recording.attention(3, 1), floor))
    np.testing.assert_allclose(trace(page), logs, atol=1e-4)
    assert "log=1" in page.url


def limit_of(recording) -> float:
    """The weight at the top of the matrix's colours."""
    return float(recording.attention(3, 1)[:, ~recording.special].max())


def test_a_token_under_the_pointer_previews_and_a_press_pins(page: Page, address: str, recording) -> None:
    frames = Frames(page)
    open_page(page, address)
    spans = page.locator(".hl-strip span")
    before, sent = seen(page), frames.sent
    for query in (2, 10, 3):
        spans.nth(query).hover()
        says(page, f"Layer 3, head 1: what “{recording.tokens[query]}” looks at:")
        close(seen(page), recording.attention(3, 1, query))
        strongest = recording.attention(3, 1, query).max()
        expect(page.locator(".hl-bar").first).to_contain_text(percent(strongest))
        expect(spans.nth(query)).to_have_class("hl-hovered")
        expect(spans.nth(11)).to_have_attribute("aria-selected", "true")
    page.mouse.move(5, 600)
    says(page, "Layer 3, head 1: what “it” looks at: “trophy” 51 %")
    np.testing.assert_array_equal(seen(page), before)
    settle(page, frames=20)
    assert frames.sent == sent
    assert "query" not in page.url

    spans.nth(2).click()
    shows(page, query=2)
    assert frames.sent > sent
    assert painted(page)[1:] == [3, 1, 2]
    page.mouse.move(5, 600)
    says(page, "Layer 3, head 1: what “trophy” looks at:")
    expect(page).to_have_url(re.compile(r"[?&]query=2\b"))
    expect(spans.nth(2)).to_have_attribute("aria-selected", "true")

    page.locator(".hl-bar").nth(2).click()  # a bar pins its token
    third = int(np.argsort(-recording.attention(3, 1, 2), kind="stable")[2])
    shows(page, query=third)
    close(seen(page), recording.attention(3, 1, third))


def test_a_head_under_the_pointer_previews_and_a_press_pins(page: Page, address: str, recording) -> None:
    frames = Frames(page)
    open_page(page, address)
    grid, sent = page.locator("[data-part=grid]"), frames.sent
    for layer, head in ((0, 11), (5, 0), (1, 2)):
        grid.hover(position=head_at(page, layer, head))
        says(page, f"Layer {layer}, head {head}: what “it” looks at:")
        expected = recording.attention(layer, head, 11)
        top = expected[~recording.special].max()
        # In steps of 1/255 of the strongest; special tokens exactly.
        np.testing.assert_allclose(seen(page), np.minimum(np.maximum(expected, 0), 1), atol=top / 509 + 1e-6)
        close(seen(page)[recording.special], expected[recording.special])
    page.mouse.move(5, 600)
    says(page, "Layer 3, head 1:")
    settle(page, frames=20)
    assert frames.sent == sent

    grid.click(position=head_at(page, 1, 2))
    shows(page, layer=1, head=2)
    assert frames.sent > sent
    close(trace(page), recording.attention(1, 2))
    close(seen(page), recording.attention(1, 2, 11))
    expect(page).to_have_url(re.compile("layer=1&head=2"))

    # The pointer still rests on (1, 2), and must not hide what the keys move.
    for key, layer, head in (("ArrowDown", 2, 2), ("ArrowRight", 2, 3), ("ArrowUp", 1, 3), ("ArrowLeft", 1, 2)):
        page.keyboard.press(key)
        says(page, f"Layer {layer}, head {head}: what “it” looks at:")
    for _ in range(5):  # faster than the server answers
        page.keyboard.press("ArrowRight")
    shows(page, layer=1, head=7)
    settle(page, frames=25)
    assert painted(page)[1:] == [1, 7, 11]
    close(trace(page), recording.attention(1, 7))


def test_arrow_keys_move_the_query_and_a_cell_pins_its_row(page: Page, address: str, recording) -> None:
    open_page(page, address)
    page.locator(".hl-strip").focus()
    for key, query in (("ArrowRight", 12), ("ArrowLeft", 11), ("ArrowUp", 10), ("ArrowDown", 11)):
        page.keyboard.press(key)
        says(page, f"Layer 3, head 1: what “{recording.tokens[query]}” looks at:")
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    shows(page, query=16)
    settle(page, frames=25)
    assert painted(page)[3] == 16
    close(seen(page), recording.attention(3, 1, 16))

    plot = page.locator(".hl-matrix .nsewdrag").first
    plot.scroll_into_view_if_needed()
    size = box(plot)
    cell: Position = {"x": size["width"] * 2.5 / 17, "y": size["height"] * 11.5 / 17}
    plot.hover(position=cell)
    hover = page.locator(".hl-matrix .hoverlayer .hovertext")
    expect(hover).to_contain_text(re.compile("11 · it\u2060? → \u2060?2 · trophy"))
    weight = re.search(r"\((0\.\d{6})\)", hover.text_content() or "")
    assert weight is not None
    assert float(weight[1]) == pytest.approx(recording.attention(3, 1, 11)[2], abs=2e-6)
    plot.click(position=cell)
    shows(page, query=11)
    assert framed(page) == pytest.approx({"x0": -0.5, "x1": 16.5, "y0": 10.5, "y1": 11.5}, abs=0.05)

    press(page, "direction", "by")
    says(page, "Layer 3, head 1: who looks at “it”:")
    close(seen(page), recording.attention(3, 1)[:, 11])
    assert framed(page) == pytest.approx({"x0": 10.5, "x1": 11.5, "y0": -0.5, "y1": 16.5}, abs=0.05)
    page.locator(".hl-strip span").nth(2).hover()
    says(page, "Layer 3, head 1: who looks at “trophy”:")
    close(seen(page), recording.attention(3, 1)[:, 2])
    plot.click(position=cell)  # where columns are shown, a cell pins its column
    shows(page, query=2)


def test_arrow_keys_keep_the_query_of_a_long_text_in_sight(page: Page, address: str) -> None:
    open_page(page, f"{address}/?text={'+'.join(['boat'] * 400)}")
    strip = page.locator(".hl-strip")
    strip.focus()
    for _ in range(90):
        page.keyboard.press("ArrowRight")
    shows(page, query=91)
    query, room = box(strip.locator("[aria-selected=true]")), box(strip)
    assert room["y"] <= query["y"] + 1
    assert query["y"] + query["height"] <= room["y"] + room["height"] + 1


def test_the_ticks_of_a_long_text_are_its_words_alone(page: Page, address: str) -> None:
    open_page(page, f"{address}/?text={'+'.join(['boat'] * 100)}")
    ticks = page.locator(".hl-matrix").locator(".xtick text, .ytick text").all_text_contents()
    assert {tick.strip("\u2060") for tick in ticks} <= {"[CLS]", "boat", "[SEP]"}
