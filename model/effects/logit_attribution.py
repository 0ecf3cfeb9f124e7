"""A logit as a sum of what the embedding, each head and each feed-forward network write into the stream."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from headlens.model.attention.clone import weight_sharing_clone
from headlens.model.base import AnyRun, Run
from headlens.model.device import enough_memory
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.targets import LogitTarget, Target
from headlens.model.errors import CheckpointError, InputError
from headlens.model.trace.hooks import Event, LayerRun, is_linear, is_norm, layers_of, not_known, run_with_hooks
from headlens.model.trace.layer import keeps_mean
from headlens.model.trace.parts import Architecture, Parts, parts_of

TOLERANCE = 1e-3  # of the sum of all parts' magnitudes


@dataclass(frozen=True, eq=False)
class LogitAttribution:
    """What each part adds to a logit, or to the difference of two; all of them sum to `total`."""

    heads: np.ndarray  # [layer, head] float32
    mlp: np.ndarray  # [layer] float32, of the feed-forward networks with their biases
    embedding: float
    biases: float  # of attention's output projections
    norm_bias: float  # the final norm's, through the unembedding, and the unembedding's own
    total: float  # as the model gives it

    @property
    def error(self) -> float:
        """How far the sum of the parts is from the total, as a share of the sum of their magnitudes."""
        parts = np.array([*self.heads.flat, *self.mlp, self.embedding, self.biases, self.norm_bias], np.float64)
        return float(abs(parts.sum() - self.total) / max(np.abs(parts).sum(), 1e-30))


class _Reading(NamedTuple):
    """How a logit reads the last row of the stream: direction · row + bias, the final norm's scale being frozen."""

    at: int  # the row's position
    direction: Tensor  # [width] float64
    bias: float


def logit_attribution(experiment: Experiment, target: Target) -> LogitAttribution:
    """Direct logit attribution: each part of the stream through the final norm and the unembedding.

    The stream is a sum (Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits"), and with the scales
    of the final norm and of norms behind a part frozen at this input, what reads it is linear (nostalgebraist 2020,
    "interpreting GPT: the logit lens"). What a part does by way of later layers is not in it.

    Args:
        experiment: a model on an input.
        target: a logit, or the difference of two.

    Raises:
        InputError: for another target, or a model whose logits are not read linearly from the final norm of the stream.
        CheckpointError: for layers or heads that cannot be reached.
        DeviceError: where there is not enough memory.
    """
    if not isinstance(target, LogitTarget) or target.output != "logits":
        raise InputError("Only a logit is a sum of parts; ask about a token or a class, or switch heads off.")
    if target.against == "others":
        raise InputError("The odds against all others are no sum of parts; compare with one candidate, or with none.")
    if len(experiment.stages) > 1:
        raise InputError("A model with several stages of attention has no one stream that adds up; switch heads off.")
    (calls,) = experiment.unchanged.run.call_indices.values()
    contexts = [experiment.contexts[call] for call in calls]
    runs, tail, outputs = _run(experiment, target)
    if len(runs) != len(contexts):
        raise not_known(experiment.model.network)
    parts = [parts_of(run) for run in runs]
    if any(each.architecture is Architecture.POST_NORM for each in parts):
        raise InputError("This model norms its stream after each addition, so it is no sum of parts; switch heads off.")
    total = float(target.read(experiment.model, [experiment.input], outputs))
    capped = getattr(experiment.model.network.config, "final_logit_softcapping", None) is not None
    reading = _reading(tail, target, outputs, runs[-1].out, capped=capped)
    read, at = reading.direction, reading.at
    added = [_attention_adds(*of_layer, at) for of_layer in zip(runs, parts, contexts)]
    attribution = LogitAttribution(
        heads=torch.stack([heads @ read for heads, _ in added]).float().cpu().numpy(),
        mlp=torch.stack([each.mlp_adds[at].double() @ read for each in parts]).float().cpu().numpy(),
        embedding=float(runs[0].hidden[at].double() @ read),
        biases=float(sum(bias @ read for _, bias in added)),
        norm_bias=reading.bias,
        total=total,
    )
    if not attribution.error <= TOLERANCE:  # nor NaN
        raise InputError("The parts of this model's stream do not add up to its logit here; switch heads off.")
    return attribution


