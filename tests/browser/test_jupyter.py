"""The explorer in a real JupyterLab and in a real marimo: as on the page, and no request leaves the machine."""

import json
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Position, expect

from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.model.recording.recording import Recording
from tests.browser.look import STATE, close, head_at, seen
from tests.browser.notebooks import jupyter, marimo

CELLS = (
    "import dataclasses\n"
    "from headlens.model import Recording\n"
    "recording = Recording.load('trophy.safetensors')\n"
    "widget = recording.explore(layer=3, head=1, query=11)\n"
    "widget",
    "print(widget.view.layer, widget.view.head, widget.view.query)",
    "widget.view = dataclasses.replace(widget.view, layer=5, head=2)",
)
MARIMO = """import marimo
app = marimo.App()

@app.cell
def _():
    import marimo as mo
    from headlens.model import Recording
    recording = Recording.load("trophy.safetensors")
    widget = mo.ui.anywidget(recording.explore(layer=3, head=1, query=11))
    widget
    return mo, recording, widget

@app.cell
def _(widget):
    widget.value
    f"view {widget.view.layer} {widget.view.head} {widget.view.query}"
    return
"""
WAIT = 60_000  # milliseconds for a kernel that imports torch, with others at work too


@pytest.fixture(scope="module")
def trophy(minilm: EncoderTextModel) -> Recording:
    """The sentence of the sample Trophy."""
    return minilm.record("The trophy does not fit in the brown suitcase because it is too big.")


@contextmanager
def visitor(browser: Browser, url: str) -> Iterator[BrowserContext]:
    """Who opens pages of one server only: any other request, and any error, fails."""
    left: list[str] = []
    errors: list[str] = []
    with browser.new_context(viewport={"width": 1440, "height": 1200}) as context:
        context.on("request", lambda asked: left.append(asked.url))
        context.on("weberror", lambda error: errors.append(str(error.error)))
        yield context
    assert [each for each in left if not each.startswith((url, "data:", "blob:", url.replace("http", "ws")))] == []
    assert errors == []


def shows(page: Page, layer: int, head: int) -> None:
    """Wait until a head is painted that the kernel has sent."""
    painted = """([layer, head]) => {
        const root = document.querySelector('.hl[data-painted]');
        const [, ...painted] = JSON.parse(root?.dataset.painted ?? '[]');
        return painted[0] === layer && painted[1] === head && !root.explorer.server.pinned;
    }"""
    page.wait_for_function(painted, arg=[layer, head], timeout=WAIT)


def run_cell(page: Page, number: int) -> None:
    """Press Shift+Enter in a cell, and wait until it has run."""
    cell = page.locator(".jp-CodeCell").nth(number)
    prompt = cell.locator(".jp-InputPrompt")
    for _ in range(5):
        cell.locator(".cm-content").click()
        page.keyboard.press("Shift+Enter")
        try:
            expect(prompt).not_to_have_text("[ ]:", timeout=3_000)
        except AssertionError:
            continue  # JupyterLab shows its cells before it listens to keys
        break
    expect(prompt).to_have_text(re.compile(r"\[\d+\]:"), timeout=WAIT)


def end_kernels(url: str) -> None:
    """As when JupyterLab is shut down."""
    with urllib.request.urlopen(f"{url}/api/sessions") as answer:
        sessions = json.load(answer)
    assert sessions
    for session in sessions:
        urllib.request.urlopen(urllib.request.Request(f"{url}/api/sessions/{session['id']}", method="DELETE")).close()


