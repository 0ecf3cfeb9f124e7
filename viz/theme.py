"""Colours, fonts and colour scales: here, once."""

from dataclasses import dataclass

import numpy as np
from plotly.colors import convert_colors_to_same_type, sample_colorscale, sequential

FONT = "Source Sans, system-ui, sans-serif"
Scale = list[tuple[float, str]]


def _rgb(scale: list[str]) -> list[str]:
    """The scale as rgb(…): Streamlit takes #000001 to #000017 in a figure for names of its theme's colours."""
    return list(convert_colors_to_same_type(scale, colortype="rgb")[0])


HEAT = _rgb(sequential.Inferno)  # over a darkened photo, in both themes
HEAT_OPACITY = 0.85  # of the strongest heat over a small photo
MAGMA = _rgb(sequential.Magma)
TINT = (234, 88, 12)  # of tokens and bars, the more of it the larger the weight, in both themes
LESS = (37, 99, 235)  # the tint of what is less than elsewhere; TINT is what is more
TOKEN_OPACITY = 0.8  # of the tint on the strongest token
BAR_OPACITY = 0.45  # of the tint in bars under names


@dataclass(frozen=True)
class Theme:
    """One of the two looks of the page."""

    text: str
    muted: str
    line: str
    background: str
    accent: str
    bar: str
    weights: list[str]  # perceptually uniform, colour-blind-safe; its lowest colour is near the background
    second: str  # beside the accent, also to the colour-blind
    second_bar: str  # beside bar
    signed: list[str]  # below zero, the background at zero, above


LIGHT = Theme(
    text="#1b1b22",
    muted="#5c5c6b",
    line="#d9d9e3",
    background="#fcfcfd",
    accent="#c2410c",
    bar="#fdba74",
    weights=MAGMA[::-1],
    second="#1d4ed8",
    second_bar="#93c5fd",
    signed=["#1d4ed8", "#93c5fd", "#fcfcfd", "#fdba74", "#c2410c"],
)
DARK = Theme(
    text="#ececf1",
    muted="#a3a3b3",
    line="#3b3b48",
    background="#131318",
    accent="#f97316",
    bar="#9a3412",
    weights=MAGMA,
    second="#60a5fa",
    second_bar="#1e40af",
    signed=["#60a5fa", "#1e40af", "#131318", "#9a3412", "#f97316"],
)
THEMES = {"light": LIGHT, "dark": DARK}


def lookup_table(colours: list[str]) -> np.ndarray:
    """[256, 3] uint8: the colour of each of 256 levels along a scale."""
    shares = sample_colorscale(colours, np.linspace(0, 1, 256), colortype="tuple")
    levels: np.ndarray = np.rint(np.array(shares) * 255).astype(np.uint8)
    return levels


def see_through(colours: list[str], strength: float) -> Scale:
    """The scale with an opacity that rises from nothing to strength (0 to 1), for heat over a photo."""
    shares = np.linspace(0, 1, 33)
    table = lookup_table(colours)[np.rint(shares * 255).astype(int)]
    return [
        (float(share), f"rgba({red},{green},{blue},{strength * share**0.5:.3f})")
        for share, (red, green, blue) in zip(shares, table)
    ]


def page_layout(theme: Theme) -> dict[str, object]:
    """The layout that every figure shares; the page draws it without the background, which is there to be saved."""
    return {
        "paper_bgcolor": theme.background,
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 13, "color": theme.text},
        "hoverlabel": {"font": {"family": FONT, "size": 14}, "bgcolor": theme.background, "bordercolor": theme.accent},
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
    }


def tint(opacity: float) -> str:
    """The tint for a figure, seen through but for the opacity from 0 to 1."""
    red, green, blue = TINT
    return f"rgba({red},{green},{blue},{opacity:.3f})"


def css_variables() -> str:
    """What explorer.css and the explorer's canvases take from here.

    --hl-tint holds the channels alone: rgb(var(--hl-tint) / 0.5). --hl-accent is for where Streamlit has none.
    """
    variables = {
        "tint": " ".join(map(str, TINT)),
        "less": " ".join(map(str, LESS)),
        "token-opacity": TOKEN_OPACITY,
        "bar-opacity": BAR_OPACITY,
        "heat-opacity": HEAT_OPACITY,
        "accent": LIGHT.accent,
        "font": FONT,
    }
    return ".hl { " + " ".join(f"--hl-{name}: {value};" for name, value in variables.items()) + " }\n"
