"""One run of a transformers model, and the inputs of all its attention calls."""

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Literal

from torch import Tensor, nn
from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_MASKED_LM_MAPPING, PreTrainedModel
from transformers.utils import ModelOutput

from headlens.model.attention.calls import function_calls
from headlens.model.attention.clone import weight_sharing_clone
from headlens.model.attention.point import Call, Edit, attention_calls
from headlens.model.base import Run
from headlens.model.progress import OnLayer

CROSS = re.compile(r"cross_?att|encoder_attn|EncDecAttention", re.IGNORECASE)
CHARACTERS = re.compile(r"\b(initial|final)_char_encoder\b")  # of CANINE
VISION = re.compile(r"vision|visual|image_encoder", re.IGNORECASE)


class Recorder:
    """Runs a model and records its attention, by transformers' interface or, where it has none, by torch's functions.

    Args:
        network: with its attention set to `interface.NAME` for the way "interface".
        way: that leads its attention to the point (`headlens.model.attention.point`).
    """

    def __init__(self, network: PreTrainedModel, way: Literal["interface", "functions"]) -> None:
        self.network = network
        self.way = way
        self.causal = _is_causal(network)

    def run(
        self,
        inputs: Mapping[str, object],
        on_layer: OnLayer | None = None,
        edit: Edit | None = None,
        *,
        network: nn.Module | None = None,
    ) -> Run[ModelOutput]:
        """Run inputs as the model's forward takes them, with gradients unless the caller turns them off.

        on_layer and edit are as of `attention.point.CallLog`.
        """
        if network is None:
            network = self.network if self.way == "interface" else weight_sharing_clone(self.network)
        with self.calls(network, on_layer, edit) as calls:
            outputs = network(**inputs, return_dict=True)
        names = {id(module): name for name, module in network.named_modules()}
        indices: dict[str, list[int]] = {}
        for index, call in enumerate(calls):
            indices.setdefault(self._stage(names.get(id(call.module), "")), []).append(index)
        stages = {stage: tuple(calls[index].inputs for index in of_stage) for stage, of_stage in indices.items()}
        return Run(outputs, stages, {stage: tuple(of_stage) for stage, of_stage in indices.items()})

    def calls(
        self, network: nn.Module, on_layer: OnLayer | None = None, edit: Edit | None = None
    ) -> AbstractContextManager[list[Call]]:
        """The attention calls of a weight-sharing clone of the network, or of a part of one, inside the context."""
        if self.way == "interface":
            return attention_calls(on_layer, edit)
        return function_calls(network, on_layer, edit)

    def _stage(self, name: str) -> str:
        config = self.network.config
        if CROSS.search(name):
            return "cross"
        if (of_characters := CHARACTERS.search(name)) is not None:
            return {"initial": "blocks", "final": "characters"}[of_characters[1]]
        if VISION.search(name) and hasattr(config, "vision_config"):
            return "vision"
        if getattr(config, "is_encoder_decoder", False):
            return "decoder" if re.search(r"\bdecoder\b", name) else "encoder"
        return "decoder" if self.causal else "encoder"


def last_hidden_state(outputs: ModelOutput) -> Tensor:
    """[batch, token, width]; of a model with a head, which was run with output_hidden_states."""
    hidden: Tensor | None = outputs.get("last_hidden_state")
    return outputs.hidden_states[-1] if hidden is None else hidden


def _is_causal(network: PreTrainedModel) -> bool:
    """Whether it reads from left to right: what writes does, and the bare models of such families."""
    config = network.config.get_text_config()
    writes = type(config) in MODEL_FOR_CAUSAL_LM_MAPPING and type(config) not in MODEL_FOR_MASKED_LM_MAPPING
    return bool(network.can_generate()) or bool(getattr(config, "is_decoder", False)) or writes
