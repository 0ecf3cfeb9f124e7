"""What a change does to a target, in words. Names in them are a stranger's: whoever draws them escapes them."""

import math
from collections.abc import Callable, Sequence
from functools import partial

from headlens.model.effects.heads import Change, Head
from headlens.model.effects.targets import LogitTarget, Target
from headlens.viz.view.visible import visible
from headlens.viz.view.wording import percent

NOTHING = 2e-6  # what float32 leaves of differences that are none
SAME = 5e-4  # of the larger number: a change that is smaller is none, in words


def sentence(heads: Sequence[Head], target: Target, change: Change) -> str:
    """Without layer 7, head 2, the probability of “Paris” falls from 71 % to 12 %."""
    return f"Without {heads_in_words(heads)}, {moved(target, change)}."


def moved(target: Target, change: Change) -> str:
    """The probability of “Paris” falls from 71 % to 12 %, or another target from one number to another."""
    before, after = change.before, change.after
    write: Callable[[float], str] = number
    what = str(target)
    if isinstance(target, LogitTarget):
        what = f"the logit of “{visible(target.name)}”"
        if change.probability_before is not None and change.probability_after is not None:
            before, after = change.probability_before, change.probability_after
            is_share = min(before, after) >= 0 and max(before, after) <= 1  # else the head gives values
            what, write = f"the {'probability' if is_share else 'score'} of “{visible(target.name)}”", score
    if abs(after - before) <= max(NOTHING, SAME * max(abs(before), abs(after))):
        return f"{what} stays at {write(before)}"
    if write(before) == write(after):
        write = partial(number, digits=5)
    return f"{what} {'falls' if after < before else 'rises'} from {write(before)} to {write(after)}"


def heads_in_words(heads: Sequence[Head]) -> str:
    """Layer 7, head 2; or how many there are."""
    if len(heads) == 1:
        ((layer, head),) = heads
        return f"layer {layer}, head {head}"
    return f"{len(heads)} heads"


def score(value: float) -> str:
    """A probability in per cent; else the number."""
    return percent(value) if 0 <= value <= 1 else number(value)


def number(value: float, digits: int = 3) -> str:
    """With so many digits that count, as 0.00214 and 12.3, and 0 for what is nothing."""
    if abs(value) < NOTHING:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{decimals}f}".replace("-", "\u2212")