def test_jupyterlab(browser: Browser, trophy: Recording, tmp_path: Path) -> None:
    """Displayed, a head clicked, the view read in the next cell and set in another, saved, and opened again."""
    work = tmp_path / "work"
    work.mkdir()
    trophy.save(work / "trophy.safetensors")
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), work / "trophy.ipynb")
    with jupyter(tmp_path) as url, visitor(browser, url) as context:
        page = context.new_page()
        page.goto(f"{url}/doc/tree/trophy.ipynb")
        expect(page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")).to_be_visible(timeout=WAIT)
        run_cell(page, 0)
        shows(page, 3, 1)
        close(seen(page), trophy.attention(3, 1, 11))
        picture = page.locator("img.headlens-picture")
        expect(picture).to_have_count(1)
        expect(picture).to_be_hidden()

        page.locator("[data-part=grid]").click(position=head_at(page, 4, 7))
        shows(page, 4, 7)
        close(seen(page), trophy.attention(4, 7, 11))
        run_cell(page, 1)
        expect(page.locator(".jp-OutputArea-output pre").last).to_have_text("4 7 11\n")
        run_cell(page, 2)
        shows(page, 5, 2)
        close(seen(page), trophy.attention(5, 2, 11))

        page.locator("[data-set=pick]").click()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        page.wait_for_function(f"{STATE}.view.key === 12")
        page.keyboard.press("j")  # JupyterLab would go to the next cell
        assert page.evaluate("document.activeElement.dataset.part") == "strip"
        shows(page, 5, 2)
        light = page.evaluate(f"{STATE}.theme.text")
        page.get_by_text("Settings", exact=True).click()
        page.get_by_text("Theme", exact=True).hover()
        page.get_by_text("JupyterLab Dark", exact=True).click()
        page.wait_for_function(f"light => {STATE}.theme.text !== light", arg=light)
        assert page.evaluate(f"{STATE}.theme.weights === {STATE}.arrays.darkTable")

        page.locator(".hl-fold summary").click()
        page.locator(".hl-matrix .main-svg").first.wait_for()  # plotly.js came from the kernel
        with page.expect_download() as download:
            page.locator("[data-save=bars]").click()
        assert download.value.suggested_filename == "headlens-notebook-layer5-head2-bars.png"

        page.keyboard.press("Control+s")
        end_kernels(url)
        page.close()
        again = context.new_page()
        again.goto(f"{url}/doc/tree/trophy.ipynb")
        expect(again.locator("img.headlens-picture")).to_be_visible(timeout=WAIT)
        assert again.locator("img.headlens-picture").evaluate("picture => picture.naturalWidth") > 600
        assert again.locator("img.headlens-picture").get_attribute("alt") == "Layer 5, head 2: what “it” looks at"
        expect(again.locator(".hl")).to_have_count(0)


def test_marimo(browser: Browser, trophy: Recording, tmp_path: Path) -> None:
    """Displayed in its shadow root; a click on a head runs the cell that reads the view; the matrix has its styles."""
    trophy.save(tmp_path / "trophy.safetensors")
    (tmp_path / "trophy.py").write_text(MARIMO)
    with marimo(tmp_path, tmp_path / "trophy.py") as url, visitor(browser, url) as context:
        page = context.new_page()
        page.goto(url)
        page.locator(".hl[data-painted]").wait_for(timeout=WAIT)
        expect(page.get_by_text("view 3 1 11")).to_be_visible(timeout=WAIT)
        grid = page.locator("[data-part=grid]")
        corner = """canvas => {
            const { layout } = canvas.closest('.hl').explorer.grid;
            return layout.corner(layout.order.findIndex(([layer, head]) => layer === 4 && head === 7));
        }"""
        x, y = grid.evaluate(corner)
        grid.click(position=Position(x=x + 5, y=y + 5))
        expect(page.get_by_text("view 4 7 11")).to_be_visible(timeout=WAIT)
        expect(page.locator("[data-part=title]")).to_have_text("Layer 4, head 7: what “it” looks at:")
        page.locator(".hl-fold summary").click()
        page.locator(".hl-matrix .main-svg").first.wait_for()
        button = page.locator(".hl-matrix .modebar-btn").first
        expect(button).to_have_css(
            "background-color", "rgba(0, 0, 0, 0)"
        )  # plotly.js's styles are in the shadow root too
