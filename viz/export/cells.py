"""What the figures for print are built from, as Vega-Lite specifications: cells, axes with names, heat over a photo."""

from collections.abc import Sequence

import numpy as np

from headlens.viz.figures.heatmap import DECADES
from headlens.viz.figures.overlay import PhotoLike
from headlens.viz.figures.pictures import darkened, data_uri
from headlens.viz.theme import HEAT, LIGHT, lookup_table
from headlens.viz.view.chosen import boxes, runs

Spec = dict[str, object]
LABELS = 9, 5.5  # pixels: letters of labels, and the least that can be read
SCALE = 75  # pixels of the scale beside a photo
MISSING = 225  # grey of what is nan
STROKE = "#888888"  # of what is hatched
NAME = 24  # letters of a token's name
WHOLE = {"x": {"value": 0}, "y": {"value": 0}, "x2": {"value": "width"}, "y2": {"value": "height"}}


def cells(
    numbers: np.ndarray,
    down: Spec,
    across: Spec,
    limit: float,
    *,
    unit: str = "weight",
    signed: bool = False,
    log: bool = False,
    hatched: np.ndarray | None = None,
) -> Spec:
    """A coloured cell for each number, with the scale beside them.

    Args:
        numbers: [row, column]; where they are nan there is no cell.
        down: the axis of the rows, from `axis`.
        across: the axis of the columns.
        limit: the top of the scale.
        unit: what the numbers are.
        signed: whether the scale goes to both sides of zero.
        log: coloured by the logarithm, over DECADES decades.
        hatched: [row] bool, rows that have no numbers; None: none.
    """
    values = [
        {"row": row, "column": column, "number": float(f"{numbers[row, column]:.6g}")}
        for row, column in np.ndindex(*numbers.shape)
        if not np.isnan(numbers[row, column])
    ]
    scale: Spec = {
        "domain": list(np.linspace(-limit, limit, 5)) if signed else [0, limit],
        "range": LIGHT.signed if signed else LIGHT.weights,
        "clamp": True,
        "interpolate": "rgb",  # as the pages' figures do
    }
    if log:
        scale |= {"type": "log", "domain": [limit * 10.0**-DECADES, limit]}
    colour = {"field": "number", "type": "quantitative", **_scale_bar(scale, limit, unit, numbers)}
    encoding = {"y": {**down, "field": "row"}, "x": {**across, "field": "column"}, "color": colour}
    drawn: Spec = {"data": {"values": values}, "mark": "rect", "encoding": encoding}
    if hatched is None or not hatched.any():
        return drawn
    return {"layer": [drawn, _strokes(values, hatched, down, across)]}


def _strokes(values: list[dict[str, float]], hatched: np.ndarray, down: Spec, across: Spec) -> Spec:
    """White squares with strokes across, in place of the numbers of some rows."""
    empty = [value for value in values if hatched[int(value["row"])]]
    places = {"y": {**down, "field": "row"}, "x": {**across, "field": "column"}}
    ends = {
        "y": {**down, "field": "row", "bandPosition": 1},
        "x": {**across, "field": "column", "bandPosition": 0},
        "y2": {"field": "row", "bandPosition": 0},
        "x2": {"field": "column", "bandPosition": 1},
    }
    square: Spec = {"mark": {"type": "rect", "color": "white"}, "encoding": places}
    stroke: Spec = {"mark": {"type": "rule", "color": STROKE}, "encoding": ends}
    return {"data": {"values": empty}, "layer": [square, stroke]}


def _scale_bar(scale: Spec, limit: float, unit: str, numbers: np.ndarray) -> Spec:
    """The scale, and how it is drawn beside a figure: its ends in numbers, and whether something lies behind them."""
    low = scale["domain"][0]  # type: ignore[index]
    beyond = numbers.size > 0 and float(np.nanmax(np.abs(numbers))) > limit * 1.0001
    title = [unit, f"(the end: {limit:.2g}", "or more)"] if beyond else unit
    ends = [low, *([limit / 2] if low == 0 else [0] if low < 0 else []), limit]
    return {"scale": scale, "title": title, "legend": {"format": ".2~g", "values": ends, "titleLimit": 300}}


def one_picture(
    weights: np.ndarray,
    down: Spec,
    across: Spec,
    limit: float,
    *,
    signed: bool = False,
    log: bool = False,
    hatched: np.ndarray | None = None,
) -> Spec:
    """[query, key] as one picture, where a square for each would be too many; arguments as of `cells`."""
    count = len(weights)
    shares = np.clip(weights / limit, -1 if signed else 0, 1)
    if log:
        shares = 1 + np.log10(np.maximum(shares, 10.0**-DECADES)) / DECADES
    shares = (shares + 1) / 2 if signed else shares
    colours = lookup_table(LIGHT.signed if signed else LIGHT.weights)[np.rint(np.nan_to_num(shares) * 255).astype(int)]
    colours[np.isnan(shares)] = MISSING
    if hatched is not None:
        strokes = np.where(np.add.outer(np.arange(count), np.arange(count)) % 3 == 0, 0x88, 0xFF).astype(np.uint8)
        colours[hatched] = strokes[hatched][..., None]
    low = -limit if signed else 0.0
    ends = [{"row": place, "column": place, "number": number} for place, number in ((0, low), (count - 1, limit))]
    places = {"scale": {"domain": list(range(count))}}
    drawn = {**down, **places}, {**across, **places}
    scale = cells(np.full((1, 1), np.nanmax(weights)), *drawn, limit, signed=signed, log=log)
    unseen = {**scale, "data": {"values": ends}, "mark": {"type": "rect", "opacity": 0}}
    return {"layer": [_picture(colours), unseen]}


