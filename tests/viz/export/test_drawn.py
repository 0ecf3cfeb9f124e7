"""Figures for print: their numbers, their words, their metadata, and that nothing is missing or too much."""

import io
import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from plotly.colors import sample_colorscale

from headlens.model.errors import InputError
from headlens.model.recording.parts import Photo
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.export import marks
from headlens.viz.export.about import about_view, caption_of
from headlens.viz.export.drawn import KINDS, PIXELS, about_of, drawn_svg, png_of
from headlens.viz.theme import HEAT, LIGHT
from headlens.viz.view.view import Direction, View
from tests.recordings import random_recording
from tests.viz.figures.decode import picture_in
from tests.viz.hostile import HOSTILE


def text_recording(tokens: Sequence[str] | None = None) -> Recording:
    recording = random_recording(num_tokens=7 if tokens is None else len(tokens))
    return recording if tokens is None else replace(recording, tokens=tuple(tokens))


def photo_recording() -> Recording:
    pixels = np.full((28, 42, 3), 90, np.uint8)
    return replace(random_recording(num_tokens=7), photo=Photo(pixels, 1.5, (2, 3)), prefix_tokens=1)


SVG = "{http://www.w3.org/2000/svg}"
DRAWN = {"svg", "metadata", "g", "path", "rect", "text", "defs", "linearGradient", "stop", "title", "tspan"}


