"""Calls of attention, noted where a model calls torch's functions by itself."""

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from headlens.model.attention.inputs import AttentionInputs, kept_scores
from headlens.model.progress import OnLayer

Network = TypeVar("Network", bound=nn.Module)
SOFTMAX = {torch.softmax, Tensor.softmax, F.softmax, torch.special.softmax}
attending: ContextVar[bool] = ContextVar("attending", default=False)  # inside a call that is noted by other means


@dataclass(frozen=True)
class Call:
    """One attention call: who made it, and all that it was given, [batch, head, query, key]."""

    module: nn.Module
    heads: AttentionInputs


def weight_sharing_clone(network: Network) -> Network:
    """A network that shares all weights, with modules of its own, to hook and to change.

    Hooks on a network that other threads are running would break their runs.
    """
    made: dict[int, nn.Module] = {}  # a module may stand in several places

    def of(module: nn.Module) -> nn.Module:
        if id(module) not in made:
            own = made[id(module)] = copy.copy(module)
            own.__dict__ |= {name: part.copy() for name, part in module.__dict__.items() if _is_registry(name, part)}
            own._modules = {name: None if child is None else of(child) for name, child in module._modules.items()}
        return made[id(module)]

    return cast(Network, of(network))


def _is_registry(name: str, part: object) -> bool:
    """Whether it is where torch keeps a module's weights, buffers and hooks."""
    return isinstance(part, dict) and (name in ("_parameters", "_buffers") or name.endswith(("_hooks", "_kwargs")))


def attention_modules(network: nn.Module) -> list[nn.Module]:
    """The modules that compute attention, by their names; torch's own are not transformers' layers."""
    return [
        module
        for module in network.modules()
        if "attention" in type(module).__name__.lower() and not type(module).__module__.startswith("torch.")
    ]


class _Mode(TorchFunctionMode):
    """Notes scaled dot-product attention and softmax over keys while an attention module runs."""

    def __init__(self, on_layer: OnLayer | None) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.inside: list[nn.Module] = []
        self._on_layer = on_layer

    def leave(self, *_: object) -> None:
        """A module has ended."""
        self.inside.pop()

    def __torch_function__(self, function: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if not self.inside or attending.get():
            return function(*args, **kwargs)
        if function is F.scaled_dot_product_attention:
            self._note(_heads_of(*args, **kwargs))
        elif function in SOFTMAX:
            scores = args[0] if args else kwargs["input"]
            dim = args[1] if len(args) > 1 else kwargs.get("dim")
            if scores.ndim >= 3 and dim in (-1, scores.ndim - 1):
                self._note(kept_scores(scores if scores.ndim == 4 else scores[None]))
        return function(*args, **kwargs)  # what it calls in turn is not heard here

    def _note(self, heads: AttentionInputs) -> None:
        self.calls.append(Call(self.inside[-1], heads))
        if self._on_layer is not None:
            self._on_layer(len(self.calls) - 1)


def _heads_of(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> AttentionInputs:
    """As `torch.nn.functional.scaled_dot_product_attention` takes them."""
    return AttentionInputs(
        query, key, value, attn_mask, is_causal, 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    )


@contextmanager
def function_calls(network: nn.Module, on_layer: OnLayer | None = None) -> Iterator[list[Call]]:
    """All attention that the network's attention modules compute by torch's functions inside the context.

    Args:
        network: nobody else's: a `weight_sharing_clone`.
        on_layer: hears the number of each, from 0.
    """
    mode = _Mode(on_layer)
    with ExitStack() as hooks:
        for module in attention_modules(network):
            hooks.enter_context(module.register_forward_pre_hook(lambda entered, _: mode.inside.append(entered)))
            hooks.enter_context(module.register_forward_hook(mode.leave, always_call=True))
        with mode:
            yield mode.calls
