"""The figures of a view for print, as Vega-Lite specifications, without heading and caption."""

import math

import numpy as np

from headlens.model.analysis.heads import strongest
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.export.cells import Spec, axis, cells, framed, one_picture, over_photo
from headlens.viz.figures.hatch import looks_at_nothing
from headlens.viz.figures.pictures import data_uri
from headlens.viz.figures.tiles import overlay_tiles
from headlens.viz.theme import LIGHT, lookup_table
from headlens.viz.view import words
from headlens.viz.view.derived import all_heads, matrix, shown_row, text_tiles
from headlens.viz.view.scale import colour_limit
from headlens.viz.view.view import View
from headlens.viz.view.visible import visible

CELLS = 96  # along a side, drawn one by one; more are one picture
BESIDE, ABOVE = 140, 115  # pixels of names and the scale beside a matrix, of names and words above and below it
BARS, BAR = 10, 18  # how many, and pixels of each


def heatmap(entry: RecordingEntry, view: View, width: float) -> Spec:
    """Every query (down) and every key (across); the rows or columns of the chosen tokens are framed."""
    weights, recording = matrix(entry, view), entry.recording
    count, side = len(weights), width - BESIDE
    in_cells = count < recording.num_tokens
    names = [f"cell {index}" for index in range(count)] if in_cells else _names(recording)
    limit = colour_limit(weights, np.zeros(count, bool) if in_cells else recording.special)
    nothing = looks_at_nothing(weights)
    down = axis("query", names, side / count, turned=False)
    across = axis("key", names, side / count, turned=True)
    draw = one_picture if count > CELLS else cells
    drawn = draw(weights, down, across, limit, log=view.log, hatched=nothing)
    size = math.ceil(recording.num_tokens / count)
    marked = framed(drawn, [token // size for token in view.chosen], count, rows=view.direction == "at")
    return {"height": side + ABOVE, **marked}


def strip(entry: RecordingEntry, view: View, width: float) -> Spec:
    """The tokens in a line, each with the weight of the chosen queries."""
    recording = entry.recording
    row = shown_row(recording, view)
    across = axis(None, _names(recording), (width - BESIDE / 2) / len(row), turned=True)
    down: Spec = {"type": "ordinal", "axis": None}
    limit = colour_limit(row, recording.special)
    return {"height": 150, **cells(row[None], down, across, limit, hatched=looks_at_nothing(row[None]))}


def overlay(entry: RecordingEntry, view: View, width: float) -> Spec:
    """The photo, darkened, with the chosen queries' weights as heat."""
    recording = entry.recording
    photo, row = recording.photo, shown_row(recording, view)
    assert photo is not None
    limit = colour_limit(row, recording.special)
    outlined = [token - recording.prefix_tokens for token in view.chosen]
    return over_photo(photo, row[recording.prefix_tokens :], limit, width, outlined=outlined)


def grid(entry: RecordingEntry, view: View, width: float) -> Spec:
    """All heads, layers down, heads across: of a text each one's matrix, of a photo what the chosen queries look at."""
    recording = entry.recording
    if recording.photo is None:
        levels, _ = text_tiles(entry)
        tiles = lookup_table(LIGHT.weights)[levels]
    else:
        weights = all_heads(recording, view.direction, view.chosen)[..., recording.prefix_tokens :]
        tiles = overlay_tiles(recording.photo.pixels, weights.reshape(*weights.shape[:2], *recording.photo.grid))
    layers, heads, rows, columns = tiles.shape[:4]
    cell = width * 0.92 / heads
    values = [
        {"layer": layer, "head": head, "url": data_uri(tiles[layer, head], exact=True)}
        for layer, head in np.ndindex(layers, heads)
    ]
    return {
        "height": cell * rows / columns * layers + 60,
        "data": {"values": values},
        "mark": {"type": "image", "width": cell - 2, "height": (cell - 2) * rows / columns},
        "encoding": {
            "x": {"field": "head", "type": "ordinal", "axis": {"orient": "top", "labelAngle": 0}},
            "y": {"field": "layer", "type": "ordinal"},
            "url": {"field": "url", "type": "nominal"},
        },
    }


def bars(entry: RecordingEntry, view: View, width: float) -> Spec:
    """The strongest weights of the chosen queries."""
    pairs = strongest(shown_row(entry.recording, view), BARS)
    names = [words.name_of(entry.recording, key) for key, _ in pairs]
    across = {"field": "weight", "type": "quantitative", "title": "weight", "axis": {"grid": False}}
    number = {"text": {"field": "weight", "type": "quantitative", "format": ".3f"}}
    return {
        "height": BAR * len(pairs) + 90,
        "data": {"values": [{"place": place, "weight": float(weight)} for place, (_, weight) in enumerate(pairs)]},
        "encoding": {"y": {**axis(None, names, BAR, turned=False), "field": "place"}, "x": across},
        "layer": [
            {"mark": {"type": "bar", "color": LIGHT.accent}},
            {"mark": {"type": "text", "align": "left", "dx": 3, "fontSize": 8}, "encoding": number},
        ],
    }


def _names(recording: Recording) -> list[str]:
    return [visible(token) for token in recording.tokens]
