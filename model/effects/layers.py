"""A run that starts in the middle: what the layers before gave is kept, and given again."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from headlens.model.trace.hooks import layers_of


class KeptLayer(NamedTuple):
    """One layer of a run, in the order in which they ran."""

    output: object  # as the layer gave it: rows [batch, token, width], or a tuple that begins with them
    calls_before: int  # attention calls in the layers before it
    calls: int  # in itself


@contextmanager
def keep_layers(network: nn.Module, count_calls: Callable[[], int]) -> Iterator[list[KeptLayer]]:
    """What each layer gives in a run inside the context.

    Args:
        network: nobody else's: a `weight_sharing_clone`.
        count_calls: how many attention calls there have been so far.
    """
    kept, running = list[KeptLayer](), list[tuple[nn.Module, int]]()

    def enter(module: nn.Module, _: object) -> None:
        running.append((module, count_calls()))

    def leave(module: nn.Module, _: object, output: object) -> None:
        _, before = running.pop()
        if not running:
            kept.append(KeptLayer(output, before, count_calls() - before))

    with ExitStack() as hooks:
        for layer in dict.fromkeys(layers_of(network)):
            hooks.enter_context(layer.register_forward_pre_hook(enter))
            hooks.enter_context(layer.register_forward_hook(leave))
        yield kept


def run_between(network: nn.Module, kept: list[KeptLayer], first: int, last: int | None = None) -> None:
    """Change a network so that only some layers run: those before give what was kept, those behind what goes in.

    Args:
        network: nobody else's: a `weight_sharing_clone`. It can be run once.
        kept: of a run on one input; a batch gets it once for each of its inputs.
        first: index of the first layer that runs.
        last: of the last one; None: all from the first on.
    """
    count, depth = 0, 0

    def changed(layer: nn.Module) -> Callable[..., object]:
        original = layer.forward

        def forward(*args: object, **kwargs: object) -> object:
            nonlocal count, depth
            if depth:
                return original(*args, **kwargs)
            index, count = count, count + 1
            hidden = args[0] if args else kwargs["hidden_states"]
            assert isinstance(hidden, Tensor)
            if index < first:
                return repeated(kept[index].output, len(hidden))
            if last is not None and index > last:
                output = repeated(kept[index].output, len(hidden))
                return (hidden, *output[1:]) if isinstance(output, tuple) else hidden
            depth += 1
            try:
                return original(*args, **kwargs)
            finally:
                depth -= 1

        return forward

    for layer in dict.fromkeys(layers_of(network)):
        layer.forward = changed(layer)


def repeated(output: object, batch: int) -> object:
    """What a layer gave of one input, once for each input of a batch; it takes no memory."""
    if isinstance(output, Tensor):
        return output.expand(batch, *output.shape[1:]) if output.ndim and len(output) == 1 else output
    return tuple(repeated(part, batch) for part in output) if type(output) is tuple else output


def nbytes(output: object) -> int:
    """Bytes of the tensors in what a layer gave."""
    if isinstance(output, torch.Tensor):
        return output.nbytes
    return sum(nbytes(part) for part in output) if isinstance(output, tuple | list) else 0
