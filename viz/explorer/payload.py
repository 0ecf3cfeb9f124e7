"""What the explorer element gets: a JSON header and raw arrays, only of what is on the screen."""

import json

import numpy as np

from headlens.model.analysis.orders import head_order
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.explorer import arrays as wire
from headlens.viz.explorer.header import Figure, header_of
from headlens.viz.explorer.packing import pack
from headlens.viz.export.about import about_recording
from headlens.viz.export.figures import SavedFigure
from headlens.viz.figures import attention_heatmap, pooled_heatmap
from headlens.viz.view import words
from headlens.viz.view.derived import (
    LARGEST_DRAWN,
    Work,
    at_once,
    can_merge,
    heads_measured,
    matrix,
    shown_row,
    text_tiles,
)
from headlens.viz.view.view import View, file_name


def build(
    entry: RecordingEntry,
    view: View,
    *,
    link: str,
    full: bool,
    hover: bool,
    sent: bool = False,
    save: SavedFigure | None = None,
    work: Work = at_once,
) -> bytes:
    """The payload for a view.

    Args:
        entry: what to show.
        view: how.
        link: what the page says of the address.
        full: also what is slow and not the picture itself: the head in words.
        hover: also the head's queries and keys, from which the page computes what the pointer asks for.
        sent: the page has this recording already: what is the same in every view of it is left out.
        save: a figure that the page is to save.
        work: queues heavy work under its name; it gives what is called with each layer that is done.
    """
    recording, photo = entry.recording, entry.recording.photo
    several = view.scope != "head"
    if recording.num_tokens <= wire.EXACT_MATRIX:
        work = at_once  # it is done sooner than a queue is asked
    # A copy: what is added here is not kept with the entry.
    arrays = dict(wire.preview(entry, view, work=work))
    if photo is None:
        tiles, arrays["tileTops"] = text_tiles(entry, work)
    if not sent:
        arrays |= wire.colour_tables()
        arrays |= {"tiles": tiles} if photo is None else wire.photo_file(entry, photo)
    figure = None
    if view.matrix and (can_merge(recording) or not several):
        cells = matrix(entry, view, work)
        figure = matrix_figure(entry, view, cells)
        if recording.num_tokens > LARGEST_DRAWN:
            arrays["pooled"] = cells
    if several:
        arrays |= wire.several_heads(entry, view, work)
    elif hover or photo is None or (figure is not None and "pooled" not in arrays):
        arrays |= wire.one_head(recording, view)
    else:
        arrays["row"] = shown_row(recording, view)
    header = header_of(
        entry,
        view,
        link=link,
        full=full,
        hover=hover,
        sent=sent,
        side=int(tiles.shape[-1]) if photo is None else None,
        order=head_order(
            heads_measured(entry, view, work), recording.num_layers, recording.num_heads, by_layer=view.placed
        ),
        figure=figure,
        notes=(
            words.matrix_note(recording, LARGEST_DRAWN, several),
            words.grid_note(recording.num_tokens, photo is None, view.order),
        ),
        save=save,
    )
    return pack(header, arrays)


def matrix_figure(entry: RecordingEntry, view: View, weights: np.ndarray) -> Figure:
    """The figure of a matrix or its cells, without their weights: the explorer has these."""
    recording = entry.recording
    in_cells = len(weights) < recording.num_tokens
    draw = pooled_heatmap if in_cells else attention_heatmap
    figure = draw(weights, recording.tokens, recording.special, query=view.chosen, log=view.log)
    figure.data[0].update(z=None, customdata=None)
    figure.layout.images = ()  # of rows that the explorer hatches by itself
    if recording.stage == "cross" and not in_cells:  # what looks and what is looked at, not the empty rest
        written, read = (np.flatnonzero(np.array(recording.segments) == segment) for segment in (1, 0))
        figure.update_xaxes(range=[read[0] - 0.5, read[-1] + 0.5])
        figure.update_yaxes(range=[written[-1] + 0.5, written[0] - 0.5], autorange=False)
    drawn = json.loads(figure.to_json())
    return {
        "about": about_recording(recording),
        "data": drawn["data"],
        "layout": drawn["layout"],
        "name": f"headlens-{file_name(view)}",
    }
