"""Running the encoders of `headlens.model.nn`."""

from collections.abc import Mapping
from contextlib import AbstractContextManager

from torch import Tensor, nn

from headlens.model.attention.point import Call, Edit, attention_calls
from headlens.model.base import Run
from headlens.model.nn.encoder import Encoded
from headlens.model.nn.text import TextEncoder
from headlens.model.nn.vit import VisionTransformer
from headlens.model.progress import OnLayer


class EncoderRunner:
    """Runs one encoder; the outputs are its last hidden state [batch, token, width]."""

    def __init__(self, network: TextEncoder | VisionTransformer) -> None:
        self.network = network

    def run(
        self,
        inputs: Mapping[str, object],
        on_layer: OnLayer | None = None,
        edit: Edit | None = None,
        *,
        network: nn.Module | None = None,
    ) -> Run[Tensor]:
        """Run inputs as the network's forward takes them; on_layer is called with each layer's index as it is done."""
        with attention_calls(edit=edit):
            encoded: Encoded = (self.network if network is None else network)(**inputs, on_layer=on_layer)
        calls = tuple(range(len(encoded.layers)))
        return Run(encoded.hidden, {"encoder": encoded.layers}, {"encoder": calls}, before_norm=encoded.before_norm)

    def calls(
        self, network: nn.Module, on_layer: OnLayer | None = None, edit: Edit | None = None
    ) -> AbstractContextManager[list[Call]]:
        """The attention calls of a weight-sharing clone of the network inside the context."""
        return attention_calls(on_layer, edit)