def words_of(svg: str) -> list[str]:
    return ["".join(text.itertext()) for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("millimetres", [85, 170])
def test_each_is_as_wide_as_asked_and_its_text_is_text(kind: str, millimetres: int) -> None:
    recording = photo_recording() if kind == "overlay" else text_recording()
    view = View(0, 1, recording.num_tokens - 1)
    svg = drawn_svg(kind, recording, view, millimetres=millimetres)
    root = ElementTree.fromstring(svg)
    assert root.get("width") == f"{millimetres}mm"
    slack = 40 if kind == "overlay" else 1  # a photo keeps its shape, and its letters are scaled by a little
    assert float((root.get("viewBox") or "").split()[2]) == pytest.approx(millimetres * PIXELS, abs=slack)
    written = " ".join(words_of(svg))
    assert recording.model.title in written
    assert set(re.findall(r'font-family="([^"]+)"', svg)) == {"sans-serif"}
    assert 'fill="white"' in svg


def test_every_weight_is_a_cell_of_its_colour_in_its_place() -> None:
    """The specification holds the numbers that the recording computes."""
    recording = text_recording()
    view = View(1, 0, 2)
    spec = marks.heatmap(RecordingEntry("", recording), view, 600)
    values = spec["layer"][0]["data"]["values"]  # type: ignore[index]
    found = np.zeros((recording.num_tokens, recording.num_tokens))
    for value in values:
        found[value["row"], value["column"]] = value["number"]
    np.testing.assert_allclose(found, recording.attention(1, 0), rtol=1e-5, atol=1e-9)
    strip = marks.strip(RecordingEntry("", recording), view, 600)
    row = [value["number"] for value in strip["data"]["values"]]  # type: ignore[index]
    np.testing.assert_allclose(row, recording.attention(1, 0, 2), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("count", [7, 120])
def test_a_logarithmic_scale_shows_small_weights(count: int) -> None:
    recording = text_recording([f"t{index}" for index in range(count)])
    entry = RecordingEntry("", recording)
    plain, log = (marks.heatmap(entry, View(0, 0, 0, log=log), 600) for log in (False, True))
    assert plain != log
    assert '"type": "log"' in json.dumps(log)
    assert drawn_svg("heatmap", recording, View(0, 0, 0, log=True)).count("<path") > 5


def test_what_it_is_of_stands_in_it_and_in_its_metadata() -> None:
    recording = text_recording()
    view = View(1, 0, 2, scope="layer", reduction="max", direction="by", log=True)
    about = about_view(recording, view)
    assert about["heads"] == "Layer 1, maximum of all heads"
    assert "logarithmic" in about["normalised"]
    svg = drawn_svg("bars", recording, view)
    assert about_of(svg) == about
    assert "Layer 1, maximum of all heads" in " ".join(words_of(svg))
    plain = drawn_svg("bars", recording, view, caption=False)
    assert about_of(plain) == about
    assert len(words_of(plain)) < len(words_of(svg))
    picture = Image.open(io.BytesIO(png_of(svg, scale=2)))
    assert picture.size[0] == pytest.approx(2 * 170 * PIXELS, abs=2)
    chunks = picture.text  # type: ignore[attr-defined]
    assert chunks["Headlens model"] == recording.model.title
    assert chunks["Headlens query"] == about["query"]
    assert caption_of(about).endswith(about["program"])


def test_several_queries_and_heads_are_drawn_and_said() -> None:
    recording, heads = photo_recording(), ((0, 1), (1, 0), (1, 2))
    view = View(1, 0, 2, "heads", queries=(1, 2, 4), heads=heads)
    weights = np.mean([recording.attention(layer, head)[[1, 2, 4]].mean(axis=0) for layer, head in heads], axis=0)
    spec: Any = marks.overlay(RecordingEntry("", recording), view, 600)
    assert spec["layer"][-1]["data"]["values"] == [
        {"left": 0, "top": 0, "right": 2, "bottom": 1},  # of three in a row: the first two, and the one below the first
        {"left": 0, "top": 1, "right": 1, "bottom": 2},
    ]
    bars: Any = marks.bars(RecordingEntry("", recording), view, 600)
    found = [value["weight"] for value in bars["data"]["values"]]
    np.testing.assert_allclose(found, np.sort(weights)[::-1], rtol=1e-5)
    about = about_view(recording, view)
    assert about["heads"] == "Mean of 3 heads (layer 0 head 1, layer 1 head 0, layer 1 head 2)"
    assert "chosen heads" not in about  # they are all named
    assert about["query"].endswith("position 1-2.4")
    assert about["direction"] == "what the queries look at, the mean of them"
    by = about_view(recording, replace(view, direction="by"))
    assert by["direction"] == "what looks at the tokens, the sum over them"
    assert "(mean of 3 queries)" in " ".join(words_of(drawn_svg("overlay", recording, view)))


@pytest.mark.parametrize("token", HOSTILE)
def test_hostile_tokens_stay_text(token: str) -> None:
    recording = text_recording(tokens=[token, "b", token])
    for kind in ("heatmap", "strip", "bars"):
        root = ElementTree.fromstring(drawn_svg(kind, recording, View(0, 0, 0)))
        names = {element.tag.removeprefix(SVG) for element in root.iter()}
        assert names <= {
            "svg",
            "metadata",
            "g",
            "path",
            "rect",
            "text",
            "defs",
            "linearGradient",
            "stop",
            "title",
            "tspan",
        }


def test_a_photo_keeps_its_shape_and_its_scale_has_numbers() -> None:
    recording = photo_recording()
    spec = marks.overlay(RecordingEntry("", recording), View(0, 0, 1), 600)
    assert spec["width"] / spec["height"] == pytest.approx(1.5)  # type: ignore[operator]
    svg = drawn_svg("overlay", recording, View(0, 0, 1))
    limit = recording.attention(0, 0, 1).max()
    assert f"{limit:.2g}".lstrip("0") in " ".join(words_of(svg)).replace("0.", ".")


@pytest.mark.parametrize("count", [7, 120])
@pytest.mark.parametrize("direction", ["at", "by"])
def test_the_chosen_rows_or_columns_of_a_matrix_are_framed(direction: Direction, count: int) -> None:
    recording = text_recording([f"t{index}" for index in range(count)])
    view = View(1, 0, 2, direction=direction, queries=(2, 3, 5))
    svg = drawn_svg("heatmap", recording, view)
    paths = [path for path in re.findall(r"<path [^>]*>", svg) if f'stroke="{LIGHT.accent}"' in path]
    frames = []
    for path in paths:
        start = re.search(r' d="M([\d.-]+),([\d.-]+)h([\d.-]+)v([\d.-]+)', path)
        assert start is not None
        frames.append([float(number) for number in start.groups()])
    across, short = (0, 1) if direction == "at" else (1, 0)
    side = frames[0][2 + across]
    for frame, (first, last) in zip(frames, ((2, 4), (5, 6)), strict=True):
        assert (frame[across], frame[2 + across]) == pytest.approx((0, side))
        side_across = frame[2 + short] / (last - first)
        assert frame[short] == pytest.approx(first * side_across)
        assert side_across * count == pytest.approx(side, rel=0.3)  # as large as a cell, which need not be a square


def test_a_caption_says_once_which_heads_and_in_words() -> None:
    recording = random_recording(num_layers=2, num_heads=3)
    heads = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 2))
    view = View(0, 1, 2, "heads", queries=(1, 2), heads=heads)
    about = about_view(recording, view)
    assert about["chosen heads"] == "layer 0 head 0, layer 0 head 1, layer 0 head 2, layer 1 head 0, layer 1 head 2"
    for kind in ("strip", "heatmap", "bars"):
        written = " ".join(words_of(drawn_svg(kind, recording, view)))
        assert written.count("layer 0 head 0") == 1
        assert ("what the queries look at" in written) == (kind == "heatmap")  # else the heading says it
        assert "~" not in written
    assert "Mean of 5 heads" in caption_of(about)


