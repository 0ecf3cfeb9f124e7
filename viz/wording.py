"""What a picture says, in words. Tokens in it are still a stranger's: whoever draws the words escapes them."""

import unicodedata

import numpy as np

from model.analysis.heads import patch_distance, spread, strongest, token_distance
from model.recording import Recording

WHY_SPECIAL = (
    "A head with nothing to say about a token rests on special tokens: "
    "their values change little there (Clark et al. 2019, section 3.2)."
)


def percent(weight: float) -> str:
    """51 %, and with one decimal where that would be under ten: 8.7 %."""
    return f"{100 * weight:.0f} %" if weight >= 0.0995 else f"{100 * weight:.1f} %"


def isolated(token: str) -> str:
    """A token that reads from right to left between isolates, so that it does not carry the numbers beside it along."""
    if any(unicodedata.bidirectional(character) in {"R", "AL", "AN"} for character in token):
        return f"\u2068{token}\u2069"
    return token


def name_of(recording: Recording, token: int) -> str:
    """What to call a position in a sentence: “it”, [CLS], patch (11, 15)."""
    text = isolated(recording.tokens[token])
    if recording.special[token]:
        return text
    return f"“{text}”" if recording.grid is None else f"patch {text}"


def headline(recording: Recording, layer: int, head: int, query: int) -> str:
    """Who looks: Layer 3, head 1: what “it” looks at."""
    return f"Layer {layer}, head {head}: what {name_of(recording, query)} looks at"


def targets(recording: Recording, weights: np.ndarray) -> str:
    """Whom the weights [key] reach: trophy 51 %, suitcase 33 %; special tokens are left to `special_share`."""
    best = strongest(weights, 3, leave_out=recording.special)
    worth_saying = [pair for pair in best[1:] if pair[1] >= 0.2 * best[0][1]] if best else []
    prefix = "" if recording.grid is None else "patch "
    return ", ".join(
        f"{prefix}{isolated(recording.tokens[key])} {percent(weight)}" for key, weight in [*best[:1], *worth_saying]
    )


def special_share(recording: Recording, weights: np.ndarray) -> str:
    """How much goes to special tokens: 61 % to [SEP], 2.0 % to [CLS]; equal names are added up."""
    shares: dict[str, float] = {}
    for token in np.flatnonzero(recording.special):
        name = recording.tokens[token]
        shares[name] = shares.get(name, 0.0) + float(weights[token])
    ordered = sorted(shares.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{percent(weight)} to {name}" for name, weight in ordered)


def why_special(recording: Recording, weights: np.ndarray) -> str:
    """Why heads rest on special tokens, where these weights [key] do so with half or more; else nothing."""
    return WHY_SPECIAL if float(weights[recording.special].sum()) >= 0.5 else ""


def head_in_words(recording: Recording, layer: int, head: int, query: int) -> str:
    """One paragraph on a head: how widely and how far it looks."""
    weights = recording.attention(layer, head)
    everywhere, here = float(spread(weights).mean()), float(spread(weights[query]))
    if recording.grid is None:
        away = float(token_distance(weights).mean())
        reach = f"looks {away:.1f} tokens away on average"
    else:
        first = recording.prefix_tokens
        away = float(patch_distance(weights[first:, first:], recording.grid).mean())
        reach = f"looks {away:.1f} patches away on average (of {recording.grid[0]} × {recording.grid[1]})"
    return (
        f"From {name_of(recording, query)} the head spreads over {_count(here)} of {recording.num_tokens:,} tokens; "
        f"over the whole input it spreads over {_count(everywhere)} and {reach}."
    )


def _count(number: float) -> str:
    return f"{number:.1f}" if number < 100 else f"{number:,.0f}"
