"""Text models of transformers, encoders and decoders: a text in, a Recording out."""

import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import PreTrainedModel

from headlens.model.attention.point import Call
from headlens.model.device import enough_memory, synchronize
from headlens.model.huggingface.record.predictions import decoded, predictions_of
from headlens.model.huggingface.record.probe import ProbeResult
from headlens.model.huggingface.text.generate import room_for, write
from headlens.model.inputs.text import Text, TextInput, read_text
from headlens.model.progress import OnLayer
from headlens.model.recording.parts import Description
from headlens.model.recording.recording import Recording

LONGEST = 16_384  # tokens, of models that state no end
OnToken = Callable[[str], None]


class TransformersText:
    """A model of transformers that reads one sequence of tokens, with its tokenizer.

    Args:
        description: of the checkpoint.
        probed: the model, and the way that records it.
        tokenizer: of the tokenizers library; it is set neither to pad nor to cut.
        num_positions: tokens that the model can read.
        device: where the model is.
    """

    def __init__(
        self,
        description: Description,
        probed: ProbeResult,
        tokenizer: Tokenizer,
        num_positions: int,
        device: torch.device,
    ) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self.description = description
        self.probed = probed
        self.network = probed.recorder.network
        self.tokenizer = tokenizer
        self.device = device
        self.max_tokens = num_positions
        self.num_layers = probed.num_calls
        self.causal = probed.recorder.causal

    def read(self, text: Text) -> TextInput:
        """The tokens of a text or a pair, as `record` reads it. Raises InputError for a text that cannot be read."""
        return read_text(self.tokenizer, text, self.max_tokens)

    def record(self, text: Text, on_layer: OnLayer | None = None) -> Recording:
        """Run a text, or a pair of texts read together, and record every head.

        What the model foretells, if it has a head for it, is in the recording's predictions: the next token after each
        (causal models), what stands behind each mask, or the classes; the ten most probable.

        Args:
            text: "one" or ("one", "two"). Over the model's positions it is cut, and notes["input"] says so.
            on_layer: called with each layer's number as it is done; what it raises stops the run.

        Raises InputError for a text that cannot be read, DeviceError where there is not enough memory.
        """
        given = self.read(text)
        return self._record(given, given.ids, given.segments, on_layer)

    def write(
        self, text: str, count: int = 20, on_token: OnToken | None = None, on_layer: OnLayer | None = None
    ) -> Recording:
        """Continue a text with the most probable tokens, and record it with its continuation, whose segment is 1.

        Args:
            text: the prompt.
            count: tokens at most; it ends before where the model ends it, or has no more positions.
            on_token: called with the continuation as it grows.
            on_layer: as in `record`.

        Raises InputError for a text that cannot be read, or a model that does not write; DeviceError as `record` does.
        """
        given = self.read(text)
        room = room_for(count, self.max_tokens - len(given.ids))
        added = write(self.network, self.tokenizer, given.ids, room, on_token)
        ids = (*given.ids, *added)
        return self._record(given, ids, (*given.segments, *(1 for _ in added)), on_layer)

    @torch.inference_mode()
    def _record(
        self, given: TextInput, ids: Sequence[int], segments: Sequence[int], on_layer: OnLayer | None
    ) -> Recording:
        written = ids[len(given.ids) :]
        started = time.perf_counter()
        with enough_memory(self.device):
            run = self.probed.recorder.run(self._inputs(ids, segments) | self._outputs(), on_layer)
            synchronize(self.device)
        (stage, layers), *_ = run.stages.items()
        texts = given.texts if not written else (*given.texts, self.tokenizer.decode(list(written)))
        return Recording(
            layers=tuple(heads.first() for heads in layers),
            tokens=(*named(given), *(token_text(self.tokenizer, number) for number in written)),
            words=(*given.words, *(None for _ in written)),
            special=self._special(given, written),
            segments=tuple(segments),
            model=self.description,
            seconds=time.perf_counter() - started,
            device=str(self.device),
            offsets=(*given.offsets, *(None for _ in written)),
            texts=texts,
            outputs={} if self.causal else {"embedding": _embedding(run.outputs)},
            notes={"exact": self.probed.note, **given.notes(self.max_tokens)},
            predictions=predictions_of(self.network, self.tokenizer, run.outputs, ids),
            stage=stage,
        )

    def _special(self, given: TextInput, written: Sequence[int]) -> np.ndarray:
        special = np.concatenate([given.special, special_ids(self.tokenizer, written)])
        special[0] |= self.causal  # heads rest on the first token, whatever it is (Xiao et al. 2024, StreamingLLM)
        return special

    def inputs(self, given: TextInput) -> dict[str, Any]:
        """What the network's forward takes of a text that was read."""
        return self._inputs(given.ids, given.segments)

    def calls(self, network: nn.Module, on_layer: OnLayer | None = None) -> AbstractContextManager[list[Call]]:
        """The calls of attention that a twin of the network makes inside the context."""
        return self.probed.recorder.calls(network, on_layer)

    def table(self) -> Tensor:
        """The rows of all tokens that there are, [id, width]."""
        return self.network.get_input_embeddings().weight.detach()

    def name_of(self, number: int) -> str:
        """What the token of an id reads as."""
        return token_text(self.tokenizer, number)

    def _outputs(self) -> dict[str, Any]:
        """What the model's forward is to give beside its own."""
        whole = type(self.network) is not type(self.network.base_model) and not self.causal
        return {"output_hidden_states": True} if whole else {}

    def _inputs(self, ids: Sequence[int], segments: Sequence[int]) -> dict[str, Any]:
        """What the model's forward takes of them."""
        config = self.network.config
        given: dict[str, Any] = {"input_ids": torch.tensor([list(ids)], device=self.device)}
        if (getattr(config, "type_vocab_size", 0) or 0) > 1 and not self.causal:
            given["token_type_ids"] = torch.tensor([list(segments)], device=self.device)
        if hasattr(config, "use_cache"):
            given["use_cache"] = False
        return given


