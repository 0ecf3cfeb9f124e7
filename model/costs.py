"""What attention costs: counted, and measured where the model runs."""

import time
from collections.abc import Callable
from statistics import median
from typing import NamedTuple

import torch
from torch import nn

from model.device import synchronize
from model.nn.attention import scaled_dot_product_attention
from model.nn.encoder import EncoderLayer

REPEATS = 5


class Cost(NamedTuple):
    """Seconds that one layer takes for so many tokens."""

    num_tokens: int
    one_by_one: float  # attention, a head after the other
    at_once: float  # attention, all heads in one product
    linear: float  # the projections and the feed-forward network


@torch.inference_mode()
def measure(layer: EncoderLayer, num_tokens: int) -> Cost:
    """The median of REPEATS runs on random rows, after one that warms up."""
    weight = layer.attention.query.weight
    rows = torch.randn(num_tokens, weight.shape[1], device=weight.device, dtype=weight.dtype)
    num_heads = layer.attention.num_heads
    query, key, value = torch.randn(3, num_heads, num_tokens, weight.shape[0] // num_heads).to(rows)

    def one_by_one() -> None:
        for head in range(num_heads):
            scaled_dot_product_attention(query[head], key[head], value[head])

    def linear() -> None:
        for part in (layer.attention.query, layer.attention.key, layer.attention.value, layer.attention.output):
            part(rows)
        layer.mlp(rows)

    def timed(work: Callable[[], object]) -> float:
        work()
        taken = []
        for _ in range(REPEATS):
            synchronize(rows.device)
            started = time.perf_counter()
            work()
            synchronize(rows.device)
            taken.append(time.perf_counter() - started)
        return median(taken)

    at_once = timed(lambda: scaled_dot_product_attention(query, key, value))
    return Cost(num_tokens, timed(one_by_one), at_once, timed(linear))


def multiplications(layer: EncoderLayer, num_tokens: int) -> tuple[int, int]:
    """Of one layer: those that grow with n² (scores and mixing: 2 n² d), and those with n (the linear maps: n times
    their weights); Vaswani et al. 2017, section 4 and table 1, counts the first."""
    attention = layer.attention
    parts = (attention.query, attention.key, attention.value, attention.output, *layer.mlp)
    weights = sum(part.weight.numel() for part in parts if isinstance(part, nn.Linear))
    return 2 * num_tokens**2 * attention.query.out_features, num_tokens * weights
