"""Small models of many families, recorded and ready to be taken apart, and what named modules of theirs give."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from headlens.model.huggingface.text.sequence import TransformersSequence
from headlens.model.recording.recording import Recording
from headlens.model.trace.anatomy import Anatomy

ModelOf = Callable[[str], tuple[Any, Any]]
TEXT = "Birds fly south in winter, and geese fly with them."


def recorded(model: Any, source: Any) -> tuple[Anatomy, Recording]:
    recording = model.write(source, 1) if isinstance(model, TransformersSequence) else model.record(source)
    return Anatomy(model, model.read(source), recording), recording


def rows(output: Tensor | tuple[Tensor, ...]) -> Tensor:
    tensor = output if isinstance(output, Tensor) else output[0]
    return tensor.reshape(-1, tensor.shape[-1])


@contextmanager
def module_outputs(network: nn.Module, names: tuple[str, ...]) -> Iterator[list[Tensor]]:
    """What the named modules give while the model runs, each once."""
    outputs: list[Tensor] = []
    modules = dict(network.named_modules())
    hooks = [modules[name].register_forward_hook(lambda *run: outputs.append(rows(run[2]).clone())) for name in names]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()
