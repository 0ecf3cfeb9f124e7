"""The page Image in a real browser, with a model that writes captions: a word is pressed, and its patches light up."""

import re
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from headlens.model import Recording, load_model
from headlens.model.analysis.joint import joined, last_word
from headlens.viz.figures.labels import percent
from headlens.viz.inputs.samples import PHOTOS
from headlens.viz.view.visible import visible
from tests.browser.look import close, open_page, point, press, screenshot, seen, settle, shows
from tests.browser.serve import ROOT
from tests.model.huggingface.caption_models import save


@pytest.fixture(scope="module")
def folder(models_folder: Path) -> Path:
    return save(models_folder / "vit-gpt2", "vit-gpt2")


@pytest.fixture(scope="module")
def written(folder: Path) -> Recording:
    """What the page is to show of the photo of the cat."""
    recording: Recording = load_model(str(folder), device="cpu").record(PHOTOS["Cat"].read(), 224, count=5)  # type: ignore[attr-defined]
    return recording


def test_a_word_of_the_caption_shows_its_patches(page: Page, address: str, folder: Path, written: Recording) -> None:
    model = quote(str(folder.relative_to(ROOT)), safe="")
    open_page(page, f"{address}/image?model={model}&sample=Cat&size=224&tokens=5")
    assert written.grid is not None
    text, cross = written.of("decoder").texts[0].strip(), joined(written.of("cross"))
    expect(page.get_by_text(text, exact=True)).to_be_visible()
    word, num_written = last_word(cross), written.of("cross").num_tokens
    shows(page, layer=1, head=0, query=word)
    close(seen(page), cross.attention(1, 0, word))
    chips = page.locator(".hl-chip")
    assert chips.count() == num_written + 1
    expect(chips.nth(num_written)).to_have_text(f"[CLS] {percent(cross.attention(1, 0, word)[num_written])}")
    chips.nth(1).click()
    shows(page, query=1)
    page.mouse.move(3, 880)
    close(seen(page), cross.attention(1, 0, 1))
    assert seen(page)[cross.prefix_tokens :].sum() > 0.5
    expect(page.locator(".hl-sentence")).to_contain_text(visible(cross.tokens[1]))
    expect(page.get_by_text(re.compile("What comes after"))).to_be_visible()
    screenshot(page, "captions", "1440")

    page.locator(".hl-photo").click(position=point(page, 3, 4))
    press(page, "direction", "by")
    patch = cross.prefix_tokens + 3 * written.grid[1] + 4
    shows(page, query=patch)
    close(seen(page), cross.attention(1, 0)[:, patch])

    link = page.url
    assert {"tokens=5", f"query={patch}", "direction=by"} <= set(link.split("?")[1].split("&"))
    page.goto("about:blank")
    open_page(page, link)
    shows(page, query=patch, direction="by")
    close(seen(page), cross.attention(1, 0)[:, patch])
    page.get_by_role("radio", name="Within the photo").or_(
        page.get_by_text("Within the photo", exact=True)
    ).first.click()
    page.wait_for_url(re.compile("stage=vision"))
    settle(page)
    np.testing.assert_array_equal(
        page.evaluate("document.querySelector('.hl').explorer.state.header.grid"), written.grid
    )


def test_another_number_of_tokens_is_written_and_linked(page: Page, address: str, folder: Path) -> None:
    model = quote(str(folder.relative_to(ROOT)), safe="")
    open_page(page, f"{address}/image?model={model}&sample=Cat&size=224&tokens=5")
    page.get_by_label("Tokens", exact=True).fill("2")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("tokens=2"))
    page.wait_for_function("document.querySelectorAll('.hl-chip').length === 4")
    settle(page)
