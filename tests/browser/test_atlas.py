"""The page Atlas in a real browser: a head chosen, an example opened, the map hovered; from a text to a head there
and back; a phone and dark colours too."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
from playwright.sync_api import Page, expect

from headlens.model.atlas import open_atlas
from headlens.model.atlas.atlas import Vectors
from headlens.model.atlas.joint_map import strongest_links
from headlens.model.atlas.neighbours import SCRIPT
from headlens.viz.figures.labels import percent
from headlens.viz.pages.atlas.other_inputs import DOES_THAT
from tests.browser.look import LOAD, SCREENSHOTS, check_layout, holds, open_page, settle, shows
from tests.browser.test_how import PIECES
from tests.browser.test_matter import GRID, PHONE, PLOTS, POINT
from tests.paths import ROOT

FOLDER = ROOT / "assets" / "atlas"
MAP = f"{PLOTS}.findIndex(plot => plot._fullData[0].type === 'scattergl')"
SETTLED = """() => document.querySelector('[data-testid=stApp][data-test-script-state=notRunning]')
    && document.querySelector('.st-key-atlas_joint .gl-container canvas')
    && [...document.querySelectorAll('[data-testid=stPlotlyChart]')].every(chart => chart.querySelector('.main-svg'))"""


def open_atlas_page(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_selector(".st-key-atlas_joint .js-plotly-plot", timeout=LOAD)
    holds(page, SETTLED, frames=10, timeout=60_000)


def at(page: Page, plot: str, trace: int, index: int) -> tuple[float, float]:
    x, y = page.evaluate(POINT, [page.evaluate(plot), trace, index])
    return x, y


def test_a_head_is_chosen_its_map_hovered_and_an_example_opened(page: Page, address: str) -> None:
    open_atlas_page(page, f"{address}/atlas")
    heading = page.get_by_role("heading", name=re.compile("Layer"))
    expect(heading).to_have_text("Layer 0, head 2")
    x, y = at(page, GRID, 0, 1 * 12 + 9)
    page.mouse.move(x, y)
    page.mouse.click(x, y)
    expect(heading).to_have_text("Layer 1, head 9")
    page.wait_for_url(re.compile("layer=1&head=9"))
    holds(page, SETTLED, frames=10, timeout=30_000)

    page.locator(".st-key-atlas_joint").scroll_into_view_if_needed()
    page.mouse.move(*at(page, MAP, 0, 3))
    label = page.locator(".st-key-atlas_joint .hoverlayer .hovertext").first
    expect(label).to_contain_text("of")
    expect(label).to_contain_text("sentences.txt:")
    atlas = open_atlas(FOLDER / "texts")
    check_links(page, atlas.vectors(1, 9))
    best = atlas.examples(1, 9)[0]
    strip = page.locator(".hl-atlas-strip").first
    tokens = atlas.input(best.input).tokens
    expect(strip.locator(".query")).to_have_text(tokens[best.query])
    key = strip.locator("bdi").nth(best.key)
    expect(key).to_have_text(tokens[best.key])
    expect(key).to_have_attribute("title", percent(best.value))
    tint, pale = (each.evaluate("one => getComputedStyle(one).backgroundColor") for each in (key, strip))
    assert float(tint.split("/")[1].strip(" )") if "/" in tint else tint.split(",")[3].strip(" )")) > 0.5, pale
    page.get_by_role("link", name="Open on Text").first.click()
    page.wait_for_url(re.compile(r"/(\?|text)"), timeout=LOAD)
    settle(page, timeout=LOAD)
    shows(page, layer=1, head=9, query=best.query)
    weight = page.evaluate(f"document.querySelector('.hl').explorer.state.shown.weights[{best.key}]")
    assert weight == pytest.approx(best.value, abs=1e-3)


def check_links(page: Page, vectors: Vectors) -> None:
    """A point of a map that is zoomed is pressed: its links are drawn, and the zoom stays; pressed again, none are."""
    zoomed = page.evaluate(
        f"""async () => {{
            const plot = {PLOTS}[{MAP}], [low, high] = plot._fullLayout.xaxis.range;
            await Plotly.relayout(plot, {{'xaxis.range': [low - 1, high + 1]}});
            return plot._fullLayout.xaxis.range;
        }}"""
    )
    place = at(page, MAP, 0, 3)
    count = f"{PLOTS}[{MAP}].data.length"
    for pressed in (True, False):
        page.mouse.move(*place)
        page.mouse.click(*place)
        page.wait_for_function(f"{count} {'>' if pressed else '==='} 2")
        said = re.search(r"point=(query|key)-(\d+)-(\d+)", page.url)
        assert (said is not None) == pressed
        if said is None:
            continue
        index = np.flatnonzero((vectors.input == int(said[2])) & (vectors.position == int(said[3])))[0]
        links = strongest_links(vectors, said[1], int(index))  # type: ignore[arg-type]
        assert page.evaluate(count) == 2 + len(links) + 1
        expect(page.get_by_text(f"{links[0].weight:.3f}: “").first).to_be_visible()
        assert page.evaluate(f"{PLOTS}[{MAP}]._fullLayout.xaxis.range") == pytest.approx(zoomed)


def test_from_a_text_by_the_keyboard_to_other_inputs_and_on_to_one_of_them(page: Page, address: str) -> None:
    open_page(page, f"{address}/?layer=1&head=9")
    way = page.get_by_role("link", name=DOES_THAT)
    way.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/atlas\?layer=1&head=9&measure=previous$"), timeout=LOAD)
    expect(page.get_by_role("heading", name="Layer 1, head 9")).to_be_visible()
    best = open_atlas(FOLDER / "texts").examples(1, 9)[0]
    page.get_by_role("link", name="Open on Text").first.click()
    page.wait_for_url(re.compile(rf"layer=1&head=9&query={best.query}&text="), timeout=LOAD)
    settle(page, timeout=LOAD)
    shows(page, layer=1, head=9, query=best.query)
    expect(way).to_have_attribute("href", re.compile("layer=1&head=9"))


@pytest.mark.parametrize(
    "page", [{**PHONE, "theme": "light"}, {"theme": "dark"}], indirect=True, ids=["390-light", "1440-dark"]
)
def test_looks(page: Page, address: str, request: pytest.FixtureRequest) -> None:
    open_atlas_page(page, f"{address}/atlas?atlas=photos&layer=3&head=4&colour=colour")
    pieces = page.evaluate(PIECES)
    assert len(pieces) > 10
    check_layout(page, pieces)
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"atlas-{request.node.callspec.id}.png")


def test_a_patch_is_seen_in_its_photo(page: Page, address: str) -> None:
    open_atlas_page(page, f"{address}/atlas?atlas=photos&layer=3&head=4")
    page.locator(".st-key-atlas_joint").scroll_into_view_if_needed()
    vectors = open_atlas(FOLDER / "photos").vectors(3, 4)
    found = open_atlas(FOLDER / "photos").input(int(vectors.input[5]))
    assert found.grid is not None
    row, column = divmod(int(vectors.position[5]) - 1, found.grid[1])
    page.mouse.move(*at(page, MAP, 0, 5))
    label = page.locator(".st-key-atlas_joint .hoverlayer .hovertext").first
    expect(label).to_contain_text(f"patch ({row}, {column})")
    seen = page.locator(".hl-joint-seen")
    expect(seen).to_be_visible()
    picture, patch = (seen.locator(part).bounding_box() for part in ("img", "i"))
    assert picture is not None
    assert patch is not None
    assert page.evaluate("document.querySelector('.hl-joint-seen img').naturalWidth") > 50
    rows, columns = found.grid
    assert patch["x"] - picture["x"] == pytest.approx(picture["width"] * column / columns, abs=0.5)
    assert patch["y"] - picture["y"] == pytest.approx(picture["height"] * row / rows, abs=0.5)
    assert picture["height"] / picture["width"] == pytest.approx(rows / columns, rel=0.05)
    page.mouse.move(5, 5)
    expect(seen).to_be_hidden()


@pytest.fixture
def large() -> Iterator[Path]:
    """Where the server may open it: the shipped sentences with so many queries and keys that t-SNE takes minutes."""
    folder = ROOT / ".pytest_cache" / "atlas-large"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(FOLDER / "texts", folder)
    table = parquet.read_table(folder / "vectors.parquet", filters=[("layer", "=", 0), ("head", "=", 2)])
    rows = arrow.concat_tables([table] * 60)
    vectors = np.random.default_rng(0).normal(size=(len(rows), 32)).astype(np.float32)
    at, kept = rows.column_names.index("vector"), rows.schema.field("vector")
    rows = rows.set_column(at, kept, arrow.array(list(vectors), kept.type))
    parquet.write_table(rows, folder / "vectors.parquet")
    yield folder
    shutil.rmtree(folder)


def layouts() -> list[str]:
    """The processes of t-SNE that run on this machine for this checkout."""
    listed = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(SCRIPT) in line]


def test_a_long_layout_is_left_by_whatever_is_pressed(page: Page, address: str, large: Path) -> None:
    page.goto(f"{address}/atlas?atlas={large.relative_to(ROOT)}&layer=0&head=2&map=tsne")
    how_far = page.get_by_text(re.compile("points by t-SNE: step [0-9]+ of 1,000 done"))
    expect(how_far).to_be_visible(timeout=LOAD)
    expect(page.get_by_text(re.compile("[0-9.]+ seconds"))).to_be_visible()
    assert len(layouts()) == 1
    page.get_by_text("largest share", exact=True).click()
    page.wait_for_url(re.compile("by=share"), timeout=10_000)
    page.wait_for_function("document.querySelector('[data-testid=stProgress]') !== null")  # it began anew
    page.get_by_text("PCA", exact=True).click()
    page.wait_for_selector(".st-key-atlas_joint .js-plotly-plot", timeout=30_000)
    expect(how_far).to_have_count(0)
    assert layouts() == []
