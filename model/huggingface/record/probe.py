"""Whether a model can be recorded exactly, and by which way: tried once, when it is loaded."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.utils import ModelOutput

from headlens.model.attention.calls import function_calls
from headlens.model.attention.clone import weight_sharing_clone
from headlens.model.attention.inputs import AttentionInputs
from headlens.model.attention.point import Call, attention_calls
from headlens.model.base import Run, Setup
from headlens.model.description import Description
from headlens.model.errors import CheckpointError
from headlens.model.huggingface.record.interface import NAME
from headlens.model.huggingface.record.recorder import Recorder
from headlens.model.recording.parts import Predicts

SPARSE = {
    "longformer": "a band of neighbours",
    "led": "a band of neighbours",
    "big_bird": "blocks of tokens",
    "bigbird_pegasus": "blocks of tokens",
    "nystromformer": "landmarks",
    "mega": "chunks of tokens",
    "reformer": "tokens with equal hashes",
}
ADDED_TWICE = (
    'its own "sdpa" attention (the contexts rebuilt from it; its "eager" attention adds the biases of ALiBi twice, and '
    "gives other weights)"
)
TOLERANCE = 1e-4  # of weights in float32, between what was recorded and the model's own eager attention


@dataclass(frozen=True)
class ProbeResult:
    """The way that records a model, and the largest difference that was seen on the way."""

    recorder: Recorder
    difference: float
    num_calls: int  # attention layers, over all stages
    checked_against: str = "the model's own eager weights"

    @property
    def note(self) -> str:
        """In words."""
        ways = {"interface": "transformers' attention interface", "functions": "the calls it makes of torch"}
        return (
            f"recorded by way of {ways[self.recorder.way]}; when it was loaded, what was recorded differed from "
            f"{self.checked_against} by at most {self.difference:.1g}"
        )

    def setup(self, description: Description, predicts: Predicts, device: torch.device) -> Setup[ModelOutput]:
        """What a model that is recorded in this way is made of."""
        return Setup(
            description,
            self.recorder,
            device,
            num_layers=self.num_calls,
            predicts=predicts,
            notes={"exact": self.note},
        )


def probe(network: PreTrainedModel, inputs: Mapping[str, object], real: Tensor | None = None) -> ProbeResult:
    """Find the way that records a model exactly.

    Args:
        network: in eval mode.
        inputs: of its forward, also a batch that is padded.
        real: [batch, token] bool, False on padding; rows of these queries are not compared. None: all are real.

    Raises CheckpointError for a model that cannot be recorded exactly.
    """
    name, config = type(network).__name__, network.config
    adds_twice = config.model_type == "falcon" and config.alibi
    theirs = {} if adds_twice else _eager(network, inputs)
    recorder = Recorder(network, "interface" if _covered(network, inputs) else "functions")
    if recorder.way == "functions":
        _choose(network, "sdpa" if network._supports_sdpa else "eager")  # what it computes where nothing is asked
    with torch.inference_mode():
        run = recorder.run(inputs)
    if not run.stages:
        raise CheckpointError(f"{name} computes its attention in a way that cannot be recorded; take another model.")
    if any(_changes_length(layers) for stage, layers in run.stages.items() if stage != "vision"):
        raise CheckpointError(
            f"{name} has more tokens in some layers than in others, so it has no weights over all of them; take "
            "another model."
        )
    difference = _rebuilt(recorder, inputs, real) if adds_twice else _largest_difference(run, theirs, real)
    if difference is None:
        raise CheckpointError(
            f"{name} does not say its own attention weights, so what is recorded cannot be checked; take another model."
        )
    if not difference <= TOLERANCE:
        raise CheckpointError(
            f"The weights recorded from {name} differ from its own by up to {difference:.1g}; it cannot be shown truly."
        )
    result = ProbeResult(recorder, difference, sum(map(len, run.stages.values())))
    return replace(result, checked_against=ADDED_TWICE) if adds_twice else result


def refuse_sparse(network: PreTrainedModel) -> None:
    """Raises CheckpointError for a model that does not attend over all tokens."""
    config = network.config
    full = getattr(config, "attention_type", None) == "original_full"  # of BigBird, which can attend both ways
    if (reason := SPARSE.get(config.model_type)) is not None and not full:
        raise CheckpointError(
            f"{type(network).__name__} attends over {reason}, not over all tokens: it has no such weights to show; "
            "take another model."
        )


def _covered(network: PreTrainedModel, inputs: Mapping[str, object]) -> bool:
    """Whether every attention call goes through transformers' interface, and none to torch by itself."""
    try:
        network.set_attn_implementation(NAME)
    except (ValueError, KeyError):
        return False
    with torch.inference_mode(), function_calls(network) as others, attention_calls() as calls:
        network(**inputs, return_dict=True)
    return bool(calls) and not others


