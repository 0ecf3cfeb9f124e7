"""All heads of a recording in a plane: those that look alike lie close together (Clark et al. 2019, section 6)."""

import importlib.util
import math

import numpy as np

from headlens.model.analysis.sample import looking_queries
from headlens.model.comparison.comparison import jensen_shannon
from headlens.model.errors import InputError
from headlens.model.progress import OnStep, no_step
from headlens.model.recording.recording import Recording

MOST_QUERIES = 64
BUDGET = 50_000_000  # weights that are compared, over all pairs of heads: some seconds


def compared_queries(recording: Recording) -> np.ndarray:
    """The positions from which heads are compared: evenly spaced, the fewer the more heads and tokens there are."""
    queries = looking_queries(recording)
    count = recording.num_layers * recording.num_heads
    each = BUDGET // max(1, recording.num_keys * math.comb(count, 2))
    taken = min(len(queries), max(4, min(MOST_QUERIES, each)))
    picked: np.ndarray = queries[np.linspace(0, len(queries) - 1, taken).round().astype(int)]
    return picked


def head_divergences(recording: Recording, on_step: OnStep = no_step) -> np.ndarray:
    """How much each head looks elsewhere than each other: [layer · heads + head, the same], symmetric, from 0 to 1.

    It is `jensen_shannon` of their rows, the mean over `compared_queries` (ibid., there the sum). on_step is told after
    each head. Of each head only these rows are in memory.
    """
    queries = compared_queries(recording)
    layers = range(recording.num_layers)
    rows = np.concatenate([recording.attention_from(layer, queries) for layer in layers])  # [head of all, query, key]
    divergences = np.zeros((len(rows), len(rows)))
    for one in range(len(rows)):
        for other in range(one + 1, len(rows)):
            divergences[one, other] = divergences[other, one] = jensen_shannon(rows[one], rows[other]).mean()
        on_step(one + 1, len(rows))
    return divergences


def can_lay_out() -> bool:
    """Whether scikit-learn is there."""
    return importlib.util.find_spec("sklearn") is not None


def lay_out(divergences: np.ndarray) -> np.ndarray:
    """Places in a plane whose distances are near the divergences [head, head]: [head, 2].

    By metric multidimensional scaling from the classical solution (scikit-learn), so the same each time.

    Raises InputError where scikit-learn is not installed.
    """
    if not can_lay_out():
        raise InputError('The map of heads needs scikit-learn; run pip install -e ".[map]".')
    from sklearn.manifold import MDS  # it takes a second to import

    scaling = MDS(2, metric="precomputed", n_init=1, init="classical_mds", random_state=0)
    places: np.ndarray = scaling.fit_transform(divergences)
    return places
