"""One run of a transformers model, and everything that its attention layers were given."""

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_MASKED_LM_MAPPING, PreTrainedModel

from headlens.model.attention.calls import Call, function_calls, weight_sharing_clone
from headlens.model.attention.inputs import AttentionInputs
from headlens.model.huggingface.record.interface import recorded_calls
from headlens.model.progress import OnLayer

CROSS = re.compile(r"cross_?att|encoder_attn|EncDecAttention", re.IGNORECASE)
VISION = re.compile(r"vision|visual|image_encoder", re.IGNORECASE)


@dataclass(frozen=True)
class Run:
    """What a model gave, and its attention layers by stage, in the order in which they ran, still with the batch."""

    outputs: Any
    stages: Mapping[str, tuple[AttentionInputs, ...]]


class Recorder:
    """Runs a model and records its attention, by transformers' interface or, where it has none, by torch's functions.

    Args:
        network: with its attention set to `attend.NAME` for the way "interface".
        way: "interface" or "functions".
    """

    def __init__(self, network: PreTrainedModel, way: str) -> None:
        self.network = network
        self.way = way
        self.causal = _is_causal(network)

    @torch.inference_mode()
    def run(self, inputs: Mapping[str, Any], on_layer: OnLayer | None = None) -> Run:
        """Run inputs as the model's forward takes them; on_layer hears the number of each attention layer, from 0."""
        network = self.network if self.way == "interface" else weight_sharing_clone(self.network)
        with self.calls(network, on_layer) as calls:
            outputs = network(**inputs, return_dict=True)
        names = {id(module): name for name, module in network.named_modules()}
        stages: dict[str, list[AttentionInputs]] = {}
        for call in calls:
            stages.setdefault(self._stage(names.get(id(call.module), "")), []).append(call.heads)
        return Run(outputs, {stage: tuple(layers) for stage, layers in stages.items()})

    def calls(self, network: nn.Module, on_layer: OnLayer | None = None) -> AbstractContextManager[list[Call]]:
        """All attention calls of a twin of the network inside the context; on_layer hears of each, from 0."""
        return recorded_calls(on_layer) if self.way == "interface" else function_calls(network, on_layer)

    def _stage(self, name: str) -> str:
        config = self.network.config
        if CROSS.search(name):
            return "cross"
        if getattr(config, "is_encoder_decoder", False):
            return "decoder" if re.search(r"\bdecoder\b", name) else "encoder"
        if VISION.search(name) and hasattr(config, "vision_config"):
            return "vision"
        return "decoder" if self.causal else "encoder"


def _is_causal(network: PreTrainedModel) -> bool:
    """Whether it reads from left to right: what writes does, and the bare models of such families."""
    config = network.config.get_text_config()
    writes = type(config) in MODEL_FOR_CAUSAL_LM_MAPPING and type(config) not in MODEL_FOR_MASKED_LM_MAPPING
    return bool(network.can_generate()) or bool(getattr(config, "is_decoder", False)) or writes
