"""What the explorer element gets: a JSON header and raw arrays, only of what is on the screen."""

import dataclasses
import functools
import io
import json
import struct
from collections.abc import Mapping

import numpy as np
import streamlit as st
from PIL import Image

from model.analysis.orders import head_order, measure
from model.recording import Photo, Recording
from viz import wording
from viz.address import View
from viz.figures import attention_heatmap
from viz.figures.tiles import matrix_tiles
from viz.theme import DARK, HEAT, LIGHT, lookup_table

EXACT_MATRIX = 600  # tokens up to which the matrix of several heads travels as float32
LARGEST_MATRIX = 2_100  # tokens up to which it travels at all, in steps of 1/255 of each row's maximum


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
    key: str,
    recording: Recording,
    view: View,
    link: str,
    full: bool,
    hover: bool,
    save: Mapping[str, object] | None = None,
) -> bytes:
    """The payload for a view.

    Args:
        key: stands for the recording.
        recording: what to show.
        view: how.
        link: what the page says of the address.
        full: also what costs time and is not the picture itself: the head in words.
        hover: also the head's queries and keys, from which the page computes what the pointer asks for.
        save: a figure that the page is to save: {figure, name, format, width, height, at}.
    """
    arrays = _preview(key, view.direction, view.query, recording) | _tables()
    photo = recording.photo
    figure = _figure(recording, view) if view.matrix and recording.num_tokens <= LARGEST_MATRIX else None
    if photo is None:
        arrays["tiles"], arrays["tileTops"] = text_tiles(key, recording)
    else:
        arrays["photo"] = np.frombuffer(_jpeg(key, photo), np.uint8)
    if view.of != "head":
        arrays |= _merged(recording, view)
    elif hover or figure is not None or photo is None:
        arrays |= _head(recording, view)
    else:
        arrays["row"] = head_row(recording, view)
    header = {
        "key": key,
        "view": {**dataclasses.asdict(view), "pick": False},
        "tokens": recording.tokens,
        "special": recording.special.astype(int).tolist(),
        "prefix": recording.prefix_tokens,
        "grid": recording.grid,
        "aspect": None if photo is None else photo.aspect,
        "layers": recording.num_layers,
        "heads": recording.num_heads,
        "scale": recording.layers[view.layer].scale,
        "causal": recording.layers[view.layer].causal,
        "side": None if photo is not None else int(arrays["tiles"].shape[-1]),
        "order": head_order(heads_measured(key, recording, view), recording.num_layers, recording.num_heads),
        "why": wording.WHY_SPECIAL,
        "words": wording.head_in_words(recording, view.layer, view.head, view.query) if full else "",
        "more": not full or not hover,
        "link": link,
        "figure": figure,
        "save": save,
    }
    return pack(header, arrays)


def all_heads(recording: Recording, direction: str, query: int) -> np.ndarray:
    """What a token looks at ("at"), or by what it is looked at ("by"), in every head: [layer, head, token]."""
    layers = range(recording.num_layers)
    if direction == "at":
        return np.stack([recording.attention(layer, query=query) for layer in layers])
    return np.stack([recording.attention_to(layer, query) for layer in layers])


@st.cache_data(max_entries=64, show_spinner=False)
def _preview(key: str, direction: str, query: int, _recording: Recording) -> dict[str, np.ndarray]:
    weights = all_heads(_recording, direction, query)
    tops = np.maximum(weights[..., ~_recording.special].max(axis=-1, initial=0), 1e-12)  # [layer, head]
    steps = np.rint(np.clip(weights / tops[..., None], 0, 1) * 255).astype(np.uint8)
    tops = tops.astype(np.float32)
    return {"preview": steps, "tops": tops, "tileTops": tops, "previewSpecial": weights[..., _recording.special]}