def _run(experiment: Experiment, target: Target) -> tuple[list[LayerRun], list[Event], AnyRun]:
    """The layers of a run, the norms and linear maps behind the last one, and the outputs."""
    model, network = experiment.model, weight_sharing_clone(experiment.model.network)
    inputs = {**model.run_inputs([experiment.input]), **target.options(model)}
    runs, tail, outputs = list[LayerRun](), list[Event](), list[Any]()

    def keep(layer: LayerRun) -> None:
        if runs and not torch.equal(layer.hidden, runs[-1].out):
            raise not_known(network)  # something that is no such layer lies between
        runs.append(layer)
        tail.clear()

    def note(module: nn.Module, args: tuple[object, ...], output: object) -> None:
        if args and isinstance(args[0], Tensor) and isinstance(output, Tensor):
            tail.append(Event(module, *(rows.reshape(-1, rows.shape[-1]) for rows in (args[0], output))))

    layers = layers_of(network)
    inside = {id(module) for layer in layers for module in layer.modules()}
    for module in network.modules():
        if id(module) not in inside and (is_linear(module) or is_norm(module)):
            module.register_forward_hook(note)
    with enough_memory(model.device):
        run_with_hooks(
            network,
            layers,
            lambda: outputs.append(network(**inputs, return_dict=True)),
            calls=model.calls,
            on_leave=keep,
        )
    return runs, tail, Run(outputs[0], {})


def _reading(tail: list[Event], target: LogitTarget, outputs: AnyRun, last: Tensor, *, capped: bool) -> _Reading:
    """How the logit is read from the last layer's rows [token, width]. Raises InputError where not linearly."""
    if len(tail) > 2 or any(is_linear(event.module) for event in tail[:-1]):
        raise InputError("A dense layer lies between this model's stream and its logits; switch heads off instead.")
    if [is_norm(event.module) for event in tail] != [True, False] or not torch.equal(tail[0].input, last):
        raise InputError("It is not known how this model's logits are read from its stream; switch heads off instead.")
    norm, unembedding = tail
    logits = target.logits(outputs)[0].double()
    rows = unembedding.output.double()  # [row, candidate]
    factors = (rows @ logits) / (rows * rows).sum(dim=-1).clamp(min=1e-30)  # some models scale their logits
    errors = (factors[:, None] * rows - logits).abs().amax(dim=-1)
    row = int(errors.argmin())
    tolerance = max(1e-5, 4 * torch.finfo(unembedding.output.dtype).eps)
    if capped or not float(errors[row]) <= tolerance * float(logits.abs().max()):
        raise InputError("This model caps its logits, which then are no sum of parts; switch heads off instead.")
    at = target.position
    if at is None:
        read = unembedding.input[row]
        found = (norm.output == read).all(dim=-1).nonzero() if norm.output.shape[-1] == len(read) else read[:0]
        if not len(found):
            raise InputError("This model's classes are read from more than one position; switch heads off instead.")
        at = int(found[0])
    candidates = [each for each in (target.candidate, target.against) if isinstance(each, int)]
    weight, bias = _weight_and_bias(unembedding.module)
    signs = factors[row] * torch.tensor([1.0, -1.0])[: len(candidates)].to(factors)
    direction, constant = signs @ weight[candidates].double(), float(signs @ bias[candidates].double())
    frozen = _FrozenNorm.at(norm, at)
    return _Reading(at, frozen.transposed(direction), float(direction @ frozen.bias) + constant)


