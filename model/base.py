"""Running and recording, the same for every model: time, memory, gradients, and the axis of a batch."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from headlens.model.attention.inputs import AttentionInputs
from headlens.model.attention.point import Call, Edit
from headlens.model.description import Description
from headlens.model.device import enough_memory, synchronize
from headlens.model.progress import OnLayer
from headlens.model.recording.parts import Prediction, Predicts
from headlens.model.recording.recording import Recording

Input = TypeVar("Input")  # what is read of one text, image or both
Outputs = TypeVar("Outputs")  # of a network's forward, for a whole batch


@dataclass(frozen=True)
class Run(Generic[Outputs]):
    """What one run of a batch leaves behind."""

    outputs: Outputs
    stages: Mapping[str, tuple[AttentionInputs, ...]]  # layers in the order in which they ran; [batch, head, token, d]
    call_indices: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # of each stage's layers, for an `Edit`
    seconds: float = 0.0  # that it took, where it was timed
    before_norm: Tensor | None = None  # [batch, token, width], what leaves the last layer, where outputs do not say it
    lends: bool = False  # recordings share its memory, and are not to be kept

    def layers(self, stage: str, index: int, shape: tuple[int, int]) -> tuple[AttentionInputs, ...]:
        """One input's layers, without the axis of the batch and its padding; shape is (queries, keys)."""
        layers = self.stages[stage]
        if all(len(layer.query) == 1 for layer in layers):
            return tuple(layer.first() for layer in layers)
        own = tuple(layer.one(index, *shape) for layer in layers)
        return own if self.lends else tuple(layer.copied() for layer in own)


class Runner(Protocol[Outputs]):
    """What runs a network, and notes its attention."""

    @property
    def network(self) -> nn.Module:
        """In eval mode."""

    def run(
        self,
        inputs: Mapping[str, object],
        on_layer: OnLayer | None = None,
        edit: Edit | None = None,
        *,
        network: nn.Module | None = None,
    ) -> "Run[Outputs]":
        """Run inputs as the network's forward takes them; network: a clone of it that shares its weights, to be run."""

    def calls(
        self, network: nn.Module, on_layer: OnLayer | None = None, edit: Edit | None = None
    ) -> AbstractContextManager[list[Call]]:
        """The attention calls of a weight-sharing clone of the network inside the context."""


@dataclass(frozen=True)
class Setup(Generic[Outputs]):
    """What every model is made of."""

    description: Description
    runner: Runner[Outputs]
    device: torch.device  # of the network
    num_layers: int  # attention layers, over all stages
    predicts: Predicts = Predicts.NOTHING
    notes: Mapping[str, str] = field(default_factory=dict)  # of every recording


