"""Labels of one's own on the page Image, scored by CLIP, and the same from the address."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect
from transformers import AutoImageProcessor, pipeline

from headlens.viz.figures.labels import percent
from headlens.viz.inputs.samples import PHOTOS
from tests.browser.look import open_page, screenshot, settle
from tests.browser.serve import ROOT
from tests.model.huggingface.label_models import write_label_model

LABELS = ["a cup of tea", "birds in winter", "<b>"]


@pytest.fixture(scope="module")
def folder(models_folder: Path) -> Path:
    return write_label_model("CLIP", models_folder / "clip")


def test_labels_against_a_photo(page: Page, address: str, folder: Path) -> None:
    open_page(page, f"{address}/image?model={quote(str(folder.relative_to(ROOT)))}")
    heading = page.get_by_text("Which of your labels fits the photo")
    expect(heading).to_have_count(0)
    field = page.get_by_role("textbox", name="Your labels")
    field.fill(", ".join(LABELS))
    field.press("Control+Enter")
    expect(heading).to_be_visible(timeout=60_000)
    settle(page)
    photo = folder / "coffee.jpg"
    photo.write_bytes(PHOTOS["Coffee"].read())
    own = AutoImageProcessor.from_pretrained(folder, backend="pil")
    scored = pipeline("zero-shot-image-classification", model=str(folder), image_processor=own, device="cpu")
    rows = scored(str(photo), candidate_labels=LABELS)
    expected = [part for row in rows for part in (row["label"], percent(row["score"]))]
    bars = page.locator(".js-plotly-plot .annotation-text")
    expect(bars).to_have_text(expected)
    screenshot(page, "labels", "1440")

    page.reload()
    settle(page, timeout=60_000)
    expect(bars).to_have_text(expected)
    assert field.input_value() == ", ".join(LABELS)
    field.fill("a, " * 20 + ", ".join(map(str, range(33))))
    field.press("Control+Enter")
    expect(page.get_by_text("There are 34 labels; give 1 to 32.")).to_be_visible()
    settle(page)
    expect(heading).to_have_count(0)
    field.fill("")
    field.press("Control+Enter")
    page.wait_for_url(re.compile("^(?!.*labels=)"))
    settle(page)
    expect(page.get_by_text("There are")).to_have_count(0)
