"""Tokens merged into words: a recording's weights, seen from word to word."""

import dataclasses
from collections.abc import Iterator
from functools import cached_property

import numpy as np

from headlens.model.comparison.places import Places
from headlens.model.errors import InputError
from headlens.model.recording.recording import Index, Recording


@dataclasses.dataclass(frozen=True, eq=False)
class Merged:
    """The weights of a recording between words; what is part of no word stands alone.

    The weight to a word is the sum over its tokens, the weight from it the mean over them (Clark et al. 2019, section
    4.1): rows still sum to one. A causal word's row is the mean of those of its tokens, which see one another in part.
    """

    recording: Recording

    @cached_property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """The tokens of each word."""
        return tuple(map(tuple, _words(self.recording)))

    @property
    def tokens(self) -> tuple[str, ...]:
        """What to call each word."""
        return tuple(_name(self.recording, group) for group in self.groups)

    @property
    def num_tokens(self) -> int:
        """How many words there are."""
        return len(self.groups)

    @cached_property
    def special(self) -> np.ndarray:
        """[word] bool: special tokens, and other attention sinks."""
        return np.array([all(self.recording.special[list(group)]) for group in self.groups])

    def attention(self, layer: Index, head: Index | None = None, query: Index | None = None) -> np.ndarray:
        """The weights [head, query, key] between words, without the axes that head and query pick from.

        Raises ValueError for a layer, head or query that is not there.
        """
        weights = self._key_places.keys(self.places.rows(self.recording.attention(layer, head)))
        if query is None:
            return weights
        if not 0 <= query < self.num_tokens:
            raise ValueError(f"query must be a whole number from 0 to {self.num_tokens - 1}, not {query!r:.40}.")
        row: np.ndarray = weights[..., query, :]
        return row

    @cached_property
    def places(self) -> Places:
        """The words as places."""
        return Places.of(self.groups, self.recording.num_tokens)

    @property
    def _key_places(self) -> Places:
        """The words that are looked at, where they are others."""
        keys = self.recording.keys
        return self.places if keys is None else Merged(keys).places

    def scores(self, *_: object, **__: object) -> np.ndarray:
        """Raises InputError: a sum of weights has no score."""
        raise InputError("Words have weights alone: a sum of softmax weights is the softmax of no score.")

    def query(self, *_: object, **__: object) -> np.ndarray:
        """Raises InputError: a word of several tokens has several vectors."""
        raise InputError("Words have weights alone: each of a word's tokens has a query, a key and a value of its own.")

    key = value = query


def _words(recording: Recording) -> Iterator[list[int]]:
    """Neighbours of one word together, in order."""
    group: list[int] = []
    for token, word in enumerate(recording.words):
        if group and word is not None and word == recording.words[group[-1]]:
            group.append(token)
            continue
        yield from [group] if group else []
        group = [token]
    yield group


def _name(recording: Recording, group: tuple[int, ...]) -> str:
    spans = [span for at in group if recording.offsets and (span := recording.offsets[at]) is not None]
    if len(group) == 1 or len(spans) < len(group):
        return "".join(recording.tokens[at] for at in group)
    text = recording.texts[recording.segments[group[0]]]
    return text[spans[0][0] : spans[-1][1]].strip()
