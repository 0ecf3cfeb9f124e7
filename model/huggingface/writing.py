"""Continuing a text with the most probable tokens."""

from collections.abc import Callable, Sequence

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import PreTrainedModel
from transformers.generation.streamers import BaseStreamer

from model.errors import InputError


class _Streamer(BaseStreamer):
    """Hears each token as transformers makes it; what on_token raises stops it."""

    def __init__(self, tokenizer: Tokenizer, skip: int, on_token: Callable[[str], None] | None) -> None:
        self.ids: list[int] = []
        self._tokenizer = tokenizer
        self._skip = skip  # calls: the first is the prompt
        self._on_token = on_token

    def put(self, value: Tensor) -> None:
        if self._skip > 0:
            self._skip -= 1
            return
        self.ids += value.flatten().tolist()
        if self._on_token is not None:
            self._on_token(self._tokenizer.decode(self.ids))

    def end(self) -> None:
        """Nothing is held back."""


@torch.inference_mode()
def write(
    network: PreTrainedModel,
    tokenizer: Tokenizer,
    ids: Sequence[int],
    count: int,
    on_token: Callable[[str], None] | None = None,
) -> tuple[int, ...]:
    """The ids of at most count tokens, each the most probable after the ones before it (greedy decoding).

    For a model with an encoder they are its decoder's, after the token that it starts with.

    Raises InputError for a model that does not write, or where there is no room for a token.
    """
    if not network.can_generate():
        raise InputError(f"{type(network).__name__} does not write; give it a text to look at.")
    if count < 1:
        raise InputError("The text fills all of the model's positions; shorten it to have it continued.")
    streamer = _Streamer(tokenizer, 1, on_token)
    given = torch.tensor([list(ids)], device=network.device)
    network.generate(
        given,
        attention_mask=torch.ones_like(given),
        max_new_tokens=count,
        do_sample=False,
        num_beams=1,
        streamer=streamer,
        pad_token_id=network.generation_config.pad_token_id or 0,
    )
    return tuple(streamer.ids)
