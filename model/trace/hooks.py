"""What the layers of a network do while it runs, heard by hooks: linear maps, norms and attention, in their order."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from headlens.model.attention.point import Call
from headlens.model.attention.inputs import AttentionInputs
from headlens.model.errors import CheckpointError
from headlens.model.progress import OnLayer

Calls = Callable[[nn.Module, OnLayer], AbstractContextManager[list[Call]]]  # a model's, of attention


@dataclass(frozen=True, eq=False)
class Event:
    """A linear map or a norm that ran."""

    module: nn.Module
    given: Tensor  # [token, in]
    made: Tensor  # [token, out]


@dataclass(eq=False)
class LayerRun:
    """One layer, run once."""

    module: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    before: list[Event] = field(default_factory=list)  # its attention
    after: list[Event] = field(default_factory=list)
    heads: list[AttentionInputs] = field(
        default_factory=list
    )  # [head, token, d_head]; one, in a layer that is taken apart
    out: Tensor = field(default_factory=lambda: torch.empty(0))  # [token, width]

    @property
    def hidden(self) -> Tensor:
        """What goes in, [token, width]."""
        return (self.args[0] if self.args else self.kwargs["hidden_states"])[0]

    def on(self, hidden: Tensor) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What it was given, with a row of one's own for each token, [token, width], as what goes in."""
        if self.args:
            return (hidden[None], *self.args[1:]), self.kwargs
        return (), {**self.kwargs, "hidden_states": hidden[None]}

    @property
    def cosines(self) -> Tensor | None:
        """What queries and keys are turned by in this layer, [position, number]; None where that is not known."""
        given = self.kwargs.get("position_embeddings")
        if not isinstance(given, tuple) or len(given) != 2 or given[0].is_complex():
            return None
        return given[0].reshape(-1, given[0].shape[-1])


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


def run_with_hooks(
    network: nn.Module,
    layers: Iterable[nn.Module],
    run: Callable[[], object],
    calls: Calls,
    entered: Callable[[LayerRun], object] = lambda layer: None,
    left: Callable[[LayerRun], object] = lambda layer: None,
) -> list[Event]:
    """Run a network, and hear what it does.

    Args:
        network: nobody else's (`calls.weight_sharing_clone`), or a part of one.
        layers: of it, or others beside them: those with one call of attention are heard.
        run: runs it.
        calls: records calls of attention.
        entered: called with each layer, where only its input is known; what it raises stops the run, as in:
        left: called with each layer that had one call of attention; what it did is forgotten after.

    Returns:
        What ran before the first layer. Where Done was raised, this ends as if the run had come to its end.
    """
    front, inside, started = list[Event](), list[LayerRun](), False

    def enter(module: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        nonlocal started
        if not inside:
            inside.append(LayerRun(module, args, kwargs))
            started = True
            entered(inside[0])

    def ran(module: nn.Module, args: tuple, made: Any) -> None:
        if args and isinstance(made, Tensor) and (inside or not started):
            layer = inside[0] if inside else None
            where = front if layer is None else layer.after if layer.heads else layer.before
            where.append(Event(module, *(rows.reshape(-1, rows.shape[-1]) for rows in (args[0], made))))

    def attended(_: int) -> None:
        if inside:
            inside[0].heads.append(recorded[-1].inputs.first())

    def leave(module: nn.Module, args: tuple, made: Any) -> None:
        if inside and inside[0].module is module:
            layer = inside.pop()
            if len(layer.heads) == 1:
                layer.out = (made if isinstance(made, Tensor) else made[0])[0]
                left(layer)

    with ExitStack() as hooks:
        for layer in layers:
            hooks.enter_context(layer.register_forward_pre_hook(enter, with_kwargs=True))
            hooks.enter_context(layer.register_forward_hook(leave))
        for module in network.modules():
            if is_linear(module) or is_norm(module):
                hooks.enter_context(module.register_forward_hook(ran))
        with calls(network, attended) as recorded, torch.inference_mode(), suppress(Done):
            run()
    return front


def not_known(network: nn.Module) -> CheckpointError:
    """Of a network whose layers are not as those that are known here."""
    return CheckpointError(f"The layers of {type(network).__name__} cannot be taken apart here; take another model.")
