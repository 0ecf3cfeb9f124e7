"""The page Image in a real browser."""

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.look import choose, headline, open_page, screenshot, settle, trace
from tests.browser.test_text_page import LOOKS
from viz.samples import PHOTOS

COFFEE = PHOTOS["Coffee"]


def patches(recording, layer: int, head: int, row: int, column: int) -> np.ndarray:
    """What a patch looks at, [row, column]."""
    query = recording.prefix_tokens + row * recording.grid[1] + column
    return recording.attention(layer, head, query)[recording.prefix_tokens :].reshape(recording.grid)


def test_opens_on_the_coffee(page: Page, address: str, dinov2) -> None:
    open_page(page, f"{address}/image")
    recording = dinov2.record(COFFEE.read())
    expected = patches(recording, COFFEE.layer, COFFEE.head, 13, 17)
    np.testing.assert_allclose(trace(page, "image_overlay"), expected, atol=1e-6)
    assert headline(page).startswith("Layer 11, head 4: what patch (13, 17) looks at: patch (11, 26)")
    saliency = trace(page, "image_saliency")
    np.testing.assert_allclose(saliency, recording.outputs["saliency"][::4, ::4], atol=1e-5)
    expect(page.get_by_text("Extrapolated: the saliency decoder")).to_be_visible()


def test_layer_head_patch_and_cls(page: Page, address: str, dinov2) -> None:
    open_page(page, f"{address}/image?image_size=224")
    recording = dinov2.record(COFFEE.read(), size=224)
    choose(page, "Layer", "9")
    choose(page, "Head", "5")
    page.get_by_role("spinbutton", name="Patch row").fill("3")
    page.get_by_role("spinbutton", name="Patch row").press("Enter")
    settle(page)
    expect(page.locator(".headline")).to_contain_text("patch (3, ")
    settle(page)
    np.testing.assert_allclose(trace(page, "image_overlay"), patches(recording, 9, 5, 3, 8), atol=1e-6)
    choose(page, "Query: who looks", "[CLS]")
    assert headline(page).startswith("Layer 9, head 5: what [CLS] looks at:")
    np.testing.assert_allclose(trace(page, "image_overlay", "x", 1), recording.attention(9, 5, 0)[:1], atol=1e-6)


def test_upload_of_an_upright_photo_that_lies_on_its_side(page: Page, address: str, dinov2) -> None:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to see it upright
    Image.open(io.BytesIO(COFFEE.read())).save(file, "JPEG", exif=exif)
    photo = file.getvalue()
    open_page(page, f"{address}/image?image_size=224")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload", exact=True).click()
    chooser.value.set_files({"name": "own.jpg", "mimeType": "image/jpeg", "buffer": photo})
    recording = dinov2.record(photo, size=224)
    assert recording.grid == (24, 16)
    expect(page.get_by_text("own.jpg")).to_be_visible(timeout=30_000)
    page.wait_for_timeout(1500)
    settle(page)
    np.testing.assert_allclose(trace(page, "image_overlay"), patches(recording, 11, 4, 9, 5), atol=1e-6)


def test_a_file_that_is_no_image_keeps_the_picture(page: Page, address: str) -> None:
    open_page(page, f"{address}/image?image_size=224")
    before = trace(page, "image_overlay")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload", exact=True).click()
    chooser.value.set_files({"name": "notes.png", "mimeType": "image/png", "buffer": b"these are notes"})
    expect(page.get_by_text("This file is not an image that can be read")).to_be_visible(timeout=30_000)
    settle(page)
    np.testing.assert_array_equal(trace(page, "image_overlay"), before)


def test_letterboxed_saliency_is_exact(page: Page, address: str, dinov2) -> None:
    open_page(page, f"{address}/image?image_size=224+letterboxed&image_sample=Rocket")
    expected = dinov2.record(PHOTOS["Rocket"].read(), size="letterbox").outputs["saliency"][::2, ::2]
    np.testing.assert_allclose(trace(page, "image_saliency"), expected, atol=1e-5)
    expect(page.get_by_text("Exact: the size and shape")).to_be_visible()


@pytest.mark.parametrize(("fmt", "start"), [("PNG", b"\x89PNG"), ("SVG", b"<svg")])
def test_figures_can_be_taken_away(page: Page, address: str, fmt: str, start: bytes) -> None:
    open_page(page, f"{address}/image?image_size=224")
    if fmt == "SVG":
        page.get_by_text("How this was computed").click()
        choose(page, "Save figures as", "SVG")
    page.locator(".st-key-image_overlay .js-plotly-plot").hover()
    with page.expect_download() as download:
        page.locator(".st-key-image_overlay").get_by_role("button", name="Download plot").click()
    assert download.value.suggested_filename == f"headlens-image-layer11-head4.{fmt.lower()}"
    assert download.value.path().read_bytes().startswith(start)


@pytest.mark.parametrize("page", LOOKS, indirect=True, ids=lambda look: f"{look['width']}-{look['theme']}")
def test_nothing_is_wider_than_the_window(page: Page, address: str, request: pytest.FixtureRequest) -> None:
    open_page(page, f"{address}/image")
    widths = page.evaluate("(({scrollWidth, clientWidth}) => [scrollWidth, clientWidth])(document.documentElement)")
    assert widths[0] <= widths[1]
    screenshot(page, "image", request.node.callspec.id)
