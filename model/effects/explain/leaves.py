"""The rows that go into a language model, as a leaf of a graph; products with gradients as scores of tokens."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from headlens.model.effects.embeddings import Replace
from headlens.model.effects.experiment import Experiment
from headlens.model.inputs.image import ImageInput
from headlens.model.inputs.patches import cut_patches
from headlens.model.trace.hooks import layers_of


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
