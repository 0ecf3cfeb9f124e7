"""A recording's weights as data: a table for a sheet, or arrays with named axes."""

import csv
import io
import json
from collections.abc import Iterable, Sequence

import numpy as np

from headlens.model.recording.parts import WEIGHTS
from headlens.model.recording.recording import Recording
from headlens.viz.export.about import about_recording
from headlens.viz.view.derived import shown_row
from headlens.viz.view.view import View

MAX_ROWS = 1_000_000  # of a sheet: more than Excel takes (1,048,576 with its heading)
README = """Weights by Headlens, for numpy.load. "weights" is float32, softmax(q k^T * scale + mask), of "axes".
"tokens" are what the positions are called, "layers" and "heads" which ones of the model these are (both from 0).
"about" is JSON: the model, its revision, the program's version, and under "weights" what was done to them, where that
is something: special tokens left out of the softmax, tokens merged into words (to one summed, from one averaged).
"""


def weights_csv(recording: Recording, layer: int, head: int | None = None) -> str:
    """A line for each query and key: layer, head, query, query_token, key, key_token, weight (9 digits).

    Its heading says what was done to the weights: special tokens left out, tokens merged into words.

    Args:
        recording: what to write of.
        layer: counted from 0.
        head: counted from 0; None: all of the layer.

    Raises ValueError for a layer or head that is not there, or for more than a million lines.
    """
    weights = recording.attention(layer, head)
    weights = weights[None] if head is not None else weights  # [head, query, key]
    if weights.size > MAX_ROWS:
        raise ValueError(f"{weights.size:,} weights are too many for a sheet; save them as .npz, or one head alone.")
    looked_at = recording if recording.keys is None else recording.keys
    queries, keys = ([guarded(token) for token in each.tokens] for each in (recording, looked_at))
    first = 0 if head is None else head
    rows = (
        (layer, first + index, query, queries[query], key, keys[key], f"{weights[index, query, key]:.9g}")
        for index, query, key in np.ndindex(*weights.shape)
    )
    done = recording.notes.get(WEIGHTS)
    weight = "weight" if done is None else f"weight ({done})"
    return table_of(("layer", "head", "query", "query_token", "key", "key_token", weight), rows)


def shown_csv(recording: Recording, view: View) -> str:
    """What the picture of a view shows: a line for each position, its token and its weight (9 digits)."""
    tokens = [guarded(token) for token in recording.tokens]
    weights = shown_row(recording, view)
    rows = ((position, token, f"{weights[position]:.9g}") for position, token in enumerate(tokens))
    return table_of(("position", "token", "weight"), rows)


def weights_npz(recording: Recording, layer: int | None = None, head: int | None = None) -> bytes:
    """A file for numpy.load: "weights" [layer, head, query, key], and "readme", which says what else is in it.

    Args:
        recording: what to write of.
        layer: None: all.
        head: None: all.

    Raises ValueError for a layer or head that is not there.
    """
    layers = range(recording.num_layers) if layer is None else [layer]
    heads = range(recording.num_heads) if head is None else [head]
    weights = np.stack([recording.attention(each, head) for each in layers])
    weights = weights[:, None] if head is not None else weights
    keys = recording.tokens if recording.keys is None else recording.keys.tokens
    file = io.BytesIO()
    np.savez_compressed(
        file,
        weights=weights,
        axes=np.array(["layer", "head", "query", "key"]),
        layers=np.array(layers),
        heads=np.array(heads),
        tokens=np.array(recording.tokens),
        key_tokens=np.array(keys),
        about=np.array(json.dumps(about_recording(recording), ensure_ascii=False)),
        readme=np.array(README),
    )
    return file.getvalue()


def table_of(heading: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as CSV, with RFC 4180's line ends: so a token that has either of them is quoted."""
    file = io.StringIO(newline="")
    lines = csv.writer(file)
    lines.writerow(heading)
    lines.writerows(rows)
    return file.getvalue()


def guarded(token: str) -> str:
    """A token as a cell of a sheet: after an apostrophe no program takes it for a formula (OWASP, "CSV Injection")."""
    return f"'{token}" if token[:1] in ("=", "+", "-", "@", "\t", "\r") else token
