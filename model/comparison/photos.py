"""Patches of two recordings of a photo, cut at each other's edges: each part lies in one patch of both, or of one."""

from typing import TYPE_CHECKING

import numpy as np

from headlens.model.comparison.places import Places
from headlens.model.errors import InputError
from headlens.model.recording.recording import Recording

if TYPE_CHECKING:
    from scipy.sparse import csr_array  # it takes half a second to import

MOST = 20_000  # parts
SAME = 1e-9  # of a photo's side: edges nearer to each other are one


def photo_places(a: Recording, b: Recording) -> "tuple[csr_array, csr_array]":
    """The share of each patch's area that is in each part of the photo, [part, patch], of both recordings.

    Parts stand row by row. A patch's weight is spread evenly over its area.

    Raises InputError where there would be more than MOST parts.
    """
    edges = [_edges(recording) for recording in (a, b)]
    rows, columns = _cuts(edges)
    if (parts := (len(rows) - 1) * (len(columns) - 1)) > MOST:
        raise InputError(
            f"The patches of these photos cut each other into {parts:,} parts; choose sizes whose patches fit."
        )
    own, theirs = (_shares(each, (rows, columns)) for each in edges)
    seen = np.asarray((own.sum(axis=1) > 0) | (theirs.sum(axis=1) > 0)).ravel()
    return own[seen], theirs[seen]


def part_boxes(a: Recording, b: Recording) -> np.ndarray:
    """Where the parts of `photo_places` lie: [part, 4], top, left, bottom and right as shares of the whole photo."""
    edges = [_edges(recording) for recording in (a, b)]
    rows, columns = _cuts(edges)
    cells = _cells(rows, columns)
    seen = np.zeros(cells.shape[:2], dtype=bool)
    for own in edges:
        inside = [_along(edge, cut)[0] >= 0 for edge, cut in zip(own, (rows, columns))]
        seen |= inside[0][:, None] & inside[1]
    boxes: np.ndarray = cells[seen]
    return boxes


def patch_boxes(recording: Recording) -> np.ndarray:
    """Where the patches lie, [patch, 4], as `part_boxes` says it."""
    return _cells(*_edges(recording)).reshape(-1, 4)


def with_prefix(groups: list[tuple[int, ...]], patches: "csr_array", prefix_tokens: int) -> Places:
    """Places of the positions before the patches, and then of the patches."""
    from scipy.sparse import block_diag, csr_array

    before = Places.of(groups, prefix_tokens).shares
    return Places(csr_array(block_diag((before, patches), format="csr")))


def _edges(recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    """Of the rows and of the columns, as shares of the whole photo's height and width."""
    assert recording.photo is not None
    top, left, bottom, right = recording.photo.window
    rows, columns = recording.photo.grid
    return np.linspace(top, bottom, rows + 1), np.linspace(left, right, columns + 1)


def _cells(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """What lies between edges: [row, column, 4]."""
    corners = np.meshgrid(rows[:-1], columns[:-1], indexing="ij") + np.meshgrid(rows[1:], columns[1:], indexing="ij")
    return np.stack(corners, axis=-1)


def _cuts(edges: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """The edges of the rows, and of the columns, of both."""
    (rows, columns), (other_rows, other_columns) = edges
    return _union(rows, other_rows), _union(columns, other_columns)


def _union(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    edges = np.unique(np.concatenate([one, other]))
    kept: np.ndarray = edges[np.concatenate([[True], np.diff(edges) > SAME])]
    return kept


def _shares(edges: tuple[np.ndarray, np.ndarray], parts: tuple[np.ndarray, np.ndarray]) -> "csr_array":
    """[part, patch]: the product of those of the rows and of the columns."""
    from scipy.sparse import csr_array

    indices, shares = zip(*(_along(own, cut) for own, cut in zip(edges, parts)))
    num_columns = len(edges[1]) - 1
    inside = (indices[0][:, None] >= 0) & (indices[1] >= 0)
    patch = indices[0][:, None] * num_columns + indices[1]
    share = shares[0][:, None] * shares[1]
    part = np.arange(inside.size).reshape(inside.shape)
    shape = (inside.size, (len(edges[0]) - 1) * num_columns)
    return csr_array((share[inside], (part[inside], patch[inside])), shape=shape)


def _along(edges: np.ndarray, cuts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Along one side: which patch each part is of, -1 for none, and which share of it."""
    middles = (cuts[1:] + cuts[:-1]) / 2
    index = np.searchsorted(edges, middles) - 1
    index[(middles < edges[0]) | (middles > edges[-1])] = -1
    lengths = np.diff(edges)
    return index, np.where(index >= 0, np.diff(cuts) / lengths[index], 0.0)
