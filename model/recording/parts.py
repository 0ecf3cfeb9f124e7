"""What a recording consists of, as plain data: its file is written from it and read into it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from headlens.model.attention.inputs import AttentionInputs
from headlens.model.description import Description


class Photo(NamedTuple):
    """What an image model saw."""

    pixels: np.ndarray  # [height, width, 3] uint8, before normalisation
    aspect: float  # width / height of the photo itself; the pixels are rounded to whole patches
    grid: tuple[int, int]  # (rows, columns) of the patches


class Prediction(NamedTuple):
    """What a model predicts: the next token, the one behind a mask, or the class of the whole input."""

    position: int | None  # of the token that it is read from; None: the whole input
    candidates: tuple[tuple[str, float], ...]  # the most probable first, each with its probability


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
    offsets: tuple[tuple[int, int] | None, ...] = ()  # where each token stands in its text; empty for an image
    texts: tuple[str, ...] = ()
    prefix_tokens: int = 0  # positions before the patches
    photo: Photo | None = None  # None for a text
    outputs: Mapping[str, np.ndarray] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)  # what to know of the input or of an output, by its name
    predictions: tuple[Prediction, ...] = ()
    stage: str = "encoder"  # which attention it is: "encoder", "decoder", "cross" or "vision"