def _head(recording: Recording, view: View) -> dict[str, np.ndarray]:
    layer, head = view.layer, view.head
    arrays = {
        "query": recording.query(layer, head).astype(np.float32),
        "key": recording.key(layer, head).astype(np.float32),
        "lse": recording.log_sum_exp(layer)[head].astype(np.float32),
    }
    if (mask := recording.mask(layer, head)) is not None:
        arrays["mask"] = mask
    return arrays


def head_row(recording: Recording, view: View) -> np.ndarray:
    """What the pinned head gives to, or gets from, the query: [token]."""
    if view.direction == "at":
        return recording.attention(view.layer, view.head, view.query)
    return recording.attention_to(view.layer, view.query, view.head)


def merged(recording: Recording, of: str, layer: int) -> np.ndarray:
    """Mean or maximum over the heads of a layer, or of all layers: [query, key]."""
    layers = [layer] if of.startswith("layer") else range(recording.num_layers)
    whole: np.ndarray | None = None
    for number in layers:
        weights = recording.attention(number)
        part = weights.mean(axis=0) if of.endswith("mean") else weights.max(axis=0)
        merge = np.add if of.endswith("mean") else np.maximum
        whole = part if whole is None else merge(whole, part)
    assert whole is not None
    return whole / len(layers) if of.endswith("mean") else whole


def _merged(recording: Recording, view: View) -> dict[str, np.ndarray]:
    weights = merged(recording, view.of, view.layer)
    if recording.num_tokens <= EXACT_MATRIX:
        return {"matrix": weights}
    if recording.num_tokens > LARGEST_MATRIX:
        return {"row": weights[view.query] if view.direction == "at" else weights[:, view.query]}
    top = np.maximum(weights.max(axis=1, keepdims=True), 1e-12)
    return {"matrix": np.rint(weights / top * 255).astype(np.uint8), "rowMax": top[:, 0]}


def heads_measured(key: str, recording: Recording, view: View) -> np.ndarray | None:
    """What the heads are ordered by: [layer, head], or None for by layer."""
    if view.order == "layer":
        return None
    if view.order == "key":
        return np.stack([recording.attention(n, query=view.query)[:, view.key] for n in range(recording.num_layers)])
    return _measured(key, view.order, recording)


@st.cache_data(max_entries=64, show_spinner=False)
def _measured(key: str, order: str, _recording: Recording) -> np.ndarray:
    return np.stack([measure(_recording, layer, order) for layer in range(_recording.num_layers)])


def _figure(recording: Recording, view: View) -> dict:
    """The pure figure without its weights, which the page computes from queries and keys."""
    one = view.of == "head"
    weights = recording.attention(view.layer, view.head) if one else merged(recording, view.of, view.layer)
    figure = attention_heatmap(weights, recording.tokens, recording.special, view.query, view.log)
    figure.data[0].update(z=None, customdata=None)
    name = f"headlens-layer{view.layer}-head{view.head}" if one else f"headlens-{view.of}"
    return {**json.loads(figure.to_json()), "name": name}


@st.cache_data(max_entries=64, show_spinner=False)
def text_tiles(key: str, _recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    """[layer, head, side, side] uint8 steps, and the weight [layer, head] at the top of each head's scale."""
    layers = [matrix_tiles(_recording.attention(layer), _recording.special) for layer in range(_recording.num_layers)]
    return np.stack([tiles for tiles, _ in layers]), np.stack([tops for _, tops in layers]).astype(np.float32)


@functools.lru_cache(maxsize=1)
def _tables() -> dict[str, np.ndarray]:
    scales = {"heatTable": HEAT, "lightTable": LIGHT.weights, "darkTable": DARK.weights}
    return {name: lookup_table(colours) for name, colours in scales.items()}


@st.cache_data(max_entries=16, show_spinner=False)
def _jpeg(key: str, _photo: Photo) -> bytes:
    file = io.BytesIO()
    Image.fromarray(_photo.pixels).save(file, "JPEG", quality=90)
    return file.getvalue()
