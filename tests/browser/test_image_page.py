"""The page Image in a real browser: the photo, the grid, the chips and the matrix."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from headlens.viz.figures.labels import percent
from headlens.viz.figures.pictures import darkened
from headlens.viz.inputs.samples import PHOTOS
from headlens.viz.theme import HEAT, lookup_table
from tests.browser.look import (
    GRID,
    STATE,
    Frames,
    close,
    head_at,
    open_page,
    painted,
    point,
    press,
    says,
    seen,
    select,
    sentence,
    settle,
    shows,
    trace,
)

COFFEE = PHOTOS["Coffee"]
QUERY = 1 + 6 * 24 + 8  # where the coffee opens, at 224


@pytest.fixture
def recording(dinov2):
    return dinov2.record(COFFEE.read(), size=224)


def test_opens_on_the_coffee(page: Page, address: str, dinov2) -> None:
    open_page(page, f"{address}/image")
    recording = dinov2.record(COFFEE.read())
    query = 1 + 13 * recording.grid[1] + 17
    assert sentence(page).startswith("Layer 11, head 4: what patch (13, 17) looks at: patch (11, 26)")
    close(seen(page), recording.attention(11, 4, query))
    expect(page.locator(".hl-words")).to_contain_text("patches away on average (of 32 × 48)")
    expect(page.get_by_text("Extrapolated: the saliency decoder")).to_be_visible()


def test_a_patch_under_the_pointer_previews_and_a_press_pins(page: Page, address: str, recording) -> None:
    frames = Frames(page)
    open_page(page, f"{address}/image?size=224")
    photo, sent = page.locator(".hl-photo"), frames.sent
    for row, column in ((0, 0), (15, 23), (3, 20)):
        photo.hover(position=point(page, row, column))
        says(page, re.escape(f"Layer 11, head 4: what patch ({row}, {column}) looks at:").replace("\\ ", " "))
        close(seen(page), recording.attention(11, 4, 1 + row * 24 + column))
    grid = page.locator("[data-part=grid]")
    grid.hover(position=head_at(page, 9, 5))
    says(page, r"Layer 9, head 5: what patch \(6, 8\) looks at:")
    expected = recording.attention(9, 5, QUERY)
    np.testing.assert_allclose(seen(page), expected, atol=expected[1:].max() / 509 + 1e-6)
    page.mouse.move(3, 880)
    says(page, r"Layer 11, head 4: what patch \(6, 8\) looks at:")
    settle(page, frames=20)
    assert frames.sent == sent

    photo.click(position=point(page, 3, 20))
    shows(page, query=1 + 3 * 24 + 20)
    assert frames.sent > sent
    grid.click(position=head_at(page, 9, 5))
    shows(page, layer=9, head=5)
    page.mouse.move(3, 880)
    says(page, r"Layer 9, head 5: what patch \(3, 20\) looks at:")
    close(seen(page), recording.attention(9, 5, 93))
    assert re.search("layer=9&head=5&query=93", page.url)

    photo.focus()
    for key, query in (("ArrowRight", 94), ("ArrowDown", 118), ("ArrowLeft", 117), ("ArrowUp", 93)):
        page.keyboard.press(key)
        shows(page, query=query)
        close(seen(page), recording.attention(9, 5, query))
    grid.focus()
    page.keyboard.press("ArrowUp")
    shows(page, layer=8, head=5)
    chip = page.locator(".hl-chip")
    expect(chip).to_have_text(f"[CLS] {percent(recording.attention(8, 5, 93)[0])}")
    chip.focus()
    page.keyboard.press("Enter")
    shows(page, query=0)
    expect(chip).to_be_focused()  # it is the same one, painted anew
    page.mouse.move(3, 880)
    says(page, r"Layer 8, head 5: what \[CLS\] looks at:")
    close(seen(page), recording.attention(8, 5, 0))
    press(page, "direction", "by")
    close(seen(page), recording.attention(8, 5)[:, 0])
    assert painted(page)[1:] == [8, 5, 0]


def test_means_orders_and_the_full_matrix(page: Page, address: str, recording) -> None:
    open_page(page, f"{address}/image?size=224")
    weights = np.stack([recording.attention(layer) for layer in range(12)])
    select(page, "of", "all-max")
    close(seen(page), weights.max((0, 1))[QUERY])
    select(page, "of", "layer-mean")
    close(seen(page), weights[11].mean(0)[QUERY])
    select(page, "of", "head")
    expect(page.locator(".hl-matrix .main-svg")).to_have_count(0)
    page.get_by_text("Full matrix: every query and every key").click()
    shows(page, matrix=True)
    page.locator(".hl-matrix .main-svg").first.wait_for()
    settle(page)
    close(trace(page), weights[11, 4])
    assert "matrix=1" in page.url
    page.get_by_text("Full matrix: every query and every key").click()
    shows(page, matrix=False)

    row, column = np.divmod(np.arange(384), 24)
    away = np.hypot(row[:, None] - row, column[:, None] - column)
    patches = weights[..., 1:, 1:].astype(np.float64)
    distance = ((patches * away).sum(-1) / patches.sum(-1)).mean(-1)
    measures = {"special": weights[..., 0].mean(-1), "distance": distance, "key": weights[:, :, QUERY, 1 + 5 * 24 + 3]}
    for order, values in measures.items():
        if order == "key":
            press(page, "pick")
            page.locator(".hl-photo").click(position=point(page, 5, 3))
            shows(page, order="key", query=QUERY)
        else:
            select(page, "order", order)
        found = np.array(page.evaluate(f"{GRID}.layout.order"))
        np.testing.assert_allclose(found[:, 2], np.sort(values.ravel())[::-1], atol=1e-3)
        np.testing.assert_allclose(values[found[:, 0].astype(int), found[:, 1].astype(int)], found[:, 2], atol=1e-3)


def pixels(page: Page, reach: int) -> np.ndarray:
    """The photo's colours [row, column, 3], each the mean over the middle of a patch, reach pixels to each side."""
    script = f"""reach => {{
        const canvas = document.querySelector('.hl-photo');
        const [rows, columns] = {STATE}.header.grid;
        const context = canvas.getContext('2d');
        const found = [];
        for (let patch = 0; patch < rows * columns; patch++) {{
            const x = Math.floor((patch % columns + 0.5) * canvas.width / columns);
            const y = Math.floor((Math.floor(patch / columns) + 0.5) * canvas.height / rows);
            const {{ data }} = context.getImageData(x - reach, y - reach, 2 * reach, 2 * reach);
            const sums = [0, 0, 0];
            data.forEach((value, i) => {{ if (i % 4 < 3) sums[i % 4] += value; }});
            found.push(sums.map(sum => sum / (data.length / 4)));
        }}
        return found;
    }}"""
    return np.array(page.evaluate(script, reach)).reshape(16, 24, 3)


