"""What runs of a model leave behind: what goes into its first layer, its residual stream, a layer run otherwise."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from headlens.model.attention.inputs import AttentionInputs


class Embedding(NamedTuple):
    """What goes into the first layer."""

    rows: Tensor  # [token, width]
    content: Tensor  # [token, width], what each token is: the row without its position, before a last norm
    positions: Tensor | None  # [token, width], what its position adds to that; None where none is added to rows


class LayerCall(NamedTuple):
    """A layer, and what it is called with."""

    name: str  # in the network
    args: tuple[object, ...]
    kwargs: dict[str, object]


@dataclass(frozen=True)
class ResidualStream:
    """The residual stream of one run."""

    stream: Tensor  # [layer + 1, token, width]: what goes into each layer, and what the last one gives
    attention_adds: Tensor  # [layer, token], the norm of what attention adds to each token
    mlp_adds: Tensor  # [layer, token], the same of the feed-forward network
    layers: tuple[LayerCall, ...]  # with views of the stream
    cosines: tuple[Tensor | None, ...]  # of each layer's rotation, [position, angle]

    @property
    def nbytes(self) -> int:
        """Bytes that it takes; what the layers take beside the stream is mostly shared by all of them."""
        tensors = [self.stream, self.attention_adds, self.mlp_adds]
        for layer in self.layers:
            tensors += _tensors((layer.args, layer.kwargs))
        stored = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}
        return sum(stored.values())


class ReorderedRun(NamedTuple):
    """A layer of a run with its tokens in another order, or without positions."""

    inputs: AttentionInputs  # of its attention, in the order of the run
    indices: np.ndarray  # [token], the index in that order of each token as it was read
    out: Tensor  # [token, width], as the tokens were read

    def weights(self, head: int, queries: np.ndarray) -> np.ndarray:
        """Some rows of a head's weights, as the tokens were read: [query, key]."""
        rows = self.inputs.weights(torch.from_numpy(self.indices[queries]), head)
        return rows[:, torch.from_numpy(self.indices)].float().cpu().numpy()


def _tensors(arguments: object) -> list[Tensor]:
    if isinstance(arguments, Tensor):
        return [arguments]
    if isinstance(arguments, dict):
        return _tensors(tuple(arguments.values()))
    if isinstance(arguments, tuple | list):
        return [tensor for argument in arguments for tensor in _tensors(argument)]
    return []
