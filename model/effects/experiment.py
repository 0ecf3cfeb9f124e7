"""A model on one input, run again with changes; nothing that it does is left in the model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from headlens.model.attention.clone import weight_sharing_clone
from headlens.model.attention.point import Call, Edit
from headlens.model.base import AnyModel, AnyRun
from headlens.model.effects.layers import KeptLayer, keep_layers, nbytes, run_between
from headlens.model.effects.targets import Target
from headlens.model.errors import CheckpointError
from headlens.model.inputs.image_text import ImagePrompt
from headlens.model.progress import OnLayer

MAX_ROWS = 4_096  # tokens of a batch that runs at once
MAX_LOGITS = 50_000_000  # of a batch: 200 MB


@dataclass(frozen=True)
class Unchanged:
    """What the run of an input leaves behind that nothing was changed in."""

    run: AnyRun
    layers: list[KeptLayer]
    contexts: tuple[Tensor, ...] | None  # of each attention call, [head, query, d_value]; None: they cannot be reached
    refusal: CheckpointError | None  # why not


class Experiment:
    """A model on one input. Many threads may use it at once.

    Args:
        model: any that records.
        model_input: what it has read: `model.read(text)`, `model.continued(prompt)`, `model.read(photo, size)`,
            `model.prompt(image, text)`.

    Raises CheckpointError for a model whose layers have other positions than what it has read.
    """

    def __init__(self, model: AnyModel, model_input: object) -> None:
        if model.description.kind == "characters":
            raise CheckpointError(
                f"{model.description.name} has layers of characters and layers of groups of them, and what it rests on "
                "is not measured here; take a model of tokens."
            )
        self.model = model
        self.input: Any = model_input
        self._runs: dict[int | None, AnyRun] = {}  # unchanged, with the logits of one position

    @cached_property
    def unchanged(self) -> Unchanged:
        """The run that all others are compared with. Raises DeviceError."""
        contexts, kept = list[Tensor](), list[KeptLayer]()

        def keep(index: int, call: Call, context: Tensor) -> Tensor:
            contexts.append(context[0])
            return context

        network = self.clone()
        with torch.no_grad():
            try:
                with keep_layers(network, lambda: len(contexts)) as kept:
                    run = self.forward([self.input], keep, network=network, options=self._logits(1))
            except CheckpointError as error:
                return Unchanged(self.forward([self.input], options=self._logits(0)), [], None, error)
        return Unchanged(run, kept, tuple(contexts), None)

    def unchanged_for(self, target: Target) -> AnyRun:
        """The unchanged run, with the logits that a target is read from: `unchanged` may have the last token's alone.

        Raises DeviceError.
        """
        unchanged, options, at = self.unchanged, target.options(self.model), target.position
        if not options or at == self._last_position or unchanged.refusal is not None:
            return unchanged.run
        if at not in self._runs:
            with torch.no_grad():
                self._runs[at] = self.run_layers(
                    self.clone(), unchanged.layers, len(unchanged.layers) - 1, options=options
                )
        return self._runs[at]

    @property
    def contexts(self) -> tuple[Tensor, ...]:
        """The output of all heads in each attention call, [head, query, d_value]. Raises CheckpointError."""
        unchanged = self.unchanged
        if unchanged.contexts is None:
            assert unchanged.refusal is not None
            raise unchanged.refusal
        return unchanged.contexts

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages of attention, in the order in which they first run."""
        return tuple(self.unchanged.run.stages)

    def call_index(self, stage: str, layer: int) -> int:
        """Which attention call of a run a layer of a stage is."""
        return self.unchanged.run.call_indices[stage][layer]

    def kept_layer(self, call: int) -> int:
        """The index of the kept layer that makes an attention call; 0 where none does."""
        layers = enumerate(self.unchanged.layers)
        return next((at for at, layer in layers if layer.calls_before + layer.calls > call), 0)

    @property
    def nbytes(self) -> int:
        """Bytes that it keeps beside the model."""
        if "unchanged" not in self.__dict__:
            return 0
        unchanged = self.unchanged
        layers = sum(nbytes(layer.output) for layer in unchanged.layers)
        recorded = sum(layer.nbytes for stage in unchanged.run.stages.values() for layer in stage)
        return layers + recorded + sum(context.nbytes for context in unchanged.contexts or ())

    def forward(
        self,
        batch: Sequence[object],
        edit: Edit | None = None,
        *,
        network: nn.Module | None = None,
        options: Mapping[str, object] | None = None,
        on_layer: OnLayer | None = None,
    ) -> AnyRun:
        """Run inputs of one shape. Gradients go through. Raises DeviceError, CheckpointError.

        Args:
            batch: of inputs like `self.input`.
            edit: of contexts.
            network: a clone of the model's, with hooks.
            options: of its forward, beside what the inputs are.
            on_layer: called with each attention call's index; what it raises stops the run.
        """
        inputs = {**self.model.run_inputs(batch), **(options or {})}
        return self.model.forward(inputs, on_layer, edit, network=network)

    def run_from(
        self,
        index: int,
        batch: int,
        edit: Edit,
        *,
        last: int | None = None,
        options: Mapping[str, object] | None = None,
    ) -> AnyRun:
        """Run the input again, from the kept layer that makes an attention call on.

        Args:
            index: of the first attention call that is edited.
            batch: how many times at once: an edit may change each otherwise.
            edit: of contexts; it is given the index that each call has in a whole run.
            last: index of the last kept layer that runs; None: all.
            options: as of `forward`.
        """
        first = self.kept_layer(index)
        return self.run_layers(
            self.clone(), self.unchanged.layers, first, last, batch=batch, edit=edit, options=options
        )

    def run_layers(
        self,
        network: nn.Module,
        kept: list[KeptLayer],
        first: int,
        last: int | None = None,
        *,
        batch: int = 1,
        edit: Edit | None = None,
        options: Mapping[str, object] | None = None,
    ) -> AnyRun:
        """Run some layers alone.

        Args:
            network: a clone of the model's.
            kept: what the layers before give; empty: all layers run.
            first: index of the first layer that runs.
            last: of the last one; None: all from the first on.
            batch: as of `run_from`, and so are:
            edit: of contexts.
            options: of the forward.
        """
        before = kept[first].calls_before if kept else 0
        run_between(network, kept, first, last)

        def shifted(at: int, call: Call, context: Tensor) -> Tensor:
            return context if edit is None else edit(at + before, call, context)

        return self.forward([self.input] * batch, shifted, network=network, options=options)

    def clone(self) -> nn.Module:
        """A network of one's own, with the model's weights."""
        return weight_sharing_clone(self.model.network)

    def _logits(self, count: int) -> dict[str, object]:
        """Of how many tokens at the end a run keeps logits, where the model can leave out the others; 0: of all."""
        predictor = getattr(self.model, "predictor", None)
        return {"logits_to_keep": count} if predictor is not None and predictor.keeps_some_logits else {}

    @cached_property
    def _last_position(self) -> int:
        """Of the tokens that the model writes."""
        stages = self.unchanged.run.stages
        return stages["decoder" if "decoder" in stages else self.stages[-1]][-1].query.shape[-2] - 1

    @property
    def num_rows(self) -> int:
        """How many positions one input takes."""
        return max(layer.query.shape[-2] for stage in self.unchanged.run.stages.values() for layer in stage)

    @property
    def batch_size(self) -> int:
        """How many inputs run at once."""
        if isinstance(self.input, ImagePrompt):
            return 1
        outputs = self.unchanged.run.outputs
        logits = None if isinstance(outputs, Tensor) else outputs.get("logits")
        numbers = 0 if logits is None or self.model.predictor.keeps_some_logits else logits[0].numel()  # type: ignore[attr-defined]
        return max(1, min(MAX_ROWS // self.num_rows, MAX_LOGITS // max(1, numbers)))
