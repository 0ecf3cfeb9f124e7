"""The explorer as one file, opened from disk in a browser that may ask nobody for anything."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.export.html import explorer_html
from headlens.viz.view.view import View
from headlens.viz.view.wording import percent
from tests.browser.look import STATE, head_at, point, says, seen, sentence
from tests.recordings import random_recording
from tests.viz.hostile import HOSTILE

Open = Callable[..., Any]
TROPHY = "The trophy does not fit in the brown suitcase because it is too big."
DRAWN = ".hl-matrix .heatmaplayer image"


@pytest.fixture
def open_file(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens what a recording is made into. Any request but for the file itself, or an error, fails the test."""
    opened, asked, errors = [], [], []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    def open_it(recording: Recording, view: View, *, touch: bool = False, **looks: Any) -> Page:
        file = tmp_path / "explorer.html"
        file.write_bytes(explorer_html(RecordingEntry("one", recording), view, caption="A caption.", about={}))
        context = browser.new_context(offline=True, has_touch=touch, accept_downloads=True, **looks)
        opened.append(context)
        page = context.new_page()
        page.route(lambda url: url != file.as_uri(), answer)
        page.on(
            "console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(file.as_uri())
        painted(page, view)
        return page

    yield open_it
    for context in opened:
        context.close()
    assert [url for url in asked if not url.startswith("blob:")] == []
    assert errors == []


def painted(page: Page, view: View) -> None:
    """Wait until a view is painted."""
    condition = f"""(wanted) => {{
        const root = document.querySelector('.hl[data-painted]');
        if (!root || root.ariaBusy === 'true' || root.explorer.server.pinned) return false;
        const {{ header: {{ view }}, view: pinned }} = {STATE};
        return Object.entries(wanted).every(([name, to]) => `${{[view[name], pinned[name]]}}` === `${{[to, to]}}`);
    }}"""
    page.wait_for_function(condition, arg=dataclasses.asdict(view), timeout=20_000)


def strongest(recording: Recording, weights: np.ndarray) -> tuple[int, str]:
    """The token with the largest weight that is not special, and that weight as the sentence has it."""
    token = int(np.where(recording.special, -1, weights).argmax())
    return token, percent(float(weights[token])).replace("\xa0", " ")


def test_a_sentence(open_file: Open, minilm: Any) -> None:
    recording, view = minilm.record(TROPHY), View(3, 1, query=11)
    page = open_file(recording, view)
    says(page, "Layer 3, head 1: what “it” looks at: “trophy” 51 %, “suitcase” 33 %")
    np.testing.assert_allclose(seen(page), recording.attention(3, 1, 11), atol=5e-6)
    expect(page.locator(".hl-caption")).to_have_text("A caption.")
    expect(page.locator(".hl-away")).to_be_hidden()  # links and pictures that need the page's server

    page.locator("[data-token='2']").hover()
    says(page, "Layer 3, head 1: what “trophy” looks at")
    np.testing.assert_allclose(seen(page), recording.attention(3, 1, 2), atol=5e-6)
    page.mouse.move(5, 5)
    says(page, "Layer 3, head 1: what “it” looks at")

    page.locator("[data-part=grid]").click(position=head_at(page, 5, 7))
    painted(page, dataclasses.replace(view, layer=5, head=7))
    page.mouse.move(5, 5)
    token, share = strongest(recording, recording.attention(5, 7, 11))
    says(page, f"Layer 5, head 7: what “it” looks at: “{recording.tokens[token]}” {share}")
    page.locator("[data-token='9']").click()
    painted(page, view := dataclasses.replace(view, layer=5, head=7, query=9))
    token, share = strongest(recording, recording.attention(5, 7, 9))
    says(page, f"Layer 5, head 7: what “suitcase” looks at: “{recording.tokens[token]}” {share}")
    page.get_by_role("button", name="Is looked at by").click()
    painted(page, view := dataclasses.replace(view, direction="by"))
    np.testing.assert_allclose(seen(page), recording.attention_to(5, 9, 7), atol=5e-6)
    expect(page.locator("[data-part=words]")).to_contain_text("From “suitcase” the head spreads over ")

    page.locator("[data-set=of]").select_option("all-max")
    painted(page, dataclasses.replace(view, scope="all", reduction="max"))
    everything = np.stack([recording.attention(layer) for layer in range(6)]).max(axis=(0, 1))
    np.testing.assert_allclose(seen(page), everything[:, 9], atol=5e-6)


def test_the_matrix_unfolds_and_is_saved_as_a_picture(open_file: Open, minilm: Any, tmp_path: Path) -> None:
    recording, view = minilm.record(TROPHY), View(3, 1, query=11)
    page = open_file(recording, view)
    assert page.evaluate("window.Plotly === undefined")  # it is unpacked when it is needed
    page.locator("summary").click()
    painted(page, view := dataclasses.replace(view, matrix=True))
    page.locator(DRAWN).wait_for()
    drawn = "Array.from(document.querySelector('.hl-matrix').data[0].z, row => Array.from(row))"
    np.testing.assert_allclose(page.evaluate(drawn), recording.attention(3, 1), atol=5e-6)
    page.get_by_role("button", name="Log").click()
    painted(page, dataclasses.replace(view, log=True))
    page.wait_for_function("() => document.querySelector('.hl-matrix').data[0].zmax < 0")
    for kind, start in (("png", b"\x89PNG"), ("svg", b"<svg ")):
        page.locator(".hl-matrix").hover()
        with page.expect_download() as download:
            page.locator(f"[data-title='Save as {kind.upper()}']").click()
        assert download.value.suggested_filename == f"headlens-layer3-head1.{kind}"
        download.value.save_as(tmp_path / kind)
        assert (tmp_path / kind).read_bytes().startswith(start)


def test_a_photo(open_file: Open, dinov2: Any, sample_photo: Callable[[str], Path]) -> None:
    recording, view = dinov2.record(sample_photo("coffee"), 224), View(11, 4, query=1 + 6 * 24 + 8)
    page = open_file(recording, view)
    says(page, r"Layer 11, head 4: what patch \(6, 8\) looks at: patch")
    before = page.evaluate("document.querySelector('[data-part=photo]').toDataURL()")
    page.locator("[data-part=photo]").hover(position=point(page, 2, 3))
    says(page, r"Layer 11, head 4: what patch \(2, 3\) looks at: patch")
    assert page.evaluate("document.querySelector('[data-part=photo]').toDataURL()") != before
    np.testing.assert_allclose(seen(page), recording.attention(11, 4, 1 + 2 * 24 + 3), atol=3e-4)
    page.locator("[data-part=photo]").click(position=point(page, 2, 3))
    painted(page, view := dataclasses.replace(view, query=1 + 2 * 24 + 3))
    page.locator("[data-part=grid]").click(position=head_at(page, 10, 2))
    painted(page, view := dataclasses.replace(view, layer=10, head=2))
    page.mouse.move(5, 5)
    np.testing.assert_allclose(seen(page), recording.attention(10, 2, view.query), atol=3e-4)
    page.locator("[data-set=of]").select_option("layer-mean")
    painted(page, dataclasses.replace(view, scope="layer"))
    np.testing.assert_allclose(seen(page), recording.attention(10).mean(axis=0)[view.query], atol=3e-4)


def test_a_prompt(open_file: Open, smollm2: Any) -> None:
    """A causal model whose heads share keys."""
    recording = smollm2.record("The capital of France is")
    last = recording.num_tokens - 1
    page = open_file(recording, view := View(12, 4, query=last))
    np.testing.assert_allclose(seen(page), recording.attention(12, 4, last), atol=5e-5)
    page.locator("[data-part=grid]").click(position=head_at(page, 20, 8))
    painted(page, view := dataclasses.replace(view, layer=20, head=8))
    page.mouse.move(5, 5)
    _, share = strongest(recording, recording.attention(20, 8, last))
    assert share in sentence(page)
    page.locator("[data-token='2']").click()
    painted(page, dataclasses.replace(view, query=2))
    np.testing.assert_allclose(seen(page), recording.attention(20, 8, 2), atol=5e-5)


def test_tokens_of_a_stranger_are_text(open_file: Open) -> None:
    hostile = (*HOSTILE, "</script><img src=x onerror=alert(1)>")
    recording = dataclasses.replace(random_recording(num_tokens=len(hostile)), tokens=hostile)
    page = open_file(recording, View(0, 0, query=4, matrix=True))
    page.locator(DRAWN).wait_for()
    assert "<img src=x onerror=alert(1)>" in sentence(page)
    assert page.locator(".hl-strip").locator("*").count() == len(hostile)  # a span each
    assert (
        page.locator("img, script[src]:not([src^='blob:']), .hl a[href], .hl b:not([data-part], .hl-row > b)").count()
        == 0
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_light_or_dark_as_the_visitor_has_it(open_file: Open, scheme: str) -> None:
    page = open_file(random_recording(), View(0, 0, query=4, matrix=True), color_scheme=scheme)
    page.locator(DRAWN).wait_for()
    levels = "(element) => getComputedStyle(element)[%s].match(/\\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0)"
    ground = {"light": 252 + 252 + 253, "dark": 19 + 19 + 24}
    assert page.locator("body").evaluate(levels % "'backgroundColor'") == ground[scheme]
    other = {"light": "dark", "dark": "light"}[scheme]
    tables = {"light": "lightTable", "dark": "darkTable"}
    lowest = f"JSON.stringify(Array.from({STATE}.theme.weights)) === JSON.stringify(Array.from({STATE}.arrays.%s))"
    assert page.evaluate(lowest % tables[scheme])
    before = page.evaluate("document.querySelector('[data-part=grid]').toDataURL()")
    page.emulate_media(color_scheme=other)
    page.wait_for_function(f"() => {lowest % tables[other]}")
    assert page.evaluate("document.querySelector('[data-part=grid]').toDataURL()") != before
    assert page.locator("body").evaluate(levels % "'backgroundColor'") == ground[other]


def test_it_fits_a_phone(open_file: Open, minilm: Any) -> None:
    size = {"width": 390, "height": 844}
    page = open_file(minilm.record(TROPHY), View(3, 1, query=11, matrix=True), viewport=size, touch=True)
    page.locator(DRAWN).wait_for()
    wider = """() => [...document.querySelectorAll('body *')].filter((element) => {
        const scrolls = element.closest('.hl-grid'); // it has a bar of its own where heads are many
        return !scrolls && element.getBoundingClientRect().right > innerWidth + 0.5;
    }).map((element) => element.outerHTML.slice(0, 80))"""
    assert page.evaluate(wider) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Next layer").click()
    painted(page, View(4, 1, query=11, matrix=True))
    page.locator("[data-token='2']").tap()
    painted(page, View(4, 1, query=2, matrix=True))
    assert json.loads(str(page.locator(".hl").get_attribute("data-painted")))[1:] == [4, 1, 2]


def test_a_damaged_file_says_so(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "explorer.html"
    entry = RecordingEntry("one", random_recording())
    whole = explorer_html(entry, View(0, 0, query=4), caption="", about={})
    file.write_bytes(whole[: whole.rindex(b"</script>") - 400] + b"</script>")
    with browser.new_page() as page:
        page.goto(file.as_uri())
        expect(page.get_by_text("This file cannot be opened")).to_be_visible()