def framed(drawn: Spec, places: Sequence[int], count: int, *, rows: bool) -> Spec:
    """What `cells` or `one_picture` draws of a square of so many, with frames around some rows, or columns."""
    along, side = ("y", "height") if rows else ("x", "width")
    frame = {"type": "rect", "filled": False, "stroke": LIGHT.accent, "strokeWidth": 1.5}
    frames: list[Spec] = []
    for first, last in runs(places):
        start, end = ({"value": {"expr": f"{side} * {place} / {count}"}} for place in (first, last + 1))
        encoding = {**WHOLE, along: start, f"{along}2": end}
        frames.append({"data": {"values": [{}]}, "mark": frame, "encoding": encoding})
    layers = drawn.get("layer", [drawn])
    assert isinstance(layers, list)
    return {"layer": [*layers, *frames]}


def over_photo(
    photo: PhotoLike,
    scores: np.ndarray,
    limit: float,
    width: float,
    *,
    unit: str = "weight",
    signed: bool = False,
    outlined: Sequence[int] = (),
) -> Spec:
    """The photo, darkened, with a number of each patch as heat.

    Args:
        photo: its pixels, aspect and grid of patches.
        scores: [patch], row by row.
        limit: the top of the scale.
        width: of the figure, in pixels.
        unit: what the numbers are.
        signed: what is below zero is blue.
        outlined: patches, row by row; what is below 0 is none.
    """
    rows, columns = photo.grid
    patches = np.clip(scores.reshape(rows, columns) / limit, -1 if signed else 0, 1)
    table = lookup_table(LIGHT.signed)[np.rint((patches + 1) * 127.5).astype(int)]
    if not signed:
        table = lookup_table(HEAT)[np.rint(patches * 255).astype(int)]
    heat = np.concatenate([table, (np.sqrt(np.abs(patches)) * 217)[..., None]], axis=-1).astype(np.uint8)
    colours = {
        "domain": list(np.linspace(-limit, limit, 5)) if signed else [0, limit],
        "range": LIGHT.signed if signed else HEAT,
        "interpolate": "rgb",
    }
    bar: Spec = {
        "data": {"values": [{"number": 0.0}]},
        "mark": {"type": "point", "opacity": 0},
        "encoding": {
            "color": {"field": "number", "type": "quantitative", **_scale_bar(colours, limit, unit, scores)},
        },
    }
    layers = [_picture(darkened(photo.pixels)), _picture(_enlarged(heat, photo.pixels.shape[:2])), bar]
    corners = [
        {"left": left, "top": top, "right": right, "bottom": bottom}
        for left, top, right, bottom in boxes((patch for patch in outlined if patch >= 0), columns)
    ]
    if corners:
        encoding = {
            "x": {"field": "left", "type": "quantitative", "scale": {"domain": [0, columns]}, "axis": None},
            "x2": {"field": "right"},
            "y": {"field": "top", "type": "quantitative", "scale": {"domain": [rows, 0]}, "axis": None},
            "y2": {"field": "bottom"},
        }
        mark = {"type": "rect", "filled": False, "stroke": "white", "strokeWidth": 2}
        layers.append({"data": {"values": corners}, "mark": mark, "encoding": encoding})
    plot = width - SCALE
    return {"autosize": "pad", "width": plot, "height": plot / photo.aspect, "layer": layers}  # as the photo is


def axis(title: str | None, names: Sequence[str], cell: float, *, turned: bool) -> Spec:
    """Positions by their names, in letters as small as the cells need; of many every so many.

    Args:
        title: of the axis.
        names: of all positions; they are a stranger's, and stay text.
        cell: pixels of each.
        turned: upright letters, for the axis across.
    """
    most, least = LABELS
    every = max(1, int(np.ceil(least * 1.25 / cell)))
    labels = ", ".join(f"'{_quoted(short(name))}'" for name in names)
    look = {
        "labelExpr": f"[{labels}][datum.value]",
        "labelFontSize": float(np.clip(cell * every / 1.25, least, most)),
        "labelAngle": -90 if turned else 0,
        "values": list(range(0, len(names), every)),
        "labelOverlap": False,
    }
    return {"type": "ordinal", "title": title, "axis": look}


def short(name: str) -> str:
    """A name that is not too long for an axis."""
    return name if len(name) <= NAME else name[: NAME - 1] + "…"


def _quoted(name: str) -> str:
    return name.replace("\\", "\\\\").replace("'", "\\'").replace("\n", " ")


def _picture(pixels: np.ndarray) -> Spec:
    """[height, width, channel] uint8 over the whole plot."""
    encoding = {**WHOLE, "url": {"field": "url", "type": "nominal"}}
    return {
        "data": {"values": [{"url": data_uri(pixels, exact=True)}]},
        "mark": {"type": "image", "aspect": False},
        "encoding": encoding,
    }


def _enlarged(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """[height, width, channel] of the size of a photo, each patch crisp."""
    rows, columns = pixels.shape[:2]
    down = np.minimum(np.arange(size[0]) * rows // size[0], rows - 1)
    across = np.minimum(np.arange(size[1]) * columns // size[1], columns - 1)
    enlarged: np.ndarray = pixels[down][:, across]
    return enlarged
