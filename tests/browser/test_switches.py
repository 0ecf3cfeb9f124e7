"""The two switches above the explorer in a real browser: words, and special tokens left out; on each page with text."""

import re

import numpy as np
from playwright.sync_api import Page, expect

from headlens.model.huggingface.text.model import TransformersText
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.viz.inputs.samples import PHOTOS
from tests.browser.look import STATE, close, open_page, screenshot, seen, select, sentence, settle, shows, trace

TEXT = "The untranslatable lexicographer barked."
PROMPT = "The untranslatable words of France are"


def flip(page: Page, label: str) -> None:
    before = page.evaluate(f"{STATE}.header.id")
    page.locator("label").filter(has_text=re.compile(f"^{label}")).click()
    page.wait_for_function(f"before => {STATE}.header.id !== before", arg=before, timeout=30_000)
    settle(page)


def test_words_and_no_special_tokens_in_a_text(page: Page, address: str, minilm: EncoderTextModel) -> None:
    recording = minilm.record(TEXT)
    open_page(page, f"{address}?text={TEXT}&query=4&matrix=1")
    flip(page, "Words")
    merged, spans = recording.merged("words"), page.locator(".hl-strip span")
    expect(spans).to_have_text(list(merged.tokens))
    assert sentence(page).startswith(
        "Layer 3, head 1, merged into words: what “untranslatable” looks at: “lexicographer”"
    )
    close(seen(page), merged.attention(3, 1, 2))
    close(trace(page), merged.attention(3, 1))
    spans.nth(3).hover()
    page.wait_for_function(f"{STATE}.shown.tokens[0] === 3")
    close(seen(page), merged.attention(3, 1, 3))  # without the server
    spans.nth(3).click()
    shows(page, query=3)
    assert "query=7" in page.url  # the first token of the word

    flip(page, "Leave out special tokens")
    left = recording.without_special().merged("words")
    assert sentence(page).startswith("Layer 3, head 1, special tokens left out, merged into words: what “lexico")
    close(seen(page), left.attention(3, 1, 3))
    close(trace(page), left.attention(3, 1))
    assert page.locator("[data-part=special]").inner_text() == ""  # nothing rests on them
    expect(page.get_by_text("Left out: [CLS], [SEP].")).to_be_visible()
    select(page, "of", "layer-max")
    shows(page, of="layer-max")
    pieces = recording.without_special().attention(3).max(axis=0)  # heads first, then words
    close(seen(page), left.places.both(pieces)[3])
    screenshot(page, "words", "1440")

    url = page.url
    page.goto("about:blank")
    open_page(page, url)
    close(seen(page), left.places.both(pieces)[3])


def test_what_was_written_in_words_and_a_row_with_nothing_left(
    page: Page, address: str, smollm2: TransformersText
) -> None:
    recording = smollm2.write(PROMPT, 2)
    open_page(page, f"{address}/generate?text={PROMPT}&tokens=2&query=3&layer=3&head=2")
    flip(page, "Words")
    merged = recording.merged("words")
    expect(page.locator(".hl-strip span").nth(1)).to_have_text("untranslatable")
    close(seen(page), merged.attention(3, 2, 1))
    assert not np.isnan(trace(page)).any()  # a word's row is the mean of its tokens' and is not drawn as masked
    flip(page, "Leave out special tokens")
    left = recording.without_special().merged("words")
    drawn = trace(page)
    assert np.isnan(drawn[0]).all()  # of “The”, the first token, which had only itself
    close(drawn[1:], left.attention(3, 2)[1:])
    assert page.locator(".hl-matrix .layer-below image, .hl-matrix .imagelayer image").count() == 1
    page.locator(".hl-strip span").first.click()
    shows(page, query=0)
    assert sentence(page).endswith("special tokens left out, merged into words: what “The” looks at: nothing")
    expect(page.locator(".hl-strip")).to_have_class(re.compile("hl-nothing"))
    flip(page, "Words")
    assert sentence(page).startswith("Layer 3, head 2, special tokens left out: what “The”")


def test_cls_is_left_out_of_a_photo_and_the_link_says_so(page: Page, address: str, dinov2: EncoderImageModel) -> None:
    recording = dinov2.record(PHOTOS["Coffee"].read(), size=224)
    open_page(page, f"{address}/image?size=224&query=153")
    assert page.get_by_text("Words", exact=True).count() == 0
    flip(page, "Leave out special tokens")
    left = recording.without_special()
    close(seen(page), left.attention(11, 4, 153))
    assert sentence(page).startswith("Layer 11, head 4, special tokens left out: what patch (6, 8) looks at:")
    url = page.url
    page.goto("about:blank")
    open_page(page, url)
    close(seen(page), left.attention(11, 4, 153))
    expect(page.get_by_text("Left out: [CLS].")).to_be_visible()
    flip(page, "Leave out special tokens")
    assert "nospecial" not in page.url
    close(seen(page), recording.attention(11, 4, 153))
