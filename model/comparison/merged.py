"""Tokens merged into words: a recording's weights, seen from word to word."""

import dataclasses
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import NoReturn

import numpy as np

from headlens.model.attention.merged import NO_SCORES, MergedInputs
from headlens.model.comparison.places import Places
from headlens.model.errors import InputError, RecordingError
from headlens.model.recording.parts import WEIGHTS, with_note
from headlens.model.recording.recording import Index, Recording

MERGED = "merged into words"
NO_VECTORS = "Words have weights alone: each of a word's tokens has a query, a key and a value of its own."

Group = tuple[int, ...]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Merged(Recording):
    """A recording between words instead of tokens; special tokens, and what is part of no word, stand alone.

    The weight to a word is the sum over its tokens, the weight from it the mean over them (Clark et al. 2019, section
    4.1): rows still sum to one. A causal word's row is the mean of those of its tokens, which see one another in part.
    Nothing is kept but the tokens' recording: a weight is computed when it is looked at.
    """

    recording: Recording = dataclasses.field(kw_only=True)  # between tokens
    groups: tuple[Group, ...] = dataclasses.field(kw_only=True)  # the tokens of each word

    @cached_property
    def places(self) -> Places:
        """The words as places of the tokens."""
        return Places.of(self.groups, self.recording.num_tokens)

    def attention_to(
        self, layer: Index, key: Index | Sequence[Index] | np.ndarray, head: Index | None = None
    ) -> np.ndarray:
        """How much every word looks at one, [head, query] or [query]: the sum over its tokens; of several, as of
        `Recording`."""
        if not isinstance(key, (Sequence, np.ndarray)):
            return self.attention_to(layer, [key], head)[..., 0]
        keys = self if self.keys is None else self.keys
        assert isinstance(keys, Merged)
        groups = [keys.groups[self._key_index(each)] for each in key]
        columns = self.recording.attention_to(layer, [token for group in groups for token in group], head)
        firsts = np.cumsum([0, *map(len, groups[:-1])])
        return self.places.rows(np.add.reduceat(columns, firsts, axis=-1))

    def query(self, layer: Index, head: Index | None = None) -> NoReturn:
        """Raises InputError: a word of several tokens has several vectors."""
        raise InputError(NO_VECTORS)

    key = value = query

    def mask(self, layer: Index, head: Index) -> NoReturn:
        """Raises InputError: there are no scores to mask."""
        raise InputError(NO_SCORES)

    def without_special(self) -> "Merged":
        """Special tokens are left out first, then tokens are merged."""
        return merge_words(self.recording.without_special())

    def merged(self, what: str) -> "Merged":
        """Itself; as of `Recording`."""
        return self if what == "words" else self.recording.merged(what)

    def save(self, path: str | Path) -> None:
        """Raises RecordingError: of words nothing is kept."""
        raise RecordingError("Words are not saved; save the recording that they are merged from, and merge it again.")


def merge_words(recording: Recording) -> Merged:
    """The words of a recording, and of its other stages."""
    groups = tuple(map(tuple, _words(recording)))
    keys = None if recording.keys is None else merge_words(recording.keys)
    sizes = [len(group) for group in groups]
    key_sizes = sizes if keys is None else [len(group) for group in keys.groups]
    firsts = [group[0] for group in groups]
    word_of = {token: word for word, group in enumerate(groups) for token in group}
    kept = {field.name: getattr(recording, field.name) for field in dataclasses.fields(Recording) if field.init}
    changed = {
        "layers": tuple(MergedInputs.of(layer, sizes, key_sizes) for layer in recording.layers),
        "tokens": tuple(_name(recording, group) for group in groups),
        "ids": (),
        "words": tuple(range(len(groups))),
        "special": recording.special[firsts],
        "segments": tuple(recording.segments[first] for first in firsts),
        "offsets": tuple(_span(recording, group) for group in groups) if recording.offsets else (),
        "prefix_tokens": sum(first < recording.prefix_tokens for first in firsts),
        "notes": with_note(recording.notes, WEIGHTS, MERGED, between=", "),
        "predictions": tuple(
            each if each.position is None else each._replace(position=word_of[each.position])
            for each in recording.predictions
        ),
        "unit": "word",
        "keys": keys,
        "stages": {name: merge_words(stage) for name, stage in recording.stages.items()},
    }
    return Merged(**{**kept, **changed}, recording=recording, groups=groups)


def _words(recording: Recording) -> Iterator[list[int]]:
    """Neighbours of one word together, in order."""
    group: list[int] = []
    for token in range(recording.num_tokens):
        if group and _goes_on(recording, token):
            group.append(token)
            continue
        yield from [group] if group else []
        group = [token]
    yield group


def _goes_on(recording: Recording, token: int) -> bool:
    """Whether a token is of the same word as the one before it.

    A space ends a word: where a tokenizer splits no text before it reads it (Llama 2's), all is one word to it.
    """
    before, word = token - 1, recording.words[token]
    if word is None or word != recording.words[before] or recording.special[[before, token]].any():
        return False
    if recording.segments[before] != recording.segments[token]:
        return False
    if not recording.offsets or (span := _span(recording, (before, token))) is None:
        return True
    _, end = recording.offsets[before] or span
    return not recording.texts[recording.segments[token]][end : span[1]][:1].isspace()


def _span(recording: Recording, group: Group) -> tuple[int, int] | None:
    """Where a word stands in its text."""
    spans = [span for at in group if recording.offsets and (span := recording.offsets[at]) is not None]
    return (spans[0][0], spans[-1][1]) if len(spans) == len(group) else None


def _name(recording: Recording, group: Group) -> str:
    span = _span(recording, group)
    if len(group) == 1 or span is None:
        return "".join(recording.tokens[at] for at in group)
    return recording.texts[recording.segments[group[0]]][span[0] : span[1]].strip()
