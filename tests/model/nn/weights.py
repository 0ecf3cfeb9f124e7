"""Random weights for a network."""

import torch
from torch import nn


def randomize(module: nn.Module) -> None:
    """New modules have norms of 1 and 0 and a layer scale of 1, which would hide a swap."""
    torch.manual_seed(1)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
