"""Pictures to take away: the mode bar of the matrix, and the buttons below the grid."""

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import Download, Page

from headlens.viz.export.drawn import about_of
from tests.browser.look import open_page, settle


def check(download: Download, name: str, fmt: str) -> None:
    """The right name, and a picture that is not empty."""
    assert download.suggested_filename == f"{name}.{fmt}"
    content = download.path().read_bytes()
    if fmt == "png":
        assert content.startswith(b"\x89PNG")
        colours = Image.open(io.BytesIO(content)).convert("RGB").getcolors(1 << 24)
        assert colours is not None
        assert len(colours) > 20
        about = {name.removeprefix("Headlens "): value for name, value in Image.open(io.BytesIO(content)).text.items()}  # type: ignore[attr-defined]
    else:
        assert content.startswith(b"<svg")
        assert content.rstrip().endswith(b"</svg>")
        assert len(content) > 2_000
        about = dict(about_of(content.decode()))
    where = re.search(r"layer(\d+)-head(\d+)", name)
    assert where is not None
    assert about["heads"] == f"Layer {where[1]}, head {where[2]}"
    assert about["revision"].startswith("sha256 ")
    assert about["program"].startswith("Headlens ")


@pytest.mark.parametrize(
    ("kind", "url", "where"),
    [("text", "/", "layer3-head1"), ("image", "/image?size=224&matrix=1", "layer11-head4")],
)
def test_every_picture_as_png_and_svg(page: Page, address: str, kind: str, url: str, where: str) -> None:
    open_page(page, address + url)
    matrix = page.locator(".hl-matrix")
    titles = matrix.locator("[data-title]").evaluate_all("buttons => buttons.map(button => button.dataset.title)")
    assert "Save as PNG" in titles
    assert not [title for title in titles if "Share" in title]  # it would upload the chart
    for fmt in ("png", "svg"):
        matrix.hover()
        with page.expect_download() as download:
            matrix.locator(f"[data-title='Save as {fmt.upper()}']").click()
        check(download.value, f"headlens-{where}", fmt)
        page.locator("[data-part=format]").select_option(fmt)
        for name in ("picture", "heads", "bars"):
            with page.expect_download() as download:
                page.locator(f"[data-save={name}]").click()
            check(download.value, f"headlens-{kind}-{where}-{name}", fmt)
            settle(page)


def test_a_saved_picture_is_measured_in_a_font_that_it_is_drawn_in(page: Page, address: str) -> None:
    """A picture cannot use the page's fonts: measured in them, its text would be cut off."""
    open_page(page, address)
    page.locator("[data-part=format]").select_option("svg")
    with page.expect_download() as download:
        page.locator("[data-save=picture]").click()
    drawn = download.value.path().read_text()
    assert "Arial" in drawn
    assert "Source Sans" not in drawn