def test_what_lies_behind_the_end_of_a_scale_is_said() -> None:
    recording = text_recording()
    special = np.arange(recording.num_tokens) == int(recording.attention(0, 0, 0).argmax())
    for each, beyond in ((recording, False), (replace(recording, special=special), True)):
        svg = drawn_svg("strip", each, View(0, 0, 0))
        assert ("or more" in " ".join(words_of(svg))) == beyond


def test_what_a_recording_does_not_have_is_refused_in_a_sentence() -> None:
    for kind, recording in (("overlay", text_recording()), ("strip", photo_recording()), ("pie", text_recording())):
        with pytest.raises(InputError):
            drawn_svg(kind, recording, View(0, 0, 0))
    with pytest.raises(InputError, match="40 to 400"):
        drawn_svg("bars", text_recording(), View(0, 0, 0), millimetres=4_000)


def test_one_token_and_many() -> None:
    for count in (1, 120):
        recording = text_recording(tokens=[f"t{index}" for index in range(count)])
        for kind in ("heatmap", "strip", "grid", "bars"):
            ElementTree.fromstring(drawn_svg(kind, recording, View(0, 0, 0)))
    assert json.loads(json.dumps(marks.heatmap(RecordingEntry("", recording), View(0, 0, 0), 600)))["layer"]


def test_a_file_of_another_program_says_nothing_of_itself() -> None:
    assert about_of("<svg></svg>") == {}


def test_recordings_that_were_read_back_are_drawn_the_same(tmp_path: Path) -> None:
    recording = text_recording()
    recording.save(tmp_path / "r.safetensors")
    again = Recording.load(tmp_path / "r.safetensors")
    drawings = [drawn_svg("strip", each, View(0, 1, 1)) for each in (again, recording)]
    assert len({re.sub(r"gradient_\d+", "gradient", drawing) for drawing in drawings}) == 1  # these are counted


