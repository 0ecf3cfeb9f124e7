"""The page Sound in a browser: a sound is chosen, dropped, heard and looked at."""

import re
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from headlens.model.load import load_model
from headlens.viz.inputs.sound_samples import sample_file
from tests.browser.look import LOAD, head_at, open_page, screenshot, settle
from tests.browser.serve import ROOT, start
from tests.model.huggingface.sound_models import speech, write
from tests.model.inputs.sounds import file_of


def at(address: str, folder: Path, **parameters: str) -> str:
    rest = "".join(f"&{name}={quote(value)}" for name, value in parameters.items())
    return f"{address}/sound?model={quote(str(folder.relative_to(ROOT)))}{rest}"


def test_without_a_model(page: Page, address: str) -> None:
    page.goto(f"{address}/sound")
    expect(page.get_by_text("No model that hears is bundled")).to_be_visible(timeout=LOAD)
    expect(page.get_by_role("button", name="Model")).to_be_visible()


def test_frames_of_a_sound(page: Page, address: str, models_folder: Path) -> None:
    folder = write("wav2vec2-ctc", models_folder / "wav2vec2-ctc")
    open_page(page, at(address, folder, sample="Rising"))
    expect(page.locator("audio")).to_be_visible()
    canvas = page.locator("canvas[data-part=photo]")
    box = canvas.bounding_box()
    assert box is not None
    assert box["width"] / box["height"] == pytest.approx(4, abs=0.1)
    model = load_model(str(folder), device="cpu")
    recording = model.record(sample_file("Rising"))  # type: ignore[attr-defined]
    expect(page.get_by_text(f"Heard: {recording.notes['heard']}", exact=True)).to_be_visible()
    column = 100
    canvas.click(position={"x": (column + 0.5) / 149 * box["width"], "y": 0.7 * box["height"]})
    settle(page)
    assert f"query={column}" in page.url
    expect(page.get_by_text("Frames are named by when they begin; low pitches are at the bottom.")).to_be_visible()
    expect(page.get_by_text(re.compile(r"From frame 2\.00 s the head spreads over"))).to_be_visible()
    expect(page.get_by_text(re.compile(r"What is heard at frame 2\.00 s"))).to_be_visible()
    canvas.press("ArrowRight")
    settle(page)
    assert f"query={column + 1}" in page.url
    screenshot(page, "sound-frames", "1440")


def test_a_dropped_flac_and_whisper_s_words(page: Page, address: str, models_folder: Path, tmp_path: Path) -> None:
    folder = write("whisper", models_folder / "whisper")
    open_page(page, at(address, folder))
    path = tmp_path / "mine.flac"
    path.write_bytes(file_of(np.stack([speech(1.5, 44_100)] * 2, axis=1), 44_100, "FLAC"))
    page.locator("input[type=file]").first.set_input_files(path)
    expect(page.get_by_text("Your sound is not in this link.")).to_be_visible()
    settle(page)
    assert "own=1" in page.url
    expect(page.get_by_text("what follows the 1.50 s of this sound is silence")).to_be_visible()
    recording = load_model(str(folder), device="cpu").record(path)  # type: ignore[attr-defined]
    words = recording.of("decoder").texts[0]
    expect(page.get_by_text(f"Heard: {words}", exact=True)).to_be_visible()
    chips = page.locator("[data-part=chips] button, [data-part=chips] span").all_text_contents()
    assert len(chips) >= recording.of("decoder").num_tokens
    screenshot(page, "sound-words", "1440")


def test_what_is_no_sound_is_said(page: Page, address: str, models_folder: Path, tmp_path: Path) -> None:
    folder = write("ast-classifier", models_folder / "ast")
    open_page(page, at(address, folder, sample="Knocks"))
    (tmp_path / "notes.wav").write_text("These are notes.")
    page.locator("input[type=file]").first.set_input_files(tmp_path / "notes.wav")
    expect(page.get_by_text("This file is not a sound that can be read; give a WAV or FLAC.")).to_be_visible()
    expect(page.locator("canvas[data-part=photo]")).to_be_visible()
    assert "sample=Knocks" in page.url
    screenshot(page, "sound-refused", "1440")


def test_a_recording_that_was_dropped_is_made_again(browser: Browser, models_folder: Path, tmp_path: Path) -> None:
    """By the part of the page that a press draws again alone, which may draw nowhere else."""
    folder = write("wav2vec2-ctc", models_folder / "again")
    with start(tmp_path / "log", HEADLENS_STORE_GB="1e-6") as server:  # the newest recording alone is kept
        page = browser.new_page()
        open_page(page, at(server.url, folder, sample="Rising"))
        other = browser.new_page()
        open_page(other, server.url)
        page.locator("[data-part=grid]").click(position=head_at(page, 1, 1))
        settle(page)
        assert "layer=1&head=1" in page.url
        expect(page.get_by_role("alert")).to_have_count(0)
        other.close()
        page.close()
    assert "Traceback" not in (tmp_path / "log").read_text()
