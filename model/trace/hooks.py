"""What the layers of a network do while it runs, by hooks: linear maps, norms and attention, in their order."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from headlens.model.attention.inputs import AttentionInputs
from headlens.model.attention.point import Call
from headlens.model.errors import CheckpointError
from headlens.model.progress import OnLayer

Calls = Callable[[nn.Module, OnLayer], AbstractContextManager[list[Call]]]  # a model's `calls`


@dataclass(frozen=True, eq=False)
class Event:
    """A linear map or a norm that ran."""

    module: nn.Module
    input: Tensor  # [token, in]
    output: Tensor  # [token, out]


@dataclass(eq=False)
class LayerRun:
    """One layer, run once."""

    module: nn.Module
    args: tuple[object, ...]
    kwargs: dict[str, object]
    before: list[Event] = field(default_factory=list)  # its attention
    after: list[Event] = field(default_factory=list)
    attention: list[AttentionInputs] = field(default_factory=list)  # one, in a layer that can be taken apart
    out: Tensor = field(default_factory=lambda: torch.empty(0))  # [token, width]

    @property
    def hidden(self) -> Tensor:
        """What goes in, [token, width]."""
        batch = self.args[0] if self.args else self.kwargs["hidden_states"]
        assert isinstance(batch, Tensor)
        return batch[0]

    def arguments(self, hidden: Tensor) -> tuple[tuple[object, ...], dict[str, object]]:
        """Its arguments, with other rows [token, width] going in."""
        if self.args:
            return (hidden[None], *self.args[1:]), self.kwargs
        return (), {**self.kwargs, "hidden_states": hidden[None]}

    @property
    def cosines(self) -> Tensor | None:
        """Of the angles that queries and keys are rotated by, [position, angle]; None where that is not known."""
        rotation = self.kwargs.get("position_embeddings")
        if not isinstance(rotation, tuple) or len(rotation) != 2:
            return None
        cosines = rotation[0]
        if not isinstance(cosines, Tensor) or cosines.is_complex():
            return None
        return cosines.reshape(-1, cosines.shape[-1])


class Done(Exception):
    """Raised to stop a run early, when all that is wanted has run."""


def is_linear(module: nn.Module) -> bool:
    """Whether it multiplies rows with a matrix; GPT-2's class for it is called a convolution."""
    return isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"


def is_norm(module: nn.Module) -> bool:
    """Whether it normalizes rows: LayerNorm, RMSNorm, and what transformers calls alike."""
    return "norm" in type(module).__name__.lower() and not list(module.children())


def layers_of(network: nn.Module) -> list[nn.Module]:
    """What stands in the network's outermost lists of modules: among them are its layers."""
    layers: list[nn.Module] = []
    for child in network.children():
        layers += child if isinstance(child, nn.ModuleList) else layers_of(child)
    return layers


def run_with_hooks(
    network: nn.Module,
    layers: Iterable[nn.Module],
    run: Callable[[], object],
    *,
    calls: Calls,
    on_enter: Callable[[LayerRun], object] = lambda layer: None,
    on_leave: Callable[[LayerRun], object] = lambda layer: None,
) -> list[Event]:
    """Run a network, and note what it does. The hooks are gone when this ends, however it ends.

    Args:
        network: nobody else's (`weight_sharing_clone`), or a part of one.
        layers: of it, or others beside them: those with one attention call are noted.
        run: runs it.
        calls: notes attention calls.
        on_enter: called with each layer, where only its input is known; what it raises stops the run, as of on_leave.
        on_leave: called with each layer that had one attention call; its events are forgotten after.

    Returns:
        What ran before the first layer. Where Done was raised, this ends as if the run had come to its end.
    """
    front, inside, started = list[Event](), list[LayerRun](), False

    def enter(module: nn.Module, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        nonlocal started
        if not inside:
            inside.append(LayerRun(module, args, kwargs))
            started = True
            on_enter(inside[0])

    def note(module: nn.Module, args: tuple[object, ...], output: object) -> None:
        if not args or not isinstance(args[0], Tensor) or not isinstance(output, Tensor):
            return
        event = Event(module, *(rows.reshape(-1, rows.shape[-1]) for rows in (args[0], output)))
        if inside:
            layer = inside[0]
            (layer.after if layer.attention else layer.before).append(event)
        elif not started:
            front.append(event)

    def note_attention(_: int) -> None:
        if inside:
            inside[0].attention.append(noted[-1].inputs.first())

    def leave(module: nn.Module, args: tuple[object, ...], output: object) -> None:
        if inside and inside[0].module is module:
            layer = inside.pop()
            if len(layer.attention) == 1:
                batch = output[0] if isinstance(output, tuple | list) else output
                assert isinstance(batch, Tensor)
                layer.out = batch[0]
                on_leave(layer)

    with ExitStack() as hooks:
        for layer in layers:
            hooks.enter_context(layer.register_forward_pre_hook(enter, with_kwargs=True))
            hooks.enter_context(layer.register_forward_hook(leave))
        for module in network.modules():
            if is_linear(module) or is_norm(module):
                hooks.enter_context(module.register_forward_hook(note))
        with calls(network, note_attention) as noted, torch.inference_mode(), suppress(Done):
            run()
    return front


def not_known(network: nn.Module) -> CheckpointError:
    """Of a network whose layers are built in no way that is known here."""
    return CheckpointError(f"The layers of {type(network).__name__} cannot be taken apart here; take another model.")