def test_the_heat_over_a_photo_is_each_patch_s_own_weight() -> None:
    """By the colours of HEAT, looked up here, in the places of a grid that is no square."""
    recording = photo_recording()
    spec: Any = marks.overlay(RecordingEntry("", recording), View(1, 2, 3), 600)
    photo, heat, *_ = (picture_in(layer["data"]["values"][0]["url"]) for layer in spec["layer"][:2])
    weights = recording.attention(1, 2, 3)[1:]
    shares = weights / weights.max()
    rows, columns = 2, 3
    for patch, share in enumerate(shares):
        row, column = divmod(patch, columns)
        pixel = heat[int((row + 0.5) * 28 / rows), int((column + 0.5) * 42 / columns)]
        red, green, blue = sample_colorscale(HEAT, [float(np.rint(share * 255) / 255)], colortype="tuple")[0]
        np.testing.assert_allclose(pixel[:3], 255 * np.array([red, green, blue]), atol=2)
        assert pixel[3] == pytest.approx(np.sqrt(share) * 217, abs=1)
    assert photo.shape[:2] == heat.shape[:2] == (28, 42)
    edges = spec["layer"][-1]["data"]["values"][0]
    assert (edges["top"], edges["left"]) == divmod(3 - 1, columns), "the query's own patch is framed"


@pytest.mark.parametrize("log", [False, True])
def test_a_matrix_that_is_one_picture_has_each_weight_s_colour(log: bool) -> None:
    recording = text_recording([f"t{index}" for index in range(120)])
    spec: Any = marks.heatmap(RecordingEntry("", recording), View(1, 0, 0, log=log), 600)
    drawn = picture_in(spec["layer"][0]["data"]["values"][0]["url"])
    weights = recording.attention(1, 0)
    assert drawn.shape[:2] == (120, 120)
    largest = divmod(int(weights.argmax()), 120)
    for query, key in ((0, 0), (3, 100), (100, 3), largest):
        share = float(weights[query, key] / weights.max())
        share = 1 + math.log10(max(share, 1e-4)) / 4 if log else share  # over four decades
        colour = sample_colorscale(LIGHT.weights, [round(share * 255) / 255], colortype="tuple")[0]
        np.testing.assert_allclose(drawn[query, key][:3], 255 * np.array(colour), atol=2)


def test_every_head_s_small_picture_stands_in_its_place() -> None:
    recording = random_recording(num_layers=2, num_heads=3)
    spec: Any = marks.grid(RecordingEntry("", recording), View(0, 0, 0), 600)
    for value in spec["data"]["values"]:
        weights = recording.attention(value["layer"], value["head"])
        light = picture_in(value["url"])[..., :3].sum(axis=-1)
        shares = np.clip(weights / weights.max(), 0, 1)
        expected = np.array(sample_colorscale(LIGHT.weights, list(shares.ravel()), colortype="tuple")).sum(axis=-1)
        np.testing.assert_allclose(light.ravel(), 255 * expected, atol=10)
    assert len(spec["data"]["values"]) == 6


def test_a_query_that_looks_at_nothing_is_hatched() -> None:
    special = np.array([True, False, False])
    recording = replace(random_recording("causal", num_tokens=3), special=special).without_special()
    for kind, query in (("heatmap", 1), ("strip", 0)):
        svg = drawn_svg(kind, recording, View(0, 1, query), caption=False)
        strokes = re.findall(r'<line [^>]*stroke="#888888"', svg)
        assert len(strokes) == 3, kind  # one a key, of the first query alone
        assert "special tokens left out" in " ".join(words_of(svg))
    assert 'stroke="#888888"' not in drawn_svg("strip", recording, View(0, 1, 1), caption=False)


def test_of_a_long_input_too() -> None:
    recording = replace(random_recording("causal", num_tokens=97), special=np.arange(97) == 0).without_special()
    (picture,) = re.findall(r'xlink:href="(data:image/png[^"]*)"', drawn_svg("heatmap", recording, View(0, 1, 0)))
    pixels = picture_in(picture)
    assert set(map(tuple, pixels[0].tolist())) == {(0x88, 0x88, 0x88), (255, 255, 255)}
    assert (0x88, 0x88, 0x88) not in set(map(tuple, pixels[1].tolist()))
