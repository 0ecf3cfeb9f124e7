"""The pure figure of each view that paints itself, for saving."""

import json
from collections.abc import Callable, Mapping
from typing import TypedDict

import numpy as np
import plotly.graph_objects as go

from headlens.model.analysis.heads import strongest
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.export.about import about_view, heading_of
from headlens.viz.figures import head_grid, patch_overlay, strip_figure, strongest_bars
from headlens.viz.figures.labels import escape
from headlens.viz.figures.tiles import overlay_tiles
from headlens.viz.theme import Theme
from headlens.viz.view import words
from headlens.viz.view.derived import all_heads, shown_row, text_tiles
from headlens.viz.view.view import View, file_name

WIDTH, HEADING = 900, 48  # pixels
TITLE = {"font": {"size": 18}, "x": 0.01, "yref": "container", "y": 0.98, "yanchor": "top"}


class SavedFigure(TypedDict):
    """A figure that the explorer is to save."""

    about: dict[str, str]  # what it is of, for its metadata
    figure: dict[str, object]  # as Plotly takes it
    name: str  # of the file, without its ending
    format: str  # "png" or "svg"
    width: int  # pixels
    height: int
    at: object  # the time that the explorer gave when it asked: each is saved once


def saved_figure(
    page: str, entry: RecordingEntry, view: View, *, request: Mapping[str, object], theme: Theme
) -> SavedFigure | None:
    """The figure that the explorer asks for; None for what there is not.

    Args:
        page: what the file's name says of it.
        entry: what is shown.
        view: how.
        request: {name, format, at}, as the explorer tells it.
        theme: the colours.
    """
    name, file_format = str(request.get("name")), str(request.get("format"))
    if name not in FIGURES or file_format not in ("png", "svg"):
        return None
    figure, aspect = FIGURES[name](entry, view, theme)
    heading = heading_of(entry.recording, view, "grid" if name == "heads" else name)
    figure.update_layout(title={"text": escape(heading), **TITLE}, margin_t=HEADING)
    return {
        "about": about_view(entry.recording, view),
        "figure": json.loads(figure.to_json()),
        "name": f"headlens-{page}-{file_name(view)}-{name}",
        "format": file_format,
        "width": WIDTH,
        "height": round(WIDTH / aspect) + HEADING,
        "at": request.get("at"),
    }


def _picture(entry: RecordingEntry, view: View, theme: Theme) -> tuple[go.Figure, float]:
    recording = entry.recording
    weights = shown_row(recording, view)
    if recording.photo is None:
        return strip_figure(recording.tokens, weights, recording.special, query=view.chosen, theme=theme)
    prefix = recording.tokens[: recording.prefix_tokens]
    smooth, strength = view.edges == "smooth", view.strength / 100
    figure = patch_overlay(
        recording.photo, weights, prefix, query=view.chosen, smooth=smooth, strength=strength, theme=theme
    )
    return figure, recording.photo.aspect * 0.92


def _heads(entry: RecordingEntry, view: View, theme: Theme) -> tuple[go.Figure, float]:
    recording = entry.recording
    if recording.photo is None:
        tiles, _ = text_tiles(entry)
    else:
        weights = all_heads(recording, view.direction, view.chosen)[..., recording.prefix_tokens :]
        tiles = overlay_tiles(recording.photo.pixels, weights.reshape(*weights.shape[:2], *recording.photo.grid))
    num_layers, num_heads, height, width = tiles.shape[:4]
    selected = [(view.layer, view.head)] if view.scope == "head" else view.heads
    return head_grid(tiles, selected, theme=theme), width * num_heads / (height * num_layers)


def _bars(entry: RecordingEntry, view: View, theme: Theme) -> tuple[go.Figure, float]:
    recording = entry.recording
    pairs = strongest(shown_row(recording, view), 10)
    names = [words.name_of(recording, key) for key, _ in pairs]
    return strongest_bars(names, np.array([weight for _, weight in pairs]), theme), 3.0


FIGURES: dict[str, Callable[[RecordingEntry, View, Theme], tuple[go.Figure, float]]] = {
    "picture": _picture,
    "heads": _heads,
    "bars": _bars,
}
