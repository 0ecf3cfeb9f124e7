"""What a network reads, as a leaf of a graph: the rows of its tokens' embeddings, or its pixels."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from headlens.model.effects.experiment import Experiment
from headlens.model.errors import CheckpointError
from headlens.model.inputs.image import ImageInput
from headlens.model.inputs.patches import cut_patches
from headlens.model.inputs.text import SequenceInput
from headlens.model.nn.text import TextEncoder
from headlens.model.trace.hooks import layers_of

Replace = Callable[[Tensor], Tensor]  # rows [batch, token, width] -> others to go on with


def token_embeddings(network: nn.Module, model_input: object) -> nn.Module:
    """The module that makes rows of ids; where one text is read and another one written, of what is read.

    Raises CheckpointError where it is not known.
    """
    if isinstance(network, TextEncoder):
        return network.tokens
    whole: Any = network
    try:
        module = (whole.get_encoder() if isinstance(model_input, SequenceInput) else whole).get_input_embeddings()
    except (AttributeError, NotImplementedError):
        module = None
    if not isinstance(module, nn.Module):
        raise CheckpointError("It is not known here where this model keeps its tokens' embeddings; take another one.")
    return module


@contextmanager
def replaced_embeddings(network: nn.Module, model_input: object, replace: Replace) -> Iterator[None]:
    """Inside, the rows of the tokens are replaced once.

    Args:
        network: nobody else's: a `weight_sharing_clone`.
        model_input: what runs.
        replace: gives the rows to go on with.
    """
    replaced = False

    def hook(module: nn.Module, args: tuple[object, ...], output: Tensor) -> Tensor:
        nonlocal replaced
        if replaced:  # by a decoder that shares it
            return output
        replaced = True
        return replace(output)

    handle = token_embeddings(network, model_input).register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def replaced_rows(network: nn.Module, experiment: Experiment, replace: Replace) -> Iterator[None]:
    """Inside, the rows that go into the language model's first layer are replaced: of an image among a text's tokens.

    Args:
        network: nobody else's: a `weight_sharing_clone`.
        experiment: a model on an image and a text.
        replace: gives the rows to go on with.
    """
    first = experiment.kept_layer(experiment.call_index("decoder", 0))
    count, depth = 0, 0

    def enter(
        module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        nonlocal count, depth
        depth += 1
        if depth > 1:
            return None
        count += 1
        if count - 1 != first:
            return None
        rows = args[0] if args else kwargs["hidden_states"]
        assert isinstance(rows, Tensor)
        replaced = replace(rows)
        return ((replaced, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": replaced})

    def leave(module: nn.Module, args: tuple[object, ...], output: object) -> None:
        nonlocal depth
        depth -= 1

    handles = list[Any]()
    try:
        for layer in dict.fromkeys(layers_of(network)):
            handles.append(layer.register_forward_pre_hook(enter, with_kwargs=True))
            handles.append(layer.register_forward_hook(leave))
        yield
    finally:
        for handle in handles:
            handle.remove()


def summed(products: Tensor, model_input: object, prefix: int) -> Tensor:
    """The products of an input and its gradient, [width] or [channel, height, width] of each, as [token] scores.

    Args:
        products: [token, width] of tokens, [channel, height, width] of a photo.
        model_input: what runs.
        prefix: positions before the patches, which are of no pixel and get zero.
    """
    if not isinstance(model_input, ImageInput):
        return products.sum(dim=-1)
    patches = cut_patches(products, model_input.photo.grid, axis=1).sum(dim=(0, 2, 3))
    return torch.cat([patches.new_zeros(prefix), patches])
