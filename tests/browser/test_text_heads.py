"""The page Text in a real browser: several heads at once, heads in order, and steppers for a thumb."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from headlens.model.analysis.roles.recorded import role_scores
from headlens.viz.inputs.samples import TEXTS
from tests.browser.look import (
    GRID,
    STATE,
    box,
    close,
    head_at,
    open_page,
    painted,
    press,
    says,
    seen,
    select,
    settle,
    shows,
    trace,
)

TROPHY = TEXTS["Trophy"].texts[0]


@pytest.fixture
def recording(minilm):
    return minilm.record(TROPHY)


def test_means_and_maxima_over_heads(page: Page, address: str, recording) -> None:
    open_page(page, address)
    layers = np.stack([recording.attention(layer) for layer in range(6)])
    for of, name, expected in (
        ("layer-mean", "Layer 3, mean of all heads", layers[3].mean(0)),
        ("layer-max", "Layer 3, maximum of all heads", layers[3].max(0)),
        ("all-mean", "All layers, mean of all heads", layers.mean((0, 1))),
        ("all-max", "All layers, maximum of all heads", layers.max((0, 1))),
        ("head", "Layer 3, head 1", layers[3, 1]),
    ):
        select(page, "of", of)
        says(page, f"{name}: what “it” looks at:")
        close(seen(page), expected[11])
        close(trace(page), expected)
    select(page, "of", "all-mean")
    page.locator(".hl-strip span").nth(4).hover()
    close(seen(page), layers.mean((0, 1))[4])
    page.locator("[data-part=grid]").click(position=head_at(page, 5, 5))
    shows(page, of="head", layer=5, head=5)


def test_heads_in_order_of_each_measure(page: Page, address: str, recording) -> None:
    open_page(page, address)
    weights = np.stack([recording.attention(layer) for layer in range(6)]).astype(np.float64)
    places = np.arange(17)
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.nansum(np.where(weights > 0, weights * np.log(weights), 0), axis=-1)
    measures = {
        "spread": np.exp(entropy).mean(-1),
        "distance": (weights * np.abs(places[:, None] - places)).sum(-1).mean(-1),
        "special": weights[..., recording.special].sum(-1).mean(-1),
        "key": weights[:, :, 11, 2],
    }

    def check(order: str) -> None:
        found = np.array(page.evaluate(f"{GRID}.layout.order"))
        values = measures[order]
        np.testing.assert_allclose(found[:, 2], np.sort(values.ravel())[::-1], atol=1e-4)
        np.testing.assert_allclose(values[found[:, 0].astype(int), found[:, 1].astype(int)], found[:, 2], atol=1e-4)
        assert len({(layer, head) for layer, head, _ in found}) == 72

    for order in ("spread", "distance", "special"):
        select(page, "order", order)
        check(order)
    layer, head, _ = page.evaluate(f"{GRID}.layout.order[7]")
    page.locator("[data-part=grid]").click(position=head_at(page, layer, head))
    shows(page, layer=layer, head=head)

    press(page, "pick")
    settle(page, frames=20)
    expect(page.locator("[data-part=keyNow]")).to_have_text("now press a token")
    page.locator(".hl-strip span").nth(2).click()
    shows(page, order="key", key=2, query=11, pick=False)
    check("key")
    expect(page.locator("[data-part=keyNow]")).to_have_text("“trophy”")
    expect(page.locator("[data-part=measure]")).to_have_text("The weight that the query gives to this key.")
    page.get_by_role("button", name="Is looked at by").click()
    expect(page.locator("[data-part=measure]")).to_contain_text("gives to this key, not what it gets from it.")
    legend = page.locator("[data-part=legend]")
    expect(legend).to_have_text("layer·head below each; each head on its own colour scale")
    before = page.evaluate("document.querySelector('[data-part=grid]').toDataURL()")
    press(page, "shared")
    expect(legend).to_have_text("layer·head below each; one colour scale for all heads")
    assert page.evaluate("document.querySelector('[data-part=grid]').toDataURL()") != before
    select(page, "order", "layer")
    assert page.evaluate(f"{GRID}.layout.order")[:2] == [[0, 0, None], [0, 1, None]]
    page.locator(".hl-strip span").nth(12).click(modifiers=["Shift"])
    expect(page.locator("[data-part=orders] option").last).to_have_text("weight from 2 queries to a key")


def test_a_role_orders_colours_and_names_heads_and_the_map_pins_one(page: Page, address: str, recording) -> None:
    open_page(page, address)
    scores = role_scores(recording)["previous"]
    select(page, "order", "previous")
    expect(page.locator("[data-part=measure]")).to_contain_text("on the token just before. Source: Clark et al. 2019")
    found = page.evaluate(f"{GRID}.layout.order")
    np.testing.assert_allclose([score for *_, score in found], np.sort(scores.ravel())[::-1], atol=1e-6)
    assert found[0][:2] == [0, 2]
    press(page, "placed")
    shows(page, order="previous", placed=True)
    in_place = page.evaluate(f"{GRID}.layout.order")
    np.testing.assert_allclose([score for *_, score in in_place], scores.ravel(), atol=1e-6)
    page.locator("[data-part=grid]").click(position=head_at(page, 0, 2))
    shows(page, layer=0, head=2)
    expect(page.locator("[data-part=role]")).to_have_text(
        re.compile(r"Layer 0, head 2: previous token \(1\.00\), 15 of 17 positions; .* rests on \[CLS\] and \[SEP\]\.")
    )
    page.get_by_text("Map of all heads").click()
    page.wait_for_url(re.compile("map=1"))
    points = page.locator("[data-testid=stPlotlyChart] .scatterlayer path.point")
    expect(points).to_have_count(72 + 1, timeout=60_000)  # and the ring; scikit-learn takes seconds to import
    chart = "document.querySelector('[data-testid=stPlotlyChart] .js-plotly-plot')"
    layer, head = page.evaluate(f"{chart}.data[0].customdata[0]")
    points.first.scroll_into_view_if_needed()
    at = box(points.first)
    page.mouse.click(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2)
    shows(page, layer=layer, head=head)
    assert "map=1" in page.url
    says(page, f"Layer {layer}, head {head}: what “it” looks at:")


@pytest.mark.parametrize("page", [{"width": 390, "height": 844}], indirect=True)
def test_steppers_for_a_thumb(page: Page, address: str, recording) -> None:
    open_page(page, address)
    steppers = page.locator(".hl-steppers button")
    for number in range(4):
        size = box(steppers.nth(number))
        assert size["width"] >= 44
        assert size["height"] >= 44
        assert size["y"] + size["height"] <= 844
    for name, layer, head in (("Next layer", 4, 1), ("Next head", 4, 2), ("Layer before", 3, 2), ("Head before", 3, 1)):
        page.get_by_role("button", name=name).click()
        shows(page, layer=layer, head=head)
        expect(page.locator("[data-part=layerNow]")).to_have_text(f"Layer {layer}")
        close(seen(page), recording.attention(layer, head, 11))
    for _ in range(9):
        page.get_by_role("button", name="Next layer").click()
    shows(page, layer=5)
    settle(page, frames=20)
    assert painted(page)[1:] == [5, 1, 11]


def test_the_key_is_chosen_with_the_keyboard_alone(page: Page, address: str, recording) -> None:
    open_page(page, address)
    choose = page.locator("[data-set=pick]")
    choose.focus()
    page.keyboard.press("Enter")
    for _ in range(2):
        page.keyboard.press("ArrowLeft")  # from “it”, by way of “because”, to “suitcase”
    says(page, "Layer 3, head 1: what “suitcase” looks at:")
    assert "query" not in page.url
    page.keyboard.press("Escape")
    says(page, "Layer 3, head 1: what “it” looks at:")
    assert choose.get_attribute("aria-pressed") == "false"

    choose.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    shows(page, order="key", key=9, query=11)
    expect(page.locator("[data-part=keyNow]")).to_have_text("“suitcase”")


def test_what_stays_the_same_is_sent_once(page: Page, address: str, recording) -> None:
    """And what a page has lost is sent again."""
    open_page(page, address)
    blobs = f"{STATE}.header.blobs.map(([name]) => name)"
    assert {"tiles", "heatTable"} <= set(page.evaluate(blobs))
    page.locator("[data-part=grid]").click(position=head_at(page, 2, 5))
    shows(page, layer=2, head=5)
    assert not {"tiles", "heatTable"} & set(page.evaluate(blobs))
    close(trace(page), recording.attention(2, 5))

    page.evaluate("""async () => {
        const { completed } = await import(new URL("headlens/payload.js", document.baseURI));
        for (const id of "abcd") completed({ id, sent: false }, {});
    }""")
    page.locator("[data-part=grid]").click(position=head_at(page, 4, 1))
    shows(page, layer=4, head=1)
    assert {"tiles", "heatTable"} <= set(page.evaluate(blobs))
    close(trace(page), recording.attention(4, 1))
