"""Photos of so many patches that the matrix is drawn in cells."""

import re
from contextlib import suppress

import numpy as np
import pytest
from playwright.sync_api import Page, TimeoutError, expect

from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.recording.recording import Recording
from tests.browser.look import STATE, framed, open_page, says, seen, select, settle, shows, trace


@pytest.fixture(scope="module")
def recording(dinov2: EncoderImageModel, sample_photo) -> Recording:
    return dinov2.record(sample_photo("coffee"), 448)  # 32 x 48 patches and [CLS]


def press_cell(page: Page, row: int, column: int) -> None:
    """Click where a cell of the matrix is drawn."""
    place = page.evaluate(
        """([row, column]) => {
        const box = document.querySelector(".hl-matrix");
        const { xaxis, yaxis } = box._fullLayout;
        const frame = box.getBoundingClientRect();
        return [frame.x + xaxis._offset + xaxis.c2p(column), frame.y + yaxis._offset + yaxis.c2p(row)];
    }""",
        [row, column],
    )
    under = "document.querySelector('.hl-matrix')._hoverdata?.[0]"
    hovered = f"cell => String({under}?.pointIndex ?? {under}?.pointNumber) === cell"
    x, y = place
    for down in (0, 0.5, -0.5, 1, -1):  # a cell is smaller than two pixels, and plotly rounds
        page.mouse.move(x, y + down)
        with suppress(TimeoutError):
            page.wait_for_function(hovered, arg=f"{row},{column}", timeout=3_000)
            return page.mouse.click(x, y + down)
    raise AssertionError(f"Cell {row}, {column} is nowhere near.")


def test_cells_are_exact_and_a_click_gives_the_exact_row(page: Page, address: str, recording: Recording) -> None:
    open_page(page, f"{address}/image?matrix=1&layer=7&head=3")
    expect(page.locator("[data-part=matrixNote]")).to_have_text(re.compile("1,537 tokens are drawn in cells: the mean"))
    shows(page, layer=7, head=3)
    np.testing.assert_allclose(trace(page), recording.pooled(7, 3), rtol=0, atol=1e-4)
    page.locator(".hl-matrix").scroll_into_view_if_needed()
    press_cell(page, 100, 30)
    query = 100 * 4 + 2
    shows(page, query=query)
    row, column = divmod(query - 1, 48)
    says(page, f"Layer 7, head 3: what patch \\({row}, {column}\\) looks at")
    np.testing.assert_allclose(seen(page), recording.attention(7, 3, query), rtol=0, atol=3e-4)
    assert framed(page) == pytest.approx({"x0": -0.5, "x1": 384.5, "y0": 99.5, "y1": 100.5}, abs=0.5)
    press_cell(page, 384, 384)  # the last cell holds one token
    shows(page, query=1_536)


def test_the_largest_photo(page: Page, address: str) -> None:
    """1,036 pixels on the short side of a square photo: 74 x 74 patches, in cells of 11; each row sums to one."""
    open_page(page, f"{address}/image?sample=Cat&size=224")
    page.goto(f"{address}/image?sample=Astronaut&size=1036&matrix=1")
    page.wait_for_selector(".hl[data-painted]", timeout=120_000)
    page.wait_for_function(f"{STATE}.header.tokens.length === 5477", timeout=120_000)
    settle(page)
    cells, row = trace(page), seen(page)
    assert (cells.shape, row.shape) == ((498, 498), (5_477,))
    np.testing.assert_allclose(cells.sum(axis=1), 1, rtol=0, atol=1e-3)
    assert row.sum() == pytest.approx(1, abs=1e-4)
    select(page, "of", "all-mean")
    settle(page)
    expect(page.locator("[data-part=matrixNote]")).to_have_text(re.compile("too large to merge heads in"))
    merged = seen(page)
    assert merged.sum() == pytest.approx(1, abs=1e-4)
    assert np.abs(merged - row).max() > 1e-4
