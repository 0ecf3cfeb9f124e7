"""Everything that the explorer may ask about one recording, as one payload: for a file that has no server to ask.

viz/explorer/js/recorded.js says the same for JavaScript, as the typedef Kept; viz/explorer/js/answers.js makes of it
what `headlens.viz.explorer.payload` makes of the recording.
"""

import dataclasses
from typing import TypedDict

import numpy as np

from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.explorer import arrays as wire
from headlens.viz.explorer.header import Figure, Header, header_of
from headlens.viz.explorer.packing import pack
from headlens.viz.explorer.payload import matrix_figure
from headlens.viz.view import words
from headlens.viz.view.derived import (
    LARGEST_DRAWN,
    Work,
    at_once,
    can_merge,
    recorded_roles,
    role_sums,
    role_sums_of,
    text_tiles,
)
from headlens.viz.view.pieces import groups_of, pieces_of
from headlens.viz.view.roles import orders_of, role_of
from headlens.viz.view.view import View

CELLS = 512  # of a matrix that is drawn in cells, at most along each side, as `Recording.pooled` makes them


class KeptLayer(TypedDict):
    """What the weights of a layer depend on, besides arrays."""

    scale: float
    softcap: float | None
    causal: bool
    masks: list[int | None]  # [head] which of the arrays mask0, mask1, … is added to its scores


class Kept(TypedDict):
    """All that is kept of a recording besides arrays.

    The arrays are those that are the same in every view; "lse" [layer, head, token]; "query0" [head, token, d_head] and
    "key0" [key head, token, d_head] of each layer, but where scores alone were recorded; and the masks, each once.
    They are of tokens where words are shown too.
    """

    header: Header  # of the view to begin with; "figure" without log
    logTrace: dict[str, object]  # the trace of the figure with log
    perCell: int  # tokens in a cell of the matrix
    merges: bool  # heads are made one matrix
    kept: list[KeptLayer]
    measures: dict[str, list[list[float | None]]]  # [layer][head] by the order that sorts by them
    headRoles: list[list[str]]  # [layer][head] what each is called after
    headWords: str  # the template of the head in words
    wordLooks: list[list[tuple[float, float]]] | None  # [layer][head] spread and reach between words; None: of tokens
    severalNote: str  # the matrix's note where heads are made one
    gridNotes: dict[str, str]  # by order


def everything(entry: RecordingEntry, view: View, work: Work = at_once) -> bytes:
    """Everything of a recording, to be opened with a view.

    Args:
        entry: what is kept.
        view: what is shown first.
        work: as in `headlens.viz.explorer.payload.build`.
    """
    recording, photo = entry.recording, entry.recording.photo
    arrays: dict[str, np.ndarray] = dict(wire.colour_tables())
    if photo is None:
        arrays["tiles"], arrays["tileTops"] = text_tiles(entry, work)
    else:
        arrays |= wire.photo_file(entry, photo)
    layers = _add_layers(pieces_of(recording), arrays, work)
    measures, head_roles = _roles(entry, work)
    figure, log_trace, per_cell = _figures(entry, view)
    return pack(
        Kept(
            header=header_of(
                entry,
                view,
                link="",
                full=False,
                hover=True,
                sent=False,
                side=int(arrays["tiles"].shape[-1]) if photo is None else None,
                order=[],
                figure=figure,
                notes=(words.matrix_note(recording, LARGEST_DRAWN, several=False), ""),
                save=None,
            ),
            logTrace=log_trace,
            perCell=per_cell,
            merges=can_merge(recording),
            kept=layers,
            measures=measures,
            headRoles=head_roles,
            headWords=words.head_template(recording),
            wordLooks=None if groups_of(recording) is None else _looks(recording, work),
            severalNote=words.matrix_note(recording, LARGEST_DRAWN, several=True),
            gridNotes={
                order: words.grid_note(recording.num_tokens, photo is None, order) for order in orders_of(recording)
            },
        ),
        arrays,
    )


def _roles(entry: RecordingEntry, work: Work) -> tuple[dict[str, list[list[float | None]]], list[list[str]]]:
    """The scores of all heads in each role, and what they are called after."""
    recording, sums = entry.recording, role_sums(entry, work)
    measures = {
        role.key: [[None if np.isnan(score) else float(score) for score in row] for row in scores]
        for role, scores in zip(recorded_roles(entry).roles, sums.mean)
    }
    words = [
        [role_of(recording, head, sums=role_sums_of(entry, layer)) for head in range(recording.num_heads)]
        for layer in range(recording.num_layers)
    ]
    return measures, words


def _looks(recording: Recording, work: Work) -> list[list[tuple[float, float]]]:
    """Over how many words each head spreads, and how many away it looks: roles are between tokens."""
    looks = []
    with work("Looking between words", recording.num_layers) as on_layer:
        for layer in range(recording.num_layers):
            looks.append([words.spread_and_reach(recording, layer, head) for head in range(recording.num_heads)])
            on_layer(layer)
    return looks


def _add_layers(recording: Recording, arrays: dict[str, np.ndarray], work: Work) -> list[KeptLayer]:
    """Add the arrays of all layers; what else there is of each."""
    layers: list[KeptLayer] = []
    masks: dict[bytes, int] = {}
    sums = []
    with work("Adding up rows", recording.num_layers) as on_layer:
        for index, layer in enumerate(recording.layers):
            sums.append(recording.log_sum_exp(index).astype(np.float32))
            if not layer.scores_only:
                shared = recording.num_heads // layer.key.shape[-3]
                arrays[f"query{index}"] = recording.query(index).astype(np.float32)
                arrays[f"key{index}"] = recording.key(index)[::shared].astype(np.float32)
            layers.append(
                {
                    "scale": layer.scale,
                    "softcap": layer.softcap,
                    "causal": layer.causal,
                    "masks": [_mask(recording, index, head, arrays, masks) for head in range(recording.num_heads)],
                }
            )
            on_layer(index)
    arrays["lse"] = np.stack(sums)
    return layers


def _mask(
    recording: Recording, layer: int, head: int, arrays: dict[str, np.ndarray], masks: dict[bytes, int]
) -> int | None:
    """The number of a head's mask, which is added to the arrays where no other head has the same."""
    mask = recording.mask(layer, head)
    if mask is None:
        return None
    number = masks.setdefault(mask.tobytes(), len(masks))
    arrays[f"mask{number}"] = mask
    return number


def _figures(entry: RecordingEntry, view: View) -> tuple[Figure, dict[str, object], int]:
    """The figure of the matrix, its trace with log, and how many tokens a cell of it has."""
    num_tokens = entry.recording.num_tokens
    per_cell = 1 if num_tokens <= LARGEST_DRAWN else -(-num_tokens // CELLS)
    cells = -(-num_tokens // per_cell)
    empty = np.zeros((cells, cells), np.float32)
    linear = matrix_figure(entry, dataclasses.replace(view, log=False), empty)
    log = matrix_figure(entry, dataclasses.replace(view, log=True), empty)
    return linear, log["data"][0], per_cell
