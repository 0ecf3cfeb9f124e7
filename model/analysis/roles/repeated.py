"""Heads that continue what they have read before, on random tokens that are read twice (Olsson et al. 2022).

The tokens are random, so that nothing but their first copy tells what comes next.
"""

from collections.abc import Collection

import numpy as np

from headlens.model.errors import InputError


def repeated_tokens(
    vocabulary: int, length: int = 50, *, seed: int = 0, without: Collection[int] = (), first: int | None = None
) -> np.ndarray:
    """Different random token ids, twice: [2 · length] int, or with a first one before them [1 + 2 · length].

    Args:
        vocabulary: how many ids there are.
        length: of one copy.
        seed: of the choice.
        without: ids that are not taken, such as special ones.
        first: an id before the rest, for models that rest on their first token.

    Raises InputError where there are fewer ids than are asked for.
    """
    allowed = np.setdiff1d(np.arange(vocabulary), list(without))
    if not 2 <= length <= len(allowed):
        raise InputError(f"A copy of random tokens must have 2 to {len(allowed):,} of them, not {length:,}.")
    half = np.random.default_rng(seed).choice(allowed, length, replace=False)
    before = np.array([] if first is None else [first], half.dtype)
    return np.concatenate([before, half, half])


def induction_scores(weights: np.ndarray, length: int) -> np.ndarray:
    """How much the second copy looks at what came after the first: query i at key i - length + 1.

    Weights [..., query, key] of `repeated_tokens`, nothing taken away -> [...], the mean over the second copy (Olsson
    et al. 2022, “prefix matching”).
    """
    return _stripe(weights, length, 1)


def duplicate_scores(weights: np.ndarray, length: int) -> np.ndarray:
    """How much the second copy looks at the same tokens of the first: query i at key i - length; as the other."""
    return _stripe(weights, length, 0)


def _stripe(weights: np.ndarray, length: int, later: int) -> np.ndarray:
    queries = np.arange(weights.shape[-2] - length, weights.shape[-2])
    mean: np.ndarray = weights[..., queries, queries - length + later].mean(axis=-1)
    return mean
