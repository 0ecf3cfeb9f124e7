"""What the page Compare sends of a head of A beside one of B: from it the browser computes every row, and A − B."""

import hashlib
import json
from dataclasses import asdict
from typing import TypedDict

import numpy as np
import plotly.graph_objects as go

from headlens.model.comparison.boxes import place_boxes
from headlens.model.comparison.comparison import Comparison, Head, HeadBeside
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.explorer import arrays as wire
from headlens.viz.explorer.arrays import Arrays
from headlens.viz.explorer.header import Figure, Header, header_of
from headlens.viz.explorer.packing import pack
from headlens.viz.export.about import about_recording
from headlens.viz.figures.comparison import place_names, weights_beside, weights_less
from headlens.viz.theme import Theme
from headlens.viz.view.derived import LARGEST_DRAWN
from headlens.viz.view.pair import PairView
from headlens.viz.view.scale import is_exceeded
from headlens.viz.view.view import Direction, Edges, View
from headlens.viz.view.visible import visible

Entries = tuple[RecordingEntry, RecordingEntry]
Heads = tuple[Head, Head]
TOO_MANY = f"The matrices are drawn up to {LARGEST_DRAWN:,} tokens; headlens compare writes these as a sheet."
BEYOND = "Special tokens do not set the scales of the matrices; some weights to them are beyond."


class PairFields(TypedDict):
    """The fields of PairView. The browser tells the server the same, with "at", the time, and two ids of pairs: "of",
    which it shows, and "has", which need not be sent again."""

    query: int | None
    query2: int | None
    direction: Direction
    edges: Edges
    strength: int
    matrix: bool


class PairHeader(TypedDict):
    """All that the browser gets besides arrays.

    The arrays of a side have its letter at their end: besides those of its head and its photo they are "placeA",
    "positionA" and "shareA" [entry], which share of a position is in a place; "mainA" [position], the place that a
    position is in; and "partnerA" [position], the position of B that corresponds to it, or -1. "boxes" [place, 4] say
    where the places of photos lie: top, left, bottom and right as shares of A's picture, which may reach beyond it;
    zeros for those that lie nowhere.
    "weightsA" and "weightsB" [place, place] are all weights, where matrices are drawn.
    """

    id: str  # of the recordings, the heads, and what corresponds to what
    view: PairFields
    sides: list[Header]  # of A and of B; queries are in the view above
    names: list[str]  # of the places, as they are to be shown
    special: list[int]  # [place] 0 or 1
    sent: bool  # the browser has the arrays and the matrices already: they are left out
    matrices: list[Figure]  # of A, of B and of A − B, without the weights; none where they are not drawn
    matrixNote: str


def build_pair(
    entries: Entries, comparison: Comparison, heads: Heads, view: PairView, *, has: object, theme: Theme
) -> tuple[str, bytes]:
    """What tells this pair from others, and the payload for it.

    Args:
        entries: of the recordings, A's and B's.
        comparison: of these recordings.
        heads: a head of A, and one of B.
        view: what is chosen.
        has: the id of what the browser has already.
        theme: the colours of the matrices.
    """
    alignment = comparison.alignment
    few = len(alignment.names) <= LARGEST_DRAWN
    drawn = view.matrix and few
    places = _places(comparison)
    id = _pair_id(entries, heads, places, theme=theme if drawn else None)
    sent = has == id
    arrays: Arrays = {}
    if not sent:
        arrays = wire.colour_tables() | places
        for side, entry, head in zip("AB", entries, heads):
            arrays |= {name + side: array for name, array in _side(entry, head).items()}
    figures = list[Figure]()
    note = "" if few else TOO_MANY
    if drawn and not sent:
        weights = comparison.beside(*heads[0], heads[1])
        arrays |= {"weightsA": weights.a, "weightsB": weights.b}
        figures = _matrices(comparison, weights, heads, theme)
        note = _scale_note(weights, comparison.special)
    header: PairHeader = {
        "id": id,
        "view": asdict(view),  # type: ignore[typeddict-item]  # tests compare the fields
        "sides": [_header(entry, head) for entry, head in zip(entries, heads)],
        "names": [visible(name) for name in alignment.names],
        "special": comparison.special.astype(int).tolist(),
        "sent": sent,
        "matrices": figures,
        "matrixNote": note,
    }
    return id, pack(header, arrays)


