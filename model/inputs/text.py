"""A text, or a pair of texts, as token ids."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from tokenizers import Encoding, Tokenizer

from headlens.model.errors import InputError

MAX_CHARACTERS = 100_000


@dataclass(frozen=True)
class Chat:
    """What a model that was trained to answer is told: its tokenizer's chat template puts tokens of its own around it.

    Args:
        user: the message to answer.
        system: what the model is told before; where it is empty there is no system message.
    """

    user: str
    system: str = ""

    @property
    def messages(self) -> list[dict[str, str]]:
        """As `apply_chat_template` takes them. Raises InputError for what cannot be read."""
        user = {"role": "user", "content": checked_text(self.user)}
        has_system = not isinstance(self.system, str) or self.system.strip()
        return [{"role": "system", "content": checked_text(self.system)}, user] if has_system else [user]


Text = str | tuple[str, str] | Chat


@dataclass(frozen=True)
class TextInput:
    """A text, or a pair of them, as tokens; every tuple has one entry a token."""

    ids: tuple[int, ...]
    tokens: tuple[str, ...]
    words: tuple[int | None, ...]  # counted over both texts
    offsets: tuple[tuple[int, int] | None, ...]  # characters in the token's own text
    special: np.ndarray  # [token] bool
    segments: tuple[int, ...]  # which text each token is of; a special token is of the text before it
    type_ids: tuple[int, ...]  # what the tokenizer says of that, for models that read it
    texts: tuple[str, ...]
    num_kept: int  # of the texts' own tokens
    num_dropped: int  # the others, cut off at the end

    @property
    def of_second(self) -> tuple[int, ...]:
        """Where the second text's own tokens stand; nowhere, of one text alone."""
        own = zip(self.segments, self.offsets)
        return tuple(at for at, (segment, span) in enumerate(own) if segment == 1 and span is not None)

    def notes(self, max_tokens: int, beside: str = "") -> dict[str, str]:
        """That the text was cut, for a recording's notes, where it was; beside names what else was read."""
        if self.num_dropped == 0:
            return {}
        total = self.num_kept + self.num_dropped
        cut = f"{beside}{self.num_kept:,} of {total:,} were kept, the rest cut off at the end."
        return {"input": f"This model reads {max_tokens:,} tokens: {cut}"}


@dataclass(frozen=True)
class SequenceInput(TextInput):
    """A text that is read, with what is written of it."""

    written: tuple[int, ...] = ()  # ids, without the token that begins them


def read_text(tokenizer: Tokenizer, text: Text, max_tokens: int, *, num_words: int | None = None) -> TextInput:
    """Tokens of a text or a pair, the longer text cut first where there are more than max_tokens.

    The tokenizer must neither pad nor truncate by itself; ids from num_words on are of no word that the model knows.
    Raises InputError for a text that is empty, too long, not text, or has a token that the model does not know, and for
    a chat, which only `headlens.model.inputs.chat` reads.
    """
    if isinstance(text, Chat):
        raise InputError("This model's tokenizer has no chat template; give the text alone.")
    one_or_two = (text,) if isinstance(text, str) else text
    if not isinstance(one_or_two, tuple | list) or len(one_or_two) not in (1, 2):
        raise InputError('Give one text, or a pair of texts as ("one", "two").')
    texts = tuple(checked_text(part) for part in one_or_two)
    parts = [tokenizer.encode(part, add_special_tokens=False) for part in texts]
    if not all(part.ids for part in parts):
        raise InputError("Nothing in this text is a token of the model; type at least one word.")

    total = sum(len(part.ids) for part in parts)
    room = max_tokens - tokenizer.num_special_tokens_to_add(len(parts) == 2)
    lengths = _cut_longest([len(part.ids) for part in parts], room)
    for part, length in zip(parts, lengths):
        part.truncate(length + 1)  # twice: what the last one cuts off is kept as pieces of that length, and
        part.truncate(length)  # post_process pairs each piece of one text with each of the other
    encoding = tokenizer.post_process(parts[0], parts[1] if len(parts) == 2 else None)
    # Which text a token comes from, and where it stands there: post_process forgets the one and trims the other again.
    own = iter([(index, *row) for index, part in enumerate(parts) for row in zip(part.offsets, part.word_ids)])
    nowhere = (None, None, None)
    sequences, offsets, word_ids = zip(*[nowhere if added else next(own) for added in encoding.special_tokens_mask])
    check_known(encoding, num_words)
    special_ids = set(tokenizer.encode("").ids)  # [CLS], [SEP]; not [UNK] and [MASK], which stand for words
    return TextInput(
        ids=tuple(encoding.ids),
        tokens=tuple(encoding.tokens),
        words=_count_words(sequences, word_ids),
        offsets=offsets,
        special=np.array([token in special_ids for token in encoding.ids]),
        segments=_segments(sequences),
        type_ids=tuple(encoding.type_ids),
        texts=texts,
        num_kept=sum(lengths),
        num_dropped=total - sum(lengths),
    )


def check_known(encoding: Encoding, num_words: int | None) -> None:
    """Raises InputError for a token from num_words on, of which the model has no embedding."""
    unknown = [token for token, token_id in zip(encoding.tokens, encoding.ids) if num_words and token_id >= num_words]
    if unknown:
        raise InputError(
            f"The tokenizer reads {unknown[0]!r:.40} as a token that was added later, and the model has no embedding "
            "for it; leave it out, or save the model after resize_token_embeddings."
        )


def checked_text(text: object) -> str:
    """A text that a tokenizer takes. Raises InputError for one that is empty, too long, or no text."""
    if not isinstance(text, str):
        raise InputError(f"A text must be a string, not {type(text).__name__}.")
    if len(text) > MAX_CHARACTERS:
        raise InputError(
            f"This text has {len(text):,} characters, but at most {MAX_CHARACTERS:,} are read; shorten it."
        )
    if not text.strip():
        raise InputError("The text is empty; type at least one word.")
    return without_surrogates(text)


def without_surrogates(text: str) -> str:
    """Lone surrogates are no characters: no tokenizer takes them."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def _cut_longest(lengths: list[int], room: int) -> list[int]:
    """Lengths that fit into the room together, taken from the longest."""
    if len(lengths) == 1 or sum(lengths) <= room:
        return [min(lengths[0], room), *lengths[1:]]
    short = min(min(lengths), room // 2)
    return [short, room - short] if lengths[0] <= lengths[1] else [room - short, short]


def _segments(sequences: Sequence[int | None]) -> tuple[int, ...]:
    """The text of each token; what stands in none belongs to the one before."""
    return tuple(accumulate(sequences, lambda before, own: before if own is None else own, initial=0))[1:]


def _count_words(sequences: Sequence[int | None], word_ids: Sequence[int | None]) -> tuple[int | None, ...]:
    """Word indices that continue in the second text, where a tokenizer starts again at 0."""
    pairs = list(zip(sequences, word_ids))
    first = 1 + max((word for sequence, word in pairs if sequence == 0 and word is not None), default=-1)
    return tuple(None if sequence is None or word is None else word + sequence * first for sequence, word in pairs)
