"""Queries and keys of a head as points of one space, in which what is close gets much weight (Yeh et al. 2023)."""

from typing import Literal, NamedTuple

import numpy as np

from headlens.model.analysis.ranks import spearman
from headlens.model.atlas.atlas import Vectors
from headlens.model.atlas.neighbours import keep_neighbours
from headlens.model.errors import InputError
from headlens.model.progress import OnStep, no_step

Method = Literal["pca", "tsne"]
Kind = Literal["query", "key"]
SCALES = np.geomspace(1 / 16, 16, 25)  # that are tried, 1 among them
MOST_PAIRS = 20_000  # of a query and a key, evenly spaced, that distances are compared with weights in
LEAST = 2  # positions of which a map can be made
LINKS = 8  # of a point, at most


class JointMap(NamedTuple):
    """A point for each query and each key of the same positions."""

    query: np.ndarray  # [position, 2]
    key: np.ndarray  # [position, 2]
    scale: float  # queries were multiplied, and keys divided by it
    before: float  # rank correlation (Spearman) of distance and weight as the model has its vectors, -1 to 1
    in_space: float  # once they are shifted and scaled, never above it
    in_plane: float  # of the points
    compared: int  # pairs of a query and a key of one input, that these correlations are over


class Pairs(NamedTuple):
    """Queries and keys of the same input, and what one gives to the other."""

    query: np.ndarray  # [pair], which position
    key: np.ndarray  # [pair]
    weight: np.ndarray  # [pair], of the kept keys of the input


class Link(NamedTuple):
    """What a query gives to a key of its input."""

    other: int  # the key's position among the vectors, or of a key the query's
    weight: float


def joint_map(
    vectors: Vectors, *, causal: bool = False, method: Method = "pca", seed: int = 0, on_step: OnStep = no_step
) -> JointMap:
    """The map of one head.

    Args:
        vectors: of the head, see `Atlas.vectors`.
        causal: whether a query sees no later key.
        method: how the space is laid into a plane: its two principal components, or t-SNE (`keep_neighbours`).
        seed: of t-SNE.
        on_step: of t-SNE, called in this thread while it runs in a process of its own; what it raises ends that.

    Raises InputError for vectors of which no map can be made, and where scikit-learn is not installed.
    """
    if len(vectors.query) < LEAST:
        raise InputError("This atlas holds no queries and keys of this head; build it again with --vectors 48.")
    pairs = pairs_of(vectors, causal=causal)
    query, key, scale = normalised(vectors, pairs)
    both = np.concatenate([query, key])
    points = _principal(both) if method == "pca" else keep_neighbours(both, seed=seed, on_step=on_step)
    placed = points[: len(query)], points[len(query) :]
    return JointMap(
        *placed,
        scale,
        agreement(vectors.query, vectors.key, pairs),
        agreement(query, key, pairs),
        agreement(*placed, pairs),
        len(_some(pairs)),
    )


def pairs_of(vectors: Vectors, *, causal: bool = False) -> Pairs:
    """All pairs of a query and a key that it sees, of the same input: softmax(q·kᵀ / √d) over the kept keys."""
    found = []
    for number in np.unique(vectors.input):
        own = np.flatnonzero(vectors.input == number)
        weights = _weights(vectors, own, causal)
        rows, columns = np.nonzero(~np.isnan(weights))
        found.append((own[rows], own[columns], weights[rows, columns]))
    query, key, weight = (np.concatenate(each) for each in zip(*found))
    return Pairs(query, key, weight)


def strongest_links(vectors: Vectors, kind: Kind, index: int, *, causal: bool = False) -> list[Link]:
    """Of a query the keys that it gives most to, of a key the queries that give it most: LINKS at most, largest first.

    All are of its own input, and a weight is softmax(q·kᵀ / √d) over the keys of it that are kept. Where all are, and
    where the model adds nothing to q·kᵀ, that is the model's own weight.

    Args:
        vectors: of the head.
        kind: whether the point is a query or a key.
        index: which of the vectors.
        causal: whether a query sees no later key.
    """
    own = np.flatnonzero(vectors.input == vectors.input[index])
    weights, at = _weights(vectors, own, causal), int(np.searchsorted(own, index))
    given = weights[at] if kind == "query" else weights[:, at]
    order = np.argsort(-given, kind="stable")[:LINKS]  # what is not seen stands last
    return [Link(int(own[each]), float(given[each])) for each in order if not np.isnan(given[each])]


def _weights(vectors: Vectors, own: np.ndarray, causal: bool) -> np.ndarray:
    """What the queries of one input give to its kept keys, [query, key]; NaN where they do not see."""
    scores = vectors.query[own] @ vectors.key[own].T / np.sqrt(vectors.query.shape[1])
    seen = np.full(scores.shape, True)
    if causal:
        seen = vectors.position[own] <= vectors.position[own][:, None]
    scores = np.where(seen, scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.where(seen, weights / weights.sum(axis=1, keepdims=True), np.nan)


def normalised(vectors: Vectors, pairs: Pairs) -> tuple[np.ndarray, np.ndarray, float]:
    """Queries and keys in one space, and the scale (Yeh et al. 2023, AttentionViz, "vector normalization").

    No weight changes: the same may be added to all keys, which adds one number to all scores of a query; and queries
    may be multiplied by what keys are divided by. Of the shifts that put the keys' centroid on that of the queries (as
    in the paper), at the origin, or leave it, and of SCALES, those are taken by which distance falls most with weight.
    """
    some, centroid = _some(pairs), vectors.key.mean(axis=0)
    query, key = vectors.query[pairs.query[some]].astype(np.float64), vectors.key[pairs.key[some]]  # [pair, d_head]
    own = np.einsum("pd,pd->p", query, query)
    tried: list[tuple[float, int, np.ndarray, float]] = []
    for shift in (vectors.query.mean(axis=0) - centroid, -centroid, np.zeros_like(centroid)):
        moved = key + shift.astype(np.float64)
        other, product = np.einsum("pd,pd->p", moved, moved), np.einsum("pd,pd->p", query, moved)
        for scale in SCALES:  # of the squared distance, |sq − k/s|²: its ranks are those of the distance
            apart = own * scale**2 + other / scale**2 - 2 * product
            tried.append((spearman(apart, pairs.weight[some]), len(tried), shift, float(scale)))
    _, _, shift, scale = min(tried, key=lambda each: each[:2])
    return vectors.query * scale, (vectors.key + shift) / scale, scale


def agreement(query: np.ndarray, key: np.ndarray, pairs: Pairs) -> float:
    """The rank correlation (Spearman) of distance and weight over pairs: -1 where what is closer always gets more."""
    some = _some(pairs)
    apart = np.linalg.norm(query[pairs.query[some]] - key[pairs.key[some]], axis=1)
    return spearman(apart, pairs.weight[some])


def _some(pairs: Pairs) -> np.ndarray:
    """Which pairs are compared: MOST_PAIRS at most, evenly spaced."""
    return np.linspace(0, len(pairs.query) - 1, min(len(pairs.query), MOST_PAIRS)).astype(int)


def _principal(points: np.ndarray) -> np.ndarray:
    """[point, 2]: the two principal components; zeros where there is one alone."""
    centred = points - points.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    plane = np.zeros((len(points), 2))
    plane[:, : min(2, len(sizes))] = (left * sizes)[:, :2]
    return plane
