"""How much attention computes: counted, and timed where the model runs."""

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor, nn

from headlens.model.attention.formula import scaled_dot_product_attention
from headlens.model.attention.inputs import AttentionInputs
from headlens.model.device import synchronize

REPEATS = 5


class LayerTimes(NamedTuple):
    """Seconds that one layer takes for so many tokens."""

    num_tokens: int
    one_by_one: float  # attention, a head after the other
    at_once: float  # attention, all heads in one product
    linear: float  # the projections and the feed-forward network


@torch.inference_mode()
def time_layer(maps: Sequence[nn.Module], inputs: AttentionInputs, num_tokens: int) -> LayerTimes:
    """The median of REPEATS runs on random rows, after one that warms up.

    Args:
        maps: all linear maps of the layer.
        inputs: of the layer's attention, for how many heads it has, their width and number format.
        num_tokens: to time it with.
    """

    def rows(*axes: int) -> Tensor:
        return torch.randn(*axes, device=inputs.query.device, dtype=inputs.query.dtype)

    num_heads, like = inputs.num_heads, (inputs.query, inputs.key, inputs.value)
    query, key, value = (rows(num_heads, num_tokens, vectors.shape[-1]) for vectors in like)
    linear_inputs = [(part, rows(num_tokens, _width(part))) for part in maps]

    def one_by_one() -> None:
        for head in range(num_heads):
            scaled_dot_product_attention(query[head], key[head], value[head])

    def linear() -> None:
        for part, linear_input in linear_inputs:
            part(linear_input)

    def timed(work: Callable[[], object]) -> float:
        work()
        seconds = []
        for _ in range(REPEATS):
            synchronize(inputs.query.device)
            started = time.perf_counter()
            work()
            synchronize(inputs.query.device)
            seconds.append(time.perf_counter() - started)
        return median(seconds)

    at_once = timed(lambda: scaled_dot_product_attention(query, key, value))
    return LayerTimes(num_tokens, timed(one_by_one), at_once, timed(linear))


def multiplications(maps: Sequence[nn.Module], inputs: AttentionInputs, num_tokens: int) -> tuple[int, int]:
    """Of one layer: those that grow with n² (scores and mixing), and those with n (the linear maps: n times their
    weights); Vaswani et al. 2017, section 4 and table 1, counts the first."""
    each = inputs.query.shape[-1] + inputs.value.shape[-1]
    weights = sum(part.weight.numel() for part in maps if isinstance(part.weight, Tensor))
    return num_tokens**2 * inputs.num_heads * each, num_tokens * weights


def _width(part: nn.Module) -> int:
    """Of the rows that a linear map takes; transformers' Conv1D has its weight [in, out]."""
    assert isinstance(part.weight, Tensor)
    return int(part.weight.shape[1 if isinstance(part, nn.Linear) else 0])
