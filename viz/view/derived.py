"""The arrays that a view shows, computed from a recording: for pages, the explorer, figures and exports alike."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

import numpy as np

from headlens.model.analysis.heads import pooled
from headlens.model.analysis.roles.recorded import RecordedRoles
from headlens.model.analysis.roles.score import Sums
from headlens.model.analysis.sample import LONG, sampled_queries
from headlens.model.comparison.merged import Merged
from headlens.model.progress import OnLayer
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.view.pieces import between_shown, pieces_of, row_between_words
from headlens.viz.view.tiles import matrix_tiles
from headlens.viz.view.view import Direction, View, heads_name

LARGEST_DRAWN = 1_024  # tokens up to which the matrix is drawn token by token
Work = Callable[[str, int], AbstractContextManager[OnLayer]]  # enters heavy work, by its name, on so many layers


@contextmanager
def at_once(what: str, num_layers: int) -> Iterator[OnLayer]:
    """Heavy work with nobody else waiting, and nobody watching."""
    yield lambda layer: None


def all_heads(recording: Recording, direction: Direction, query: int, *, layers: range | None = None) -> np.ndarray:
    """What a token looks at ("at"), or by what it is looked at ("by"), in every head: [layer, head, token]."""
    layers = range(recording.num_layers) if layers is None else layers
    if direction == "at":
        return np.stack([recording.attention(layer, query=query) for layer in layers])
    return np.stack([recording.attention_to(layer, query) for layer in layers])


def shown_row(recording: Recording, view: View) -> np.ndarray:
    """What the view's head, or its merged heads, give to the query, or get from it: [token]."""
    if view.scope == "head" and view.direction == "at":
        return recording.attention(view.layer, view.head, view.query)
    if view.scope == "head":
        return recording.attention_to(view.layer, view.query, view.head)
    if view.reduction == "max" and isinstance(recording, Merged):  # heads first: the sum of maxima is another number
        rows = [shown_row(recording.recording, replace(view, query=at)) for at in recording.groups[view.query]]
        return row_between_words(recording, np.stack(rows), view.direction)
    heads = all_heads(recording, view.direction, view.query, layers=_layers_of(recording, view))
    row: np.ndarray = heads.mean(axis=(0, 1)) if view.reduction == "mean" else heads.max(axis=(0, 1))
    return row


def can_merge(recording: Recording) -> bool:
    """Whether `merged` takes the recording: the matrix of a longer one would be too large."""
    return pieces_of(recording).num_tokens <= LONG


def merged(entry: RecordingEntry, view: View, work: Work = at_once) -> np.ndarray:
    """Mean or maximum over the heads of the view's layer, or of all layers: [query, key]; where `can_merge`.

    Heads are made one between tokens, and these then merged into words, where words are shown.
    """

    def compute() -> np.ndarray:
        recording, layers = pieces_of(entry.recording), _layers_of(entry.recording, view)
        mean = view.reduction == "mean"
        whole = np.zeros((recording.num_tokens, recording.num_tokens), np.float32)
        with work("Merging heads", recording.num_layers) as on_layer:
            for layer in layers:
                weights = recording.attention(layer)
                whole = whole + weights.mean(axis=0) if mean else np.maximum(whole, weights.max(axis=0))
                on_layer(layer)
        return between_shown(entry.recording, whole / len(layers) if mean else whole)

    layer = view.layer if view.scope == "layer" else None
    return entry.derive(("merged", heads_name(view.scope, view.reduction), layer), compute)


def matrix(entry: RecordingEntry, view: View, work: Work = at_once) -> np.ndarray:
    """[query, key] of the view's head, or of its merged heads; above LARGEST_DRAWN tokens in cells.

    The cells are those of `Recording.pooled`; heads are made one where `can_merge`.
    """
    recording, one = entry.recording, view.scope == "head"
    if recording.num_tokens <= LARGEST_DRAWN:
        return recording.attention(view.layer, view.head) if one else merged(entry, view, work)
    if one:
        name = ("pooled", view.layer, view.head)
        return entry.derive(name, lambda: recording.pooled(view.layer, view.head))
    return pooled(merged(entry, view, work))


def heads_measured(entry: RecordingEntry, view: View, work: Work = at_once) -> np.ndarray | None:
    """What the heads are ordered by: [layer, head], nan where nothing can be measured; or None for by layer."""
    if view.order == "key":
        return all_heads(entry.recording, "at", view.query)[..., view.key]
    keys = [role.key for role in recorded_roles(entry).roles]
    if view.order not in keys:
        return None
    scores: np.ndarray = role_sums(entry, work).mean[keys.index(view.order)]
    return scores


def recorded_roles(entry: RecordingEntry) -> RecordedRoles:
    """The roles that the heads may play, between tokens where words are shown too."""
    return entry.derive("recorded roles", lambda: RecordedRoles(pieces_of(entry.recording)))


def role_sums(entry: RecordingEntry, work: Work = at_once) -> Sums:
    """The scores of all heads in all of their roles, [role, layer, head]."""

    def compute() -> Sums:
        num_layers = entry.recording.num_layers
        with work("Measuring heads", num_layers) as on_layer:

            def on_step(done: int, total: int) -> None:
                if done * num_layers % total == 0:
                    on_layer(done * num_layers // total - 1)

            return recorded_roles(entry).of_all(on_step)

    return entry.derive("roles", compute)


def role_sums_of(entry: RecordingEntry, layer: int) -> Sums:
    """Those of a layer, [role, head]."""
    if isinstance(held := entry.held("roles"), Sums):
        return Sums(held.total[:, layer], held.count[:, layer])
    return entry.derive(("roles", layer), lambda: recorded_roles(entry).of_layer(layer))


def text_tiles(entry: RecordingEntry, work: Work = at_once) -> tuple[np.ndarray, np.ndarray]:
    """[layer, head, side, side] uint8 levels, and the weight [layer, head] at the top of each head's scale."""

    def compute() -> tuple[np.ndarray, np.ndarray]:
        recording = entry.recording
        queries = sampled_queries(recording.num_tokens)
        tiles, tops = [], []
        with work("Drawing all heads", recording.num_layers) as on_layer:
            for layer in range(recording.num_layers):
                tile, top = matrix_tiles(recording.attention_from(layer, queries), recording.special)
                tiles.append(tile)
                tops.append(top)
                on_layer(layer)
        return np.stack(tiles), np.stack(tops).astype(np.float32)

    return entry.derive("tiles", compute)


def _layers_of(recording: Recording, view: View) -> range:
    return range(view.layer, view.layer + 1) if view.scope == "layer" else range(recording.num_layers)
