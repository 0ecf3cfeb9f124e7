"""One run of a transformers model, and everything that its attention layers were given."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from model.huggingface.attend import Call, recorded_calls
from model.huggingface.functions import function_calls
from model.nn.attention import Heads

CROSS = re.compile(r"cross_?att|encoder_attn|EncDecAttention", re.IGNORECASE)
VISION = re.compile(r"vision|visual|image_encoder", re.IGNORECASE)
OnCall = Callable[[int], object]


@dataclass(frozen=True)
class Run:
    """What a model gave, and its attention layers by stage, in the order in which they ran, still with the batch."""

    outputs: Any
    stages: Mapping[str, tuple[Heads, ...]]


class Recorder:
    """Runs a model and records its attention, by transformers' interface or, where it has none, by torch's functions.

    Args:
        network: with its attention set to `attend.NAME` for the way "interface".
        way: "interface" or "functions".
    """

    def __init__(self, network: PreTrainedModel, way: str) -> None:
        self.network = network
        self.way = way
        self._names = {id(module): name for name, module in network.named_modules()}

    @torch.inference_mode()
    def run(self, inputs: Mapping[str, Tensor], on_call: OnCall | None = None) -> Run:
        """Run inputs as the model's forward takes them; on_call hears how many attention layers are done."""
        with self._calls(on_call) as calls:
            outputs = self.network(**inputs, return_dict=True)
        stages: dict[str, list[Heads]] = {}
        for call in calls:
            stages.setdefault(self._stage(self._names.get(id(call.module), "")), []).append(call.heads)
        return Run(outputs, {stage: tuple(layers) for stage, layers in stages.items()})

    @contextmanager
    def _calls(self, on_call: OnCall | None) -> Iterator[list[Call]]:
        recording = recorded_calls(on_call) if self.way == "interface" else function_calls(self.network, on_call)
        with recording as calls:
            yield calls

    def _stage(self, name: str) -> str:
        config = self.network.config
        if CROSS.search(name):
            return "cross"
        if getattr(config, "is_encoder_decoder", False):
            return "decoder" if re.search(r"\bdecoder\b", name) else "encoder"
        if VISION.search(name) and hasattr(config, "vision_config"):
            return "vision"
        return "decoder" if _is_causal(self.network) else "encoder"


def _is_causal(network: PreTrainedModel) -> bool:
    return bool(network.can_generate()) or bool(getattr(network.config, "is_decoder", False))
