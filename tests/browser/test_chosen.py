"""Several tokens and several heads chosen on the pages: their means and sums are the API's, and a link reopens them."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from headlens.viz.inputs.samples import TEXTS
from tests.browser.look import STATE, box, close, head_at, open_page, point, press, says, seen, settle, type_text

TROPHY = TEXTS["Trophy"].texts[0]


def chosen(page: Page) -> list[int]:
    """The tokens that are chosen, and painted, with nothing under the pointer."""
    page.mouse.move(5, 600)
    settle(page)
    return page.evaluate(f"{STATE}.view.queries")


def test_a_run_heads_and_the_link_to_them(page: Page, address: str, minilm) -> None:
    recording = minilm.record(TROPHY)
    open_page(page, address)
    spans, grid = page.locator(".hl-strip span"), page.locator("[data-part=grid]")
    spans.nth(2).click()
    spans.nth(5).click(modifiers=["Shift"])
    assert chosen(page) == [2, 3, 4, 5]
    says(page, r"Layer 3, head 1: what “trophy”, “does”, “not”, “fit” look at \(mean of 4 queries\): ")
    close(seen(page), recording.attention(3, 1)[2:6].mean(axis=0))
    marks = page.locator(".hl-mark:visible")
    expect(marks).to_have_count(1)

    spans.nth(10).click(modifiers=["ControlOrMeta"])
    spans.nth(4).click(modifiers=["ControlOrMeta"])
    queries = [2, 3, 5, 10]
    assert chosen(page) == queries
    close(seen(page), recording.attention(3, 1)[queries].mean(axis=0))
    expect(marks).to_have_count(3)  # rows 2 and 3, 5, 10
    grid.hover(position=head_at(page, 0, 4))
    says(page, "Layer 0, head 4: what “trophy”, “does”, “fit”, “because” look at")
    expected = recording.attention(0, 4)[queries].mean(axis=0)
    np.testing.assert_allclose(seen(page), expected, atol=expected[~recording.special].max() / 509 + 1e-5)

    grid.click(position=head_at(page, 1, 2), modifiers=["ControlOrMeta"])
    grid.click(position=head_at(page, 5, 0), modifiers=["ControlOrMeta"])
    assert chosen(page) == queries
    says(page, r"Mean of 3 heads \(layer 1 head 2, layer 3 head 1, layer 5 head 0\): what “trophy”")
    heads = np.stack([recording.attention(layer, head) for layer, head in ((1, 2), (3, 1), (5, 0))])
    close(seen(page), heads.mean(axis=0)[queries].mean(axis=0))
    press(page, "direction", "by")
    page.locator("select[data-set=of]").select_option("heads-max")
    assert chosen(page) == queries
    says(page, r"Maximum of 3 heads \(.*\): who looks at “trophy”, “does”, “fit”, “because” \(sum over 4 keys\): ")
    expected = heads.max(axis=0)[:, queries].sum(axis=1)
    close(seen(page), expected)
    expect(page).to_have_url(re.compile(r"of=heads-max.*queries=2-3\.5\.10.*heads=1~2_3~1_5~0"))

    page.reload()
    assert chosen(page) == queries
    close(seen(page), expected)
    page.locator(".hl-strip").focus()
    page.keyboard.press("Escape")
    assert chosen(page) == []
    says(page, "Layer 5, head 0: who looks at “")
    assert not re.search("queries|heads", page.url)


def test_shift_chooses_heads_up_to_there_and_keys_shrink_it_again(page: Page, address: str) -> None:
    open_page(page, address)
    grid = page.locator("[data-part=grid]")

    def heads() -> list[list[int]]:
        settle(page)
        return page.evaluate(f"{STATE}.view.heads")

    grid.click(position=head_at(page, 3, 1))
    row = [[3, 1], [3, 2], [3, 3]]
    for key, expected in (("Right", row[:2]), ("Right", row), ("Left", row[:2]), ("Left", []), ("Right", row[:2])):
        page.keyboard.press(f"Shift+Arrow{key}")
        assert heads() == expected
    grid.click(position=head_at(page, 2, 0), modifiers=["Shift"])
    assert heads() == [[2, 0], [2, 1], [3, 0], [3, 1]]  # from 3·1 on, whatever was chosen
    grid.click(position=head_at(page, 3, 0), modifiers=["ControlOrMeta"])
    assert heads() == [[2, 0], [2, 1], [3, 1]]


def test_a_word_a_drag_and_the_keys(page: Page, address: str, minilm) -> None:
    text = "Unbelievably, tokenizers hyperventilate."
    recording = minilm.record(text)
    word = [token for token, at in enumerate(recording.words) if at == recording.words[-3]]
    assert len(word) > 2
    open_page(page, address)
    type_text(page, text)
    settle(page)
    spans = page.locator(".hl-strip span")
    expect(spans).to_have_count(recording.num_tokens)
    spans.nth(word[1]).dblclick()
    assert chosen(page) == word
    of_start = page.evaluate(f"[{STATE}.view.layer, {STATE}.view.head]")
    weights = recording.attention(*of_start)
    close(seen(page), weights[word].mean(axis=0))
    spans.nth(word[0]).click(click_count=3)
    assert chosen(page) == word  # the third click of three leaves the word

    spans.nth(4).hover()
    page.mouse.down()
    for token in (3, 2, 1):
        spans.nth(token).hover()
    says(page, r"Layer \d+, head \d+: what .* look at \(mean of 4 queries\)")  # before the button is let go
    page.mouse.up()
    assert chosen(page) == [1, 2, 3, 4]
    close(seen(page), weights[1:5].mean(axis=0))

    page.locator(".hl-strip").focus()
    for key, queries in (("Shift+ArrowRight", [2, 3, 4]), ("Shift+ArrowRight", [3, 4]), ("ArrowRight", [])):
        page.keyboard.press(key)
        assert chosen(page) == queries
    assert page.evaluate(f"{STATE}.view.query") == 5


def test_a_rectangle_of_a_photo_and_the_class_token(page: Page, address: str, dinov2, sample_photo) -> None:
    recording = dinov2.record(str(sample_photo("coffee")), size=448)
    columns = recording.grid[1]
    open_page(page, f"{address}/image?layer=11&head=4")
    photo = box(page.locator(".hl-photo"))
    start, end = point(page, 12, 20), point(page, 9, 14)
    page.mouse.move(photo["x"] + start["x"], photo["y"] + start["y"])
    page.mouse.down()
    page.mouse.move(photo["x"] + end["x"], photo["y"] + end["y"], steps=4)
    page.mouse.up()
    patches = [1 + row * columns + column for row in range(9, 13) for column in range(14, 21)]
    assert chosen(page) == patches
    weights = recording.attention(11, 4)
    close(seen(page), weights[patches].mean(axis=0))
    says(
        page,
        r"Layer 11, head 4: what patches \(9, 14\) to \(12, 20\), 4 × 7 look at \(mean of 28 queries",
    )
    page.locator(".hl-chip").first.click(modifiers=["ControlOrMeta"])
    assert chosen(page) == [0, *patches]  # a longer sentence may move the buttons below it
    press(page, "direction", "by")
    assert chosen(page) == [0, *patches]
    close(seen(page), weights[:, [0, *patches]].sum(axis=1))
    expect(page.locator(".hl-chip").first).to_have_attribute("aria-pressed", "true")
    page.reload()
    assert chosen(page) == [0, *patches]
    close(seen(page), weights[:, [0, *patches]].sum(axis=1))
    page.locator(".hl-photo").click(position=point(page, 2, 3))
    assert chosen(page) == []
    close(seen(page), weights[:, 1 + 2 * columns + 3])


@pytest.mark.parametrize("page", [{"touch": True, "width": 390, "height": 844}], indirect=True)
def test_a_finger_that_rests_chooses_all_up_to_there(page: Page, address: str, minilm) -> None:
    recording = minilm.record(TROPHY)
    open_page(page, address)
    spans = page.locator(".hl-strip span")
    spans.nth(2).tap()
    settle(page)
    place = box(spans.nth(4))
    session = page.context.new_cdp_session(page)
    touch = {"x": place["x"] + 9, "y": place["y"] + 9}
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [touch]})
    says(page, r"Layer 3, head 1: what .* look at \(mean of 3 queries\)")
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    settle(page)
    assert page.evaluate(f"{STATE}.view.queries") == [2, 3, 4]
    close(seen(page), recording.attention(3, 1)[2:5].mean(axis=0))
    expect(page.get_by_text("hold another")).to_be_visible()
    expect(page.locator(".hl-mouse:visible")).to_have_count(0)
