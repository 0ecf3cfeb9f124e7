"""Where a network keeps positions, and the same network without them."""

import copy
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

ADDED = re.compile(r"(^|\.)(cls_position|positions?|position_embeddings?|pos_embed|wpe|embed_positions)(\.weight)?$")
BIASES = re.compile(r"(relative_attention_bias\.weight|relative_position_bias_table|rel_embeddings\.weight)$")
ROTARY = re.compile(r"rotary|rope", re.IGNORECASE)


def added(network: nn.Module) -> dict[str, nn.Parameter]:
    """The learned tables whose rows are added to the tokens' (Vaswani et al. 2017, section 3.5), by their names."""
    return {name: table for name, table in network.named_parameters() if ADDED.search(name)}


def table(network: nn.Module) -> Tensor | None:
    """A learned table [position, width], or a ViT's [row, column, width] where it was learned on a square; or None."""
    tables = [each.detach() for each in added(network).values() if each.ndim > 1 and each.shape[-2] > 1]
    return tables[0] if tables else None


def grid_of(places: Tensor, prefix: int) -> Tensor | None:
    """A table as [row, column, width]; None where it is none of a square behind at most prefix rows."""
    if places.ndim == 3 and len(places) > 1:
        return places
    rows = places.reshape(-1, places.shape[-1])
    side = math.isqrt(len(rows))
    before = len(rows) - side**2
    return rows[before:].unflatten(0, (side, side)) if before <= prefix else None


def filters(network: nn.Module) -> Tensor | None:
    """The filters [width, 3, height, width] that make a row of a patch; None where it is no convolution."""
    found = (each for each in network.modules() if isinstance(each, nn.Conv2d) and each.in_channels == 3)
    return next((each.weight.detach() for each in found), None)


def biases(network: nn.Module) -> list[str]:
    """The names of tables that add to scores by distance (Shaw et al. 2018; T5: Raffel et al. 2020, section 2.1)."""
    return [name for name, _ in network.named_parameters() if BIASES.search(name)]


def rotations(network: nn.Module) -> list[str]:
    """The names of modules that say how queries and keys are turned by their places (Su et al. 2021, RoFormer)."""
    return [name for name, module in network.named_modules() if ROTARY.search(type(module).__name__)]


def without(network: nn.Module) -> nn.Module | None:
    """A network that shares all weights but has no positions; None where it is not known where they are.

    Tables become zeros, and rotations turn by nothing. The network itself, which others may be running, stays.
    """
    tables, turning = [*added(network), *biases(network)], rotations(network)
    if not tables and not turning:
        return None
    twin, owners = _twin(network, [name.rpartition(".")[0] for name in tables] + turning)
    for name in tables:
        owner, _, leaf = name.rpartition(".")
        parameters = owners[owner]._parameters
        parameters[leaf] = nn.Parameter(torch.zeros_like(parameters[leaf]), requires_grad=False)  # type: ignore[arg-type]
    for name in turning:
        owners[name].forward = _unturned(owners[name].forward)
    return twin


def noting(network: nn.Module, note: Callable[[Tensor], object]) -> nn.Module | None:
    """A network that shares all weights and tells note the cosines of its rotation [position, number]; or None."""
    names = rotations(network)
    twin, owners = _twin(network, names)

    def noted(rotation: Any) -> Any:
        def forward(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
            cos, sin = rotation(*args, **kwargs)
            note(cos.reshape(-1, cos.shape[-1]))
            return cos, sin

        return forward

    for name in names:
        owners[name].forward = noted(owners[name].forward)
    return twin if names else None


def _twin(network: nn.Module, names: Iterable[str]) -> tuple[nn.Module, dict[str, nn.Module]]:
    """A network of its own on the way to the named modules, and these; all else is shared."""
    twins = {"": _shallow(network)}
    for name in names:
        path = ""
        for part in name.split(".") if name else ():
            above, path = twins[path], f"{path}.{part}" if path else part
            if path not in twins:
                twins[path] = above._modules[part] = _shallow(above._modules[part])
    return twins[""], twins


def _shallow(module: nn.Module | None) -> nn.Module:
    assert module is not None
    twin = copy.copy(module)
    for name in ("_parameters", "_modules"):
        twin.__dict__[name] = dict(module.__dict__[name])
    return twin


def _unturned(rotation: Any) -> Any:
    def forward(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        cos, sin = rotation(*args, **kwargs)
        return (cos**2 + sin**2).sqrt(), torch.zeros_like(sin)  # their length is a scale in some

    return forward
