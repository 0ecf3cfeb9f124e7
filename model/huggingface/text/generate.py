"""Continuing a text with the most probable tokens."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import GenerationConfig, PreTrainedModel
from transformers.generation.streamers import BaseStreamer

from headlens.model.errors import InputError
from headlens.model.protocol import OnToken


class Written(NamedTuple):
    """What a model wrote, in token ids."""

    before: tuple[int, ...]  # what it went on from
    ids: tuple[int, ...]


class _Streamer(BaseStreamer):
    """Is called with each token as transformers makes it; what on_token raises stops the writing."""

    def __init__(self, tokenizer: Tokenizer, on_token: OnToken | None) -> None:
        self.before: list[int] | None = None
        self.ids: list[int] = []
        self._tokenizer = tokenizer
        self._on_token = on_token

    def put(self, value: Tensor) -> None:
        if self.before is None:  # the first is the prompt
            self.before = value.flatten().tolist()
            return
        self.ids += value.flatten().tolist()
        if self._on_token is not None:
            self._on_token(self._tokenizer.decode(self.ids))

    def end(self) -> None:
        """Nothing is held back."""


def room_for(count: int, positions: int) -> int:
    """How many tokens to write: count, or as many as there are positions. Raises InputError for what is no number."""
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InputError(f"The number of tokens must be a whole number from 1, not {count!r}.")
    return min(count, positions)


def greedy(network: PreTrainedModel) -> GenerationConfig:
    """The only settings that may steer what is written: where a text begins and ends.

    A checkpoint's own configuration may hold penalties, under which what is written is not the most probable.
    """
    config = network.generation_config
    return GenerationConfig(
        do_sample=False,
        num_beams=1,
        bos_token_id=config.bos_token_id,
        eos_token_id=config.eos_token_id,
        pad_token_id=config.pad_token_id or 0,
        decoder_start_token_id=config.decoder_start_token_id,
        forced_bos_token_id=config.forced_bos_token_id,
    )


def write(
    network: PreTrainedModel, tokenizer: Tokenizer, ids: Sequence[int], *, count: int, on_token: OnToken | None = None
) -> tuple[int, ...]:
    """The ids of at most count tokens, each the most probable after the ones before it (greedy decoding).

    For a model with an encoder they are its decoder's, after the token that it starts with.

    Raises InputError for a model that does not write, or where there is no room for a token.
    """
    if not network.can_generate():
        raise InputError(f"{type(network).__name__} does not write; give it a text to look at.")
    if count < 1:
        raise InputError("The text fills all of the model's positions; shorten it to have it continued.")
    prompt = torch.tensor([list(ids)], device=network.device)
    inputs = {"input_ids": prompt, "attention_mask": torch.ones_like(prompt)}
    return write_of(network, tokenizer, inputs, count=count, on_token=on_token).ids


def write_of(
    network: PreTrainedModel,
    tokenizer: Tokenizer,
    inputs: Mapping[str, object],
    *,
    count: int | None,
    on_token: OnToken | None = None,
) -> Written:
    """As `write`, of whatever a model's `generate` takes: at most count tokens, and what stands before them.

    A count of None: as many as the network's generation configuration says.
    """
    streamer = _Streamer(tokenizer, on_token)
    limit = {} if count is None else {"max_new_tokens": count}
    with torch.inference_mode():
        network.generate(**inputs, **limit, streamer=streamer)
    return Written(tuple(streamer.before or ()), tuple(streamer.ids))
