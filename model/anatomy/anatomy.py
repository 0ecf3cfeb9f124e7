"""A model and an input, taken apart by running it: any model that records, by the same few hooks."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from model.anatomy.layer import Steps, parts_of, steps_of
from model.anatomy.positions import noting, without
from model.anatomy.trace import Done, Event, LayerRun, hear, is_norm, layers_of, not_known
from model.device import enough_memory
from model.errors import CheckpointError
from model.inputs import ImageInput, TextInput
from model.nn.attention import Heads
from model.nn.encoder import OnLayer


class Embedding(NamedTuple):
    """What goes into the first layer."""

    rows: Tensor  # [token, width]
    content: Tensor  # [token, in], what each token is: the row without its place, before a last norm
    places: Tensor | None  # [token, in], what its place adds to that; None where no place is added to rows


@dataclass(frozen=True)
class Walk:
    """The residual stream of one run."""

    stream: Tensor  # [layer + 1, token, width]: what goes into each layer; the last is what comes out of the last one
    attention_adds: Tensor  # [layer, token], the length of what attention adds to each token
    mlp_adds: Tensor  # [layer, token], the same of the feed-forward network
    layers: tuple[LayerRun, ...]  # how to run each of them again

    @property
    def nbytes(self) -> int:
        """Bytes that it takes; what the layers were given beside the stream is mostly shared by all of them."""
        given = {id(t): t for layer in self.layers for t in _tensors((layer.args[1:], layer.kwargs))}
        return sum(part.nbytes for part in (self.stream, self.attention_adds, self.mlp_adds, *given.values()))


class Arranged(NamedTuple):
    """A layer of a run whose tokens came in another order or without places; rows are again as the tokens were read."""

    heads: Heads  # in the order of the run
    back: np.ndarray  # [token], where each token stood in it
    out: Tensor  # [token, width]

    def weights(self, head: int, queries: np.ndarray) -> np.ndarray:
        """Some rows of a head's weights: [query, key]."""
        rows = self.heads.weights(torch.from_numpy(self.back[queries]), head)
        return rows[:, torch.from_numpy(self.back)].float().cpu().numpy()


