"""A model and an input, taken apart by running it: any model that records, by the same few hooks."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from headlens.model.attention.clone import weight_sharing_clone
from headlens.model.attention.inputs import AttentionInputs
from headlens.model.device import enough_memory
from headlens.model.errors import CheckpointError
from headlens.model.inputs.image import ImageInput
from headlens.model.inputs.patches import cut_patches, join_patches
from headlens.model.inputs.text import TextInput
from headlens.model.progress import OnLayer
from headlens.model.recording.recording import Recording
from headlens.model.trace.hooks import Done, Event, LayerRun, is_linear, is_norm, layers_of, not_known, run_with_hooks
from headlens.model.trace.layer import TokenTrace, parts_of, trace_token
from headlens.model.trace.positions import added, biases, rotations, without


class Embedding(NamedTuple):
    """What goes into the first layer."""

    rows: Tensor  # [token, width]
    content: Tensor  # [token, width], what each token is: the row without its place, before a last norm
    places: Tensor | None  # [token, width], what its place adds to that; None where no place is added to rows


@dataclass(frozen=True)
class ResidualStream:
    """The residual stream of one run."""

    stream: Tensor  # [layer + 1, token, width]: what goes into each layer, and what the last one gives
    attention_adds: Tensor  # [layer, token], the length of what attention adds to each token
    mlp_adds: Tensor  # [layer, token], the same of the feed-forward network
    layers: tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...]  # each one's name and what it takes, of the stream
    cosines: tuple[Tensor | None, ...]  # [position, number] of each layer, what queries and keys are turned by

    @property
    def nbytes(self) -> int:
        """Bytes that it takes; what the layers were given beside the stream is mostly shared by all of them."""
        tensors = [self.stream, self.attention_adds, self.mlp_adds, *_tensors([given[1:] for given in self.layers])]
        stored = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}
        return sum(stored.values())


class ReorderedRun(NamedTuple):
    """A layer of a run whose tokens came in another order or without places; rows are again as the tokens were read."""

    heads: AttentionInputs  # in the order of the run
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
        recording: of that.
    """

    def __init__(self, model: Any, given: TextInput | ImageInput, recording: Recording) -> None:
        self.network: nn.Module = model.network
        self.given = given
        self.num_layers, self.num_tokens = recording.num_layers, recording.num_tokens
        self._model = model

    @cached_property
    def embedding(self) -> Embedding:
        """What goes into the first layer, from a run up to there with positions and one without."""
        rows, summed = self._front(weight_sharing_clone(self.network))
        if not added(self.network):
            return Embedding(rows, summed, None)
        _, content = self._front(without(self.network))
        places = summed - content
        return Embedding(rows, content, places if places.any() else None)

    @cached_property
    def without_positions(self) -> Callable[[], nn.Module] | None:
        """Makes a network without positions; None where it is not known where they are."""
        adds = self.embedding.places is not None  # some have a table that is for something else, or for nothing
        if not adds and not biases(self.network) and not rotations(self.network):
            return None
        return lambda: without(self.network, adds)

    def walk(self, on_layer: OnLayer | None = None) -> ResidualStream:
        """Run the model, and keep its stream; what on_layer raises stops it. Raises CheckpointError."""
        network, runs, lengths = weight_sharing_clone(self.network), list[LayerRun](), list[tuple[Tensor, Tensor]]()

        def left(layer: LayerRun) -> None:
            if len(layer.hidden) != self.num_tokens or (runs and not torch.equal(layer.hidden, runs[-1].out)):
                raise not_known(self.network)  # something that is no such layer lies between
            parts = parts_of(layer)
            lengths.append((parts.attention_adds.norm(dim=-1), parts.mlp_adds.norm(dim=-1)))
            runs.append(LayerRun(layer.module, layer.args, layer.kwargs, out=layer.out))
            if on_layer is not None:
                on_layer(len(runs) - 1)
            if len(runs) == self.num_layers:
                raise Done

        self._run_with_hooks(network, self.given, left=left)
        if len(runs) < self.num_layers:
            raise not_known(self.network)
        names = {id(module): name for name, module in network.named_modules()}
        stream = torch.stack([*(run.hidden for run in runs), runs[-1].out])
        attention_adds, mlp_adds = (torch.stack(parts) for parts in zip(*lengths))
        layers = tuple((names[id(run.module)], *run.on(rows)) for run, rows in zip(runs, stream))
        return ResidualStream(stream, attention_adds, mlp_adds, layers, tuple(run.cosines for run in runs))

    def layer(self, walk: ResidualStream, number: int) -> nn.Module:
        """A layer, found by its name."""
        return self.network.get_submodule(walk.layers[number][0])

    def steps(self, walk: ResidualStream, layer: int, heads: AttentionInputs, query: int) -> TokenTrace:
        """A token's way through a layer, which runs again by itself. Raises CheckpointError."""
        return trace_token(self._again(walk, layer), heads, query)

    def linear_maps(self, walk: ResidualStream, layer: int) -> tuple[nn.Module, ...]:
        """The linear maps of a layer, without experts: its projections, and the feed-forward network's."""
        run = self._again(walk, layer)
        return tuple(event.module for event in (*run.before, *run.after) if is_linear(event.module))

    def run_reordered(
        self, layer: int, order: np.ndarray, placed: bool, on_layer: OnLayer | None = None
    ) -> ReorderedRun:
        """Run the model up to a layer on tokens in another order [token], with or without positions.

        Raises CheckpointError, also where it is not known how to leave them out.
        """
        make = (lambda: weight_sharing_clone(self.network)) if placed else self.without_positions
        if make is None:
            name = type(self.network).__name__
            raise CheckpointError(f"It is not known here where {name} keeps positions; it cannot run without them.")
        found, back = list[tuple[AttentionInputs, Tensor]](), np.argsort(order)

        def left(run: LayerRun) -> None:
            found.append((run.heads[0], run.out))
            if on_layer is not None:
                on_layer(len(found) - 1)
            if len(found) > layer:
                raise Done

        self._run_with_hooks(make(), _reordered(self.given, order), left=left)
        if len(found) <= layer or len(found[-1][1]) != self.num_tokens:
            raise not_known(self.network)
        heads, out = found[-1]
        return ReorderedRun(heads, back, out[torch.from_numpy(back)])

    def _front(self, network: nn.Module) -> tuple[Tensor, Tensor]:
        """What goes into the first layer, and the same before a norm that comes right before it."""
        rows: list[Tensor] = []

        def entered(layer: LayerRun) -> None:
            rows.append(layer.hidden)
            raise Done

        front = self._run_with_hooks(network, self.given, entered=entered)
        if not rows or len(rows[0]) != self.num_tokens:
            raise not_known(self.network)
        last = [event for event in front[-1:] if is_norm(event.module) and torch.equal(event.made, rows[0])]
        return rows[0], last[0].given if last else rows[0]

    def _again(self, walk: ResidualStream, layer: int) -> LayerRun:
        """One layer, run again by itself on what it was given."""
        _, args, kwargs = walk.layers[layer]
        module, runs = weight_sharing_clone(self.layer(walk, layer)), list[LayerRun]()
        with enough_memory(self._model.device):
            run_with_hooks(module, [module], lambda: module(*args, **kwargs), self._model.calls, left=runs.append)
        return runs[0]

    def _run_with_hooks(self, network: nn.Module, given: TextInput | ImageInput, **heard: Any) -> list[Event]:
        inputs = self._model.inputs(given)
        with enough_memory(self._model.device):
            return run_with_hooks(network, layers_of(network), lambda: network(**inputs), self._model.calls, **heard)


def _reordered(given: TextInput | ImageInput, order: np.ndarray) -> TextInput | ImageInput:
    """The input with its tokens, or its patches, in another order [token]."""
    if isinstance(given, TextInput):
        ids, segments = (tuple(numbers[place] for place in order) for numbers in (given.ids, given.segments))
        return replace(given, ids=ids, segments=segments)
    rows, columns = given.photo.grid
    patches = order[-rows * columns :] - (len(order) - rows * columns)
    moved = cut_patches(given.pixels, (rows, columns), axis=-2)[:, :, torch.from_numpy(patches)]
    return replace(given, pixels=join_patches(moved, (rows, columns), axis=-3))


def _tensors(given: Any) -> list[Tensor]:
    if isinstance(given, Tensor):
        return [given]
    parts = given.values() if isinstance(given, dict) else given if isinstance(given, tuple | list) else ()
    return [tensor for part in parts for tensor in _tensors(part)]