class RecordingModel(ABC, Generic[Input, Outputs]):
    """A model that runs batches of what it has read, and makes a Recording of each input."""

    own_code = False

    def __init__(self, setup: Setup[Outputs]) -> None:
        self.description = setup.description
        self.device = setup.device
        self.num_layers = setup.num_layers
        self.predicts = setup.predicts
        self._runner = setup.runner
        self._common_notes = dict(setup.notes)

    @property
    def network(self) -> nn.Module:
        """What runs, in eval mode."""
        return self._runner.network

    def calls(
        self, network: nn.Module, on_layer: OnLayer | None = None, edit: Edit | None = None
    ) -> AbstractContextManager[list[Call]]:
        """The attention calls of a weight-sharing clone of the network inside the context."""
        return self._runner.calls(network, on_layer, edit)

    def inputs(self, model_input: Input, /) -> dict[str, object]:
        """What the network's forward takes of one input that was read."""
        return self.batch_inputs([model_input])

    @abstractmethod
    def batch_inputs(self, batch: Sequence[Input]) -> dict[str, object]:
        """What the network's forward takes of several inputs, the shorter ones padded on the right."""

    def run(self, batch: Sequence[Input], on_layer: OnLayer | None = None, edit: Edit | None = None) -> Run[Outputs]:
        """Run a batch of inputs that were read. Gradients go through, unless the caller turns them off.

        Args:
            batch: of inputs that one run takes, see `groups`.
            on_layer: called with the index of each attention layer; what it raises stops the run.
            edit: of what each layer's heads give, see `headlens.model.attention.point`.

        Raises DeviceError where there is not enough memory.
        """
        started = time.perf_counter()
        with enough_memory(self.device):
            run = self._runner.run(self.run_inputs(batch), on_layer, edit)
            synchronize(self.device)
        return replace(run, seconds=time.perf_counter() - started)

    def forward(
        self,
        inputs: Mapping[str, object],
        on_layer: OnLayer | None = None,
        edit: Edit | None = None,
        *,
        network: nn.Module | None = None,
    ) -> Run[Outputs]:
        """Run what `batch_inputs` made, or other arguments of the network's forward; gradients go through.

        Args:
            inputs: arguments of the network's forward.
            on_layer: as of `run`, and so is:
            edit: of contexts.
            network: a `weight_sharing_clone` of the network that is to be run, with hooks of the caller's.

        Raises DeviceError where there is not enough memory.
        """
        with enough_memory(self.device):
            return self._runner.run(inputs, on_layer, edit, network=network)

    def groups(self, batch: Sequence[Input]) -> list[list[int]]:
        """Which inputs of a batch one run takes: the indices of each run's."""
        return [list(range(len(batch)))] if batch else []

    def record_input(self, model_input: Input, on_layer: OnLayer | None = None, edit: Edit | None = None) -> Recording:
        """The recording of one input that was read, as `record` makes it.

        Args:
            model_input: what `read` gives.
            on_layer: as of `run`, and so is:
            edit: of what each layer's heads give.

        Raises DeviceError where there is not enough memory.
        """
        return self._record_batch([model_input], on_layer, edit)[0]

    def _record_batch(
        self, batch: Sequence[Input], on_layer: OnLayer | None, edit: Edit | None = None
    ) -> list[Recording]:
        """The recording of each input, without gradients; on_layer is called anew for each run."""

        def run_group(group: Sequence[Input]) -> Run[Outputs]:
            run = self.run(group, on_layer, edit)
            return replace(run, seconds=run.seconds / len(group))

        return self._by_groups(batch, run_group, self._recording)

    def record_attention(self, batch: Sequence[Input]) -> list[Recording]:
        """The attention of each input that was read: no notes or predictions, no seconds, one stage.

        Of outputs there are only those that roles of heads need. As few runs as `groups` says, without gradients. The
        recordings of a run share its memory: keep none of them.

        Raises DeviceError where there is not enough memory.
        """

        def run_group(group: Sequence[Input]) -> Run[Outputs]:
            return replace(self.forward(self._attention_inputs(group)), lends=True)

        return self._by_groups(batch, run_group, self._attention)

    def _by_groups(
        self,
        batch: Sequence[Input],
        run_group: Callable[[Sequence[Input]], Run[Outputs]],
        recording_of: Callable[[Input, Run[Outputs], int], Recording],
    ) -> list[Recording]:
        """What is made of each input, in one run for each of `groups`; without gradients."""
        recordings: dict[int, Recording] = {}
        with torch.inference_mode():
            for group in self.groups(batch):
                run = run_group([batch[index] for index in group])
                with enough_memory(self.device):
                    for index, each in enumerate(group):
                        recordings[each] = recording_of(batch[each], run, index)
        return [recordings[index] for index in range(len(batch))]

    def _attention_inputs(self, batch: Sequence[Input]) -> dict[str, object]:
        """What the network's forward takes where its outputs are not read."""
        return self.batch_inputs(batch)

    def _attention(self, model_input: Input, run: Run[Outputs], index: int) -> Recording:
        """The recording of one input of a run, for which no output has to be read."""
        return self._recording(model_input, run, index)

    @abstractmethod
    def _recording(self, model_input: Input, run: Run[Outputs], index: int) -> Recording:
        """The recording of one input of a run, whose seconds are this input's share."""

    def _with_outputs(self, attention: Recording, model_input: Input, run: Run[Outputs], index: int) -> Recording:
        """The recording of one input's attention, with what the run's outputs say of the input."""
        return replace(
            attention,
            outputs={**attention.outputs, **self._outputs(model_input, run, index)},
            notes=self._notes(model_input, run, index),
            predictions=self._predictions(model_input, run, index),
        )

    def run_inputs(self, batch: Sequence[Input]) -> dict[str, object]:
        """What the network's forward takes to be recorded."""
        return self.batch_inputs(batch)

    def embeddings(self, batch: Sequence[Input], run: Run[Outputs]) -> Tensor | None:
        """The embedding of each input of a run, [batch, width], on its graph; None of a model that makes none."""
        return None

    def similarity(self, first: Tensor, second: Tensor) -> Tensor:
        """How similar embeddings [..., width] are: their cosine, unless the model was made for another measure."""
        return nn.functional.cosine_similarity(first, second, dim=-1)

    def _outputs(self, model_input: Input, run: Run[Outputs], index: int) -> dict[str, np.ndarray]:
        """What a recording keeps of the forward's outputs."""
        return {}

    def _predictions(self, model_input: Input, run: Run[Outputs], index: int) -> tuple[Prediction, ...]:
        """What the model predicts of one input."""
        return ()

    def _notes(self, model_input: Input, run: Run[Outputs], index: int) -> dict[str, str]:
        """What there is to know of a recording."""
        return self._common_notes


AnyRun: TypeAlias = Run[Any]  # where nothing is to be known of the outputs
AnyModel: TypeAlias = RecordingModel[Any, Any]  # nor of what the model reads
