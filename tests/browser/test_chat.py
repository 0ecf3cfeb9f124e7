"""A chat on the page Generate: the switch, a system message, special tokens, and the same from its address."""

import re

from playwright.sync_api import Page, expect

from headlens.model.huggingface.text.model import TransformersText
from headlens.model.inputs.text import Chat
from headlens.viz.view.visible import visible
from tests.browser.look import close, open_page, screenshot, seen, settle, shows

PROMPT, SYSTEM = "Birds fly south in", "Say one word."


def test_a_system_message_and_the_same_from_the_address(page: Page, address: str, smollm2: TransformersText) -> None:
    open_page(page, f"{address}/generate")
    prompt, system = page.get_by_role("textbox", name="Prompt"), page.get_by_role("textbox", name="System message")
    spans = page.locator(".hl-strip span")
    expect(spans.first).to_have_text("The")
    prompt.fill(PROMPT)  # and flipped before it is written
    page.locator("label").filter(has_text=re.compile("^Chat")).click()
    expect(spans.first).to_have_text("<|im_start|>", timeout=60_000)
    settle(page)
    assert prompt.input_value() == PROMPT
    system.fill(SYSTEM)
    page.get_by_role("button", name="Write").click()
    expected = smollm2.write(Chat(PROMPT, SYSTEM), 2)
    expect(spans).to_have_text([visible(name) for name in expected.tokens], timeout=60_000)
    settle(page)
    special = page.locator(".hl-strip span.hl-special")
    assert special.count() == expected.special.sum() < expected.num_tokens
    assert special.first.evaluate("span => getComputedStyle(span).fontStyle") == "italic"
    expect(page.locator("#root").get_by_text(f"{PROMPT}\n{expected.texts[1]}").first).to_be_visible()
    at = expected.segments.index(1)
    shows(page, query=at)
    close(seen(page), expected.attention(15, 0, at))
    screenshot(page, "chat", "1440")

    page.reload()
    settle(page, timeout=60_000)
    expect(spans).to_have_text([visible(name) for name in expected.tokens])
    assert (prompt.input_value(), system.input_value()) == (PROMPT, SYSTEM)
    close(seen(page), expected.attention(15, 0, at))

    system.fill("Say two words.")  # typed and not written: the switch keeps it
    page.locator("label").filter(has_text=re.compile("^Chat")).click()
    expect(spans.first).to_have_text("Birds", timeout=60_000)
    settle(page)
    assert system.input_value() == "Say two words."
    assert "chat=1" not in page.url