class Anatomy:
    """What a model does with an input.

    Args:
        model: of text or images; it gives the network, what that takes of an input, and its calls of attention.
        given: what it has read.
        num_layers: of the recording.
    """

    def __init__(self, model: Any, given: TextInput | ImageInput, num_layers: int) -> None:
        self.network: nn.Module = model.network
        self.given = given
        self.num_layers = num_layers
        self._model = model

    def embedding(self) -> Embedding:
        """What goes into the first layer, from a run up to there with positions and one without."""
        rows, summed = self._front(self.network, self.given)
        bare = without(self.network)
        if bare is None:
            return Embedding(rows, summed, None)
        _, content = self._front(bare, self.given)
        places = summed - content
        return Embedding(rows, content, places if places.any() else None)

    def rotation(self) -> Tensor | None:
        """The cosines [position, number] that queries and keys are turned by; None where they are not turned."""
        cosines: list[Tensor] = []
        network = noting(self.network, cosines.append)
        if network is not None:
            self._front(network, self.given)
        return cosines[0] if cosines else None

    def walk(self, on_layer: OnLayer | None = None) -> Walk:
        """Run the model, and keep its stream; what on_layer raises stops it. Raises CheckpointError."""
        stream, lengths, layers = list[Tensor](), list[tuple[Tensor, Tensor]](), list[LayerRun]()

        def left(layer: LayerRun) -> None:
            parts = parts_of(layer)
            stream.append(layer.hidden)
            lengths.append((parts.attention_adds.norm(dim=-1), parts.mlp_adds.norm(dim=-1)))
            layers.append(LayerRun(layer.module, layer.args, layer.kwargs))
            if on_layer is not None:
                on_layer(len(layers) - 1)
            if len(layers) == self.num_layers:
                stream.append(layer.out)
                raise Done

        self._hear(self.network, self.given, left=left)
        if len(layers) < self.num_layers:
            raise not_known(self.network)
        attention_adds, mlp_adds = (torch.stack(parts) for parts in zip(*lengths))
        return Walk(torch.stack(stream), attention_adds, mlp_adds, tuple(layers))

    def steps(self, walk: Walk, layer: int, heads: Heads, query: int) -> Steps:
        """A token's way through a layer, which runs again by itself. Raises CheckpointError."""
        kept, taken = walk.layers[layer], list[Steps]()
        hear(
            kept.module,
            [kept.module],
            lambda: kept.module(*kept.args, **kept.kwargs),
            self._model.calls,
            left=lambda run: taken.append(steps_of(run, heads, query)),
        )
        return taken[0]

    def linear_maps(self, walk: Walk, layer: int) -> tuple[nn.Module, ...]:
        """The linear maps of a layer: its projections, and the feed-forward network's."""
        kept, found = walk.layers[layer], list[nn.Module]()

        def left(run: LayerRun) -> None:
            parts = parts_of(run)
            found.extend(event.module for event in (*run.before, parts.output, *parts.mlp) if not is_norm(event.module))

        run = lambda: kept.module(*kept.args, **kept.kwargs)  # noqa: E731
        hear(kept.module, [kept.module], run, self._model.calls, left=left)
        return tuple(found)

    def arranged(self, layer: int, order: np.ndarray, placed: bool, on_layer: OnLayer | None = None) -> Arranged:
        """Run the model up to a layer on tokens in another order [token], with or without positions.

        Raises CheckpointError, also where it is not known how to leave them out.
        """
        network = self.network if placed else without(self.network)
        if network is None:
            name = type(self.network).__name__
            raise CheckpointError(f"It is not known here where {name} keeps positions; it cannot run without them.")
        runs, back = list[tuple[Heads, Tensor]](), np.argsort(order)

        def left(run: LayerRun) -> None:
            runs[:] = [*runs, (run.heads[0], run.out)]
            if on_layer is not None:
                on_layer(len(runs) - 1)
            if len(runs) > layer:
                raise Done

        self._hear(network, _reordered(self.given, order), left=left)
        if len(runs) <= layer:
            raise not_known(self.network)
        heads, out = runs[-1]
        return Arranged(heads, back, out[torch.from_numpy(back)])

    def _front(self, network: nn.Module, given: TextInput | ImageInput) -> tuple[Tensor, Tensor]:
        """What goes into the first layer, and the same before a norm that comes right before it."""
        rows: list[Tensor] = []

        def entered(layer: LayerRun) -> None:
            rows.append(layer.hidden)
            raise Done

        front = self._hear(network, given, entered=entered)
        summed = next((event.given for event in front[-1:] if torch.equal(event.made, rows[0])), rows[0])
        return rows[0], summed

    def _hear(self, network: nn.Module, given: TextInput | ImageInput, **heard: Any) -> list[Event]:
        inputs = self._model.inputs(given)
        with enough_memory(self._model.device):
            return hear(network, layers_of(network), lambda: network(**inputs), self._model.calls, **heard)


def _reordered(given: TextInput | ImageInput, order: np.ndarray) -> TextInput | ImageInput:
    """The input with its tokens, or its patches, in another order [token]."""
    if isinstance(given, TextInput):
        ids, segments = (tuple(numbers[place] for place in order) for numbers in (given.ids, given.segments))
        return replace(given, ids=ids, segments=segments)
    rows, columns = given.photo.grid
    patches = order[-rows * columns :] - (len(order) - rows * columns)
    height, width = (side // count for side, count in zip(given.pixels.shape[-2:], (rows, columns)))
    cut = given.pixels.unflatten(3, (columns, width)).unflatten(2, (rows, height))  # [1, 3, row, height, column, width]
    cut = cut.transpose(3, 4).flatten(2, 3)[:, :, torch.from_numpy(patches)]  # [1, 3, patch, height, width]
    joined = cut.unflatten(2, (rows, columns)).transpose(3, 4).flatten(4, 5).flatten(2, 3)
    return replace(given, pixels=joined)


def _tensors(given: Any) -> list[Tensor]:
    if isinstance(given, Tensor):
        return [given]
    parts = given.values() if isinstance(given, dict) else given if isinstance(given, tuple | list) else ()
    return [tensor for part in parts for tensor in _tensors(part)]
