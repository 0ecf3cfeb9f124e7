"""The arrays that the explorer gets, as small as they may travel."""

import functools
import io

import numpy as np
from PIL import Image

from headlens.model.recording.parts import Photo
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.theme import DARK, HEAT, LIGHT, lookup_table
from headlens.viz.view.derived import Work, all_heads, at_once, can_merge, merged, row_of, shown_row
from headlens.viz.view.pieces import pieces_of
from headlens.viz.view.scale import to_levels
from headlens.viz.view.view import View

EXACT_MATRIX = 600  # tokens up to which the matrix of several heads travels as float32; above in levels of 1/255
Arrays = dict[str, np.ndarray]


def preview(entry: RecordingEntry, view: View, *, work: Work) -> Arrays:
    """What the chosen tokens give to every token in every head (their mean), or get from it ("by", their sum).

    "preview": [layer, head, token] levels of each head's "tops" [layer, head]; "previewSpecial": exact, the weights on
    special tokens alone. "tileTops" are the tops of a photo's tiles.
    """

    def compute() -> Arrays:
        recording = entry.recording
        heavy = view.direction == "by" or view.queries  # it needs every row's sum, of every head; or many rows
        with (work if heavy else at_once)("Adding up rows", recording.num_layers) as on_layer:
            weights = all_heads(recording, view.direction, view.chosen, on_layer=on_layer)
        tops = np.maximum(weights[..., ~recording.special].max(axis=-1, initial=0), 1e-12)  # [layer, head]
        levels = to_levels(weights, tops[..., None])
        tops = tops.astype(np.float32)
        return {"preview": levels, "tops": tops, "tileTops": tops, "previewSpecial": weights[..., recording.special]}

    return entry.derive(("preview", view.direction, view.chosen), compute)


def one_head(recording: Recording, view: View) -> Arrays:
    """What the explorer computes every weight of the view's head from: of tokens, where words are shown too."""
    recording, layer, head = pieces_of(recording), view.layer, view.head
    arrays = {"lse": recording.log_sum_exp(layer, head).astype(np.float32)}
    if not recording.layers[layer].scores_only:  # else they are all in the mask
        arrays["query"] = recording.query(layer, head).astype(np.float32)
        arrays["key"] = recording.key(layer, head).astype(np.float32)
    if (mask := recording.mask(layer, head)) is not None:
        arrays["mask"] = mask
    return arrays


def several_heads(entry: RecordingEntry, view: View, work: Work) -> Arrays:
    """Merged heads: "matrix" [query, key], in levels of each row's "rowMax" where it is large; and then, or where
    it is too large, "row" [token], exact."""
    if not can_merge(entry.recording):
        return {"row": shown_row(entry.recording, view)}
    weights = merged(entry, view, work)
    if entry.recording.num_tokens <= EXACT_MATRIX:
        return {"matrix": weights}
    top = np.maximum(weights.max(axis=1, keepdims=True), 1e-12)
    levels = np.rint(weights / top * 255).astype(np.uint8)
    return {"matrix": levels, "rowMax": top[:, 0], "row": row_of(weights, view)}


@functools.lru_cache(maxsize=1)
def colour_tables() -> Arrays:
    """[256, 3] uint8 each: heat over a photo, and weights on a light and on a dark page."""
    scales = {"heatTable": HEAT, "lightTable": LIGHT.weights, "darkTable": DARK.weights}
    return {name: lookup_table(colours) for name, colours in scales.items()}


def photo_file(entry: RecordingEntry, photo: Photo) -> Arrays:
    """The photo as the bytes of a JPEG."""
    return {"photo": np.frombuffer(entry.derive("jpeg", lambda: _jpeg(photo)), np.uint8)}


def _jpeg(photo: Photo) -> bytes:
    file = io.BytesIO()
    Image.fromarray(photo.pixels).save(file, "JPEG", quality=90)
    return file.getvalue()
