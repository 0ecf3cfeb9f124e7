"""Models of one's own, and a model that writes, in a real browser."""

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from headlens.model.huggingface.text.model import TransformersText
from tests.browser.look import close, open_page, says, seen, settle, shows, trace
from tests.browser.serve import ROOT
from tests.model.huggingface.text.test_families import loaded
from tests.model.huggingface.text_models import write_folder


@pytest.fixture(scope="module")
def folder(models_folder: Path) -> Path:
    """A small BERT."""
    return write_folder("BERT", models_folder / "mine")


def check(page: Page, name: str) -> None:
    page.get_by_role("button", name=re.compile("^Model: ")).click()
    page.get_by_role("textbox", name="Your own: a folder or Hub id").fill(name)
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("textbox", name="Your own: a folder or Hub id")).to_be_hidden(timeout=30_000)


def test_a_folder_is_loaded_and_a_bad_one_refused(page: Page, address: str, folder: Path) -> None:
    open_page(page, f"{address}/?text=The+%5BMASK%5D+is+big.")
    check(page, "/etc")
    expect(page.get_by_text("That folder is not one of those that may be opened")).to_be_visible(timeout=30_000)
    settle(page)
    expect(page.locator("[data-part=grid]")).to_be_visible()
    page.keyboard.press("Escape")

    check(page, str(folder.relative_to(ROOT)))
    expect(page.get_by_text("BertForMaskedLM, 0.0 million parameters, 2 layers × 4")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Load it").click()
    expect(page.get_by_text(re.compile("What stands at"))).to_be_visible(timeout=30_000)
    settle(page)
    recording = loaded(folder).record("The [MASK] is big.")
    expect(page.locator(".hl-strip span")).to_have_text(list(recording.tokens))
    close(trace(page), recording.attention(0, 0))
    page.locator(".hl-strip span").nth(2).click()
    shows(page, query=2)
    close(seen(page), recording.attention(0, 0, 2))


def test_the_capital_of_france(page: Page, address: str, smollm2: TransformersText) -> None:
    page.goto(f"{address}/generate?tokens=4")
    page.wait_for_selector(".hl[data-painted]", timeout=120_000)  # the server loads the model
    settle(page)
    recording = smollm2.write("The capital of France is", 4)
    expect(page.get_by_text("The capital of France is Paris", exact=False).first).to_be_visible()
    spans = page.locator(".hl-strip span")
    assert spans.nth(5).text_content() == "Paris"
    shows(page, query=5)
    says(page, "Layer 15, head 0: what “Paris” looks at:")
    close(seen(page), recording.attention(15, 0, 5))
    assert np.isnan(page.evaluate("document.querySelector('.hl-matrix').data[0].z[2][3]"))  # the future
    expect(page.get_by_text("What comes after “Paris”, with probabilities")).to_be_visible()

    page.get_by_role("textbox", name="Prompt").fill("Birds fly")
    page.get_by_role("button", name="Write").click()
    expect(spans.first).to_have_text("Birds", timeout=30_000)
    settle(page)
    assert "text=Birds+fly" in page.url
