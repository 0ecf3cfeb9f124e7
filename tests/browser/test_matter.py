"""The page Does it matter? in a real browser: heads pressed, numbers read, explanations, scores, links."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from headlens.model.effects.choices import Choice, target
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.heads import ablate, head_effects
from headlens.model.effects.occlusion import removed_change
from headlens.model.huggingface.text.model import TransformersText
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.viz.inputs.samples import PHOTOS, TEXTS
from headlens.viz.pages.matter.words import number
from headlens.viz.pages.matter_page import DIGITS
from tests.browser.look import LOAD, check_layout, holds, screenshot
from tests.browser.test_how import PIECES, SETTLED

PHONE = {"width": 390, "height": 844}
POINT = """([chart, trace, index]) => {
    const plot = document.querySelectorAll('.js-plotly-plot')[chart];
    const { xaxis, yaxis } = plot._fullLayout, { x, y } = plot._fullData[trace], box = plot.getBoundingClientRect();
    return [box.left + xaxis._offset + xaxis.d2p(x[index]), box.top + yaxis._offset + yaxis.d2p(y[index])];
}"""
PLOTS = "[...document.querySelectorAll('.js-plotly-plot')]"
GRID = f"{PLOTS}.findIndex(plot => plot._fullData[0].marker?.symbol === 'square')"


def settle(page: Page) -> None:
    holds(page, SETTLED, frames=15, timeout=60_000)


def open_matter(page: Page, address: str, **parameters: Any) -> None:
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    page.goto(f"{address}/matter?{query}")
    expect(page.get_by_test_id("stMetric").first).to_be_visible(timeout=LOAD)
    settle(page)


def value(page: Page, place: int = 0) -> str:
    """A number of the row of numbers."""
    return page.get_by_test_id("stMetricValue").nth(place).inner_text().strip()


def press_head(page: Page, index: int) -> None:
    """Press a square of the grid, counted layer by layer."""
    page.evaluate(f"document.querySelectorAll('.js-plotly-plot')[{GRID}].scrollIntoView({{block: 'center'}})")
    settle(page)
    x, y = page.evaluate(POINT, [page.evaluate(GRID), 0, index])
    page.mouse.move(x, y)
    page.mouse.click(x, y)


def check_widths(page: Page) -> None:
    pieces = page.evaluate(PIECES)
    assert len(pieces) > 10
    check_layout(page, pieces)


def test_a_head_of_a_pair_is_pressed_and_the_link_reopens_it(
    page: Page, address: str, minilm: EncoderTextModel
) -> None:
    open_matter(page, address, sample="A%20pair")
    first, second = TEXTS["A pair"].texts
    experiment = Experiment(minilm, minilm.read(first))
    asked = target(experiment, Choice("similarity"), other=second)
    assert value(page) == number(ablate(experiment, (), asked).before, DIGITS)
    press_head(page, 2 * 12 + 9)
    page.wait_for_url(re.compile(r"off=2\.9"))
    expected = number(ablate(experiment, [(2, 9)], asked).after, DIGITS)
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(expected)
    press_head(page, 4 * 12 + 3)
    page.wait_for_url(re.compile(r"off=2\.9-4\.3"))
    both = number(ablate(experiment, [(2, 9), (4, 3)], asked).after, DIGITS)
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(both)
    settle(page)
    page.goto(page.url)
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(both, timeout=LOAD)
    settle(page)
    press_head(page, 2 * 12 + 9)
    page.wait_for_url(re.compile(r"off=4\.3$"))
    page.get_by_role("button", name="Clear", exact=True).click()
    page.wait_for_url(re.compile(r"^(?!.*off=)"))


def test_it_is_reached_from_the_page_generate(page: Page, address: str, smollm2: TransformersText) -> None:
    page.goto(f"{address}/generate?text=The%20opposite%20of%20hot%20is&tokens=1")
    expect(page.get_by_test_id("stMarkdown").or_(page.get_by_test_id("stText")).first).to_be_visible(timeout=LOAD)
    page.wait_for_selector(".hl[data-painted]", timeout=LOAD)
    page.get_by_role("link", name="Does it matter?").first.click()
    expect(page.get_by_test_id("stMetric").first).to_be_visible(timeout=LOAD)
    settle(page)
    experiment = Experiment(smollm2, smollm2.continued("The opposite of hot is", 1))
    asked = target(experiment)
    assert value(page) == number(ablate(experiment, (), asked).before, DIGITS)
    box = page.get_by_role("combobox", name="Less that of")
    box.click()
    box.fill("warm")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"against=\d+"))
    settle(page)
    assert value(page) == number(ablate(experiment, (), target(experiment, against="warm")).before, DIGITS)


def test_an_exact_run_is_cancelled_and_leaves_the_model_as_it_was(
    page: Page, address: str, smollm2: TransformersText
) -> None:
    text = "%20".join(["The trophy does not fit in the brown suitcase because it is too big."] * 6)  # it takes long
    open_matter(page, address, kind="prompt", text=text, tokens=1)
    before = value(page)
    page.get_by_role("button", name="exact", exact=True).or_(
        page.get_by_role("radio", name="exact", exact=True)
    ).click()
    page.get_by_role("button", name="Cancel").click(timeout=30_000)
    page.wait_for_url(re.compile(r"^(?!.*measure=)"))
    settle(page)
    assert value(page) == before
    expect(page.get_by_text("By the gradient", exact=True)).to_be_visible()


def test_explanations_are_scored_and_ordered(page: Page, address: str) -> None:
    open_matter(page, address, text="A%20dog%20barks.", part="tokens", methods="rollout-attention-occlusion")
    assert page.locator(".js-plotly-plot .heatmaplayer").count() == 3
    page.get_by_role("button", name="Score, with 20 random orders").click()
    page.wait_for_url(re.compile("scores=20"))
    expect(page.get_by_test_id("stDataFrame")).to_be_visible(timeout=LOAD)
    settle(page)
    expect(page.get_by_text(re.compile("The input at this step of the deletion curve"))).to_be_visible()


def test_patches_are_blanked_by_dragging(page: Page, address: str, dinov2: EncoderImageModel) -> None:
    open_matter(page, address, kind="image", size=224, part="hand")
    columns = dinov2.read(PHOTOS["Coffee"].read(), 224).photo.grid[1]
    (x0, y0), (x1, y1) = (page.evaluate(POINT, [0, 0, row * columns + column]) for row, column in ((4, 5), (6, 8)))
    page.mouse.move(x0 - 4, y0 - 4)
    page.mouse.down()
    page.mouse.move((x0 + x1) / 2, (y0 + y1) / 2, steps=4)
    page.mouse.move(x1 + 4, y1 + 4, steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile("gone="))
    experiment = Experiment(dinov2, dinov2.read(PHOTOS["Coffee"].read(), 224))
    away = [1 + row * columns + column for row in range(4, 7) for column in range(5, 9)]
    expected = number(removed_change(experiment, target(experiment), away, "mean colour").after, DIGITS)
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(expected, timeout=30_000)


def test_a_patch_is_chosen_by_its_place_and_put_back(page: Page, address: str, dinov2: EncoderImageModel) -> None:
    open_matter(page, address, kind="image", size=224, part="hand")
    columns = dinov2.read(PHOTOS["Coffee"].read(), 224).photo.grid[1]
    page.get_by_role("combobox", name="Patches that are removed").press_sequentially("(4, 5")
    page.get_by_role("option", name="(4, 5)", exact=True).click()
    page.wait_for_url(re.compile(rf"gone={1 + 4 * columns + 5}(&|$)"))
    expect(page.get_by_text("Without 1 patch,")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Remove (4, 5)", exact=True).click()
    page.wait_for_url(lambda url: "gone=" not in url)


@pytest.mark.parametrize(
    "page",
    [
        {"width": 1280, "height": 800, "theme": "light"},
        {**PHONE, "theme": "dark"},
    ],
    indirect=True,
    ids=["1280-light", "390-dark"],
)
def test_looks(page: Page, address: str, request: pytest.FixtureRequest) -> None:
    for part, parameters in (
        ("heads", {"kind": "prompt", "off": "12.0"}),
        ("tokens", {"sample": "A%20pair"}),
        ("tokens", {"kind": "image", "size": 224}),
        ("hand", {"kind": "image", "size": 224, "gone": "40-41"}),
    ):
        open_matter(page, address, part=part, **parameters)
        check_widths(page)
        kind = parameters.get("kind", "text")
        screenshot(page, f"matter-{part}-{kind}", request.node.callspec.id, wait=settle)


def test_all_heads_exactly(page: Page, address: str, minilm: EncoderTextModel) -> None:
    open_matter(page, address, sample="Keys")
    experiment = Experiment(minilm, minilm.read(TEXTS["Keys"].texts[0]))
    effects = head_effects(experiment, target(experiment, Choice("movement")))
    values = page.evaluate(
        f"Array.from(document.querySelectorAll('.js-plotly-plot')[{GRID}]._fullData[0].customdata, row => row[2])"
    )
    assert values == pytest.approx(effects.ravel().tolist(), abs=1e-5)
