"""A network of one's own, with the weights of another."""

import copy
from typing import TypeVar, cast

from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def weight_sharing_clone(network: Network) -> Network:
    """A network that shares all weights, with modules of its own, to hook and to change.

    Hooks on a network that other threads are running would break their runs.
    """
    clones: dict[int, nn.Module] = {}  # by the id of a module, which may be in the network twice

    def clone_of(module: nn.Module) -> nn.Module:
        if id(module) not in clones:
            clone = clones[id(module)] = copy.copy(module)
            clone.__dict__ |= {name: part.copy() for name, part in module.__dict__.items() if _is_registry(name, part)}
            clone._modules = {
                name: None if child is None else clone_of(child) for name, child in module._modules.items()
            }
        return clones[id(module)]

    return cast(Network, clone_of(network))


def _is_registry(name: str, part: object) -> bool:
    """Whether it is where torch keeps a module's weights, buffers and hooks."""
    return isinstance(part, dict) and (name in ("_parameters", "_buffers") or name.endswith(("_hooks", "_kwargs")))
