"""Tokenizers that are written in Python (ByT5, ESM): they answer as those of the tokenizers library do."""

import bisect
import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from tokenizers import AddedToken, Tokenizer
from transformers import PreTrainedTokenizerBase

Span = tuple[int, int]
LONGEST_CHARACTER = 4  # bytes of UTF-8
WORD = re.compile(r"\w+|[^\w\s]")
CONTINUED = "@@"  # ends a piece of a word (Sennrich et al. 2016)


def backend_of(tokenizer: PreTrainedTokenizerBase) -> Tokenizer:
    """The tokenizer of the tokenizers library inside, or where there is none what answers in its place."""
    backend: Tokenizer | None = getattr(tokenizer, "backend_tokenizer", None)
    return cast(Tokenizer, SlowTokenizer(tokenizer)) if backend is None else backend


@dataclass
class Encoded:
    """A text as tokens, or a pair; as an `Encoding` of the tokenizers library."""

    ids: list[int]
    tokens: list[str]
    offsets: list[Span | None]
    word_ids: list[int | None]
    type_ids: list[int]
    special_tokens_mask: list[int]

    def truncate(self, length: int) -> None:
        """Leave out what comes after so many tokens."""
        for name, values in vars(self).items():
            setattr(self, name, values[:length])


class SlowTokenizer:
    """What Headlens asks of a `tokenizers.Tokenizer`, answered by a tokenizer of transformers.

    Ids, types and special tokens are its own. It says no offsets: a token stands where what it decodes to is found next
    in the text, one that is not found between its neighbours; a word is a run of letters and digits, or another sign.
    """

    decoder = None

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self._reads_bytes = tokenizer.tokenize("é") == [chr(byte) for byte in "é".encode()]
        self._special = set(tokenizer.all_special_ids)
        self._names = _printable_names(tokenizer)

    @property
    def model(self) -> "SlowTokenizer":
        """That has `unk_token`."""
        return self

    @property
    def unk_token(self) -> str | None:
        """The token that stands for any word that is not known."""
        token: str | None = self._tokenizer.unk_token
        return token

    def no_truncation(self) -> None:
        """It cuts nothing by itself."""

    def no_padding(self) -> None:
        """It fills up nothing by itself."""

    def get_vocab_size(self) -> int:
        """How many ids there are."""
        return len(self._tokenizer)

    def get_added_tokens_decoder(self) -> dict[int, AddedToken]:
        """The special tokens, by their ids."""
        return {index: AddedToken(self.id_to_token(index) or "", special=True) for index in self._special}

    def id_to_token(self, token_id: int) -> str | None:
        """The token of an id; of a byte that is no character by itself, "<0xE6>"."""
        token = self._names.get(token_id) or self._tokenizer.convert_ids_to_tokens(token_id)
        if self._is_byte(token_id, token) and ord(token) >= 0x80:
            return f"<0x{ord(token):02X}>"
        return str(token) if token else None

    def token_to_id(self, token: str) -> int | None:
        """The id of a token; None where there is no such token."""
        try:
            found = self._tokenizer.convert_tokens_to_ids(token)
        except (ValueError, TypeError):
            return None
        return found if isinstance(found, int) and self._tokenizer.convert_ids_to_tokens(found) == token else None

    def num_special_tokens_to_add(self, is_pair: bool) -> int:
        """To one text, or to a pair."""
        return int(self._tokenizer.num_special_tokens_to_add(is_pair))

    def encode(self, text: str, add_special_tokens: bool = True) -> Encoded:
        """The tokens of a text."""
        ids = self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        offsets = _filled(text, list(self._placed(text, ids)))
        starts = [word.start() for word in WORD.finditer(text)]
        encoded = Encoded(
            ids=list(ids),
            tokens=[self.id_to_token(token_id) or "" for token_id in ids],
            offsets=offsets,
            word_ids=[_word(text, starts, span) for span in offsets],
            type_ids=[0] * len(ids),
            special_tokens_mask=[0] * len(ids),
        )
        return self.post_process(encoded) if add_special_tokens else encoded

    def post_process(self, first: Encoded, second: Encoded | None = None) -> Encoded:
        """With special tokens, as the tokenizer puts them to a text or a pair."""
        parts = [first] if second is None else [first, second]
        whole = self._tokenizer.prepare_for_model(*[part.ids for part in parts], return_token_type_ids=True)
        ids = whole["input_ids"]
        own: list[tuple[Encoded, int] | None] = [None] * len(ids)
        start = 0
        for part in parts:
            length = len(part.ids)
            start = next(at for at in range(start, len(ids)) if ids[at : at + length] == part.ids) if length else start
            own[start : start + length] = [(part, index) for index in range(length)]
            start += length
        return Encoded(
            ids=ids,
            tokens=[self.id_to_token(token_id) or "" for token_id in ids],
            offsets=[None if place is None else place[0].offsets[place[1]] for place in own],
            word_ids=[None if place is None else place[0].word_ids[place[1]] for place in own],
            type_ids=whole["token_type_ids"],
            special_tokens_mask=[int(place is None) for place in own],
        )

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = True) -> str:
        """The text of tokens; bytes that are no character are "\ufffd"."""
        if self._reads_bytes:
            return self._bytes(ids, skip_special_tokens).decode("utf-8", "replace")
        if not skip_special_tokens and not self._names.keys().isdisjoint(ids):
            return "".join(self._names.get(token_id) or self.decode([token_id], False) for token_id in ids)
        return str(
            self._tokenizer.decode(
                list(ids), skip_special_tokens=skip_special_tokens, clean_up_tokenization_spaces=False
            )
        )

    def _bytes(self, ids: Sequence[int], skip_special_tokens: bool) -> bytes:
        text = b""
        for token_id in ids:
            token = self._tokenizer.convert_ids_to_tokens(token_id)
            if self._is_byte(token_id, token):
                text += bytes([ord(token)])
            elif not (skip_special_tokens and token_id in self._special):
                text += str(token).encode()
        return text

    def _whole_text(self, ids: Sequence[int]) -> str | None:
        """What tokens decode to; None where they are a part of a character."""
        if not self._reads_bytes:
            text = self.decode(ids, skip_special_tokens=False)
            return None if "\ufffd" in text else text
        try:
            return self._bytes(ids, skip_special_tokens=False).decode("utf-8")
        except UnicodeDecodeError:
            return None

    def _is_byte(self, token_id: int, token: str) -> bool:
        return self._reads_bytes and token_id not in self._special and len(token) == 1 and ord(token) < 256

    def _placed(self, text: str, ids: Sequence[int]) -> Iterator[Span | None]:
        """Where each token stands in the text, as far as what it decodes to is found there."""
        plain, reached, lost = _plain(text), 0, False
        for piece, count in self._whole(ids):
            span = None
            for wanted, within in ((piece, text), (piece.strip(), text), (_plain(piece.strip()), plain)):
                start = within.find(wanted, reached) if wanted else -1
                if start >= 0 and (lost or not text[reached:start].strip()):
                    span = (start, start + len(wanted))
                    reached = span[1]
                    break
            lost = span is None
            yield from [span] * count

    def _whole(self, ids: Sequence[int]) -> Iterator[tuple[str, int]]:
        """What tokens decode to, and how many make whole characters of it."""
        at = 0
        while at < len(ids):
            rest = ids[at : at + LONGEST_CHARACTER]
            texts = ((count, self._whole_text(rest[:count])) for count in range(1, len(rest) + 1))
            count, text = next(((count, text) for count, text in texts if text is not None), (1, ""))
            yield text.removesuffix(CONTINUED), count
            at += count


