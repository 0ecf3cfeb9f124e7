"""The arrays that a view shows, computed from a recording: for pages, the explorer, figures and exports alike."""

from collections.abc import Callable, Iterable, Iterator, Sequence
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
CHUNK = 4_000_000  # weights that are in memory at once, while those of several tokens are added up
Heads = tuple[int, Sequence[int] | None]  # a layer, and which of its heads; None: all
Work = Callable[[str, int], AbstractContextManager[OnLayer]]  # enters heavy work, by its name, on so many layers


@contextmanager
def at_once(what: str, num_layers: int) -> Iterator[OnLayer]:
    """Heavy work with nobody else waiting, and nobody watching."""
    yield lambda layer: None


def all_heads(
    recording: Recording, direction: Direction, chosen: Sequence[int], *, on_layer: OnLayer = lambda layer: None
) -> np.ndarray:
    """What the chosen tokens look at ("at", the mean of their rows), or by what they are looked at ("by", the sum of
    their columns), in every head: [layer, head, token]."""
    found = []
    for layer in range(recording.num_layers):
        found.append(together(direction, _looks(recording, [(layer, None)], direction, chosen)))
        on_layer(layer)
    return np.stack(found)


def shown_row(recording: Recording, view: View) -> np.ndarray:
    """What the view's head, or its merged heads, give to the chosen tokens, or get from them: [token]."""
    if view.reduction == "max" and isinstance(recording, Merged):  # heads first: the sum of maxima is another number
        return together(view.direction, [_word_rows(recording, view)])
    reduced = np.mean if view.reduction == "mean" else np.max
    looks = _looks(recording, heads_of(recording, view), view.direction, view.chosen)
    row: np.ndarray = together(view.direction, (reduced(each, axis=0) for each in looks))
    return row


def _word_rows(recording: Merged, view: View) -> np.ndarray:
    """Rows or columns of the chosen words [word, word], from the merged heads of their tokens."""
    rows = []
    for word in view.chosen:
        tokens = [replace(view, query=token, queries=()) for token in recording.groups[word]]
        of_tokens = np.stack([shown_row(recording.recording, one) for one in tokens])
        rows.append(row_between_words(recording, of_tokens, view.direction))
    return np.stack(rows)


def row_of(weights: np.ndarray, view: View) -> np.ndarray:
    """What of a matrix [query, key] the view sees: [token]."""
    rows = weights if view.direction == "at" else weights.T
    return together(view.direction, [rows[list(view.chosen)]])


def _looks(
    recording: Recording, heads: Sequence[Heads], direction: Direction, chosen: Sequence[int]
) -> Iterator[np.ndarray]:
    """Rows or columns of the chosen tokens, [head, chosen, token] for as many at a time as there is room for."""
    num_heads = sum(recording.num_heads if some is None else len(some) for _, some in heads)
    step = max(1, CHUNK // (num_heads * recording.num_tokens))
    for first in range(0, len(chosen), step):
        tokens = chosen[first : first + step]
        yield np.concatenate([_looks_of(recording, layer, some, direction, tokens) for layer, some in heads])


def _looks_of(
    recording: Recording, layer: int, heads: Sequence[int] | None, direction: Direction, tokens: Sequence[int]
) -> np.ndarray:
    head = heads[0] if heads is not None and len(heads) == 1 else None
    if direction == "at":
        weights = recording.attention_from(layer, tokens, head)
    else:
        weights = recording.attention_to(layer, tokens, head).swapaxes(-1, -2)
    if head is not None:
        return weights[None]
    return weights if heads is None else weights[list(heads)]


def together(direction: Direction, parts: Iterable[np.ndarray]) -> np.ndarray:
    """The mean of rows, or the sum of columns: of [..., token, token] in parts, [..., token].

    A query that looks at nothing, as where its only key is left out, is no part of the mean: so it sums to one.
    """
    total, looking = np.zeros(()), np.zeros((), int)
    for part in parts:
        total, dtype = total + part.sum(axis=-2, dtype=np.float64), part.dtype
        looking = looking + part.any(axis=-1).sum(axis=-1)
    return (total / np.maximum(looking, 1)[..., None] if direction == "at" else total).astype(dtype)


def can_merge(recording: Recording) -> bool:
    """Whether `merged` takes the recording: the matrix of a longer one would be too large."""
    return pieces_of(recording).num_tokens <= LONG


def merged(entry: RecordingEntry, view: View, work: Work = at_once) -> np.ndarray:
    """Mean or maximum over the chosen heads, those of the view's layer, or all: [query, key]; where `can_merge`.

    Heads are made one between tokens, and these then merged into words, where words are shown.
    """

    def compute() -> np.ndarray:
        recording, mean, count = pieces_of(entry.recording), view.reduction == "mean", 0
        whole = np.zeros((recording.num_tokens, recording.num_tokens), np.float32)
        with work("Merging heads", recording.num_layers) as on_layer:
            for layer, some in heads_of(recording, view):
                weights = recording.attention(layer)
                weights = weights if some is None else weights[list(some)]
                whole = whole + weights.sum(axis=0) if mean else np.maximum(whole, weights.max(axis=0))
                count += len(weights)
                on_layer(layer)
        return between_shown(entry.recording, whole / count if mean else whole)

    layer = view.layer if view.scope == "layer" else None
    return entry.derive(("merged", heads_name(view.scope, view.reduction), layer, view.heads), compute)


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
        return all_heads(entry.recording, "at", view.chosen)[..., view.key]
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
    held = held_role_sums_of(entry, layer)
    return entry.derive(("roles", layer), lambda: recorded_roles(entry).of_layer(layer)) if held is None else held


def held_role_sums_of(entry: RecordingEntry, layer: int) -> Sums | None:
    """Those of a layer where they have been measured already."""
    if isinstance(held := entry.held("roles"), Sums):
        return Sums(held.total[:, layer], held.count[:, layer])
    held = entry.held(("roles", layer))
    return held if isinstance(held, Sums) else None


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


def heads_of(recording: Recording, view: View) -> list[Heads]:
    """The heads that a view sees or merges, by layer."""
    if view.scope == "head":
        return [(view.layer, [view.head])]
    if view.scope == "heads":
        layers = sorted({layer for layer, _ in view.heads})
        return [(layer, [head for each, head in view.heads if each == layer]) for layer in layers]
    return [(layer, None) for layer in ([view.layer] if view.scope == "layer" else range(recording.num_layers))]