def _weight_and_bias(linear: Any) -> tuple[Tensor, Tensor]:
    """[out, in] and [out] of an nn.Linear, or of transformers' Conv1D."""
    weight: Tensor = linear.weight.detach() if isinstance(linear, nn.Linear) else linear.weight.detach().T
    return weight, weight.new_zeros(len(weight)) if linear.bias is None else linear.bias.detach()


def _attention_adds(run: LayerRun, parts: Parts, context: Tensor, at: int) -> tuple[Tensor, Tensor]:
    """What attention adds to one row: [head, width] of its context [head, query, d_value], and [width] of biases.

    Raises CheckpointError where heads do not add up.
    """
    reads, of_heads = parts.projection.input[at], context[:, at]  # [head * d_value], [head, d_value]
    tolerance = max(1e-3, 4 * torch.finfo(reads.dtype).eps) * float(reads.abs().max())
    if of_heads.numel() != reads.numel() or not torch.allclose(of_heads.flatten(), reads, rtol=0, atol=tolerance):
        raise CheckpointError("A gate or a norm lies behind this model's heads, so they do not add up; take another.")
    weight, bias = (part.double() for part in _weight_and_bias(parts.projection.module))
    heads = torch.einsum("whd,hd->hw", weight.unflatten(1, of_heads.shape), of_heads.double())
    output = parts.projection.output
    for event in run.after:
        if is_norm(event.module) and event.input.shape == output.shape and torch.equal(event.input, output):
            norm, output = _FrozenNorm.at(event, at), event.output  # a norm behind the part, frozen too
            heads, bias = norm.linear(heads), norm.linear(bias) + norm.bias
            break
    factor = _factor(parts.attention_adds.double(), output.double())
    return factor * heads, factor * bias


def _factor(added: Tensor, output: Tensor) -> Tensor:
    """What each channel of a part's output [token, width] is multiplied by when it is added (layer scale), [width]."""
    if torch.allclose(added, output, rtol=1e-4, atol=1e-4 * float(output.abs().max())):
        return torch.ones_like(output[0])
    return (added * output).sum(dim=0) / (output * output).sum(dim=0).clamp(min=1e-30)


@dataclass(frozen=True, eq=False)
class _FrozenNorm:
    """y = gain * x + bias, x without its mean where the norm centres (LayerNorm: Ba et al. 2016, equation 4).

    RMSNorm (Zhang & Sennrich 2019, equation 4) does not centre.
    """

    gain: Tensor  # [width] float64, the norm's weight times the row's scale
    bias: Tensor  # [width] float64
    centres: bool

    @classmethod
    def at(cls, norm: Event, row: int) -> "_FrozenNorm":
        """Of a norm that ran, at one of its rows.

        Weight and bias are found by running the norm: modules keep them under many names, and some add one to them.
        """
        module: Callable[[Tensor], Tensor] = norm.module
        given, found = norm.input[row].double(), norm.output[row].double()
        probe: Tensor = torch.ones_like(norm.input[row])
        probe[1::2] = -1
        if len(probe) % 2:
            probe[-1] = -2  # its mean is zero
            probe[-2] = probe[-3] = 1
        with torch.no_grad():
            plus, minus = (module(sign * probe[None])[0].double() for sign in (1, -1))
        bias, weight = (plus + minus) / 2, (plus - minus) / 2 / probe.double()
        centres = not keeps_mean(norm.module)
        scaled = weight * (given - given.mean() if centres else given)
        scale = (found - bias) @ scaled / (scaled @ scaled).clamp(min=1e-30)
        return cls(scale * weight, bias, centres)

    def linear(self, rows: Tensor) -> Tensor:
        """Without the bias, of rows [..., width]."""
        return self.gain * (rows - rows.mean(dim=-1, keepdim=True) if self.centres else rows)

    def transposed(self, direction: Tensor) -> Tensor:
        """What reads the row before the norm as `direction` [width] reads it behind."""
        read = self.gain * direction
        return read - read.mean() if self.centres else read
