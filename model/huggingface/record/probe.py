"""Whether a model can be recorded exactly, and by which way: tried once, when it is loaded."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.utils import ModelOutput

from headlens.model.attention.calls import function_calls
from headlens.model.attention.point import attention_calls
from headlens.model.base import Run, Setup
from headlens.model.description import Description
from headlens.model.errors import CheckpointError
from headlens.model.huggingface.record.interface import NAME
from headlens.model.huggingface.record.recorder import Recorder
from headlens.model.protocol import Predicts

SPARSE = {
    "longformer": "a band of neighbours",
    "led": "a band of neighbours",
    "big_bird": "blocks of tokens",
    "bigbird_pegasus": "blocks of tokens",
    "nystromformer": "landmarks",
}
TOLERANCE = 1e-4  # of weights in float32, between what was recorded and the model's own eager attention


@dataclass(frozen=True)
class ProbeResult:
    """The way that records a model, and the largest difference that was seen on the way."""

    recorder: Recorder
    difference: float
    num_calls: int  # attention layers, over all stages

    @property
    def note(self) -> str:
        """In words."""
        ways = {"interface": "transformers' attention interface", "functions": "the calls it makes of torch"}
        return (
            f"recorded by way of {ways[self.recorder.way]}; when it was loaded, what was recorded differed from the "
            f"model's own eager weights by at most {self.difference:.1g}"
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
    name = type(network).__name__
    if (reason := SPARSE.get(network.config.model_type)) is not None:
        raise CheckpointError(f"{name} attends over {reason}, not over all tokens: it has no such weights to show.")
    theirs = _eager(network, inputs)
    recorder = Recorder(network, "interface" if _covered(network, inputs) else "functions")
    if recorder.way == "functions":
        _choose(network, "sdpa" if network._supports_sdpa else "eager")  # what it computes where nothing is asked
    with torch.inference_mode():
        run = recorder.run(inputs)
    if not run.stages:
        raise CheckpointError(f"{name} computes its attention in a way that cannot be recorded; take another model.")
    difference = _largest_difference(run, theirs, real)
    if difference is None:
        raise CheckpointError(
            f"{name} does not say its own attention weights, so what is recorded cannot be checked; take another model."
        )
    if not difference <= TOLERANCE:
        raise CheckpointError(
            f"The weights recorded from {name} differ from its own by up to {difference:.1g}; it cannot be shown truly."
        )
    return ProbeResult(recorder, difference, sum(map(len, run.stages.values())))


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
    run = Recorder(network, "functions").run({**inputs, "output_attentions": True})
    outputs: Any = run.outputs
    weights = {
        "encoder": outputs.get("encoder_attentions"),
        "decoder": outputs.get("decoder_attentions"),
        "cross": outputs.get("cross_attentions"),
        "only": outputs.get("attentions"),
    }
    if len(run.stages) > 1:  # of images, of which a language model says nothing: by what goes into its softmax
        weights["vision"] = [layer.weights(slice(None)) for layer in run.stages.get("vision", ())]
    return {stage: tuple(layers) for stage, layers in weights.items() if layers and layers[0] is not None}


def _largest_difference(
    run: Run[ModelOutput], theirs: Mapping[str, tuple[Tensor, ...]], real: Tensor | None
) -> float | None:
    """Over all layers of all stages that both have; None where there is none, or not as many layers."""
    largest: float | None = None
    for stage, layers in run.stages.items():
        own = theirs.get(stage, theirs.get("only"))
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