def _printable_names(tokenizer: PreTrainedTokenizerBase) -> dict[int, str]:
    """What to call special tokens that cannot be printed (CANINE's), by their ids: the end of a text is "[SEP]"."""
    roles = {name: token for name, token in tokenizer.special_tokens_map.items() if isinstance(token, str)}
    names = {
        token: f"[{name.removesuffix('_token').upper()}]" for name, token in sorted(roles.items(), key=_role_order)
    }
    return {tokenizer.convert_tokens_to_ids(token): name for token, name in names.items() if not token.isprintable()}


def _role_order(role: tuple[str, str]) -> bool:
    """One token may begin and end a text too: what it is in BERT comes last, and counts."""
    return role[0] in ("cls_token", "sep_token")


def _filled(text: str, spans: list[Span | None]) -> list[Span | None]:
    """Tokens that were not found, unknown ones: each stands for a sign between the others, or one for all of them."""
    filled: list[Span | None] = []
    for found, run in itertools.groupby(spans, key=lambda span: span is not None):
        own = list(run)
        if not found:
            before = filled[-1] if filled else None
            after = next((span for span in spans[len(filled) + len(own) :] if span is not None), None)
            first, last = 0 if before is None else before[1], len(text) if after is None else after[0]
            signs = [(index, index + 1) for index in range(first, last) if not text[index].isspace()]
            if len(signs) == len(own):
                own = list[Span | None](signs)
            elif len(own) == 1 and signs:
                own = [(signs[0][0], signs[-1][1])]
        filled += own
    return filled


def _plain(text: str) -> str:
    """Each character in lower case and without accents, so that as many characters are left."""
    return "".join(unicodedata.normalize("NFKD", character)[0].lower()[0] for character in text)


def _word(text: str, starts: Sequence[int], span: Span | None) -> int | None:
    """Which word a token is part of; None of a space."""
    if span is None or not text[slice(*span)].strip():
        return None
    first = span[0] + len(text[slice(*span)]) - len(text[slice(*span)].lstrip())
    return bisect.bisect_right(starts, first) - 1
