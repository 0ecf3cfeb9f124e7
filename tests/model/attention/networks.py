"""Small networks that reach the point in each of the three ways, in float64, and where they put heads together."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from headlens.model.attention.clone import weight_sharing_clone
from headlens.model.attention.point import Call, Edit, attention_calls
from headlens.model.huggingface.record.probe import probe
from headlens.model.huggingface.record.recorder import Recorder
from headlens.model.nn.encoder import EncoderConfig
from headlens.model.nn.text import TextConfig, TextEncoder
from headlens.model.nn.vit import VisionConfig, VisionTransformer
from headlens.model.progress import OnLayer
from tests.model.huggingface.text_models import SEQUENCES, network_of
from tests.model.nn.weights import randomize

HEADS = 4
IDS = torch.randint(5, 90, (2, 7), generator=torch.Generator().manual_seed(3))
PROJECTIONS = {  # each layer's projection of all heads together
    "own text": r"encoder\.layers\.\d\.attention\.output",
    "own image": r"encoder\.layers\.\d\.attention\.output",
    "BERT": r"bert\.encoder\.layer\.\d\.attention\.output\.dense",
    "GPT-2": r"transformer\.h\.\d\.attn\.c_proj",
    "Llama": r"model\.layers\.\d\.self_attn\.o_proj",
    "Gemma 2": r"model\.layers\.\d\.self_attn\.o_proj",
    "gpt-oss": r"model\.layers\.\d\.self_attn\.o_proj",
    "T5": r"encoder\.block\.\d\.layer\.0\.SelfAttention\.o",  # of its first two calls
    "BLOOM": r"transformer\.h\.\d\.self_attention\.dense",
    "MPNet": r"mpnet\.encoder\.layer\.\d\.attention\.attn\.o",
    "GPT-J": r"transformer\.h\.\d\.attn\.out_proj",
    "DeBERTa-v2": r"deberta\.encoder\.layer\.\d\.attention\.output\.dense",
    "Falcon": r"transformer\.h\.\d\.self_attention\.dense",
    "XLNet": r"layer\.\d\.rel_attn",  # whose weight is a parameter of its own, [width, head, d_head]
}
OWN = ("own text", "own image")
INTERFACE = ("BERT", "GPT-2", "Llama", "Gemma 2", "gpt-oss", "T5")
FUNCTIONS = ("BLOOM", "MPNet", "GPT-J", "DeBERTa-v2", "Falcon", "XLNet")


class InFloat64(TorchFunctionMode):
    """Many models compute norms and softmax in float32, whatever they run in; here all stays in float64."""

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = dict(kwargs or {})
        if args and isinstance(args[0], Tensor) and args[0].dtype == torch.float64:
            if function is Tensor.float or (function is Tensor.to and torch.float32 in args[1:]):
                return args[0]
            if kwargs.get("dtype") == torch.float32:
                kwargs["dtype"] = torch.float64
        return function(*args, **kwargs)


@dataclass(frozen=True)
class Network:
    """A network, and how it is run at the point."""

    family: str
    module: nn.Module
    recorder: Recorder | None = None  # None: an encoder of ours

    def run(
        self, edit: Edit | None = None, on_layer: OnLayer | None = None, module: nn.Module | None = None
    ) -> tuple[Tensor, list[Call]]:
        """Its last output [batch, token, …], and its calls; module: instead of its own, a clone of it."""
        if self.recorder is None:
            with attention_calls(on_layer, edit) as calls:
                return (module or self.module)(self.inputs())[0], calls
        module = module or weight_sharing_clone(self.module)
        with InFloat64(), self.recorder.calls(module, on_layer, edit) as calls:
            outputs = module(**self.named_inputs(), return_dict=True)
        return outputs.get("logits", outputs.get("last_hidden_state")), calls

    def plain(self) -> Tensor:
        """Its output, run without the point."""
        if self.recorder is None:
            return self.module(self.inputs())[0]
        with InFloat64():
            outputs = self.module(**self.named_inputs(), return_dict=True)
        return outputs.get("logits", outputs.get("last_hidden_state"))

    def inputs(self) -> Tensor:
        """What an encoder of ours reads: ids [batch, token], or pixels."""
        if self.family == "own text":
            return IDS
        return torch.randn(2, 3, 8, 12, generator=torch.Generator().manual_seed(3), dtype=torch.float64)

    def named_inputs(self) -> dict[str, Tensor]:
        """What a transformers model takes."""
        others = {"decoder_input_ids": IDS} if self.family in SEQUENCES else {}
        return {"input_ids": IDS, **others}

    def projections(self, module: nn.Module | None = None) -> list[nn.Module]:
        """Of each layer."""
        found = (module or self.module).named_modules()
        return [part for name, part in found if re.fullmatch(PROJECTIONS[self.family], name)]

    @contextmanager
    def zeroed(self, layer: int, head: int) -> Iterator[None]:
        """The network with a head's columns of the output projection set to zero."""
        weight, columns = self._columns(layer, head)
        before = weight.detach().clone()
        with torch.no_grad():
            weight[columns] = 0
        try:
            yield
        finally:
            with torch.no_grad():
                weight.copy_(before)

    def _columns(self, layer: int, head: int) -> tuple[Tensor, Any]:
        projection: Any = self.projections()[layer]
        if self.family == "XLNet":
            return projection.o, (slice(None), head)
        size = projection.weight.shape[0 if type(projection).__name__ == "Conv1D" else 1] // HEADS
        part = slice(head * size, (head + 1) * size)
        return projection.weight, part if type(projection).__name__ == "Conv1D" else (slice(None), part)


def make(family: str) -> Network:
    """A random one with peaked attention, two layers of four heads."""
    if family in OWN:
        config = EncoderConfig(2, HEADS, 32, 48, norm_eps=1e-6, pre_norm=family == "own image", layer_scale=True)
        encoder: nn.Module = (
            TextEncoder(TextConfig(config, vocabulary=99, num_positions=16))
            if family == "own text"
            else VisionTransformer(VisionConfig(config, patch=4, position_grid=(2, 2)))
        )
        randomize(encoder)
        return Network(family, encoder.double().eval().requires_grad_(False))
    module = network_of(family, vocabulary=99).double()
    if family == "gpt-oss":
        module.set_experts_implementation("eager")  # torch's grouped product knows no float64
    network = Network(family, module)
    return Network(family, module, probe(module, network.named_inputs()).recorder)
