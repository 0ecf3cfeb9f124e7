"""The address holds what is seen: reload, back and forward, a pasted link, a hostile one, and the other page."""

import re

from playwright.sync_api import Page, expect

from headlens.viz.inputs.samples import TEXTS
from tests.browser.look import close, head_at, open_page, painted, press, says, seen, select, settle, shows, type_text


def test_reload_back_forward_and_a_pasted_link(page: Page, address: str, minilm) -> None:
    recording = minilm.record(TEXTS["Trophy"].texts[0])
    open_page(page, address)
    page.locator("[data-part=grid]").click(position=head_at(page, 5, 4))
    shows(page, layer=5, head=4)
    page.locator(".hl-strip span").nth(2).click()
    shows(page, query=2)
    page.mouse.move(5, 600)
    press(page, "direction", "by")
    select(page, "order", "special")
    expected = recording.attention(5, 4)[:, 2]
    close(seen(page), expected)

    page.reload()
    settle(page)
    shows(page, layer=5, head=4, query=2, direction="by", order="special")
    close(seen(page), expected)

    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == page.url
    other = page.context.new_page()
    open_page(other, link)
    shows(other, layer=5, head=4, query=2, direction="by", order="special")
    close(seen(other), expected)
    other.close()

    for view in ({"order": "layer"}, {"direction": "at"}, {"query": 11}, {"layer": 3, "head": 1}):
        page.go_back()
        shows(page, **view)
    says(page, "Layer 3, head 1: what “it” looks at: “trophy” 51 %")
    for view in ({"layer": 5, "head": 4}, {"query": 2}):
        page.go_forward()
        shows(page, **view)
    close(seen(page), recording.attention(5, 4, 2))
    page.go_back()
    shows(page, query=11)
    page.locator(".hl-strip span").nth(2).click()  # once more what "back" has left
    shows(page, query=2)
    page.mouse.move(5, 600)
    expect(page).to_have_url(re.compile("query=2"))
    assert painted(page)[1:] == [5, 4, 2]


def test_hostile_addresses_fall_back_to_where_the_page_starts(page: Page, address: str, minilm) -> None:
    recording = minilm.record(TEXTS["Trophy"].texts[0])
    for query in (
        "layer=99&head=-1&query=1e3&of=everything&direction=up&order=%3Cb%3E",
        "layer=٣&head=%00&query=&strength=0&matrix=maybe&log=2&key=999999999999",
        "sample=../../etc/passwd&layer=NaN",
    ):
        open_page(page, f"{address}/?{query}")
        assert painted(page)[1:] == [3, 1, 11]
        close(seen(page), recording.attention(3, 1, 11))
    open_page(page, f"{address}/?layer=5&head=99")  # each value by itself
    assert painted(page)[1:] == [5, 1, 11]


def test_the_other_page_and_back_keeps_view_and_own_text(page: Page, address: str, minilm) -> None:
    text = "Ducks swim on the pond."
    recording = minilm.record(text)
    open_page(page, address)
    type_text(page, text)
    expect(page.locator(".hl-strip span")).to_have_text(list(recording.tokens), timeout=30_000)
    settle(page)
    page.locator("[data-part=grid]").click(position=head_at(page, 2, 8))
    shows(page, layer=2, head=8)
    page.get_by_role("link", name="Image").click()
    page.locator(".hl[data-kind=image]").wait_for(timeout=30_000)
    settle(page)
    assert painted(page)[1:3] == [11, 4]
    page.locator(".hl-photo").focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    query = painted(page)[3]
    page.get_by_role("link", name="Text").click()
    page.locator(".hl[data-kind=text]").wait_for(timeout=30_000)
    settle(page)
    expect(page.locator(".hl-strip span")).to_have_text(list(recording.tokens))
    shows(page, layer=2, head=8)
    close(seen(page), recording.attention(2, 8, 1))
    assert page.get_by_role("textbox", name="Your text").input_value() == text
    expect(page).to_have_url(re.compile("text=Ducks.*layer=2&head=8"))
    page.get_by_role("link", name="Image").click()
    page.locator(".hl[data-kind=image]").wait_for(timeout=30_000)
    shows(page, layer=11, head=4, query=query)
