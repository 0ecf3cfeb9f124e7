"""A chat, as the template of a tokenizer writes it out, as token ids."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

from headlens.model.errors import InputError
from headlens.model.inputs.text import TextInput, check_known

BEGIN, END = "\ue000", "\ue001"  # around a person's words: of no script, and no template trims them


@dataclass(frozen=True)
class RenderedChat:
    """What a template makes of messages."""

    text: str  # that the tokenizer reads, without adding tokens to it
    own: np.ndarray  # [character] bool: the words of the messages; all others are the template's


def with_marks(messages: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Messages whose words, without the spaces around them, which a template may trim, stand between BEGIN and END."""

    def marked(text: str) -> str:
        words = text.strip()
        return text.replace(words, f"{BEGIN}{words}{END}", 1)

    return [message | {"content": marked(message["content"])} for message in messages]


def rendered_chat(text: str, marked: str | None) -> RenderedChat:
    """Which characters of a text that a template has made are the messages'.

    Args:
        text: made of the messages.
        marked: the same of `with_marks`; where it differs by more than the marks, no words are known to be the
            template's.
    """
    own, rest, inside = list[bool](), "", False
    for piece in re.split(f"([{BEGIN}{END}])", marked or ""):
        if piece in (BEGIN, END):
            inside = piece == BEGIN
        else:
            rest += piece
            own += [inside] * len(piece)
    return RenderedChat(text, np.array(own if rest == text else [True] * len(text), dtype=bool))


def read_chat(tokenizer: Tokenizer, chat: RenderedChat, max_tokens: int, *, num_words: int | None = None) -> TextInput:
    """Tokens of a chat, its text the whole of what the template makes; its own tokens count as special.

    Raises InputError for one of more than max_tokens, or with a token that the model does not know.
    """
    encoding = tokenizer.encode(chat.text, add_special_tokens=False)  # the template has written them
    count = len(encoding.ids)
    if count > max_tokens:  # to cut the end off would cut off where the answer begins
        raise InputError(
            f"With its template this chat takes {count:,} tokens, and the model reads {max_tokens:,}; shorten it."
        )
    if count == 0:
        raise InputError("The model's chat template leaves nothing of this chat; switch the template off.")
    check_known(encoding, num_words)
    added = {token_id for token_id, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    special = [
        token_id in added or not chat.own[slice(*span)].any() for token_id, span in zip(encoding.ids, encoding.offsets)
    ]
    return TextInput(
        ids=tuple(encoding.ids),
        tokens=tuple(encoding.tokens),
        words=tuple(encoding.word_ids),
        offsets=tuple(encoding.offsets),
        special=np.array(special),
        segments=(0,) * count,
        type_ids=(0,) * count,
        texts=(chat.text,),
        num_kept=count,
        num_dropped=0,
    )
