"""How the pages look: in three windows, on one of them dark, and when the theme changes while they are open."""

import numpy as np
import pytest
from playwright.sync_api import Page

from headlens.viz.theme import DARK, LIGHT
from tests.browser.look import GRID, STATE, check_layout, open_page, screenshot, settle

LOOKS = [
    {"width": width, "height": height, "theme": theme}
    for width, height, theme in ((1440, 900, "light"), (1280, 800, "light"), (390, 844, "dark"))
]
BOXES = """() => [...document.querySelectorAll('.hl button, .hl select, .hl input, .hl summary')]
    .filter(control => control.checkVisibility() && !control.closest('.hl-steppers'))
    .map(control => [control, control.getBoundingClientRect()])
    .filter(([, box]) => box.width)
    .map(([control, box]) => [control.outerHTML.slice(0, 90), box.left, box.top, box.right, box.bottom])"""


@pytest.mark.parametrize("page", LOOKS, indirect=True, ids=lambda look: f"{look['width']}-{look['theme']}")
def test_nothing_overlaps_or_is_wider_than_the_window(page: Page, address: str, request: pytest.FixtureRequest) -> None:
    for name, url in (("text", "/"), ("image", "/image"), ("generate", "/generate")):
        page.goto(address + url)
        page.wait_for_selector(".hl[data-painted]", timeout=120_000)  # the first to write waits for the model
        settle(page)
        found = page.evaluate(BOXES)
        assert len(found) > 15
        check_layout(page, found, slack=0.5)
        screenshot(page, name, request.node.callspec.id)


def corner_colour(page: Page) -> list[int]:
    """The palest colour of the first head's picture in the grid: its scale's bottom."""
    script = f"""() => {{
        const {{ canvas, layout, ratio }} = {GRID};
        const [x, y] = layout.corner(0).map(length => length * ratio);
        const [width, height] = [layout.tileWidth * ratio, layout.tileHeight * ratio];
        const {{ data }} = canvas.getContext('2d').getImageData(x, y, width, height);
        const counts = new Map();
        for (let i = 0; i < data.length; i += 4) {{
            const colour = [data[i], data[i + 1], data[i + 2]].join();
            counts.set(colour, (counts.get(colour) ?? 0) + 1);
        }}
        return [...counts].sort((a, b) => b[1] - a[1])[0][0].split(',').map(Number);
    }}"""
    return page.evaluate(script)


def luminance(colour: str) -> float:
    """0 to 1, of rgb(…) or #rrggbb, as WCAG 2.2 has it."""
    if colour.startswith("#"):
        parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    else:
        parts = [int(float(part)) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in np.array(parts) / 255]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def test_the_theme_changes_while_the_page_is_open(page: Page, address: str) -> None:
    open_page(page, address)
    for scheme, theme in (("light", LIGHT), ("dark", DARK), ("light", LIGHT)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        dark = str(theme is DARK).lower()
        page.wait_for_function(
            f"(getComputedStyle(document.querySelector('.hl')).color.match(/\\d+/)[0] > 128) === {dark}"
        )
        page.wait_for_function(f"{STATE}.theme.text === getComputedStyle(document.querySelector('.hl')).color")
        settle(page)
        bright = float(np.mean(corner_colour(page)))
        assert bright < 60 if theme is DARK else bright > 200
        ground = luminance(theme.background)
        texts = page.evaluate(
            """() => [...document.querySelectorAll(
                ':is(.ytick, .g-ytitle, .cbaxis) text, .hl-sentence b, .hl-row')]
                .map(text => getComputedStyle(text)[text instanceof SVGElement ? 'fill' : 'color'])"""
        )
        assert len(texts) > 10
        for colour in set(texts):
            low, high = sorted((ground, luminance(colour)))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (scheme, colour)
        scale = page.evaluate("document.querySelector('.hl-matrix')._fullData[0].colorscale[0][1]")
        assert (luminance(scale) < 0.1) == (theme is DARK)
