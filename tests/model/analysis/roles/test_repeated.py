"""Random tokens, twice, and the heads that look at what came next."""

from typing import Any

import numpy as np
import pytest

from headlens.model.analysis.roles.repeated import (
    duplicate_scores,
    induction_scores,
    repeated_input,
    repeated_tokens,
)
from headlens.model.errors import InputError


def test_different_tokens_twice_and_the_same_ones_for_a_seed() -> None:
    ids = repeated_tokens(40, 12, seed=3, without={0, 5}, first=0)
    assert ids[0] == 0
    assert ids[1:13].tolist() == ids[13:].tolist()
    assert len(set(ids[1:13])) == 12
    assert not {0, 5} & set(ids[1:])
    assert repeated_tokens(40, 12, seed=3, without={0, 5}, first=0).tolist() == ids.tolist()
    assert repeated_tokens(40, 12, seed=4).tolist() != repeated_tokens(40, 12, seed=3).tolist()


@pytest.mark.parametrize("length", [0, 1, 39])
def test_a_length_that_cannot_be(length: int) -> None:
    with pytest.raises(InputError, match="must have 2 to 38"):
        repeated_tokens(40, length, without={0, 5})


@pytest.mark.parametrize("before", [0, 1])
def test_which_keys_count(before: int) -> None:
    """One head gives 0.75 to what came after the first copy, and 0.25 to the copy itself; the other the reverse."""
    length = 5
    weights = np.zeros((2, before + 2 * length, before + 2 * length))
    for query in range(before + length, before + 2 * length):
        weights[0, query, query - length + 1] = weights[1, query, query - length] = 0.75
        weights[0, query, query - length] = weights[1, query, query - length + 1] = 0.25
    assert induction_scores(weights, length).tolist() == [0.75, 0.25]
    assert duplicate_scores(weights, length).tolist() == [0.25, 0.75]


def test_a_model_that_is_not_causal_and_a_length_that_it_cannot_read(minilm: Any, smollm2: Any) -> None:
    with pytest.raises(InputError, match="causal language models"):
        repeated_input(minilm)
    with pytest.raises(InputError, match="two copies are 20,000; ask for fewer"):
        repeated_input(smollm2, 10_000)
    assert not set(repeated_input(smollm2, 40).ids) & smollm2.tokenizer.get_added_tokens_decoder().keys()
