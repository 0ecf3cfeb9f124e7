"""Heads that continue what they have read before, on random tokens that are read twice (Olsson et al. 2022).

The tokens are random, so that nothing but their first copy tells what comes next.
"""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import torch

from headlens.model.attention.formula import upcast
from headlens.model.base import Outputs
from headlens.model.errors import InputError
from headlens.model.inputs.text import TextInput
from headlens.model.readers import TextReader


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


def repeated_input(model: TextReader[Outputs], length: int = 50, *, seed: int = 0) -> TextInput:
    """`repeated_tokens` of a model's own vocabulary, without special ones but for one that its texts begin with.

    Raises InputError for a model that is not causal, and for a length that it cannot read or has too few tokens for.
    """
    if model.description.kind != "causal":
        raise InputError("Induction is what causal language models do; give one of these.")
    read = model.read("a")
    first = read.ids[0] if read.special[0] else None
    count = 2 * length + (first is not None)
    if count > model.max_tokens:
        raise InputError(f"This model reads {model.max_tokens:,} tokens, and two copies are {count:,}; ask for fewer.")
    added = model.tokenizer.get_added_tokens_decoder()
    ids = repeated_tokens(model.tokenizer.get_vocab_size(), length, seed=seed, without=added.keys(), first=first)
    zeros = (0,) * count
    return replace(
        read,
        ids=tuple(ids.tolist()),
        tokens=("",) * count,
        words=(None,) * count,
        offsets=(None,) * count,
        special=np.zeros(count, bool),
        segments=zeros,
        type_ids=zeros,
    )


def repeated_scores(model: TextReader[Outputs], length: int = 50, *, seed: int = 0) -> dict[str, np.ndarray]:
    """The scores of a model's heads on `repeated_input`: "induction" and "duplicate", [layer, head] each.

    All weights of one layer at a time are in memory. Raises InputError as `repeated_input` does.
    """
    with torch.no_grad():
        (layers,) = model.run([repeated_input(model, length, seed=seed)]).stages.values()
    scores = []
    for layer in layers:
        weights = upcast(layer.first().weights(slice(None))).cpu().numpy()
        scores.append((induction_scores(weights, length), duplicate_scores(weights, length)))
    induction, duplicate = (np.stack(each) for each in zip(*scores))
    return {"induction": induction, "duplicate": duplicate}


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