def _pair_id(entries: Entries, heads: Heads, places: Arrays, *, theme: Theme | None) -> str:
    """What tells this pair from others: the recordings, the heads, what corresponds, and the look of the matrices."""
    digest = hashlib.sha256(json.dumps([[entry.id for entry in entries], heads]).encode())
    for array in places.values():
        digest.update(array.tobytes())
    return f"{digest.hexdigest()[:32]} {'' if theme is None else theme.background}"


def _places(comparison: Comparison) -> Arrays:
    """Which positions are in which places, and which correspond."""
    alignment = comparison.alignment
    arrays = Arrays()
    for side, places, main, partner in zip(
        "AB", (alignment.a, alignment.b), alignment.main_places, alignment.counterparts
    ):
        entries = places.shares.tocoo()
        place, position = entries.coords
        arrays["place" + side], arrays["position" + side] = place.astype(np.int32), position.astype(np.int32)
        arrays["share" + side] = entries.data.astype(np.float32)
        arrays["main" + side], arrays["partner" + side] = main.astype(np.int32), partner.astype(np.int32)
    if comparison.a.grid is not None and comparison.b.grid is not None:
        boxes = _seen_from(comparison.a, place_boxes(alignment, comparison.a, comparison.b))
        arrays["boxes"] = np.nan_to_num(boxes).astype(np.float32)
    return arrays


def _seen_from(recording: Recording, boxes: np.ndarray) -> np.ndarray:
    """Boxes [place, 4] of a whole photo as shares of what a recording sees of it."""
    assert recording.photo is not None
    top, left, bottom, right = recording.photo.window
    seen: np.ndarray = (boxes - [top, left, top, left]) / [bottom - top, right - left, bottom - top, right - left]
    return seen


def _side(entry: RecordingEntry, head: Head) -> Arrays:
    photo = entry.recording.photo
    arrays = wire.one_head(entry.recording, View(*head, query=0))
    return arrays if photo is None else arrays | wire.photo_file(entry, photo)


def _header(entry: RecordingEntry, head: Head) -> Header:
    return header_of(
        entry,
        View(*head, query=0),
        link="",
        full=False,
        hover=True,
        sent=False,
        side=None,
        order=[],
        figure=None,
        notes=("", ""),
        save=None,
    )


def _matrices(comparison: Comparison, weights: HeadBeside, heads: Heads, theme: Theme) -> list[Figure]:
    """The figures of A, of B and of A − B, without their weights: the browser has these."""
    alignment, special = comparison.alignment, comparison.special
    present = alignment.a.filled, alignment.b.filled
    names = place_names(alignment.names, *present)
    of_a, of_b = weights_beside((weights.a, weights.b), names, present, special=special, theme=theme)
    both = zip("AB", (comparison.a, comparison.b), heads)
    about = {side: f"{each.model.title}, layer {layer}, head {head}" for side, each, (layer, head) in both}
    about["program"] = about_recording(comparison.a)["program"]
    return [
        _without_weights(figure, about, name)
        for figure, name in (
            (of_a, "a"),
            (of_b, "b"),
            (weights_less(weights.difference, names, special=special, theme=theme), "a-less-b"),
        )
    ]


def _scale_note(weights: HeadBeside, special: np.ndarray) -> str:
    scales = np.concatenate([weights.a, weights.b]), np.nan_to_num(np.abs(weights.difference))
    return BEYOND if any(is_exceeded(each, special) for each in scales) else ""


def _without_weights(figure: go.Figure, about: dict[str, str], name: str) -> Figure:
    for trace in figure.data:
        trace.update(z=None)
    drawn = json.loads(figure.to_json())
    return {"about": about, "data": drawn["data"], "layout": drawn["layout"], "name": f"headlens-compare-{name}"}
