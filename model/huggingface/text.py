"""A text model of transformers, as `model.loaded.TextModel` runs one."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from model.huggingface.recorder import Recorder
from model.nn.attention import Heads
from model.nn.encoder import OnLayer

LONGEST = 16_384  # tokens, of models that state no end


class TransformersText(nn.Module):
    """Token ids in, the last hidden state and each layer's heads out.

    Args:
        recorder: of a model that reads text alone.
        num_positions: tokens that it can read.
    """

    def __init__(self, recorder: Recorder, num_positions: int) -> None:
        super().__init__()
        self.network = recorder.network
        self.num_positions = num_positions
        self.num_layers = int(recorder.network.config.get_text_config().num_hidden_layers)
        self._recorder = recorder

    def forward(
        self, ids: Tensor, segments: Tensor, on_layer: OnLayer | None = None
    ) -> tuple[Tensor, tuple[Heads, ...]]:
        """[batch, token] ids and segments -> [batch, token, width], and the heads."""

        def on_call(done: int) -> None:
            if on_layer is not None:
                on_layer(done - 1)

        run = self._recorder.run(self.inputs(ids, segments), on_call)
        (layers,) = run.stages.values()
        hidden = run.outputs.get("last_hidden_state")
        return (run.outputs.hidden_states[-1] if hidden is None else hidden), layers

    def inputs(self, ids: Tensor, segments: Tensor) -> Mapping[str, Tensor | bool]:
        """What the model's forward takes of them."""
        config = self.network.config
        given: dict[str, Tensor | bool] = {"input_ids": ids}
        if (getattr(config, "type_vocab_size", 0) or 0) > 1:
            given["token_type_ids"] = segments
        if type(self.network) is not type(self.network.base_model):
            given["output_hidden_states"] = True
        if hasattr(config, "use_cache"):
            given["use_cache"] = False
        return given


def num_positions_of(network: PreTrainedModel, tokenizer_says: int) -> int:
    """How many tokens a model reads, at most LONGEST."""
    config = network.config.get_text_config()
    limits = [LONGEST, tokenizer_says, getattr(config, "max_position_embeddings", None) or LONGEST]
    table = next((m for n, m in network.named_modules() if n.endswith("position_embeddings")), None)
    if isinstance(table, nn.Embedding):
        # RoBERTa's family counts positions from behind the padding token's number.
        limits.append(table.num_embeddings - (table.padding_idx + 1 if table.padding_idx is not None else 0))
    return int(min(limit for limit in limits if limit > 0))


def probe_inputs(network: PreTrainedModel, num_positions: int) -> tuple[dict[str, Tensor], Tensor]:
    """Random tokens, the second text shorter and padded: inputs, and [batch, token] bool, False on padding."""
    config = network.config.get_text_config()
    length = min(12, num_positions)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(min(5, config.vocab_size - 1), config.vocab_size, (2, length), generator=generator)
    real = torch.ones(2, length, dtype=torch.bool)
    real[1, max(1, 2 * length // 3) :] = False
    if (pad := getattr(config, "pad_token_id", None)) is not None:
        ids[~real] = pad
        ids[real & (ids == pad)] = (pad + 1) % config.vocab_size
    device = network.device
    return {"input_ids": ids.to(device), "attention_mask": real.long().to(device)}, real.to(device)
