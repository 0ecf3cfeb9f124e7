"""Take it with you, in a real browser: files are saved from the pages, and a recording is opened from its file."""

import csv
import io
import itertools
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from headlens.model import Recording
from headlens.model.effects.choices import target
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.heads import head_effects
from headlens.model.errors import InputError
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.viz.export.about import about_view
from headlens.viz.export.drawn import KINDS, about_of, drawn_svg
from headlens.viz.inputs.samples import FIRST_PROMPT, TEXTS
from headlens.viz.view.view import View
from tests.browser.look import LOAD, open_page, settle
from tests.browser.test_matter import open_matter
from tests.sentences import is_one_sentence

VIEW = View(3, 1, 11, matrix=True)
WRITTEN = """() => [...document.querySelectorAll('svg text')].filter(text => text.textContent.trim()).map(text => {
    const box = text.getBoundingClientRect();
    return [text.textContent, box.left, box.top, box.right, box.bottom];
})"""


@pytest.fixture(scope="module")
def recording(minilm: EncoderTextModel) -> Recording:
    return minilm.record(TEXTS["Trophy"].texts[0])


def panel_of(page: Page) -> Locator:
    panel = page.get_by_test_id("stExpander").filter(has_text="Take it with you")
    panel.get_by_text("Take it with you").click()
    expect(panel.get_by_text("Width of the figures")).to_be_visible()
    return panel


def saved(page: Page, button: Locator) -> tuple[str, bytes]:
    with page.expect_download(timeout=LOAD) as download:
        button.click()
    return download.value.suggested_filename, download.value.path().read_bytes()


def button_of(panel: Locator, title: str, ending: str) -> Locator:
    row = panel.get_by_test_id("stHorizontalBlock").filter(has_text=title)
    return row.last.get_by_role("button", name=re.compile(f"^{ending}"))


def test_everything_of_a_text_is_saved_and_the_recording_is_opened_again(
    page: Page, address: str, recording: Recording, tmp_path: Path
) -> None:
    open_page(page, address)
    panel = panel_of(page)
    name, svg = saved(page, button_of(panel, "The tokens", "SVG"))
    assert name == "headlens-text-layer3-head1-strip.svg"
    assert about_of(svg.decode()) == about_view(recording, VIEW)
    name, png = saved(page, button_of(panel, "All heads", "PNG"))
    assert Image.open(io.BytesIO(png)).text["Headlens model"] == recording.model.title  # type: ignore[attr-defined]
    _, table = saved(page, button_of(panel, "The weights as data", "CSV"))
    rows = list(csv.DictReader(io.StringIO(table.decode(), newline="")))
    weights = recording.attention(3, 1)
    assert [np.float32(row["weight"]) for row in rows] == pytest.approx(weights.ravel(), rel=1e-6)
    _, content = saved(page, button_of(panel, "All in one", "ZIP"))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path)
    assert {"reproduce.py", "recording.safetensors", "explorer.html", "README.txt", "heatmap.svg"} <= names
    assert Recording.load(tmp_path / "recording.safetensors").tokens == recording.tokens

    page.goto(f"{address}/generate")  # any page opens it
    settle(page, timeout=LOAD)
    page.get_by_text("Open a recording").click()
    page.get_by_test_id("stFileUploaderDropzoneInput").last.set_input_files(tmp_path / "recording.safetensors")
    expect(page.get_by_text("opened from a file, without its model")).to_be_visible(timeout=20_000)
    page.wait_for_url(re.compile("opened=1"))
    settle(page)
    expect(page.locator("[data-part=strip]")).to_contain_text("suitcase")
    page.get_by_role("button", name="Close it").click()
    settle(page)
    expect(page.locator("[data-part=strip]")).to_contain_text("France")


def test_a_file_that_is_no_recording_is_refused_in_a_sentence(page: Page, address: str, tmp_path: Path) -> None:
    (tmp_path / "<b>x.safetensors").write_bytes(b"\x80\x04\x95 a pickle")
    open_page(page, address)
    before = page.locator("[data-part=strip]").inner_text()
    page.get_by_text("Open a recording").click()
    page.get_by_test_id("stFileUploaderDropzoneInput").last.set_input_files(tmp_path / "<b>x.safetensors")
    alert = page.get_by_test_id("stAlert")
    expect(alert).to_be_visible(timeout=20_000)
    assert is_one_sentence(InputError(alert.inner_text()))
    assert page.locator("[data-part=strip]").inner_text() == before


def test_what_heads_matter_is_saved_as_a_table(page: Page, address: str, smollm2: Any) -> None:
    open_matter(page, address, kind="prompt", tokens=1)
    panel = panel_of(page)
    _, table = saved(page, panel.get_by_role("button", name="CSV"))
    rows = list(csv.DictReader(io.StringIO(table.decode(), newline="")))
    experiment = Experiment(smollm2, smollm2.continued(FIRST_PROMPT.prompt, 1))
    expected = head_effects(experiment, target(experiment), method="gradient")
    found = [float(list(row.values())[2]) for row in rows]
    np.testing.assert_allclose(found, expected.ravel(), atol=1e-4)
    name, svg = saved(page, panel.get_by_role("button", name="SVG"))
    assert name == "headlens-matter-heads.svg"
    assert "Paris" in about_of(svg.decode())["target"]


@pytest.mark.parametrize("millimetres", [85, 170])
def test_no_words_of_a_figure_for_print_meet_or_are_cut_off(
    page: Page, recording: Recording, millimetres: int, minilm: EncoderTextModel
) -> None:
    """With 30 tokens too: as boxes on the screen."""
    long = minilm.record(" ".join(f"{recording.texts[0]} And so it stays." for _ in range(2))[:140])
    assert 28 <= long.num_tokens <= 36
    for kind in KINDS:
        if kind == "overlay":
            continue
        svg = drawn_svg(kind, long, View(3, 1, 11), millimetres=millimetres)
        page.set_content(f"<body style='margin:0'>{svg}</body>")
        left, top, right, bottom = page.evaluate(
            "(({left, top, right, bottom}) => [left, top, right, bottom])(document.querySelector('svg')"
            ".getBoundingClientRect())"
        )
        texts = page.evaluate(WRITTEN)
        assert len(texts) > 10
        for name, *box in texts:
            inside = left - 0.5 <= box[0] <= box[2] <= right + 0.5 and top - 0.5 <= box[1] <= box[3] <= bottom + 0.5
            assert inside, (kind, name)
        for (one, *a), (other, *b) in itertools.combinations(texts, 2):
            apart = a[2] <= b[0] + 1 or b[2] <= a[0] + 1 or a[3] <= b[1] + 1 or b[3] <= a[1] + 1
            assert apart, (kind, one, other)
