"""Where a network keeps positions, and the same network without them."""

import math
import re
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn

from headlens.model.attention.clone import weight_sharing_clone

ADDED = re.compile(
    r"(^|\.)(cls_position|positions?|position_embeddings?|pos_embed|class_pos_emb|mid_position_embeddings|wpe|"
    r"embed_positions)(\.weight)?$"
)
BIASES = re.compile(r"(relative_attention_bias\.weight|relative_position_bias_table|rel_embeddings\.weight)$")
ROTARY = re.compile(r"rotary|rope", re.IGNORECASE)
Rotation: TypeAlias = Tensor | tuple[Tensor, Tensor]  # complex numbers, or cosines and sines
LINEAR = ("bloom", "mpt")  # families whose scores fall with distance (ALiBi: Press et al. 2022, section 3)


def position_tables(network: nn.Module) -> dict[str, nn.Parameter]:
    """The tables whose rows are added to the tokens' (Vaswani et al. 2017, section 3.5), by their names."""
    return {name: table for name, table in network.named_parameters() if ADDED.search(name)}


def biases(network: nn.Module) -> list[str]:
    """The names of tables that add to scores by distance (Shaw et al. 2018; T5: Raffel et al. 2020, section 2.1)."""
    return [name for name, _ in network.named_parameters() if BIASES.search(name)]


def rotations(network: nn.Module) -> list[str]:
    """The names of modules that say how queries and keys are rotated by their positions (Su et al. 2021, RoFormer)."""
    return [name for name, module in network.named_modules() if ROTARY.search(type(module).__name__)]


def falls_with_distance(network: nn.Module) -> bool:
    """Whether scores fall by a fixed number for each token of distance (ALiBi)."""
    config = getattr(network, "config", None)
    return getattr(config, "model_type", "") in LINEAR or bool(getattr(config, "alibi", False))


def is_learned(network: nn.Module) -> bool:
    """Whether the added table was learned; else it holds sines and cosines."""
    modules = dict(network.named_modules())
    owners = [modules[name.rpartition(".")[0]] for name in position_tables(network)]
    return not any("sinusoidal" in type(owner).__name__.lower() for owner in owners)


def grid_of(network: nn.Module, prefix: int) -> Tensor | None:
    """A ViT's table as [row, column, width]; None where it has none of a square behind at most prefix rows."""
    tables = [each.detach() for each in position_tables(network).values() if each.ndim > 1 and each.shape[-2] > 1]
    if not tables or (tables[0].ndim == 3 and len(tables[0]) > 1):
        return tables[0] if tables else None
    rows = tables[0].reshape(-1, tables[0].shape[-1])
    side = math.isqrt(len(rows))
    before = len(rows) - side**2
    return rows[before:].unflatten(0, (side, side)) if before <= prefix else None


def filters(network: nn.Module) -> Tensor | None:
    """The filters [width, 3, height, width] that make a row of a patch; None where it is no convolution."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.in_channels == 3:
            return module.weight.detach()
    return None


def without_positions(network: nn.Module, tables: bool = True) -> nn.Module:
    """A weight-sharing clone that has no positions, as far as they are known; the network itself stays.

    Tables become zeros, and rotations are by no angle.

    Args:
        network: that shares its weights.
        tables: whether those that are added to rows go too.
    """
    clone = weight_sharing_clone(network)
    modules = dict(clone.named_modules())
    for name in (*(position_tables(network) if tables else ()), *biases(network)):
        owner, _, leaf = name.rpartition(".")
        table = modules[owner].get_parameter(leaf)
        zeros = torch.zeros((), dtype=table.dtype, device=table.device).expand_as(table)
        modules[owner]._parameters[leaf] = nn.Parameter(zeros, requires_grad=False)
    for name in rotations(network):
        modules[name].forward = _by_no_angle(modules[name].forward)
    return clone


def _by_no_angle(rotation: Callable[..., Rotation]) -> Callable[..., Rotation]:
    def forward(*args: object, **kwargs: object) -> Rotation:
        rotated = rotation(*args, **kwargs)
        if isinstance(rotated, Tensor) and rotated.is_complex():
            return rotated.abs().to(rotated.dtype)
        cos, sin = rotated
        return (cos**2 + sin**2).sqrt(), torch.zeros_like(sin)  # in some models the norm of the two is a scale

    return forward
