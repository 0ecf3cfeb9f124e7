"""Query and key vectors of a few inputs, for a map of both: chosen by a hash, so that no order changes the choice."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from headlens.model.recording.recording import Recording


@dataclass(frozen=True)
class Kept:
    """The vectors of one input at some of its positions."""

    priority: int  # the lowest ones are kept
    positions: np.ndarray  # [position], which tokens
    queries: tuple[np.ndarray, ...]  # of each layer [head, position, d_head] float32, times its scale · √d_head
    keys: tuple[np.ndarray, ...]  # of each layer [key head, position, d_head]; heads side by side share one


def priority_of(seed: int, id: str) -> int:
    """Of an input, by its id: a number of 63 bits."""
    return _hash(f"{seed}\0{id}")


def keep(recording: Recording, priority: int, count: int) -> Kept | None:
    """The vectors of an input at count positions at most, chosen by a hash; None of a model that gives scores alone.

    Queries are scaled so that softmax(q·kᵀ / √d) is right for models that scale otherwise too (T5 does not at all).
    """
    if any(layer.scores_only for layer in recording.layers):
        return None
    order = sorted(range(recording.num_tokens), key=lambda position: _hash(f"{priority}\0{position}"))
    positions = torch.tensor(sorted(order[:count]))
    queries = tuple(
        _at(layer.query, positions, layer.scale * layer.query.shape[-1] ** 0.5) for layer in recording.layers
    )
    keys = tuple(_at(layer.key, positions) for layer in recording.layers)
    return Kept(priority, positions.numpy(), queries, keys)


def _at(vectors: Tensor, positions: Tensor, times: float = 1.0) -> np.ndarray:
    found: np.ndarray = (vectors.index_select(1, positions.to(vectors.device)).float() * times).cpu().numpy()
    return found


def lowest(candidates: Sequence[tuple[int, Kept]], count: int) -> dict[int, Kept]:
    """The inputs of lowest priority, by their numbers."""
    return dict(sorted(candidates, key=lambda pair: (pair[1].priority, pair[0]))[:count])


def _hash(text: str) -> int:
    digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) >> 1