def expected_pixels(recording, weights: np.ndarray, strength: float, reach: int) -> np.ndarray:
    """The same of the pure figure: the darkened photo, and over it the scale's colour by share and strength."""
    heat = weights[1:].reshape(16, 24)
    share = np.minimum(1, heat / heat.max())[..., None]
    photo = np.asarray(Image.fromarray(darkened(recording.photo.pixels)).resize((960, 640)), np.float64)
    middles = photo.reshape(16, 40, 24, 40, 3)[:, 20 - reach : 20 + reach, :, 20 - reach : 20 + reach].mean((1, 3))
    colour = lookup_table(HEAT)[np.rint(share[..., 0] * 255).astype(int)]
    alpha = strength * np.sqrt(share)
    return colour * alpha + middles * (1 - alpha)


def test_the_lens_is_painted_as_the_pure_figure(page: Page, address: str, recording) -> None:
    open_page(page, f"{address}/image?size=224&layer=10&head=3")
    weights = recording.attention(10, 3, QUERY)
    away = np.ones((16, 24), bool)
    away[5:8, 7:10] = False  # around the frame of the query
    np.testing.assert_allclose(pixels(page, 8)[away], expected_pixels(recording, weights, 0.85, 8)[away], atol=12)
    crisp = pixels(page, 19)
    page.locator("[data-set=strength]").fill("30")
    shows(page, strength=30)
    np.testing.assert_allclose(pixels(page, 8)[away], expected_pixels(recording, weights, 0.3, 8)[away], atol=12)
    assert "strength=30" in page.url
    page.locator("[data-set=strength]").fill("85")
    shows(page, strength=85)
    press(page, "edges", "smooth")
    np.testing.assert_allclose(pixels(page, 2)[away], expected_pixels(recording, weights, 0.85, 2)[away], atol=16)
    assert np.abs(pixels(page, 19) - crisp)[away].max() > 20  # neighbours blend where they differ


@pytest.mark.parametrize("page", [{"width": 390, "height": 844, "touch": True}], indirect=True)
def test_a_finger_taps_to_pin_and_drags_to_scrub(page: Page, address: str, recording) -> None:
    frames = Frames(page)
    open_page(page, f"{address}/image?size=224")
    photo = page.locator(".hl-photo")
    photo.tap(position=point(page, 2, 3))
    shows(page, query=1 + 2 * 24 + 3)
    says(page, r"Layer 11, head 4: what patch \(2, 3\) looks at:")
    close(seen(page), recording.attention(11, 4, 52))

    photo.evaluate("photo => photo.scrollIntoView({block: 'center'})")  # else its lower part is under the steppers
    sent, corner = frames.sent, photo.bounding_box()
    assert corner is not None
    finger = page.context.new_cdp_session(page)

    def touch(kind: str, *place: int) -> None:
        at = point(page, *place) if place else None
        points = [{"x": corner["x"] + at["x"], "y": corner["y"] + at["y"]}] if at else []
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 8, 2)
    for column in range(4, 18, 2):
        touch("touchMove", 8, column)
        says(page, rf"Layer 11, head 4: what patch \(8, {column}\) looks at:")
    close(seen(page), recording.attention(11, 4, 1 + 8 * 24 + 16))
    touch("touchEnd")
    says(page, r"Layer 11, head 4: what patch \(2, 3\) looks at:")
    settle(page, frames=25)
    assert frames.sent == sent
    page.locator("[data-part=grid]").tap(position=head_at(page, 3, 2))
    shows(page, layer=3, head=2, query=52)
    says(page, "Layer 3, head 2:")


def test_there_is_no_strip_of_words_to_come_upon(page: Page, address: str) -> None:
    open_page(page, f"{address}/image?size=224")
    expect(page.locator(".hl-strip")).to_be_hidden()


def test_an_upright_photo_is_not_painted_larger_than_it_is_shown(page: Page, address: str, tmp_path: Path) -> None:
    """Its height is bounded on the page: lines of a few pixels would be lost when it is shrunk."""
    file = tmp_path / "upright.png"
    Image.new("RGB", (100, 400), "green").save(file)
    open_page(page, f"{address}/image?size=224")
    page.locator("[data-testid=stFileUploader] input").first.set_input_files(file)
    page.wait_for_function("document.querySelector('.hl').explorer.state.header.grid[0] === 64")
    settle(page)
    photo = page.locator(".hl-photo")
    assert photo.evaluate("photo => [photo.width, photo.height]") == [240, 960]
