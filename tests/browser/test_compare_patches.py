"""Patches of two photos paired in a real browser: pinned one by one, paired, pointed at, and read again by the link."""

import re

import numpy as np
from playwright.sync_api import Page, expect

from headlens.model.comparison.alignment import align
from headlens.model.comparison.comparison import Comparison, compare
from headlens.model.comparison.corrections import corrected
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.recording.recording import Recording
from headlens.viz.inputs.samples import PHOTOS
from tests.browser.look import LOAD
from tests.browser.test_compare import LESS, open_compare, settle, title
from tests.browser.test_compare_inputs import WIDER

HEAD = (3, 1)
OWN, THEIRS = (4, 7), (9, 12)  # row and column


def position(recording: Recording, row: int, column: int) -> int:
    assert recording.grid is not None
    return recording.prefix_tokens + row * recording.grid[1] + column


def point(page: Page, side: str, grid: tuple[int, int], at: tuple[int, int], *, press: bool = False) -> None:
    """At the middle of a patch."""
    canvas = page.locator(f'[data-side="{side}"] canvas')
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    x = box["x"] + box["width"] * (at[1] + 0.5) / grid[1]
    y = box["y"] + box["height"] * (at[0] + 0.5) / grid[0]
    (page.mouse.click if press else page.mouse.move)(x, y)


def check_difference(page: Page, comparison: Comparison, place: int) -> None:
    expected = comparison.difference(*HEAD)[place]
    np.testing.assert_allclose(np.array(page.evaluate(LESS), dtype=float), expected, atol=5e-5)
    assert np.abs(expected).max() > 0.01


def test_two_patches_are_pinned_and_paired(page: Page, address: str, dinov2: EncoderImageModel) -> None:
    a, b = (dinov2.record(PHOTOS[name].read(), 224) for name in ("Astronaut", "Cat"))
    grids = [each.grid or (0, 0) for each in (a, b)]
    own, theirs = position(a, *OWN), position(b, *THEIRS)
    open_compare(page, f"{address}/compare?kind=image&sample=Astronaut&sample2=Cat&layer={HEAD[0]}&head={HEAD[1]}")
    page.get_by_role("button", name="One query for both").click()
    point(page, "a", grids[0], OWN, press=True)
    point(page, "b", grids[1], THEIRS, press=True)
    page.wait_for_url(re.compile(f"query={own}&query2={theirs}"), timeout=LOAD)
    settle(page)
    page.get_by_text("Patches of A and B correspond").click()
    settle(page)
    page.get_by_role("button", name="Pair", exact=True).click()
    page.wait_for_url(re.compile(f"pairs={own}.{theirs}"), timeout=LOAD)
    expect(page.get_by_role("button", name="(4, 7) = (9, 12)")).to_be_visible(timeout=LOAD)
    open_compare(page, page.url.replace(f"&query2={theirs}", ""))  # one query for both
    expect(page.get_by_text("1 set by hand")).to_be_visible()
    comparison = compare(a, b, corrected(align(a, b), a, b, [(own, theirs)]))
    pair = len(comparison.alignment.names) - 1
    assert comparison.alignment.main_places[0][own] == comparison.alignment.main_places[1][theirs] == pair
    check_difference(page, comparison, pair)
    point(page, "b", grids[1], (0, 0))
    expect(title(page, "b")).to_contain_text("what patch (0, 0) looks at:")
    check_difference(page, comparison, int(comparison.alignment.main_places[1][position(b, 0, 0)]))
    point(page, "b", grids[1], THEIRS)
    expect(title(page, "a")).to_contain_text("what patch (4, 7) looks at:")
    point(page, "a", grids[0], OWN)
    expect(title(page, "b")).to_contain_text("what patch (9, 12) looks at:")
    point(page, "less", grids[0], OWN)  # drawn at its patch of A, over what B has there
    expect(title(page, "less")).to_contain_text("from (4, 7) | (9, 12):")
    check_difference(page, comparison, pair)
    assert not page.evaluate(WIDER)