def _embedding(outputs: Any) -> np.ndarray:
    """[text, width]: the mean of the last hidden state over all tokens, as it is."""
    hidden = outputs.get("last_hidden_state")
    hidden = outputs.hidden_states[-1] if hidden is None else hidden
    return hidden[0].mean(dim=0, keepdim=True).float().cpu().numpy()


def named(given: TextInput) -> tuple[str, ...]:
    """What to call each token: as the tokenizer does, or the text itself where that writes spaces or bytes as signs."""
    if not any(mark in token for token in given.tokens for mark in "Ġ▁Ċ"):
        return given.tokens
    names = []
    places = Counter(zip(given.segments, given.offsets))  # several tokens of one place are parts of one character
    for token, span, segment, special in zip(given.tokens, given.offsets, given.segments, given.special):
        special = special or places[segment, span] > 1
        text = "" if span is None or special else given.texts[min(segment, len(given.texts) - 1)][slice(*span)]
        names.append(text.strip() or (token if special else text or token))
    return tuple(names)


def token_text(tokenizer: Tokenizer, number: int) -> str:
    """What a token reads as, without the spaces around it."""
    text = decoded(tokenizer, number)
    return text.strip(" ") or text


def special_ids(tokenizer: Tokenizer, ids: Sequence[int]) -> np.ndarray:
    """[token] bool: which ids are special tokens."""
    added = tokenizer.get_added_tokens_decoder()
    return np.array([number in added and added[number].special for number in ids], dtype=bool)


def num_positions_of(network: PreTrainedModel, tokenizer_says: int) -> int:
    """How many tokens a model reads, at most LONGEST."""
    config = network.config.get_text_config()
    limits = [LONGEST, tokenizer_says, getattr(config, "max_position_embeddings", None) or LONGEST]
    table = next(
        (m for n, m in network.named_modules() if re.search(r"(position_embeddings|embed_positions)$", n)), None
    )
    if isinstance(table, nn.Embedding):
        # RoBERTa's family counts positions from behind the padding token's number.
        limits.append(table.num_embeddings - (table.padding_idx + 1 if table.padding_idx is not None else 0))
    return int(min(limit for limit in limits if limit > 0))
