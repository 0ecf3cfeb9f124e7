"""One model on one input: our experiment, and the eager model's own materialised weights and their gradients."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from headlens.model.effects.choices import Choice, target
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.targets import LogitTarget
from headlens.model.huggingface.text.sequence import SequenceInput


@dataclass
class Case:
    model: Any
    given: Any
    eager: Any

    @cached_property
    def experiment(self) -> Experiment:
        return Experiment(self.model, self.given)

    @cached_property
    def target(self) -> LogitTarget:
        # of what is written not the first: that looks at nothing but itself
        choice = Choice("next", len(self.given.written)) if isinstance(self.given, SequenceInput) else None
        chosen = target(self.experiment, choice)
        assert isinstance(chosen, LogitTarget)
        return chosen

    @property
    def at(self) -> int:
        """The row that the target is read from."""
        return 0 if self.target.at is None else self.target.at

    @cached_property
    def inputs(self) -> dict[str, Any]:
        return self.model.inputs(self.given)

    def value(self, logits: Tensor) -> Tensor:
        """The target, of logits [1, token, candidate] or [1, candidate]."""
        row = logits[0, self.at] if logits.ndim == 3 else logits[0]
        assert isinstance(self.target.against, int)
        return row[self.target.candidate] - row[self.target.against]

    @cached_property
    def outputs(self) -> Any:
        with torch.enable_grad():
            self.eager.requires_grad_(True)
            return self.eager(**self.inputs | {"output_attentions": True, "output_hidden_states": True})

    def attention(self, name: str = "attentions") -> list[np.ndarray]:
        """[head, query, key] of each layer."""
        return [layer[0].detach().numpy() for layer in self.outputs[name]]

    def gradients(self, name: str = "attentions") -> list[np.ndarray]:
        """d target / d weights, [head, query, key] of each layer."""
        return gradients(self.value(self.outputs.logits), self.outputs[name])


def gradients(value: Tensor, weights: Any) -> list[np.ndarray]:
    found = torch.autograd.grad(value, weights, retain_graph=True)
    return [gradient[0].numpy() for gradient in found]
