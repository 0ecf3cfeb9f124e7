"""What an atlas measures of every head on each input, as data."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from headlens.model.analysis.heads import spread
from headlens.model.analysis.orders import reach
from headlens.model.recording.recording import Recording

BINS = 100  # of a histogram


@dataclass(frozen=True)
class Measure:
    """One number of each head on an input, from 0 to its scale."""

    name: str
    sentence: str  # its definition and source
    scale: float = 1.0
    logarithmic: bool = False  # bins grow by one factor, for what most often is small

    def edges(self) -> np.ndarray:
        """Where the bins of its histogram begin and end: [BINS + 1]."""
        steps = np.linspace(0.0, 1.0, BINS + 1)
        edges: np.ndarray = (1 + self.scale) ** steps - 1 if self.logarithmic else steps * self.scale
        return edges


LONGEST = 16_384  # tokens of an input, and patches too
DISTANCE = Measure(
    "distance",
    "How many tokens away the head looks, weighted by attention, the mean over the queries; of a photo in patches, "
    "from patches to patches (Dosovitskiy et al. 2021, figure 11).",
    scale=LONGEST,
    logarithmic=True,
)
ENTROPY = Measure(
    "entropy",
    "The entropy of a query's weights in bits, the mean over the queries (Clark et al. 2019, section 3.3).",
    scale=14.0,
)
SPECIAL = Measure(
    "special",
    "How much of a query's weight rests on special tokens, and of a causal model on the first token, the mean over the "
    "queries.",
)
MEASURES = (DISTANCE, ENTROPY, SPECIAL)


def measuring(recording: Recording, queries: np.ndarray) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """What takes the weights [head, query, key] of some queries of an input, and gives each measure of it, [head]."""

    def measured(weights: np.ndarray) -> dict[str, np.ndarray]:
        return {
            DISTANCE.name: np.array([reach(recording, each, queries) for each in weights]),
            ENTROPY.name: np.log2(spread(weights)).mean(axis=-1),
            SPECIAL.name: weights[..., recording.special].sum(axis=-1).mean(axis=-1),
        }

    return measured
