"""What is shown between words is computed from tokens, and an address counts in these: from one to the other."""

import dataclasses

import numpy as np

from headlens.model.comparison.merged import Group, Merged
from headlens.model.recording.recording import Recording
from headlens.viz.view.view import Direction, View


def pieces_of(recording: Recording) -> Recording:
    """The recording between tokens, whose queries, keys and scores weights come from: of words theirs, else itself."""
    return recording.recording if isinstance(recording, Merged) else recording


def groups_of(recording: Recording) -> tuple[Group, ...] | None:
    """The tokens of each word; None where tokens are shown."""
    return recording.groups if isinstance(recording, Merged) else None


def between_shown(recording: Recording, weights: np.ndarray) -> np.ndarray:
    """Weights between tokens [..., query, key] as what is shown has them: between words, or as they are."""
    return recording.places.both(weights) if isinstance(recording, Merged) else weights


def row_between_words(recording: Merged, rows: np.ndarray, direction: Direction) -> np.ndarray:
    """A word's row [word] from the rows of its tokens [token, key], or its column from their columns [token, query]."""
    if direction == "at":
        row: np.ndarray = recording.places.keys(rows.mean(axis=0)[None])[0]
        return row
    column: np.ndarray = recording.places.rows(rows.sum(axis=0)[:, None])[:, 0]
    return column


def in_shown(recording: Recording, view: View) -> View:
    """A view that counts in tokens as one of the recording: of words, those that the tokens are part of."""
    if not isinstance(recording, Merged):
        return view
    return dataclasses.replace(view, query=int(recording.word_of[view.query]), key=int(recording.word_of[view.key]))


def in_tokens(recording: Recording, view: View, before: View) -> View:
    """A view of the recording as one that counts in tokens.

    Args:
        recording: what is shown.
        view: of it.
        before: the view in tokens that was shown; a word that is pinned as before stays with its token, of another one
            that is the first.
    """
    if not isinstance(recording, Merged):
        return view
    shown = in_shown(recording, before)
    query = before.query if view.query == shown.query else recording.groups[view.query][0]
    key = before.key if view.key == shown.key else recording.groups[view.key][0]
    return dataclasses.replace(view, query=query, key=key)
