"""What a method says of each token or patch."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Explanation:
    """One method's map of an input."""

    method: str  # its key in `methods.METHODS`
    scores: np.ndarray  # [token] float32, of each position of the run: tokens, or prefix tokens and then patches; of a
    #                     model that reads one text and writes another, of what is read
    signed: bool  # above and below zero (a diverging scale), or from zero on (a sequential one)
    about_output: bool  # about this output, or about where information could flow
    held: str  # what was chosen or held constant, in a sentence


def as_scores(scores: Tensor) -> np.ndarray:
    """[token] float32."""
    array: np.ndarray = scores.detach().float().cpu().numpy()
    return array
