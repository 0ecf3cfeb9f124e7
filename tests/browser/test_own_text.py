"""Own texts on the page Text: pairs, refusals, strangers' tokens and long texts."""

import itertools
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.look import box, close, open_page, says, seen, select, sentence, settle, trace, type_text


def test_own_pair_shows_similarity_and_what_was_typed_survives_a_refusal(page: Page, address: str, minilm) -> None:
    open_page(page, address)
    type_text(page, "Birds fly south.", "Geese migrate in winter.")
    expect(page.locator("[data-testid=stMetric]")).to_be_visible(timeout=30_000)
    settle(page)
    recording = minilm.record(("Birds fly south.", "Geese migrate in winter."))
    expect(page.locator("[data-testid=stMetricValue]")).to_have_text(f"{float(recording.outputs['similarity']):.3f}")
    close(trace(page), recording.attention(3, 1))
    close(seen(page), recording.attention(3, 1, 1))
    expect(page.locator(".hl-strip span")).to_have_text(list(recording.tokens))
    expect(page.get_by_text("Your text is in this link.")).to_be_visible()
    assert "text=Birds+fly+south.&text2=Geese" in page.url

    first = page.get_by_role("textbox", name="Your text")
    first.fill("typed, not looked at")
    select(page, "of", "layer-max")
    assert first.input_value() == "typed, not looked at"
    select(page, "of", "head")
    for text, refusal in (("   ", "The text is empty"), ("\u200b", "Nothing in this text is a token")):
        type_text(page, text)
        expect(page.get_by_text(refusal)).to_be_visible()
        settle(page)
        assert first.input_value() == text
        assert page.get_by_role("textbox", name="Second sentence").input_value() == "Geese migrate in winter."
        close(trace(page), recording.attention(3, 1))


def test_hostile_texts_appear_as_their_characters(page: Page, address: str, minilm) -> None:
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    open_page(page, address)
    for text in ("<img src=x onerror=alert(1)> <b>bold</b>", "{{x}} **md** $\\frac{1}{2}$ [a](b) &amp;", "שלום עולם"):
        type_text(page, text)
        tokens = minilm.record(text).tokens
        expect(page.locator(".hl-strip span")).to_have_text(list(tokens), timeout=30_000)
        settle(page)
        labels = page.locator(".hl-matrix .ytick").all_text_contents()
        assert labels
        assert {label.strip("\u2060") for label in labels} <= set(tokens)
        bars = [name.strip("“”\u2068\u2069") for name in page.locator(".hl-bar span:first-child").all_text_contents()]
        assert [re.sub("[“”\u2068\u2069]", "", bar) for bar in bars] != []
        assert set(bars) <= set(tokens)
        assert page.locator(".hl img, .hl b:not([data-part]):not(.hl-row > b), .hl a:not(.modebar a)").count() == 0
        page.locator(".hl-strip span").nth(2).hover()
        says(page, "Layer 3, head 1: what “\u2068?" + re.escape(tokens[2]))
        page.mouse.move(5, 600)
    # Right to left: the shares stay behind their tokens.
    assert re.search("\u2068[א-ת]+\u2069”? ", sentence(page))


def test_the_labels_of_a_long_text_never_overlap(page: Page, address: str, minilm) -> None:
    open_page(page, address)
    text = "word " * 300
    type_text(page, text)
    expect(page.locator(".hl-strip span").nth(250)).to_be_attached(timeout=60_000)
    settle(page)
    for axis, side in (("ytick", "y"), ("xtick", "x")):
        labels = page.locator(f".hl-matrix .{axis} text").all()
        places = sorted(box(label)[side] for label in labels)  # type: ignore[literal-required]
        assert len(places) > 5
        assert all(after - before >= 12 for before, after in itertools.pairwise(places))  # pixels of the type
    close(trace(page), minilm.record(text).attention(3, 1))
    strip = box(page.locator(".hl-strip"))
    assert strip["height"] <= 250


def test_half_a_surrogate_pair_becomes_a_character(page: Page, address: str, minilm) -> None:
    """Sent on as it is, it would end the session."""
    open_page(page, address)
    page.get_by_role("textbox", name="Your text").focus()
    page.keyboard.press("Control+a")
    page.evaluate("document.execCommand('insertText', false, 'a bank \\ud83d of a river')")
    page.keyboard.press("Control+Enter")
    tokens = minilm.record("a bank \ufffd of a river").tokens
    expect(page.locator(".hl-strip span")).to_have_text(list(tokens), timeout=30_000)


def test_a_file_that_is_not_utf_8_is_refused(page: Page, address: str) -> None:
    open_page(page, address)
    page.get_by_role("button", name="A text file").click()
    page.locator("input[type=file][accept*='.txt']").set_input_files(
        {"name": "latin.txt", "mimeType": "text/plain", "buffer": "Ein süßer Käse".encode("latin-1")}
    )
    expect(page.get_by_text("This file is not text in UTF-8; save it as UTF-8 and try again.")).to_be_visible()
    settle(page)
    expect(page.locator(".hl-strip span")).to_have_count(17)
