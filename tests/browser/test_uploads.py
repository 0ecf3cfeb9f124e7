"""Own photos on the page Image, and the sizes that they are looked at in."""

import base64
import io

import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect

from headlens.viz.inputs.samples import PHOTOS
from tests.browser.look import GRID, STATE, box, close, open_page, painted, point, seen, settle, shows


def lying_photo() -> bytes:
    """The coffee as a camera saves what it took upright: lying, and a note to turn it by 90 degrees."""
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.open(io.BytesIO(PHOTOS["Coffee"].read())).save(file, "JPEG", exif=exif)
    return file.getvalue()


def upload(page: Page, name: str, content: bytes) -> None:
    """Choose a file in the page's uploader."""
    page.locator("input[type=file]").first.set_input_files(
        {"name": name, "mimeType": f"image/{name.rsplit('.', 1)[1]}", "buffer": content}
    )


def test_own_photo_and_a_file_that_is_none(page: Page, address: str, dinov2) -> None:
    photo = lying_photo()
    recording = dinov2.record(photo, size=224)
    assert recording.grid == (24, 16)
    open_page(page, f"{address}/image?size=224")
    upload(page, "own.jpeg", photo)
    page.wait_for_function(f"{STATE}.header.grid.join() === '24,16'", timeout=30_000)
    settle(page)
    query = painted(page)[3]
    close(seen(page), recording.attention(11, 4, query))
    expect(page.get_by_text("Your photo is not in this link.")).to_be_visible()
    # Upright photos keep their shape, and a press hits the patch under it.
    size = box(page.locator(".hl-photo"))
    assert abs(size["width"] / size["height"] - recording.photo.aspect) < 0.01
    for row, column in ((20, 1), (2, 14)):
        place = point(page, row, column)
        page.locator(".hl-photo").click(position=place)
        shows(page, query=1 + row * 16 + column)

    before = seen(page)
    upload(page, "notes.png", b"these are notes")
    expect(page.get_by_text("This file is not an image that can be read")).to_be_visible(timeout=30_000)
    settle(page)
    np.testing.assert_array_equal(seen(page), before)
    assert page.evaluate(f"{STATE}.header.grid") == [24, 16]


def test_a_pasted_photo(page: Page, address: str, dinov2) -> None:
    photo = lying_photo()
    open_page(page, f"{address}/image?size=224")
    page.locator("[data-testid=stFileUploaderDropzone]").first.focus()
    page.evaluate(
        """async photo => {
            const bytes = await (await fetch(`data:image/jpeg;base64,${photo}`)).arrayBuffer();
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File([bytes], 'pasted.jpeg', { type: 'image/jpeg' }));
            document.activeElement.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }));
        }""",
        base64.b64encode(photo).decode(),
    )
    page.wait_for_function(f"{STATE}.header.grid.join() === '24,16'", timeout=10_000)
    settle(page)
    expected = dinov2.record(photo, size=224).attention(11, 4, painted(page)[3])
    close(seen(page), expected)


def test_sizes_and_samples(page: Page, address: str, dinov2) -> None:
    open_page(page, f"{address}/image?size=letterboxed&sample=Rocket")
    expect(page.get_by_text("Exact: the size and shape")).to_be_visible()
    recording = dinov2.record(PHOTOS["Rocket"].read(), size="letterbox")
    close(seen(page), recording.attention(11, 3, painted(page)[3]))
    page.get_by_role("combobox", name="Size").click()
    page.get_by_role("option", name="336").click()
    page.wait_for_function(f"{STATE}.header.grid.join() !== '16,16'", timeout=30_000)
    settle(page)
    recording = dinov2.record(PHOTOS["Rocket"].read(), size=336)
    assert tuple(page.evaluate(f"{STATE}.header.grid")) == recording.grid
    close(seen(page), recording.attention(11, 3, painted(page)[3]))
    assert "size=336" in page.url
    key = painted(page)[0]
    page.get_by_role("radiogroup", name="Samples").or_(page.locator("[data-testid=stPills]")).get_by_text("Cat").click()
    page.wait_for_function("key => JSON.parse(document.querySelector('.hl').dataset.painted)[0] !== key", arg=key)
    settle(page)
    expected = dinov2.record(PHOTOS["Cat"].read(), size=336).attention(10, 3, painted(page)[3])
    close(seen(page), expected)


def test_a_tall_photo_fits_the_window(page: Page, address: str) -> None:
    open_page(page, f"{address}/image?size=224")
    file = io.BytesIO()
    Image.open(io.BytesIO(PHOTOS["Coffee"].read())).crop((0, 0, 120, 400)).save(file, "PNG")
    upload(page, "tall.png", file.getvalue())
    page.wait_for_function(f"{STATE}.header.aspect < 1", timeout=30_000)
    settle(page)
    assert box(page.locator(".hl-photo"))["height"] <= 0.8 * 900
    assert page.evaluate(f"{GRID}.layout.tileHeight") <= 130
