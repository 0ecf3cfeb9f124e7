"""The text encoder of `headlens.model.nn`, with its tokenizer."""

from collections.abc import Sequence

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from headlens.model.base import Run, Setup
from headlens.model.description import Description
from headlens.model.inputs.text import TextInput
from headlens.model.nn.text import TextEncoder, mean_embedding
from headlens.model.pretrained.encoder_runner import EncoderRunner
from headlens.model.readers import TextReader, padded, real_tokens


class EncoderTextModel(TextReader[Tensor]):
    """A text encoder with its tokenizer.

    A recording's outputs: "embedding" [text, width], the mean of each text's last hidden state, read by itself; for a
    pair "similarity", the cosine of the two embeddings.
    """

    own_code = True

    def __init__(
        self,
        description: Description,
        network: TextEncoder,
        tokenizer: Tokenizer,
        *,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        network = network.to(device=device, dtype=dtype).eval()
        setup = Setup(description, EncoderRunner(network), device, num_layers=len(network.encoder.layers))
        super().__init__(setup, tokenizer, network.num_positions)
        self._encoder = network

    @property
    def network(self) -> TextEncoder:
        """The encoder."""
        return self._encoder

    def batch_inputs(self, batch: Sequence[TextInput]) -> dict[str, object]:
        """What the network's forward takes of several inputs, the shorter ones padded on the right."""
        ids = [text.ids for text in batch]
        inputs: dict[str, object] = {
            "ids": padded(ids, 0, self.device),
            "segments": padded([text.type_ids for text in batch], 0, self.device),
        }
        real = real_tokens(ids, self.device)
        return inputs if real is None else {**inputs, "real": real}

    def token_embeddings(self) -> Tensor:
        """The rows of all tokens that there are, [id, width]."""
        return self.network.tokens.weight.detach()

    def embeddings(self, batch: Sequence[TextInput], run: Run[Tensor]) -> Tensor:
        """The mean of each text's last hidden state, of norm one."""
        return torch.stack([mean_embedding(run.outputs[row, : len(text.ids)]) for row, text in enumerate(batch)])

    def _outputs(self, text: TextInput, run: Run[Tensor], index: int) -> dict[str, np.ndarray]:
        if len(text.texts) == 1:
            return {"embedding": mean_embedding(run.outputs[index, : len(text.ids)])[None].float().cpu().numpy()}
        alone = [self.run([self.read(part)]).outputs[0] for part in text.texts]
        embeddings = torch.stack([mean_embedding(hidden) for hidden in alone])
        return {
            "embedding": embeddings.float().cpu().numpy(),
            "similarity": (embeddings[0] @ embeddings[1]).float().cpu().numpy(),
        }
