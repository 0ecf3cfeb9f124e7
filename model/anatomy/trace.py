"""What the layers of a network do while it runs, heard by hooks: linear maps, norms and attention, in their order."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from model.calls import Call
from model.errors import CheckpointError
from model.nn.attention import Heads
from model.nn.encoder import OnLayer

Calls = Callable[[OnLayer], AbstractContextManager[list[Call]]]  # a model's, of attention


@dataclass(frozen=True)
class Event:
    """A linear map or a norm that ran."""

    module: nn.Module
    given: Tensor  # [token, in]
    made: Tensor  # [token, out]


@dataclass
class LayerRun:
    """One layer, run once."""

    module: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    before: list[Event] = field(default_factory=list)  # its attention
    after: list[Event] = field(default_factory=list)
    heads: list[Heads] = field(default_factory=list)  # [head, token, d_head]; one, in a layer that is taken apart
    out: Tensor = field(default_factory=lambda: torch.empty(0))  # [token, width]

    @property
    def hidden(self) -> Tensor:
        """What goes in, [token, width]."""
        return (self.args[0] if self.args else self.kwargs["hidden_states"])[0]


class Done(Exception):
    """All that was asked for has been heard; stops a run."""


def is_linear(module: nn.Module) -> bool:
    """Whether it multiplies rows with a matrix; GPT-2's class for it is called a convolution."""
    return isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"


def is_norm(module: nn.Module) -> bool:
    """Whether it norms rows: LayerNorm, RMSNorm, and what transformers calls alike."""
    return "norm" in type(module).__name__.lower() and not list(module.children())


def layers_of(network: nn.Module) -> list[nn.Module]:
    """What stands in the network's outermost lists of modules: among them are its layers."""
    found: list[nn.Module] = []
    for child in network.children():
        found += child if isinstance(child, nn.ModuleList) else layers_of(child)
    return found


def hear(
    network: nn.Module,
    layers: Iterable[nn.Module],
    run: Callable[[], object],
    calls: Calls,
    entered: Callable[[LayerRun], object] = lambda layer: None,
    left: Callable[[LayerRun], object] = lambda layer: None,
) -> list[Event]:
    """Run a network, and hear what it does.

    Args:
        network: or a part of it.
        layers: of it, or others beside them: those with one call of attention are heard.
        run: runs it.
        calls: records calls of attention.
        entered: called with each layer, where only its input is known; what it raises stops the run, as in:
        left: called with each layer that had one call of attention; what it did is forgotten after.

    Returns:
        What ran before the first layer. Where Done was raised, this ends as if the run had come to its end.
    """
    front, inside, thread, started = list[Event](), list[LayerRun](), threading.get_ident(), False

    def enter(module: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        nonlocal started
        if threading.get_ident() == thread and not inside:
            inside.append(LayerRun(module, args, kwargs))
            started = True
            entered(inside[0])

    def ran(module: nn.Module, args: tuple, made: Any) -> None:
        if threading.get_ident() != thread or (started and not inside):
            return
        if args and isinstance(made, Tensor):
            layer = inside[0] if inside else None
            where = front if layer is None else layer.after if layer.heads else layer.before
            where.append(Event(module, *(rows.reshape(-1, rows.shape[-1]) for rows in (args[0], made))))

    def attended(_: int) -> None:
        if inside:
            inside[0].heads.append(recorded[-1].heads.first())

    def leave(module: nn.Module, args: tuple, made: Any) -> None:
        if threading.get_ident() == thread and inside and inside[0].module is module:
            layer = inside.pop()
            if len(layer.heads) == 1:
                layer.out = (made if isinstance(made, Tensor) else made[0])[0]
                left(layer)

    hooked = _hooked(network, layers, enter, ran, leave)
    with hooked, calls(attended) as recorded, torch.inference_mode(), suppress(Done):
        run()
    return front


@contextmanager
def _hooked(
    network: nn.Module, layers: Iterable[nn.Module], enter: Callable, ran: Callable, leave: Callable
) -> Iterator[None]:
    hooks = []
    try:
        for layer in layers:
            hooks.append(layer.register_forward_pre_hook(enter, with_kwargs=True))
        for module in network.modules():
            if is_linear(module) or is_norm(module):
                hooks.append(module.register_forward_hook(ran))
        for layer in layers:
            hooks.append(layer.register_forward_hook(leave))
        yield
    finally:
        for hook in hooks:
            hook.remove()


def not_known(network: nn.Module) -> CheckpointError:
    """Of a network whose layers are not as those that are known here."""
    return CheckpointError(f"The layers of {type(network).__name__} cannot be taken apart here; take another model.")
