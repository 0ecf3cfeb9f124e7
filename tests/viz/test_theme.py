"""Colours that can be read, and colour scales that say more with more light."""

import re
import tomllib
from typing import Any

import numpy as np
import pytest
from plotly.colors import sequential

from headlens.viz.theme import (
    BAR_OPACITY,
    DARK,
    FONT,
    HEAT,
    HEAT_OPACITY,
    LIGHT,
    THEMES,
    TINT,
    TOKEN_OPACITY,
    Theme,
    css_variables,
    lookup_table,
    page_layout,
    see_through,
    tint,
)
from tests.paths import ROOT
from tests.viz.figures.colours import contrast, lightness, luminance, rgb_of

SCALES = {"light": LIGHT.weights, "dark": DARK.weights, "heat": HEAT}


@pytest.mark.parametrize("name", SCALES)
def test_lightness_goes_one_way_in_even_steps(name: str) -> None:
    steps = lightness(lookup_table(SCALES[name]))
    differences = np.diff(steps) * np.sign(steps[-1] - steps[0])
    assert (differences > 0).all()
    assert (np.diff(luminance(lookup_table(SCALES[name]))) * np.sign(steps[-1] - steps[0]) > 0).all()
    assert np.abs(steps - np.linspace(steps[0], steps[-1], 256)).max() < 6  # a rainbow scale: more than 25
    assert abs(steps[-1] - steps[0]) > 95


@pytest.mark.parametrize("name", SCALES)
def test_no_colour_of_a_scale_is_a_hex_number(name: str) -> None:
    """Streamlit takes #000001 to #000017 in a figure for names of its theme's colours."""
    written = [*SCALES[name], *(colour for _, colour in see_through(SCALES[name], 0.85))]
    assert not [colour for colour in written if "#" in colour]


@pytest.mark.parametrize(
    ("ours", "published"),
    [(DARK.weights, sequential.Magma), (LIGHT.weights, sequential.Magma[::-1]), (HEAT, sequential.Inferno)],
)
def test_the_scales_are_the_published_ones(ours: list[str], published: list[str]) -> None:
    assert [rgb_of(colour) for colour in ours] == [rgb_of(colour) for colour in published]


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_low_weights_fade_into_the_page_and_high_ones_stand_out(theme: Theme) -> None:
    background = rgb_of(theme.background)
    assert contrast(rgb_of(theme.weights[0]), background) < 1.2
    assert contrast(rgb_of(theme.weights[-1]), background) > 10


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize(("part", "least"), [("text", 4.5), ("muted", 4.5), ("accent", 3), ("second", 3)])
def test_what_is_written_can_be_read(theme: Theme, part: str, least: float) -> None:
    assert contrast(rgb_of(getattr(theme, part)), rgb_of(theme.background)) >= least


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_text_on_a_bar_can_be_read(theme: Theme) -> None:
    assert contrast(rgb_of(theme.text), rgb_of(theme.bar)) >= 4.5


def test_a_lookup_table_runs_from_the_first_colour_to_the_last() -> None:
    table = lookup_table(["rgb(0, 0, 0)", "rgb(100, 200, 50)", "rgb(255, 255, 255)"])
    assert table.shape == (256, 3)
    assert table.dtype == np.uint8
    assert [*table[0], *table[255]] == [0, 0, 0, 255, 255, 255]
    for step in range(256):
        share = step / 255 * 2
        expected = [
            min(share, 1) * middle + max(share - 1, 0) * (255 - middle) for middle in (100, 200, 50)
        ]  # straight from colour to colour
        np.testing.assert_allclose(table[step], expected, atol=0.51)


@pytest.mark.parametrize("strength", [0.1, 0.85, 1.0])
def test_heat_is_seen_through_where_it_is_weak(strength: float) -> None:
    scale = see_through(HEAT, strength)
    opacities = []
    for place, colour in scale:
        result = re.fullmatch(r"rgba\((\d+),(\d+),(\d+),([\d.]+)\)", colour)
        assert result
        assert [int(number) for number in result.groups()[:3]] == lookup_table(HEAT)[round(place * 255)].tolist()
        assert float(result[4]) == pytest.approx(strength * place**0.5, abs=6e-4)  # it is written with three decimals
        opacities.append(float(result[4]))
    assert (scale[0][0], scale[-1][0]) == (0, 1)
    assert (opacities[0], opacities[-1]) == (0, pytest.approx(strength))
    assert opacities == sorted(opacities)


def test_both_looks_share_a_layout() -> None:
    assert set(THEMES) == {"light", "dark"}
    for theme in THEMES.values():
        layout: Any = page_layout(theme)
        assert layout["font"]["color"] == theme.text
        assert layout["hoverlabel"]["bgcolor"] == theme.background
        assert layout["paper_bgcolor"] == theme.background  # a saved figure stands on any slide
        assert layout["plot_bgcolor"] == "rgba(0,0,0,0)"


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_the_signed_scale_starts_and_ends_apart_from_the_background_in_its_middle(theme: Theme) -> None:
    below, middle, above = lookup_table(theme.signed)[[0, 127, 255]]
    background = rgb_of(theme.background)
    assert contrast(middle, background) < 1.1
    assert min(contrast(below, background), contrast(above, background)) > 4.5
    assert below[2] > below[0] + 100  # blue
    assert above[0] > above[2] + 100  # orange: told apart by the colour-blind too


def test_the_explorer_gets_the_same_colours() -> None:
    css = css_variables()
    variables = dict(re.findall(r"--hl-([a-z-]+): ([^;]+);", css))
    assert re.fullmatch(r"\.hl \{ (--hl-[a-z-]+: [^;]+; )+\}\n", css)
    assert f"rgba({variables['tint'].replace(' ', ',')},0.500)" == tint(0.5)
    assert variables["accent"] == LIGHT.accent
    assert variables["font"] == FONT
    assert float(variables["token-opacity"]) == TOKEN_OPACITY
    assert float(variables["bar-opacity"]) == BAR_OPACITY
    assert float(variables["heat-opacity"]) == HEAT_OPACITY


def test_no_colour_is_written_a_second_time() -> None:
    """What the explorer's own files draw is in Streamlit's colours or in variables of the theme."""
    ours = {"".join(str(channel) for channel in TINT), *(colour.lstrip("#") for colour in (LIGHT.accent, DARK.accent))}
    files = [path for path in (ROOT / "viz" / "explorer").rglob("*") if path.suffix in (".css", ".js", ".html")]
    files += [path for path in (ROOT / "viz").rglob("*.py") if path.name != "theme.py"]
    assert len(files) > 20
    for path in files:
        written = re.sub(r"(\d+)[ ,]+", r"\1", path.read_text(encoding="utf-8"))
        assert not [colour for colour in ours if colour in written], path


@pytest.mark.parametrize("name", THEMES)
def test_streamlit_s_settings_have_the_same_colours(name: str) -> None:
    settings = tomllib.loads((ROOT / "viz" / "server" / "streamlit.toml").read_text(encoding="utf-8"))["theme"][name]
    theme = THEMES[name]
    assert settings["primaryColor"] == theme.accent
    assert settings["backgroundColor"] == theme.background
    assert settings["textColor"] == theme.text
    assert settings["borderColor"] == theme.line
