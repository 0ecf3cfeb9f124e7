"""The steps in their order."""

from collections.abc import Callable
from dataclasses import dataclass

from viz.panels.how import looking
from viz.panels.how.example import Example


@dataclass(frozen=True)
class Step:
    """One step of the page."""

    title: str
    short: str  # in the list of steps
    show: Callable[[Example], None]
    terms: tuple[str, ...]  # of the glossary
    attempt: str  # one thing to try
    source: str


STEPS = (
    Step(
        "A soft dictionary",
        "Dictionary",
        looking.dictionary,
        ("query", "key", "value", "score", "weight", "temperature"),
        "Pull the temperature to 0, then slowly up: at which temperature does a second key join in?",
        "Vaswani et al. 2017, section 3.2; soft alignment: Bahdanau et al. 2015, section 3.1; temperature: Hinton et "
        "al. 2015, equation 1.",
    ),
    Step(
        "Scores, scaling, softmax",
        "Softmax",
        looking.softmax,
        ("score", "softmax", "weight"),
        "Switch the division off, and watch the slopes of all keys but the winner.",
        "Vaswani et al. 2017, section 3.2.1, equation 1 and footnote 4.",
    ),
    Step(
        "The weighted sum",
        "Sum",
        looking.weighted_sum,
        ("value", "weight", "context vector"),
        "Find a key with a large weight that adds little: its value is short. Special tokens often are such.",
        "Vaswani et al. 2017, equation 1; lengths: Kobayashi et al. 2020, “Attention is Not Only a Weight”, section 3.",
    ),
)
