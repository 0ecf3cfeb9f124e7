"""What a recording consists of, as plain data: its file is written from it and read into it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, NamedTuple

import numpy as np

from headlens.model.attention.inputs import AttentionInputs
from headlens.model.description import Description

WHOLE = (0.0, 0.0, 1.0, 1.0)
WEIGHTS = "weights"  # the note on what was done to the weights, as a title says it


Cell = Literal["patch", "frame"]
Picture = Literal["photo", "spectrogram"]


class Photo(NamedTuple):
    """What an image model saw, or a model of sounds heard."""

    pixels: np.ndarray  # [height, width, 3] uint8, before normalisation
    aspect: float  # width / height of what is seen, in the photo itself; the pixels are rounded to whole patches
    grid: tuple[int, int]  # (rows, columns) of the patches
    window: tuple[float, float, float, float] = WHOLE  # (top, left, bottom, right) of what is seen of the photo itself
    cell: Cell = "patch"  # what one of the grid is: a patch, or all that sounds at one time
    picture: Picture = "photo"  # a spectrogram has its low frequencies at the bottom


class Predicts(StrEnum):
    """What a prediction is of."""

    NOTHING = "nothing"
    NEXT_TOKEN = "next token"  # after each
    MASKED_TOKEN = "masked token"  # behind each mask
    TOKEN_CLASS = "token class"  # of each token
    CLASS = "class"  # of the whole input
    LABEL = "label"  # of a person's own, for the whole input
    CHOICE = "choice"  # of several texts that may follow
    ANSWER = "answer"  # to the first text, in the second
    ANSWER_START = "start of the answer"  # its first token
    ANSWER_END = "end of the answer"  # its last token
    NEXT_SENTENCE = "next sentence"  # whether the second text follows the first
    SENTENCE_ORDER = "sentence order"  # whether two texts stand as they were written
    HEARD = "heard"  # at each time of a sound: a letter, or none (CTC, Graves et al. 2006)


Unit = Literal["token", "residue", "word"]
Scores = Literal["softmax", "sigmoid", "none"]  # what makes scores of logits: probabilities, of one choice or of each


class Candidate(NamedTuple):
    """One of what a head chooses from."""

    logit: int  # which of the logits is its
    name: str
    score: float  # as the model's pipeline has it


class Prediction(NamedTuple):
    """What a model predicts of one position, or of the whole input."""

    position: int | None  # of the token that it is read from; None: the whole input
    candidates: tuple[tuple[str, float], ...]  # the highest score first
    of: Predicts
    scores: Scores = "softmax"


@dataclass(frozen=True, eq=False)
class StageData:
    """What one stage of a model leaves behind: each layer's queries, keys and values, and what each position is."""

    layers: tuple[AttentionInputs, ...]  # without a batch axis: query, key, value [head, token, d_head]
    tokens: tuple[str, ...]  # what to call each position
    words: tuple[int | None, ...]  # which word each token is part of, counted over all texts; None: of no word
    special: np.ndarray  # [token] bool: [CLS], [SEP], …, and other attention sinks
    segments: tuple[int, ...]  # which text of a pair each token is part of
    model: Description
    seconds: float  # that recording took
    device: str
    ids: tuple[int, ...] = ()  # of each token in the tokenizer; empty where there is none, or it is not known
    offsets: tuple[tuple[int, int] | None, ...] = ()  # where each token stands in its text; empty for an image
    texts: tuple[str, ...] = ()
    prefix_tokens: int = 0  # positions before the patches
    photo: Photo | None = None  # None for a text
    outputs: Mapping[str, np.ndarray] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)  # what to know of the input or of an output, by its name
    predictions: tuple[Prediction, ...] = ()
    stage: str = "encoder"  # which attention it is: "encoder", "decoder", "cross", "vision" or "characters"
    unit: Unit = "token"  # what a position of a text stands for


def with_note(notes: Mapping[str, str], name: str, said: str, *, between: str = " ") -> dict[str, str]:
    """Notes with something said behind what one of them says already."""
    before = [notes[name]] if name in notes else []
    return {**notes, name: between.join([*before, said])}
