"""The figures for print as Vega-Lite specifications: what is drawn, without heading and caption."""

from collections.abc import Sequence

import numpy as np

from headlens.model.analysis.heads import strongest
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.figures.pictures import darkened, data_uri
from headlens.viz.figures.tiles import overlay_tiles
from headlens.viz.theme import HEAT, LIGHT, lookup_table
from headlens.viz.view import words
from headlens.viz.view.derived import all_heads, matrix, shown_row, text_tiles
from headlens.viz.view.scale import colour_limit
from headlens.viz.view.view import View
from headlens.viz.view.visible import visible

Spec = dict[str, object]
CELLS = 96  # along a side, drawn one by one; more are one picture
LABELS = 9, 5.5  # pixels: letters of labels, and the least that can be read
NAME = 24  # letters of a token's name
BARS = 10


def heatmap(entry: RecordingEntry, view: View, width: float) -> Spec:
    """Every query (down) and every key (across)."""
    weights, recording = matrix(entry, view), entry.recording
    count = len(weights)
    limit = colour_limit(weights, np.zeros(count, bool)) if count < recording.num_tokens else _limit(recording, weights)
    names = _names(recording) if count == recording.num_tokens else [f"cell {index}" for index in range(count)]
    side = width * 0.8
    if count > CELLS:
        return {"height": side, **_one_picture(weights, names, limit, side)}
    axes: dict[str, Spec] = {
        "x": _axis("key", "key", names, side / count, turned=True),
        "y": _axis("query", "query", names, side / count, turned=False),
    }
    return {"height": side, **_cells(weights, axes, limit)}


def strip(entry: RecordingEntry, view: View, width: float) -> Spec:
    """The tokens in a line, each with the weight of one query."""
    recording = entry.recording
    row = shown_row(recording, view)
    axes: dict[str, Spec] = {
        "x": _axis("key", None, _names(recording), width / len(row), turned=True),
        "y": {"field": "query", "type": "ordinal", "axis": None},
    }
    return {"height": 150, **_cells(row[None], axes, colour_limit(row, recording.special))}


def overlay(entry: RecordingEntry, view: View, width: float) -> Spec:
    """The photo, darkened, with one query's weights as heat."""
    recording = entry.recording
    photo = recording.photo
    assert photo is not None
    rows, columns = photo.grid
    row = shown_row(recording, view)
    limit = colour_limit(row, recording.special)
    patches = np.clip(row[recording.prefix_tokens :].reshape(rows, columns) / limit, 0, 1)
    table = lookup_table(HEAT)
    heat = np.concatenate([table[np.rint(patches * 255).astype(int)], (np.sqrt(patches) * 217)[..., None]], axis=-1)
    plain = {"x": {"value": 0}, "y": {"value": 0}, "x2": {"value": "width"}, "y2": {"value": "height"}}
    layers: list[Spec] = [
        {"data": {"values": [{"url": data_uri(darkened(photo.pixels))}]}, **_picture(plain)},
        {
            "data": {"values": [{"url": data_uri(_enlarged(heat.astype(np.uint8), photo.pixels.shape[:2]))}]},
            **_picture(plain),
        },
    ]
    if view.query >= recording.prefix_tokens:
        down, across = divmod(view.query - recording.prefix_tokens, columns)
        edges = {"x": across, "x2": across + 1, "y": down, "y2": down + 1}
        layers.append(
            {
                "data": {"values": [edges]},
                "mark": {"type": "rect", "filled": False, "stroke": "white", "strokeWidth": 2},
                "encoding": {
                    "x": {"field": "x", "type": "quantitative", "scale": {"domain": [0, columns]}, "axis": None},
                    "x2": {"field": "x2"},
                    "y": {"field": "y", "type": "quantitative", "scale": {"domain": [rows, 0]}, "axis": None},
                    "y2": {"field": "y2"},
                },
            }
        )
    return {"height": width / photo.aspect + 60, "layer": layers}


def grid(entry: RecordingEntry, view: View, width: float) -> Spec:
    """All heads, layers down, heads across: of a text each one's matrix, of a photo what the query looks at."""
    recording = entry.recording
    if recording.photo is None:
        levels, _ = text_tiles(entry)
        tiles = lookup_table(LIGHT.weights)[levels]
    else:
        weights = all_heads(recording, view.direction, view.query)[..., recording.prefix_tokens :]
        tiles = overlay_tiles(recording.photo.pixels, weights.reshape(*weights.shape[:2], *recording.photo.grid))
    layers, heads, rows, columns = tiles.shape[:4]
    cell = width * 0.92 / heads
    values = [
        {"layer": layer, "head": head, "url": data_uri(tiles[layer, head])} for layer, head in np.ndindex(layers, heads)
    ]
    size = {"width": cell - 2, "height": (cell - 2) * rows / columns}
    return {
        "height": cell * rows / columns * layers + 60,
        "data": {"values": values},
        "mark": {"type": "image", **size},
        "encoding": {
            "x": {"field": "head", "type": "ordinal", "axis": {"orient": "top", "labelAngle": 0}},
            "y": {"field": "layer", "type": "ordinal"},
            "url": {"field": "url", "type": "nominal"},
        },
    }


