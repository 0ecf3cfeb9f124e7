"""The rows that a network makes of tokens: where they are made, and others in their place."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from headlens.model.base import AnyModel
from headlens.model.errors import CheckpointError
from headlens.model.nn.text import TextEncoder

CHUNK = 4_096  # rows of the table at once
Replace = Callable[[Tensor], Tensor]  # rows [batch, token, width] -> others to go on with


def token_embeddings(network: nn.Module) -> nn.Embedding:
    """The table of words; where one text is read and another one written, of what is read.

    Raises CheckpointError where it is not known.
    """
    whole: Any = network
    try:
        table = (whole.get_encoder() if whole.config.is_encoder_decoder else whole).get_input_embeddings()
    except (AttributeError, NotImplementedError):
        table = network.tokens if isinstance(network, TextEncoder) else None
    if not isinstance(table, nn.Embedding):
        raise CheckpointError(
            f"Where {type(network).__name__} reads its table of words is not known; choose another method or stand-in."
        )
    return table


@contextmanager
def replaced_embeddings(network: nn.Module, replace: Replace) -> Iterator[None]:
    """Inside, the rows of the tokens are replaced once: what is written may be read from the same table, after them.

    Args:
        network: nobody else's: a `weight_sharing_clone`.
        replace: gives the rows to go on with.

    Raises CheckpointError where the table is not known or was not read.
    """
    table, waiting = token_embeddings(network), [replace]

    def hook(module: nn.Module, args: tuple[object, ...], output: Tensor) -> Tensor:
        return waiting.pop()(output) if waiting else output

    handle = table.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
    if waiting:
        raise CheckpointError(f"{type(network).__name__} did not read its table of words; choose another way.")


def replaced_words(network: nn.Module, removed: Tensor, row: Tensor) -> AbstractContextManager[None]:
    """Inside, a row [width] stands for removed words, bool [batch, token]; otherwise as `replaced_embeddings`."""
    return replaced_embeddings(
        network, lambda rows: torch.where(removed.to(rows.device)[..., None], row.to(rows), rows)
    )


def mean_row(model: AnyModel) -> Tensor:
    """The mean of what all words of the table become, [width]. Raises CheckpointError for a model without one."""
    table = token_embeddings(model.network)
    rows = range(0, table.num_embeddings, CHUNK)
    ids = [torch.arange(first, min(first + CHUNK, table.num_embeddings), device=model.device) for first in rows]
    return torch.stack([table(some).float().sum(dim=0) for some in ids]).sum(dim=0) / table.num_embeddings
