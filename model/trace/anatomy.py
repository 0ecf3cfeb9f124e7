"""A model and an input, taken apart by running it: any model that records, by the same few hooks."""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any

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
from headlens.model.protocol import TraceableModel
from headlens.model.recording.recording import Recording
from headlens.model.trace.hooks import Done, Event, LayerRun, is_linear, is_norm, layers_of, not_known, run_with_hooks
from headlens.model.trace.layer import TokenTrace, trace_token
from headlens.model.trace.parts import parts_of
from headlens.model.trace.positions import biases, position_tables, rotations, without_positions
from headlens.model.trace.runs import Embedding, LayerCall, ReorderedRun, ResidualStream


class Anatomy:
    """What a model does with an input.

    Args:
        model: of text or images.
        model_input: what it has read.
        recording: of that.
    """

    def __init__(
        self,
        model: TraceableModel[TextInput] | TraceableModel[ImageInput],
        model_input: TextInput | ImageInput,
        recording: Recording,
    ) -> None:
        self.network = model.network
        self.model_input = model_input
        self.num_layers, self.num_tokens = recording.num_layers, recording.num_tokens
        self._device = model.device
        self._calls = model.calls
        self._inputs: Callable[[Any], dict[str, object]] = model.inputs

    @cached_property
    def embedding(self) -> Embedding:
        """What goes into the first layer, from a run up to there with positions and one without."""
        rows, before_norm = self._first_rows(weight_sharing_clone(self.network))
        if not position_tables(self.network):
            return Embedding(rows, before_norm, None)
        _, content = self._first_rows(without_positions(self.network))
        positions = before_norm - content
        return Embedding(rows, content, positions if positions.any() else None)

    @cached_property
    def knows_positions(self) -> bool:
        """Whether it is known where the network keeps positions: only then can it run without them."""
        return self._adds_positions or bool(biases(self.network)) or bool(rotations(self.network))

    def residual_stream(self, on_layer: OnLayer | None = None) -> ResidualStream:
        """Run the model, and keep its stream; what on_layer raises stops it. Raises CheckpointError."""
        network, runs, norms = weight_sharing_clone(self.network), list[LayerRun](), list[tuple[Tensor, Tensor]]()

        def keep(layer: LayerRun) -> None:
            if len(layer.hidden) != self.num_tokens or (runs and not torch.equal(layer.hidden, runs[-1].out)):
                raise not_known(self.network)  # something that is no such layer lies between
            parts = parts_of(layer)
            norms.append((parts.attention_adds.norm(dim=-1), parts.mlp_adds.norm(dim=-1)))
            runs.append(LayerRun(layer.module, layer.args, layer.kwargs, out=layer.out))
            if on_layer is not None:
                on_layer(len(runs) - 1)
            if len(runs) == self.num_layers:
                raise Done

        self._run_with_hooks(network, self.model_input, on_leave=keep)
        if len(runs) < self.num_layers:
            raise not_known(self.network)
        names = {id(module): name for name, module in network.named_modules()}
        stream = torch.stack([*(run.hidden for run in runs), runs[-1].out])
        attention_adds, mlp_adds = (torch.stack(of_layers) for of_layers in zip(*norms))
        layers = tuple(LayerCall(names[id(run.module)], *run.arguments(rows)) for run, rows in zip(runs, stream))
        return ResidualStream(stream, attention_adds, mlp_adds, layers, tuple(run.cosines for run in runs))

    def layer(self, residual: ResidualStream, index: int) -> nn.Module:
        """A layer, found by its name."""
        return self.network.get_submodule(residual.layers[index].name)

    def token_trace(self, residual: ResidualStream, layer: int, inputs: AttentionInputs, *, query: int) -> TokenTrace:
        """A token's way through a layer, which runs again by itself. Raises CheckpointError.

        Args:
            residual: of the model's run.
            layer: its index.
            inputs: of its attention, as recorded.
            query: the token's index.
        """
        return trace_token(self._run_again(residual, layer), inputs, query)

    def linear_maps(self, residual: ResidualStream, layer: int) -> tuple[nn.Module, ...]:
        """The linear maps of a layer, without experts: its projections, and the feed-forward network's."""
        run = self._run_again(residual, layer)
        return tuple(event.module for event in (*run.before, *run.after) if is_linear(event.module))

    def run_reordered(
        self, layer: int, order: np.ndarray, *, positions: bool, on_layer: OnLayer | None = None
    ) -> ReorderedRun:
        """Run the model up to a layer on tokens in another order [token], with or without positions.

        Raises CheckpointError, also where it is not known how to leave positions out.
        """
        network = weight_sharing_clone(self.network) if positions else self._without_positions()
        outputs, indices = list[tuple[AttentionInputs, Tensor]](), np.argsort(order)

        def keep(run: LayerRun) -> None:
            outputs.append((run.attention[0], run.out))
            if on_layer is not None:
                on_layer(len(outputs) - 1)
            if len(outputs) > layer:
                raise Done

        self._run_with_hooks(network, _reordered(self.model_input, order), on_leave=keep)
        if len(outputs) <= layer or len(outputs[-1][1]) != self.num_tokens:
            raise not_known(self.network)
        inputs, out = outputs[-1]
        return ReorderedRun(inputs, indices, out[torch.from_numpy(indices)])

    def _without_positions(self) -> nn.Module:
        if not self.knows_positions:
            name = type(self.network).__name__
            raise CheckpointError(f"It is not known here where {name} keeps positions; it cannot run without them.")
        return without_positions(self.network, self._adds_positions)

    @property
    def _adds_positions(self) -> bool:
        """Whether it adds them to rows; some have a table that is for something else, or for nothing."""
        return self.embedding.positions is not None

    def _first_rows(self, network: nn.Module) -> tuple[Tensor, Tensor]:
        """What goes into the first layer, and the same before a norm that comes right before it."""
        rows: list[Tensor] = []

        def keep(layer: LayerRun) -> None:
            rows.append(layer.hidden)
            raise Done

        front = self._run_with_hooks(network, self.model_input, on_enter=keep)
        if not rows or len(rows[0]) != self.num_tokens:
            raise not_known(self.network)
        if front and is_norm(front[-1].module) and torch.equal(front[-1].output, rows[0]):
            return rows[0], front[-1].input
        return rows[0], rows[0]

    def _run_again(self, residual: ResidualStream, layer: int) -> LayerRun:
        """One layer, run again by itself on what it was called with."""
        call, runs = residual.layers[layer], list[LayerRun]()
        module = weight_sharing_clone(self.layer(residual, layer))
        with enough_memory(self._device):
            run_with_hooks(
                module,
                [module],
                lambda: module(*call.args, **call.kwargs),
                calls=self._calls,
                on_leave=runs.append,
            )
        return runs[0]

    def _run_with_hooks(
        self, network: nn.Module, model_input: TextInput | ImageInput, **on: Callable[[LayerRun], object]
    ) -> list[Event]:
        """on_enter and on_leave are as of `run_with_hooks`."""
        inputs = self._inputs(model_input)
        with enough_memory(self._device):
            return run_with_hooks(network, layers_of(network), lambda: network(**inputs), calls=self._calls, **on)


def _reordered(model_input: TextInput | ImageInput, order: np.ndarray) -> TextInput | ImageInput:
    """The input with its tokens, or its patches, in another order [token]."""
    if isinstance(model_input, TextInput):
        ids, type_ids = model_input.ids, model_input.type_ids
        return replace(
            model_input, ids=tuple(ids[index] for index in order), type_ids=tuple(type_ids[index] for index in order)
        )
    rows, columns = model_input.photo.grid
    num_prefix = len(order) - rows * columns
    patches = torch.from_numpy(order[num_prefix:] - num_prefix)
    moved = cut_patches(model_input.pixels, (rows, columns), axis=-2)[:, :, patches]
    return replace(model_input, pixels=join_patches(moved, (rows, columns), axis=-3))
