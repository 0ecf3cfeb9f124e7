"""The header that the explorer gets: what it is, field by field, and how it is filled.

viz/explorer/js/types.js says the same for JavaScript, each TypedDict as a typedef of its name;
tests/viz/explorer/test_header.py compares the two.
"""

import dataclasses
from typing import TypedDict

from headlens.model.analysis.orders import MeasuredHead
from headlens.model.recording.parts import Unit
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.export.figures import SavedFigure
from headlens.viz.view import words
from headlens.viz.view.derived import recorded_roles, role_sums_of
from headlens.viz.view.pieces import groups_of, pieces_of
from headlens.viz.view.roles import role_in_words
from headlens.viz.view.view import Direction, Edges, Reduction, Scope, View
from headlens.viz.view.visible import reads_from_right, visible
from headlens.viz.view.wording import Wording


class ViewFields(TypedDict):
    """The fields of View. The explorer tells the server the same, with "at", the time, and two ids of recordings:
    "of", which it shows, and "has", which need not be sent again."""

    layer: int
    head: int
    query: int
    scope: Scope
    reduction: Reduction  # always "mean" where the scope is "head"
    direction: Direction
    log: bool
    order: str
    placed: bool
    key: int
    shared: bool
    edges: Edges
    strength: int
    matrix: bool
    queries: list[int]  # the chosen ones, sorted, the query among them; none where it is alone
    heads: list[tuple[int, int]]  # the chosen ones, sorted, layer and head among them; none where it is alone
    pick: bool  # a key is being chosen: the explorer's own, the server sends false


class Measure(TypedDict):
    """What heads can be ordered and coloured by."""

    key: str  # the value of "order" in a view
    name: str
    definition: str
    source: str
    share: bool  # it is from 0 to 1


class Figure(TypedDict):
    """The figure of the matrix, as Plotly takes it, without the weights: the explorer has these."""

    about: dict[str, str]  # the model and the program, for its metadata
    data: list[dict[str, object]]
    layout: dict[str, object]
    name: str  # of the file when it is saved


class Header(TypedDict):
    """All that the explorer gets besides arrays."""

    id: str  # of the recording
    view: ViewFields
    wording: Wording
    tokens: list[str]  # as they are to be shown
    isolate: list[int]  # tokens that read from right to left: in a sentence they stand between U+2068 and U+2069
    special: list[int]  # [token] 0 or 1
    unit: Unit  # what a position of a text stands for
    wordIds: list[int]  # [token] which word each is part of; -1: of none
    groups: list[list[int]] | None  # of words: the tokens of each, which the arrays of one head are of
    prefix: int  # tokens before the patches
    grid: list[int] | None  # rows and columns of the patches; None for a text
    aspect: float | None  # width / height of the photo
    layers: int
    heads: int
    scale: float  # of the scores of the view's layer
    softcap: float | None
    causal: bool
    side: int | None  # cells along each side of a text's tile
    sent: bool  # the explorer has this recording already: what is the same in every view of it is left out
    order: list[MeasuredHead]  # layer, head, and what they are ordered by, as they stand in the grid
    measures: list[Measure]
    why: str  # why heads rest on special tokens
    role: str  # what the head is called after; empty where it is still to come
    words: str  # the head in words; empty where it is still to come
    more: bool  # there is more to be asked for
    link: str  # what the page says of its address
    figure: Figure | None
    matrixNote: str
    gridNote: str
    save: SavedFigure | None


def header_of(
    entry: RecordingEntry,
    view: View,
    *,
    link: str,
    full: bool,
    hover: bool,
    sent: bool,
    side: int | None,
    order: list[MeasuredHead],
    figure: Figure | None,
    notes: tuple[str, str],
    save: SavedFigure | None,
) -> Header:
    """The header for a view.

    Args:
        entry: what is shown.
        view: how.
        link: what the page says of its address.
        full: with the head in words, which take time.
        hover: the arrays hold all that the pointer may ask for.
        sent: the explorer has this recording already.
        side: cells along each side of a text's tile; None for a photo.
        order: the heads as they stand in the grid.
        figure: of the matrix, where it is to be drawn.
        notes: on the matrix and on the grid.
        save: a figure that is to be saved.
    """
    recording = entry.recording
    layer, groups = pieces_of(recording).layers[view.layer], groups_of(recording)
    tokens = [visible(token) for token in recording.tokens]
    return {
        "id": entry.id,
        "view": {**dataclasses.asdict(view), "pick": False},  # type: ignore[typeddict-item]  # tests compare the fields
        "wording": words.wording_of(recording),
        "tokens": tokens,
        "isolate": [index for index, token in enumerate(tokens) if reads_from_right(token)],
        "special": recording.special.astype(int).tolist(),
        "unit": recording.unit,
        "wordIds": [-1 if word is None else word for word in recording.words],
        "groups": None if groups is None else [list(group) for group in groups],
        "prefix": recording.prefix_tokens,
        "grid": None if recording.grid is None else list(recording.grid),
        "aspect": None if recording.photo is None else recording.photo.aspect,
        "layers": recording.num_layers,
        "heads": recording.num_heads,
        "scale": layer.scale,
        "softcap": layer.softcap,
        "causal": layer.causal,
        "side": side,
        "sent": sent,
        "order": order,
        "measures": [
            {
                "key": role.key,
                "name": role.name,
                "definition": role.definition,
                "source": role.source,
                "share": role.unit == "share",
            }
            for role in recorded_roles(entry).roles
        ],
        "why": words.WHY_SPECIAL,
        "role": role_in_words(recording, view, sums=role_sums_of(entry, view.layer)) if full else "",
        "words": words.head_in_words(recording, view.layer, view.head, chosen=view.chosen) if full else "",
        "more": not full or not hover,
        "link": link,
        "figure": figure,
        "matrixNote": notes[0],
        "gridNote": notes[1],
        "save": save,
    }
