"""What to call the tokens of a text, and which of them are special."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from tokenizers import Tokenizer

from headlens.model.huggingface.record.predictions import decoded
from headlens.model.inputs.text import TextInput


def token_names(text: TextInput) -> tuple[str, ...]:
    """What to call each token: as the tokenizer does, or the text itself where that writes spaces or bytes as signs."""
    if not any(mark in token for token in text.tokens for mark in "Ġ▁Ċ"):
        return text.tokens
    names = []
    spans = Counter(zip(text.segments, text.offsets))  # several tokens of one span are parts of one character
    for token, span, segment, special in zip(text.tokens, text.offsets, text.segments, text.special):
        special = special or spans[segment, span] > 1
        characters = ""
        if span is not None and not special:
            characters = text.texts[min(segment, len(text.texts) - 1)][slice(*span)]
        names.append(characters.strip() or (token if special else characters or token))
    return tuple(names)


def token_name(tokenizer: Tokenizer, token_id: int) -> str:
    """What a token reads as, without the spaces around it."""
    text = decoded(tokenizer, token_id)
    return text.strip(" ") or text


def special_ids(tokenizer: Tokenizer, ids: Sequence[int]) -> np.ndarray:
    """[token] bool: which ids are special tokens."""
    added = tokenizer.get_added_tokens_decoder()
    return np.array([token_id in added and added[token_id].special for token_id in ids], dtype=bool)
