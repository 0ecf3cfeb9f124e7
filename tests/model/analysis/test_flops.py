"""What attention costs, counted by torch and measured."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from headlens.model.analysis.flops import multiplications, time_layer
from headlens.model.attention.formula import scaled_dot_product_attention
from headlens.model.attention.inputs import AttentionInputs
from headlens.model.nn.encoder import EncoderConfig, EncoderLayer

LAYER = EncoderLayer(EncoderConfig(1, 4, 32, 128, 1e-6, pre_norm=True)).eval()
MAPS = [part for part in LAYER.modules() if isinstance(part, torch.nn.Linear)]
VECTORS = torch.randn(4, 50, 8)
INPUTS = AttentionInputs(VECTORS, VECTORS, VECTORS, mask=None, causal=False, scale=1.0)


def test_multiplications_are_what_torch_counts() -> None:
    squared, linear = multiplications(MAPS, INPUTS, 50)
    rows = torch.randn(4, 50, 8)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        scaled_dot_product_attention(rows, rows, rows)
    assert 2 * squared == counter.get_total_flops()  # a multiplication and an addition are two
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        for part in MAPS:
            part(torch.randn(50, part.in_features))
    assert 2 * linear == counter.get_total_flops()


def test_longer_inputs_take_longer() -> None:
    short, long = time_layer(MAPS, INPUTS, 16), time_layer(MAPS, INPUTS, 1024)
    assert (short.num_tokens, long.num_tokens) == (16, 1024)
    for name in ("one_by_one", "at_once", "linear"):
        assert 0 < getattr(short, name) < getattr(long, name)
