"""Text models of transformers, encoders and decoders: a text in, a Recording out."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.utils import ModelOutput

from headlens.model.base import Run
from headlens.model.description import Description
from headlens.model.huggingface.record.answers import ALONE, answers
from headlens.model.huggingface.record.predictions import Predictor
from headlens.model.huggingface.record.probe import ProbeResult
from headlens.model.huggingface.record.recorder import last_hidden_state
from headlens.model.huggingface.text.chat import ChatTemplate
from headlens.model.huggingface.text.generate import room_for, write
from headlens.model.huggingface.text.padding import pads_exactly
from headlens.model.inputs.chat import read_chat
from headlens.model.inputs.text import Chat, Text, TextInput
from headlens.model.inputs.token_names import TokenNames
from headlens.model.progress import OnLayer
from headlens.model.protocol import OnToken
from headlens.model.readers import TextReader, padded, real_tokens
from headlens.model.recording.parts import Prediction, Predicts
from headlens.model.recording.recording import Recording

LONGEST = 16_384  # tokens, of models that state no end


class TransformersText(TextReader[ModelOutput]):
    """A model of transformers that reads one sequence of tokens, with its tokenizer.

    What the model predicts, if it has a head for it, is in a recording's predictions: the next token after each (causal
    models), what stands behind each mask, or the classes; the ten most probable. The outputs, of a model that is not
    causal: "embedding" [1, width], the mean of the last hidden state over all tokens, as it is.

    Args:
        description: of the checkpoint.
        probe_result: the model, and the way that records it.
        tokenizer: of the tokenizers library; its padding and truncation are switched off.
        mask_id: of the token that stands for a word to be predicted; None where there is none.
        reads_types: whether the tokenizer gives the model token types.
        max_tokens: that the model can read.
        num_words: rows of its table of words; a tokenizer may have more tokens, added later. None: it has none.
        device: where the model is.
        chat_template: of its tokenizer; None where there is none.
    """

    def __init__(
        self,
        description: Description,
        probe_result: ProbeResult,
        tokenizer: Tokenizer,
        *,
        mask_id: int | None,
        reads_types: bool,
        max_tokens: int,
        num_words: int | None,
        device: torch.device,
        chat_template: ChatTemplate | None = None,
    ) -> None:
        self.predictor = Predictor(probe_result.recorder.network, TokenNames(tokenizer), mask_id)
        self._reads_types = reads_types
        self._chat_template = chat_template
        setup = probe_result.setup(description, self.predictor.predicts, device)
        super().__init__(setup, tokenizer, max_tokens, num_words=num_words)
        self.probe_result = probe_result
        self.causal = probe_result.recorder.causal

    @property
    def network(self) -> PreTrainedModel:
        """The model itself."""
        return self.probe_result.recorder.network

    @property
    def writes(self) -> bool:
        """Whether it writes; else `write` raises InputError."""
        return bool(self.network.can_generate())

    @property
    def chats(self) -> bool:
        """Whether its tokenizer has a chat template; else a `Chat` raises InputError."""
        return self._chat_template is not None

    def read(self, text: Text) -> TextInput:
        """The tokens of a text, a pair or a chat, as `record` reads it.

        Those of a chat are what the tokenizer's `apply_chat_template` makes, with the beginning of an answer; its text
        is what the template writes out, and the template's own tokens are special.

        Raises InputError for what cannot be read, or what the template refuses.
        """
        if not isinstance(text, Chat) or self._chat_template is None:
            return super().read(text)
        return read_chat(self.tokenizer, self._chat_template.render(text), self.max_tokens, num_words=self.num_words)

    def write(
        self, text: str | Chat, count: int = 20, on_token: OnToken | None = None, *, on_layer: OnLayer | None = None
    ) -> Recording:
        """Continue a text with the most probable tokens, and record it with its continuation, whose segment is 1.

        Args:
            text: the prompt; or a chat, which the model answers.
            count: tokens at most; it ends before where the model ends it, or has no more positions.
            on_token: called with the continuation as it grows.
            on_layer: as in `record`.

        Raises InputError for a text that cannot be read, or a model that does not write; DeviceError as `record` does.
        """
        return self._record_batch([self.continued(text, count, on_token)], on_layer)[0]

    def continued(self, text: str | Chat, count: int = 20, on_token: OnToken | None = None) -> TextInput:
        """A prompt and what the model writes after it, as `write` records them; raises as `write` does."""
        prompt = self.read(text)
        room = room_for(count, self.max_tokens - len(prompt.ids))
        return self.with_written(prompt, write(self.network, self.tokenizer, prompt.ids, count=room, on_token=on_token))

    def batch_inputs(self, batch: Sequence[TextInput]) -> dict[str, object]:
        """What the network's forward takes of several inputs, the shorter ones padded on the right."""
        inputs = self._padded_ids([text.ids for text in batch])
        if self._reads_types:
            inputs["token_type_ids"] = padded([text.type_ids for text in batch], 0, self.device)
        if hasattr(self.network.config, "use_cache"):
            inputs["use_cache"] = False
        return inputs

    def groups(self, batch: Sequence[TextInput]) -> list[list[int]]:
        """All texts in one run, or each in its own where padding would change a number."""
        if len(batch) > 1 and not self._pads_exactly:
            return [[index] for index in range(len(batch))]
        return super().groups(batch)

    def token_embeddings(self) -> Tensor:
        """The rows of all tokens that there are, [id, width]."""
        weight: Tensor = self.network.get_input_embeddings().weight
        return weight.detach()

    @cached_property
    def _pads_exactly(self) -> bool:
        return pads_exactly(self)

    def _padded_ids(self, rows: Sequence[Sequence[int]]) -> dict[str, object]:
        """Ids, and where some are padded the mask that says so."""
        padding = getattr(self.network.config.get_text_config(), "pad_token_id", None)
        inputs: dict[str, object] = {
            "input_ids": padded(rows, padding if isinstance(padding, int) and padding >= 0 else 0, self.device)
        }
        real = real_tokens(rows, self.device)
        return inputs if real is None else {**inputs, "attention_mask": real.long()}

    def with_written(self, prompt: TextInput, written: tuple[int, ...]) -> TextInput:
        """A prompt that was read, with tokens behind it as if they had been written."""
        if not written:
            return prompt
        nothing = (None,) * len(written)
        known = [word for word in prompt.words if word is not None]
        return replace(
            prompt,
            ids=(*prompt.ids, *written),
            tokens=(*self._token_names.of_text(prompt), *self._token_names.of_ids(written)),
            words=(*prompt.words, *self._token_names.words_of_ids(written, 1 + max(known, default=-1))),
            offsets=(*prompt.offsets, *nothing),
            special=np.concatenate([prompt.special, self._token_names.are_special(written)]),
            segments=(*prompt.segments, *(1 for _ in written)),
            type_ids=(*prompt.type_ids, *(0 for _ in written)),
            texts=(*prompt.texts, self.tokenizer.decode(list(written))),
        )

    @property
    def embeds(self) -> bool:
        """Whether it makes one vector of a text."""
        return not self.causal

    def run_inputs(self, batch: Sequence[TextInput]) -> dict[str, object]:
        inputs = self.batch_inputs(batch)
        if self.embeds and type(self.network) is not type(self.network.base_model):
            inputs["output_hidden_states"] = True  # a model with a head gives no last_hidden_state
        return inputs

    def _attention_inputs(self, batch: Sequence[TextInput]) -> dict[str, object]:
        """Where that can be said, the logits of one token: those of all take a fifth of a small model's run."""
        fewest = {"logits_to_keep": 1} if self.predictor.keeps_some_logits else {}
        return {**self.batch_inputs(batch), **fewest}

    def _special(self, text: TextInput) -> np.ndarray:
        special = text.special.copy()
        special[0] |= self.causal  # heads rest on the first token, whatever it is (Xiao et al. 2024, StreamingLLM)
        return special

    def embeddings(self, batch: Sequence[TextInput], run: Run[ModelOutput]) -> Tensor | None:
        """[batch, width], on the run's graph: the mean of each text's last hidden state, as it is.

        None of a model that makes no such vector, as a causal one.
        """
        if not self.embeds:
            return None
        hidden = last_hidden_state(run.outputs)
        return torch.stack([self._embedding(hidden[row, : len(text.ids)]) for row, text in enumerate(batch)])

    def _embedding(self, hidden: Tensor) -> Tensor:
        """The vector [width] of the last hidden state [token, width] of a text."""
        return hidden.mean(dim=0)

    def _outputs(self, text: TextInput, run: Run[ModelOutput], index: int) -> dict[str, np.ndarray]:
        if not self.embeds:
            return {}
        embedding = self._embedding(last_hidden_state(run.outputs)[index, : len(text.ids)])
        return {"embedding": embedding[None].float().cpu().numpy()}

    def _predictions(self, text: TextInput, run: Run[ModelOutput], index: int) -> tuple[Prediction, ...]:
        if self.predicts is Predicts.ANSWER and "start_logits" in run.outputs:
            return answers(run.outputs, index, text, names=self._token_names.of_text(text))
        return self.predictor.predictions(run.outputs, index, text.ids)

    def _notes(self, text: TextInput, run: Run[ModelOutput], index: int) -> dict[str, str]:
        notes = {**super()._notes(text, run, index), **self.predictor.unknown(run.outputs, index)}
        return {**notes, "head": ALONE} if self.predicts is Predicts.ANSWER and len(text.texts) == 1 else notes


def num_positions_of(network: PreTrainedModel, tokenizer_limit: int) -> int:
    """How many tokens a model reads, at most LONGEST."""
    config = network.config.get_text_config()
    limits = [LONGEST, tokenizer_limit, getattr(config, "max_position_embeddings", None) or LONGEST]
    tables = [
        module for name, module in network.named_modules() if re.search(r"(position_embeddings|embed_positions)$", name)
    ]
    if tables and isinstance(tables[0], nn.Embedding):
        # RoBERTa's family counts positions from behind the padding token's id.
        before = 0 if tables[0].padding_idx is None else tables[0].padding_idx + 1
        limits.append(tables[0].num_embeddings - before)
    return int(min(limit for limit in limits if limit > 0))