def _choose(network: PreTrainedModel, name: str) -> None:
    network.set_attn_implementation(name)
    if (
        network.config._attn_implementation != name
    ):  # Falcon, which asks its configuration each time, is not set by that
        network.config._attn_implementation = name


@torch.inference_mode()
def _eager(network: PreTrainedModel, inputs: Mapping[str, object]) -> dict[str, tuple[Tensor, ...]]:
    """The model's own weights by stage, each [batch, head, query, key]; nothing where it says none."""
    _choose(network, "eager")
    clone, said_by_parts = weight_sharing_clone(network), list[ModelOutput]()
    for part in clone.children():  # BLIP says nothing of its decoder
        if isinstance(part, PreTrainedModel):
            part.register_forward_hook(
                lambda _, __, said: said_by_parts.append(said) if isinstance(said, ModelOutput) else None
            )
    run = Recorder(network, "functions").run({**inputs, "output_attentions": True}, network=clone)
    outputs: Any = run.outputs
    weights = {
        "encoder": outputs.get("encoder_attentions"),
        "decoder": outputs.get("decoder_attentions"),
        "cross": outputs.get("cross_attentions"),
        "only": outputs.get("attentions"),
    }
    decoders = [said for said in said_by_parts if "cross_attentions" in said]
    if decoders and weights["cross"] is None:
        weights |= {"decoder": decoders[0]["attentions"], "cross": decoders[0]["cross_attentions"]}
    if len(run.stages) > 1:  # of images, of which a language model says nothing: by what goes into its softmax
        weights["vision"] = [layer.weights(slice(None)) for layer in run.stages.get("vision", ())]
    return {stage: tuple(layers) for stage, layers in weights.items() if layers and layers[0] is not None}


def _changes_length(layers: Sequence[AttentionInputs]) -> bool:
    """Whether some layers have other numbers of queries or keys than others, as those that pool tokens do (Funnel)."""
    return len({(layer.query.shape[-2], layer.key.shape[-2]) for layer in layers}) > 1


@torch.inference_mode()
def _rebuilt(recorder: Recorder, inputs: Mapping[str, object], real: Tensor | None) -> float:
    """The largest difference between weights @ values, as recorded, and the context that attention gave."""
    largest = 0.0

    def compare(_: int, call: Call, context: Tensor) -> Tensor:
        nonlocal largest
        rebuilt = call.inputs.weights(slice(None)) @ call.inputs.repeated(call.inputs.value).to(torch.float32)
        off = (rebuilt - context).abs().amax(dim=(1, 3))  # [batch, query]
        off = off if real is None or off.shape != real.shape else off[real]
        largest = max(largest, float(off.nan_to_num(math.inf).max()))
        return context

    recorder.run(inputs, edit=compare)
    return largest


def _largest_difference(
    run: Run[ModelOutput], theirs: Mapping[str, tuple[Tensor, ...]], real: Tensor | None
) -> float | None:
    """Over all layers of all stages that both have; None where there is none, or not as many layers."""
    largest: float | None = None
    only, num_calls = theirs.get("only", ()), sum(map(len, run.stages.values()))
    for stage, layers in run.stages.items():
        own = theirs.get(stage, only)
        if own is only and len(only) == num_calls:
            own = tuple(only[call] for call in run.call_indices[stage])
        if own is None or len(own) != len(layers):
            return None
        for weights, layer in zip(own, layers):
            recorded = layer.weights(slice(None))
            if recorded.shape != weights.shape:
                return None
            off = (recorded - weights.to(recorded.dtype)).abs().amax(dim=(1, 3))  # [batch, query]
            if real is not None and off.shape == real.shape:
                # Eager attention makes nan of padding in float64, which spreads over what else is in that text.
                lost = weights.isnan().any(dim=3).any(dim=1) & ~real.all(dim=1, keepdim=True)
                off = off.masked_fill(lost & recorded.isfinite().all(dim=3).all(dim=1), 0.0)[real]
            largest = max(largest or 0.0, float(off.nan_to_num(math.inf).max()))  # max() would pass over nan
    return largest
