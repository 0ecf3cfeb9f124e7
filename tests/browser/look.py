"""Reading a page as the tests need it."""

import os
import re
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, expect

SCREENSHOTS = Path(__file__).parent / "screenshots"
PICTURES = Path(__file__).parents[2] / "assets" / "pictures"  # of the README


def open_page(page: Page, url: str) -> None:
    """Open an address and wait until its pictures are drawn."""
    page.goto(url)
    settle(page)


def settle(page: Page) -> None:
    """Wait until the script has run and every picture is drawn."""
    page.locator(".js-plotly-plot .main-svg").first.wait_for(timeout=60_000)
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible(timeout=120_000)
    page.wait_for_timeout(150)  # plotly draws after the script has ended


def choose(page: Page, label: str, option: str) -> None:
    """Press a button of a row of buttons."""
    page.get_by_role("radiogroup", name=label).get_by_text(option, exact=True).click()
    settle(page)


def trace(page: Page, key: str, field: str = "z", number: int = 0) -> np.ndarray:
    """An array of a figure as plotly.js has it."""
    script = """([key, number, field]) => {
        const data = document.querySelector(`.st-key-${key} .js-plotly-plot`)._fullData[number][field];
        return data.map ? Array.from(data, row => row.length === undefined ? row : Array.from(row)) : data;
    }"""
    return np.array(page.evaluate(script, [key, number, field]))


def headline(page: Page) -> str:
    """The sentence above the picture, with plain spaces."""
    return re.sub(r"\s+", " ", page.locator(".headline").inner_text())


def screenshot(page: Page, name: str, look: str) -> None:
    """Keep a picture of the whole page for a person to look at; with HEADLENS_PICTURES set, also the README's."""
    SCREENSHOTS.mkdir(exist_ok=True)
    page.mouse.move(0, 0)
    if look == "1440-light" and os.environ.get("HEADLENS_PICTURES"):
        page.screenshot(path=PICTURES / f"{name}.png")
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    size = page.viewport_size
    assert size is not None
    page.set_viewport_size({"width": size["width"], "height": max(size["height"], height)})
    page.wait_for_timeout(500)
    page.screenshot(path=SCREENSHOTS / f"{name}-{look}.png")
    page.set_viewport_size(size)
