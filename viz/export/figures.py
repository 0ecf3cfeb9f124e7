"""The pure figure of each view that paints itself, for saving."""

import json

import numpy as np
import plotly.graph_objects as go

from headlens.model.analysis.heads import strongest
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.explorer.payload import all_heads, shown_row, text_tiles
from headlens.viz.figures import head_grid, patch_overlay, strip_figure, strongest_bars
from headlens.viz.figures.labels import escape
from headlens.viz.figures.tiles import overlay_tiles
from headlens.viz.pages.parts import current_theme
from headlens.viz.view import words
from headlens.viz.view.address import View

WIDTH, HEADING = 900, 48  # pixels
TITLE = {"font": {"size": 18}, "x": 0.01, "yref": "container", "y": 0.98, "yanchor": "top"}


def saved_figure(page: str, kept: RecordingEntry, view: View, asked: dict) -> dict | None:
    """What the explorer is to save: {figure, name, format, width, height, at}; None for what there is not."""
    name, file_format = str(asked.get("name")), str(asked.get("format"))
    if name not in FIGURES or file_format not in ("png", "svg"):
        return None
    figure, aspect = FIGURES[name](kept, view)
    title = f"{words.who(view.of, view.layer, view.head)}: {words.what(kept.recording, view.query, view.direction)}"
    if name == "heads":
        text = kept.recording.photo is None
        what = "every query and every key" if text else words.what(kept.recording, view.query, view.direction)
        title = f"All heads, layers down, heads across: {what}"
    figure.update_layout(title={"text": escape(title), **TITLE}, margin_t=HEADING)
    where = f"layer{view.layer}-head{view.head}" if view.of == "head" else view.of
    return {
        "figure": json.loads(figure.to_json()),
        "name": f"headlens-{page}-{where}-{name}",
        "format": file_format,
        "width": WIDTH,
        "height": round(WIDTH / aspect) + HEADING,
        "at": asked.get("at"),
    }


def _picture(kept: RecordingEntry, view: View) -> tuple[go.Figure, float]:
    recording, theme = kept.recording, current_theme()
    weights = shown_row(recording, view)
    if recording.photo is None:
        return strip_figure(recording.tokens, weights, recording.special, view.query, theme)
    prefix = recording.tokens[: recording.prefix_tokens]
    smooth, strength = view.edges == "smooth", view.strength / 100
    figure = patch_overlay(recording.photo, weights, prefix, view.query, smooth, strength, theme)
    return figure, recording.photo.aspect * 0.92


def _heads(kept: RecordingEntry, view: View) -> tuple[go.Figure, float]:
    recording = kept.recording
    if recording.photo is None:
        tiles, _ = text_tiles(kept)
    else:
        weights = all_heads(recording, view.direction, view.query)[..., recording.prefix_tokens :]
        tiles = overlay_tiles(recording.photo.pixels, weights.reshape(*weights.shape[:2], *recording.photo.grid))
    num_layers, num_heads, height, width = tiles.shape[:4]
    selected = (view.layer, view.head) if view.of == "head" else None
    return head_grid(tiles, selected, current_theme()), width * num_heads / (height * num_layers)


def _bars(kept: RecordingEntry, view: View) -> tuple[go.Figure, float]:
    recording = kept.recording
    pairs = strongest(shown_row(recording, view), 10)
    names = [words.name_of(recording, key) for key, _ in pairs]
    return strongest_bars(names, np.array([weight for _, weight in pairs]), current_theme()), 3.0


FIGURES = {"picture": _picture, "heads": _heads, "bars": _bars}