def bars(entry: RecordingEntry, view: View, width: float) -> Spec:
    """The strongest weights of one query."""
    recording = entry.recording
    pairs = strongest(shown_row(recording, view), BARS)
    values = [{"place": place, "weight": float(weight)} for place, (_, weight) in enumerate(pairs)]
    names = [_short(words.name_of(recording, key)) for key, _ in pairs]
    encoding = {
        "y": _axis("place", None, names, 18, turned=False),
        "x": {"field": "weight", "type": "quantitative", "title": "weight", "axis": {"grid": False}},
    }
    return {
        "height": 18 * len(values) + 90,
        "data": {"values": values},
        "encoding": encoding,
        "layer": [
            {"mark": {"type": "bar", "color": LIGHT.accent}},
            {
                "mark": {"type": "text", "align": "left", "dx": 3, "fontSize": 8},
                "encoding": {"text": {"field": "weight", "type": "quantitative", "format": ".3f"}},
            },
        ],
    }


def _cells(weights: np.ndarray, axes: dict[str, Spec], limit: float) -> Spec:
    """[query, key] as coloured cells, with the scale beside them."""
    values = [
        {"query": query, "key": key, "weight": float(f"{weights[query, key]:.6g}")}
        for query, key in np.ndindex(*weights.shape)
    ]
    scale = {"domain": [0, limit], "range": LIGHT.weights, "clamp": True}
    return {
        "data": {"values": values},
        "mark": "rect",
        "encoding": {**axes, "color": {"field": "weight", "type": "quantitative", "scale": scale, "title": "weight"}},
    }


def _one_picture(weights: np.ndarray, names: Sequence[str], limit: float, side: float) -> Spec:
    """[query, key] as one picture, where a square for each would be too many."""
    count = len(weights)
    colours = lookup_table(LIGHT.weights)[np.rint(np.clip(weights / limit, 0, 1) * 255).astype(int)]
    plain = {"x": {"value": 0}, "y": {"value": 0}, "x2": {"value": "width"}, "y2": {"value": "height"}}
    picture = {"data": {"values": [{"url": data_uri(colours)}]}, **_picture(plain)}
    values = [{"query": place, "key": place, "weight": weight} for place, weight in ((0, 0.0), (count - 1, limit))]
    axes: dict[str, Spec] = {
        "x": _axis("key", "key", names, side / count, turned=True),
        "y": _axis("query", "query", names, side / count, turned=False),
    }
    for axis in axes.values():
        axis["scale"] = {"domain": list(range(count))}
    scale: Spec = _cells(np.zeros((0, 0)), axes, limit)
    return {"layer": [picture, {**scale, "data": {"values": values}, "mark": {"type": "rect", "opacity": 0}}]}


def _axis(field: str, title: str | None, names: Sequence[str], cell: float, *, turned: bool) -> Spec:
    """Positions by their names, in letters as small as the cells need; of many every so many."""
    most, least = LABELS
    every = max(1, int(np.ceil(least * 1.25 / cell)))
    size = float(np.clip(cell * every / 1.25, least, most))
    shown = list(range(0, len(names), every))
    labels = ", ".join(f"'{_quoted(name)}'" for name in names)
    return {
        "field": field,
        "type": "ordinal",
        "title": title,
        "axis": {
            "labelExpr": f"[{labels}][datum.value]",
            "labelFontSize": size,
            "labelAngle": -90 if turned else 0,
            "values": shown,
            "labelOverlap": False,
        },
    }


def _names(recording: Recording) -> list[str]:
    return [_short(visible(token)) for token in recording.tokens]


def _short(name: str) -> str:
    return name if len(name) <= NAME else name[: NAME - 1] + "…"


def _quoted(name: str) -> str:
    return name.replace("\\", "\\\\").replace("'", "\\'").replace("\n", " ")


def _limit(recording: Recording, weights: np.ndarray) -> float:
    return colour_limit(weights[:, : len(recording.special)], recording.special)


def _picture(encoding: Spec) -> Spec:
    return {
        "mark": {"type": "image", "aspect": False},
        "encoding": {**encoding, "url": {"field": "url", "type": "nominal"}},
    }


def _enlarged(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """[height, width, channel] of the size of a photo, each patch crisp."""
    rows, columns = pixels.shape[:2]
    down = np.minimum(np.arange(size[0]) * rows // size[0], rows - 1)
    across = np.minimum(np.arange(size[1]) * columns // size[1], columns - 1)
    enlarged: np.ndarray = pixels[down][:, across]
    return enlarged
