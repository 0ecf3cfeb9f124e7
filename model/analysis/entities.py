"""Names of people, places and the like: the classes of tokens, joined to stretches of text."""

from typing import NamedTuple

import numpy as np

from headlens.model.recording.parts import Prediction, Predicts
from headlens.model.recording.recording import Recording

OUTSIDE = "O"  # the class of a token in no stretch


class Entity(NamedTuple):
    """A stretch of text, and its class."""

    text: str
    label: str
    score: float  # mean over its tokens of the probability of each one's class


def entities(recording: Recording) -> list[Entity]:
    """The stretches that token classes make: as transformers' TokenClassificationPipeline joins them, "simple".

    Neighbours of one class are joined, unless the second begins another stretch ("B-"); labels are "B-LOC" and "I-LOC",
    or "LOC" alone (Ramshaw and Marcus 1995). A stretch never goes on from one text of a pair into the other.
    """
    groups: list[list[Prediction]] = []
    last: tuple[int, str] | None = None  # text and class of the token before
    for prediction in recording.predictions:
        position = prediction.position
        if prediction.of is not Predicts.TOKEN_CLASS or position is None or recording.offsets[position] is None:
            continue
        begins, label = _parts(prediction.candidates[0][0])
        this = (recording.segments[position], label)
        if begins or this != last:
            groups.append([])
        groups[-1].append(prediction)
        last = this
    found = (_entity(recording, group) for group in groups)
    return [entity for entity in found if entity.label != OUTSIDE]


def _parts(label: str) -> tuple[bool, str]:
    """Whether it begins a stretch, and the class."""
    return label.startswith("B-"), label[2:] if label.startswith(("B-", "I-")) else label


def _entity(recording: Recording, group: list[Prediction]) -> Entity:
    positions = [prediction.position for prediction in group if prediction.position is not None]
    spans = [span for position in positions if (span := recording.offsets[position]) is not None]
    text = recording.texts[recording.segments[positions[0]]][spans[0][0] : spans[-1][1]]
    score = float(np.mean([prediction.candidates[0][1] for prediction in group]))
    return Entity(text, group[0].candidates[0][0].split("-", 1)[-1], score)
