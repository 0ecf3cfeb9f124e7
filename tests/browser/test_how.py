"""The page How it works in a real browser: all its steps on a text and on a photo, and what its controls change."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.model.recording.recording import Recording
from headlens.viz.inputs.samples import TEXTS
from headlens.viz.pages.how.steps import STEPS
from tests.browser.look import check_layout, close, holds

SETTLED = """() => document.querySelector('[data-testid=stApp][data-test-script-state=notRunning]')
    && !document.querySelector('[data-testid=stSkeleton]')
    && [...document.querySelectorAll('[data-testid=stPlotlyChart]')].every(chart => chart.querySelector('.main-svg'))"""
PIECES = """() => {
    const pieces = [...document.querySelectorAll(`[data-testid=stMain] :is(button, input, [data-testid=stText],
        [data-testid=stMarkdown], [data-testid=stPlotlyChart], [data-testid=stImage], [data-testid=stCode], table)`)]
        .filter(piece => piece.checkVisibility() && !piece.closest('[data-testid=stElementToolbar]'));
    return pieces.filter(piece => !pieces.some(other => other !== piece && other.contains(piece)))
        .map(piece => [piece.outerHTML.slice(0, 90), piece.getBoundingClientRect()])
        .filter(([, box]) => box.width && box.height)
        .map(([name, box]) => [name, box.left, box.top, box.right, box.bottom]);
}"""
TRACE = """([chart, trace, field]) => Array.from(
    document.querySelectorAll('.js-plotly-plot')[chart]._fullData[trace][field],
    row => row.length === undefined ? row : Array.from(row))"""
PHONE = {"width": 390, "height": 844}


def settle(page: Page) -> None:
    """Wait until the server has answered and everything is drawn."""
    holds(page, SETTLED, frames=12, timeout=30_000)


def open_step(page: Page, address: str, number: int, **params: Any) -> None:
    query = "&".join(f"{name}={value}" for name, value in {"step": number, **params}.items())
    page.goto(f"{address}/how?{query}")
    heading = page.get_by_role("heading", name=STEPS[number - 1].title)
    expect(heading).to_be_visible(timeout=120_000)  # the first time ever, SmolLM2 is dequantised
    settle(page)


def drawn(page: Page, chart: int, trace: int, field: str = "x") -> np.ndarray:
    """What plotly.js has of a trace."""
    return np.array(page.evaluate(TRACE, [chart, trace, field]))


def weights_at(scores: np.ndarray, temperature: float) -> np.ndarray:
    raised = np.exp((scores.astype(float) - scores.max()) / temperature)
    return raised / raised.sum()


@pytest.fixture(scope="module")
def recording(minilm: EncoderTextModel) -> Recording:
    return minilm.record(TEXTS["Trophy"].texts[0])


@pytest.mark.parametrize(
    ("page", "kind"),
    [
        ({"width": 1440, "height": 900, "theme": "light"}, "text"),
        ({"width": 1280, "height": 800, "theme": "dark"}, "image"),
        ({**PHONE, "theme": "light"}, "smollm2-135m"),
    ],
    indirect=["page"],
)
def test_through_all_steps(page: Page, kind: str, address: str) -> None:
    given: dict[str, dict[str, Any]] = {
        "text": {},
        "image": {"kind": "image", "size": 224},
        "smollm2-135m": {"model": "smollm2-135m"},
    }
    open_step(page, address, 1, **given[kind])
    window = page.viewport_size
    assert window is not None
    windows: list[Any] = [window] if window["width"] == PHONE["width"] else [window, PHONE]
    for number, step in enumerate(STEPS, start=1):
        expect(page.get_by_role("heading", name=f"{number}. {step.title}")).to_be_visible()
        settle(page)
        expect(page.locator("[data-testid=stException], [data-testid=stAlert]")).to_have_count(0)
        assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == 0
        for size in windows:
            if size != page.viewport_size:
                page.set_viewport_size(size)
                settle(page)
            check_step(page, number, size["width"])
        windows.reverse()  # the next step opens in the window of this one
        if number < len(STEPS):
            page.get_by_role("button", name=re.compile("^Next: ")).press("Enter")
            page.wait_for_url(re.compile(rf"[?&]step={number + 1}\b"))


def check_step(page: Page, number: int, width: int) -> None:
    """Nothing is wider than the window, and nothing stands on anything else."""
    pieces = page.evaluate(PIECES)
    assert len(pieces) > 20
    check_layout(page, pieces)
    ends = page.locator(".katex-html .base").evaluate_all("all => all.map(one => one.getBoundingClientRect().right)")
    assert all(right <= width for right in ends), (number, width, ends)  # a formula is never cut off


def test_the_temperature_with_the_keyboard_alone(page: Page, address: str, recording: Recording) -> None:
    open_step(page, address, 1)
    scores = recording.scores(3, 1, 11)
    close(drawn(page, 0, 0), scores)
    close(drawn(page, 0, 1), recording.attention(3, 1, 11))
    page.get_by_role("slider").focus()
    for key, temperature in (("ArrowLeft", 0.75), ("ArrowLeft", 0.5), ("Home", 0.0), ("End", 10.0)):
        page.keyboard.press(key)
        page.wait_for_url(re.compile(rf"temperature={temperature}"))
        settle(page)
        expected = weights_at(scores, temperature) if temperature else (scores == scores.max()).astype(float)
        close(drawn(page, 0, 1), expected)


def test_the_scaling_and_the_head(page: Page, address: str, recording: Recording) -> None:
    open_step(page, address, 5)
    close(drawn(page, 0, 1), recording.attention(3, 1, 11))
    page.get_by_role("radio", name="not divided").click()
    page.wait_for_url(re.compile("scaling=unscaled"))
    settle(page)
    weights = weights_at(recording.scores(3, 1, 11) * 32**0.5, 1.0)
    close(drawn(page, 0, 1), weights)
    close(drawn(page, 0, 2), weights * (1 - weights))
    page.get_by_role("combobox", name="Head").click()
    page.get_by_role("option", name="7", exact=True).click()
    page.wait_for_url(re.compile("head=7"))
    settle(page)
    close(drawn(page, 0, 0), recording.scores(3, 7, 11) * 32**0.5)
    page.reload()
    settle(page)
    close(drawn(page, 0, 0), recording.scores(3, 7, 11) * 32**0.5)


def test_a_photo_s_numbers(page: Page, address: str, dinov2: EncoderImageModel) -> None:
    open_step(page, address, 6, kind="image", size=224, layer=5, head=2, query=100)
    recording = dinov2.record("assets/samples/coffee.jpg", 224)
    weights, value = recording.attention(5, 2, 100), recording.value(5, 2)
    shown = sorted({*np.argsort(-weights, kind="stable")[:24].tolist(), 100})
    close(drawn(page, 0, 0), weights[shown])
    np.testing.assert_allclose(drawn(page, 1, 0, "customdata")[-1], weights @ value, atol=1e-4)


def test_the_text_of_the_text_page_comes_along(page: Page, address: str) -> None:
    page.goto(f"{address}/?sample=Bank")
    page.wait_for_selector(".hl[data-painted]")
    page.get_by_role("link", name="How it works").first.click()
    settle(page)
    expect(page.get_by_role("textbox", name="Your text")).to_have_value(TEXTS["Bank"].texts[0])
    assert "sample=Bank" in page.url


def test_measuring_is_cancelled_and_done(page: Page, address: str) -> None:
    open_step(page, address, 12)
    start = page.get_by_role("button", name="Measure on this machine")
    start.click()
    page.get_by_role("button", name="Cancel").click()
    expect(start).to_be_visible(timeout=20_000)
    settle(page)
    expect(page.locator(".js-plotly-plot")).to_have_count(0)
    start.click()
    expect(page.locator(".js-plotly-plot")).to_have_count(1, timeout=30_000)
    assert drawn(page, 0, 0).tolist() == [64, 128, 256, 512, 1024]


def test_the_keyboard_goes_on_at_the_next_step(page: Page, address: str) -> None:
    open_step(page, address, 1)
    assert page.evaluate("document.activeElement.tagName") == "BODY"  # whoever has just arrived is left where they are
    page.get_by_role("button", name=re.compile("^Next: ")).press("Enter")
    page.wait_for_url(re.compile("step=2"))
    page.wait_for_function("document.activeElement.textContent.startsWith('2. ')", timeout=10_000)
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Words used here")).to_be_focused()


@pytest.mark.parametrize(("keys", "ending", "start"), [([], ".png", b"\x89PNG"), (["Shift"], ".svg", b"<svg")])
def test_a_figure_is_taken_away(
    keys: list[Any], ending: str, start: bytes, page: Page, address: str, tmp_path: Path
) -> None:
    open_step(page, address, 1)
    page.locator(".js-plotly-plot").first.hover()
    with page.expect_download(timeout=20_000) as waiting:
        page.locator(".modebar-btn").first.click(modifiers=keys)
    waiting.value.save_as(tmp_path / "figure")
    assert waiting.value.suggested_filename.endswith(ending)
    assert (tmp_path / "figure").read_bytes().lstrip().startswith(start)
