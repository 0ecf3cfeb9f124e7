"""What the explorer element gets: a JSON header and raw arrays, only of what is on the screen."""

import dataclasses
import functools
import io
import json
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

import numpy as np
from PIL import Image

from headlens.model.analysis.heads import pooled
from headlens.model.analysis.orders import head_order, measure
from headlens.model.analysis.sample import LONG, sampled_queries
from headlens.model.progress import OnLayer
from headlens.model.recording.recording import Photo, Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.figures import attention_heatmap, pooled_heatmap
from headlens.viz.figures.tiles import matrix_tiles
from headlens.viz.theme import DARK, HEAT, LIGHT, lookup_table
from headlens.viz.view import words
from headlens.viz.view.address import View
from headlens.viz.view.visible import visible

EXACT_MATRIX = 600  # tokens up to which the matrix of several heads travels as float32; up to LONG in steps of 1/255
LARGEST_DRAWN = 1_024  # tokens up to which the matrix is drawn token by token
Work = Callable[[str, int], AbstractContextManager[OnLayer]]


@contextmanager
def at_once(what: str, num_layers: int) -> Iterator[OnLayer]:
    """Heavy work with nobody else waiting, and nobody watching."""
    yield lambda layer: None


def pack(header: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> bytes:
    """u32 length of the header, the header as JSON, the arrays' bytes (each at a multiple of 8 after the header)."""
    blobs, parts, offset = [], [], 0
    for name, array in arrays.items():
        data = np.ascontiguousarray(array).tobytes()
        blobs.append((name, str(array.dtype), offset, len(data)))
        parts.append(data + b"\0" * (-len(data) % 8))
        offset += len(parts[-1])
    text = json.dumps({**header, "blobs": blobs}).encode()
    return struct.pack("<I", len(text)) + text + b"".join(parts)


def build(
    kept: RecordingEntry,
    view: View,
    link: str,
    full: bool,
    hover: bool,
    sent: bool = False,
    save: Mapping[str, object] | None = None,
    work: Work = at_once,
) -> bytes:
    """The payload for a view.

    Args:
        kept: what to show.
        view: how.
        link: what the page says of the address.
        full: also what costs time and is not the picture itself: the head in words.
        hover: also the head's queries and keys, from which the page computes what the pointer asks for.
        sent: the page has this recording already: what is the same in every view of it is left out.
        save: a figure that the page is to save: {figure, name, format, width, height, at}.
        work: enters heavy work on every layer, under its name; it gives what is to be told each layer that is done.
    """
    recording = kept.recording
    if recording.num_tokens <= EXACT_MATRIX:
        work = at_once  # it is done sooner than a queue is asked
    arrays = dict(_preview(kept, view.direction, view.query, work))  # a copy: what is added here is not kept with it
    photo = recording.photo
    several = view.of != "head"
    if photo is None:
        tiles, arrays["tileTops"] = text_tiles(kept, work)
    if not sent:
        arrays |= _tables()
        if photo is None:
            arrays["tiles"] = tiles
        else:
            arrays["photo"] = np.frombuffer(kept.derive("jpeg", lambda: _jpeg(photo)), np.uint8)
    figure = None
    if view.matrix and not (several and recording.num_tokens > LONG):
        figure, cells = _figure(kept, view, work)
        arrays |= cells
    if several:
        arrays |= _several(kept, view, work)
    elif hover or (figure is not None and "pooled" not in arrays) or photo is None:
        arrays |= _head(recording, view)
    else:
        arrays["row"] = shown_row(recording, view)
    header = {
        "key": kept.key,
        "view": {**dataclasses.asdict(view), "pick": False},
        "tokens": [visible(token) for token in recording.tokens],
        "special": recording.special.astype(int).tolist(),
        "prefix": recording.prefix_tokens,
        "grid": recording.grid,
        "aspect": None if photo is None else photo.aspect,
        "layers": recording.num_layers,
        "heads": recording.num_heads,
        "scale": recording.layers[view.layer].scale,
        "softcap": recording.layers[view.layer].softcap,
        "causal": recording.layers[view.layer].causal,
        "side": None if photo is not None else int(tiles.shape[-1]),
        "sent": sent,
        "order": head_order(heads_measured(kept, view, work), recording.num_layers, recording.num_heads),
        "why": words.WHY_SPECIAL,
        "words": words.head_in_words(recording, view.layer, view.head, view.query) if full else "",
        "more": not full or not hover,
        "link": link,
        "figure": figure,
        "matrixNote": words.matrix_note(recording.num_tokens, LARGEST_DRAWN, several),
        "gridNote": words.grid_note(recording.num_tokens, photo is None, view.order),
        "save": save,
    }
    return pack(header, arrays)


def all_heads(recording: Recording, direction: str, query: int, layers: range | None = None) -> np.ndarray:
    """What a token looks at ("at"), or by what it is looked at ("by"), in every head: [layer, head, token]."""
    layers = range(recording.num_layers) if layers is None else layers
    if direction == "at":
        return np.stack([recording.attention(layer, query=query) for layer in layers])
    return np.stack([recording.attention_to(layer, query) for layer in layers])


def shown_row(recording: Recording, view: View) -> np.ndarray:
    """What the view's head, or heads made one, give to the query, or get from it: [token]."""
    if view.of == "head" and view.direction == "at":
        return recording.attention(view.layer, view.head, view.query)
    if view.of == "head":
        return recording.attention_to(view.layer, view.query, view.head)
    heads = all_heads(recording, view.direction, view.query, _layers_of(recording, view))
    return heads.mean(axis=(0, 1)) if view.of.endswith("mean") else heads.max(axis=(0, 1))


def _layers_of(recording: Recording, view: View) -> range:
    return range(view.layer, view.layer + 1) if view.of.startswith("layer") else range(recording.num_layers)


def _preview(kept: RecordingEntry, direction: str, query: int, work: Work) -> dict[str, np.ndarray]:
    def compute() -> dict[str, np.ndarray]:
        recording = kept.recording
        if direction == "by":  # it needs every row's sum, of every head
            with work("Adding up rows", recording.num_layers) as on_layer:
                for layer in range(recording.num_layers):
                    recording.log_sum_exp(layer)
                    on_layer(layer)
        weights = all_heads(recording, direction, query)
        tops = np.maximum(weights[..., ~recording.special].max(axis=-1, initial=0), 1e-12)  # [layer, head]
        steps = np.rint(np.clip(weights / tops[..., None], 0, 1) * 255).astype(np.uint8)
        tops = tops.astype(np.float32)
        return {"preview": steps, "tops": tops, "tileTops": tops, "previewSpecial": weights[..., recording.special]}

    return kept.derive(("preview", direction, query), compute)


def _head(recording: Recording, view: View) -> dict[str, np.ndarray]:
    layer, head = view.layer, view.head
    arrays = {"lse": recording.log_sum_exp(layer, head).astype(np.float32)}
    if not recording.layers[layer].scores_only:  # else they are all in the mask
        arrays["query"] = recording.query(layer, head).astype(np.float32)
        arrays["key"] = recording.key(layer, head).astype(np.float32)
    if (mask := recording.mask(layer, head)) is not None:
        arrays["mask"] = mask
    return arrays


def merged(kept: RecordingEntry, view: View, work: Work = at_once) -> np.ndarray:
    """Mean or maximum over the heads of a layer, or of all layers: [query, key]; of no input above LONG."""

    def compute() -> np.ndarray:
        recording, layers = kept.recording, _layers_of(kept.recording, view)
        mean = view.of.endswith("mean")
        whole = np.zeros((recording.num_tokens, recording.num_tokens), np.float32)
        with work("Merging heads", recording.num_layers) as on_layer:
            for layer in layers:
                weights = recording.attention(layer)
                whole = whole + weights.mean(axis=0) if mean else np.maximum(whole, weights.max(axis=0))
                on_layer(layer)
        return whole / len(layers) if mean else whole

    return kept.derive(("merged", view.of, view.layer if view.of.startswith("layer") else None), compute)


def _several(kept: RecordingEntry, view: View, work: Work) -> dict[str, np.ndarray]:
    num_tokens = kept.recording.num_tokens
    if num_tokens > LONG:
        return {"row": shown_row(kept.recording, view)}
    weights = merged(kept, view, work)
    if num_tokens <= EXACT_MATRIX:
        return {"matrix": weights}
    top = np.maximum(weights.max(axis=1, keepdims=True), 1e-12)
    return {"matrix": np.rint(weights / top * 255).astype(np.uint8), "rowMax": top[:, 0]}


def heads_measured(kept: RecordingEntry, view: View, work: Work = at_once) -> np.ndarray | None:
    """What the heads are ordered by: [layer, head], or None for by layer."""
    recording = kept.recording
    if view.order == "layer":
        return None
    if view.order == "key":
        return all_heads(recording, "at", view.query)[..., view.key]

    def compute() -> np.ndarray:
        measured = []
        with work("Measuring heads", recording.num_layers) as on_layer:
            for layer in range(recording.num_layers):
                measured.append(measure(recording, layer, view.order))
                on_layer(layer)
        return np.stack(measured)

    return kept.derive(("measured", view.order), compute)


def _figure(kept: RecordingEntry, view: View, work: Work) -> tuple[dict, dict[str, np.ndarray]]:
    """The pure figure without its weights, and its cells where it has fewer than weights; the page has all else."""
    recording, one = kept.recording, view.of == "head"
    name = f"headlens-layer{view.layer}-head{view.head}" if one else f"headlens-{view.of}"
    arrays = {}
    if recording.num_tokens > LARGEST_DRAWN:
        if one:
            place = ("pooled", view.layer, view.head)
            cells = kept.derive(place, lambda: recording.pooled(view.layer, view.head))
        else:
            cells = pooled(merged(kept, view, work))
        figure = pooled_heatmap(cells, recording.tokens, recording.special, view.query, view.log)
        arrays["pooled"] = cells
    else:
        weights = recording.attention(view.layer, view.head) if one else merged(kept, view, work)
        figure = attention_heatmap(weights, recording.tokens, recording.special, view.query, view.log)
    figure.data[0].update(z=None, customdata=None)
    if recording.stage == "cross" and "pooled" not in arrays:  # what looks and what is looked at, not the empty rest
        read = recording.segments.index(1)
        figure.update_xaxes(range=[-0.5, read - 0.5])
        figure.update_yaxes(range=[recording.num_tokens - 0.5, read - 0.5], autorange=False)
    return {**json.loads(figure.to_json()), "name": name}, arrays


def text_tiles(kept: RecordingEntry, work: Work = at_once) -> tuple[np.ndarray, np.ndarray]:
    """[layer, head, side, side] uint8 steps, and the weight [layer, head] at the top of each head's scale."""

    def compute() -> tuple[np.ndarray, np.ndarray]:
        recording = kept.recording
        queries = sampled_queries(recording.num_tokens)
        tiles, tops = [], []
        with work("Drawing all heads", recording.num_layers) as on_layer:
            for layer in range(recording.num_layers):
                tile, top = matrix_tiles(recording.attention_from(layer, queries), recording.special)
                tiles.append(tile)
                tops.append(top)
                on_layer(layer)
        return np.stack(tiles), np.stack(tops).astype(np.float32)

    return kept.derive("tiles", compute)


@functools.lru_cache(maxsize=1)
def _tables() -> dict[str, np.ndarray]:
    scales = {"heatTable": HEAT, "lightTable": LIGHT.weights, "darkTable": DARK.weights}
    return {name: lookup_table(colours) for name, colours in scales.items()}


def _jpeg(photo: Photo) -> bytes:
    file = io.BytesIO()
    Image.fromarray(photo.pixels).save(file, "JPEG", quality=90)
    return file.getvalue()
