"""The softmax of one query: between a look-up and a mean, and how it learns."""

import numpy as np


def at_temperature(scores: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(scores / temperature) over the last axis (Hinton et al. 2015, "Distilling the Knowledge", equation 1).

    1 is plain softmax, more is softer; 0 is the limit, a hard look-up: all weight on the largest score.
    """
    if temperature == 0:
        largest: np.ndarray = np.arange(scores.shape[-1]) == scores.argmax(axis=-1, keepdims=True)
        return largest.astype(scores.dtype)
    exponentials: np.ndarray = np.exp((scores - scores.max(axis=-1, keepdims=True)) / temperature)
    weights: np.ndarray = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return weights


def slopes(weights: np.ndarray) -> np.ndarray:
    """How much each weight changes with its own score: w (1 - w), the diagonal of softmax's Jacobian [..., key].

    It vanishes where softmax saturates, at 0 and at 1 (why scores are scaled: Vaswani et al. 2017, 3.2.1).
    """
    changes: np.ndarray = weights * (1 - weights)
    return changes


def neighbourhood(weights: np.ndarray, query: int, count: int = 24) -> np.ndarray:
    """The keys worth showing of a row [key]: the count with the largest weights and the query, in their order."""
    largest = np.argsort(-weights, kind="stable")[:count]
    return np.unique(np.append(largest, query))
