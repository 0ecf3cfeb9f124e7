"""What to call the tokens of a text: what its tokenizer decodes them to, and where they stand in it."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain

import numpy as np
from tokenizers import Tokenizer, decoders

from headlens.model.inputs.text import TextInput

LONGEST_CHARACTER = 4  # bytes of UTF-8
REACH = 8  # tokens that are decoded to see how one follows the other
# Byte-level tokenizers write bytes as printable signs (Radford et al. 2019, bytes_to_unicode of GPT-2's encoder.py).
_PRINTED = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_OTHERS = sorted(set(range(256)) - set(_PRINTED))
AMINO_ACIDS = set("ACDEFGHIKLMNPQRSTVWY")  # the twenty of the genetic code, by their letters (IUPAC-IUB 1984)
RESIDUES = re.compile("[A-Z.*-]")  # and what alignments have beside them
MOST_RESIDUES = 100  # tokens of a vocabulary of residues, special ones included
BYTES = {chr(byte): byte for byte in _PRINTED} | {chr(256 + index): byte for index, byte in enumerate(_OTHERS)}


class TokenNames:
    """Names of a tokenizer's tokens, without the spaces around them.

    A token is called by the characters of the text that it stands for, and one of several tokens of a character by that
    character with its part, "機 1/3". Special tokens, and those that stand in no text, are what the tokenizer says. The
    residues of a protein are called by letter and number, "K2".
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._are_bytes = isinstance(tokenizer.decoder, decoders.ByteLevel)
        added = tokenizer.get_added_tokens_decoder()
        self._special = {token_id for token_id, token in added.items() if token.special}
        self._is_blank = cache(lambda token_id: not self._decode([token_id]).strip())
        self.are_residues = self._are_residues()

    def of_text(self, text: TextInput) -> tuple[str, ...]:
        """The name of each token of a text or a pair."""
        places = [self._places(*row) for row in zip(text.ids, text.offsets, text.segments)]
        tokens_of = Counter(chain.from_iterable(places))  # how many tokens each character takes
        several = {place for place, count in tokens_of.items() if count > 1}
        before = Counter[tuple[int, int]]()
        names = []
        for token_id, row in zip(text.ids, places):
            characters = "".join([text.texts[segment][index] for segment, index in row])
            split = [place for place in row if place in several] if several else []
            before.update(split)
            part = f" {before[split[0]]}/{tokens_of[split[0]]}" if split else ""
            name = characters.strip() or characters
            names.append(name + part if name else self.of_id(token_id))
        return tuple(self._numbered(text, names)) if self.are_residues else tuple(names)

    def of_ids(self, ids: Sequence[int]) -> tuple[str, ...]:
        """The names of tokens that follow each other, in a text that is not known."""
        names: list[str] = []
        while len(names) < len(ids):
            rest = ids[len(names) : len(names) + LONGEST_CHARACTER]
            count = next((count for count in range(1, len(rest) + 1) if "\ufffd" not in self._decode(rest[:count])), 1)
            whole = self._stripped(self._decode(rest[:count]))
            names += [f"{whole} {part}/{count}" for part in range(1, count + 1)] if count > 1 else [self.of_id(rest[0])]
        return tuple(names)

    def words_of_ids(self, ids: Sequence[int], first: int = 0) -> tuple[int | None, ...]:
        """Which word each of tokens that follow each other is part of, counted from first; None of special ones.

        A word goes on where a letter or digit follows one, as most tokenizers split texts.
        """
        words: list[int | None] = []
        word = first - 1
        for index, token_id in enumerate(ids):
            first_read = max(0, index - REACH)
            before = self._decode(ids[first_read:index])
            known = before.rstrip("\ufffd")  # behind it a character that is not whole yet
            ends = range(index + 1, index + 1 + LONGEST_CHARACTER)
            after = (self._decode(ids[first_read:end])[len(known) :] for end in ends)
            begins = next((text[0] for text in after if text and text[0] != "\ufffd"), "")
            goes_on = known != before or (_in_word(known[-1:]) and _in_word(begins))
            is_special = token_id in self._special
            word += not is_special and not (goes_on and words and words[-1] is not None)
            words.append(None if is_special else word)
        return tuple(words)

    def of_id(self, token_id: int) -> str:
        """The name of one token by itself."""
        return self._stripped(self.decoded(token_id))

    def decoded(self, token_id: int) -> str:
        """What one token by itself reads as, with its spaces; of a part of a character, its bytes: "<0xE6><0x9C>"."""
        text = self._decode([token_id])
        if text and "\ufffd" not in text:
            return text
        own = self._tokenizer.id_to_token(token_id)
        if own and self._are_bytes and token_id not in self._special and BYTES.keys() >= set(own):
            return "".join(f"<0x{BYTES[sign]:02X}>" for sign in own)
        return own or f"#{token_id}"

    def are_special(self, ids: Sequence[int]) -> np.ndarray:
        """[token] bool: which are special tokens."""
        return np.array([token_id in self._special for token_id in ids], dtype=bool)

    def _places(self, token_id: int, span: tuple[int, int] | None, segment: int) -> list[tuple[int, int]]:
        """The characters that a token stands for, as (text, index).

        None of a special token, "<unk>" too, nor of one that is a space alone, which may claim the character behind it.
        """
        is_none = span is None or token_id in self._special or self._is_blank(token_id)
        return [] if span is None or is_none else [(segment, index) for index in range(*span)]

    def _are_residues(self) -> bool:
        """Whether the vocabulary is of proteins: all amino acids, and no longer token that is not special."""
        size = self._tokenizer.get_vocab_size()
        if size > MOST_RESIDUES:
            return False
        tokens = {self._tokenizer.id_to_token(index) or "" for index in range(size)}
        words = {token.lstrip("▁") for token in tokens if not re.fullmatch(r"[<\[].*[>\]]|▁", token)}
        return words >= AMINO_ACIDS and all(RESIDUES.fullmatch(word) for word in words)

    def _numbered(self, text: TextInput, names: Sequence[str]) -> Iterator[str]:
        """Each residue with its place in its own protein, from 1; masked and unknown ones take a place too."""
        places = Counter[int]()
        for token_id, name, span, segment in zip(text.ids, names, text.offsets, text.segments):
            places[segment] += span is not None
            yield name if span is None or token_id in self._special else f"{name}{places[segment]}"

    def _decode(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=False))

    @staticmethod
    def _stripped(text: str) -> str:
        return text.strip(" ") or text


def _in_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character or " ").startswith("M")
