"""Which position of the run each position of the recording is."""

import numpy as np

from headlens.model.effects.removal import removable
from headlens.model.inputs.image_text import ImagePrompt
from headlens.viz.pages.matter.question import Question


def positions_of(question: Question) -> np.ndarray:
    """[recorded position]; in a run a language model's patches stand among its words, in a recording behind them."""
    given = question.experiment.input
    if not isinstance(given, ImagePrompt):
        return np.arange(question.recording.num_tokens)
    is_patch = removable(question.experiment, question.target)
    return np.concatenate([np.flatnonzero(~is_patch), np.flatnonzero(is_patch)])


def tokens_of(question: Question) -> tuple[str, ...]:
    """What to call each position of the recording."""
    return question.recording.tokens
