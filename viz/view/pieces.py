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


def in_shown(groups: tuple[Group, ...] | None, view: View) -> View:
    """A view that counts in tokens as one of what is shown: of words, those that the tokens are part of.

    Args:
        groups: as `groups_of` gives them.
        view: counts in tokens.
    """
    if groups is None:
        return view
    words = [word for word, tokens in enumerate(groups) for _ in tokens]  # of each token
    queries = tuple(words[query] for query in view.queries)
    return dataclasses.replace(view, query=words[view.query], key=words[view.key], queries=queries)


def in_tokens(groups: tuple[Group, ...] | None, view: View, before: View) -> View:
    """A view of what is shown as one that counts in tokens.

    Args:
        groups: as `groups_of` gives them.
        view: of what is shown.
        before: the view in tokens that was shown; words that are chosen as before stay with their tokens, of others
            the query is the first, and all are chosen where several words are.
    """
    if groups is None:
        return view
    shown = in_shown(groups, before)
    query = before.query if view.query == shown.query else groups[view.query][0]
    key = before.key if view.key == shown.key else groups[view.key][0]
    queries = before.queries
    if (view.query, view.queries) != (shown.query, shown.queries):
        queries = tuple(token for word in view.queries for token in groups[word])
    return dataclasses.replace(view, query=query, key=key, queries=queries)
