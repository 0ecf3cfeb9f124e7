"""What a picture says, in words. Tokens in it are still a stranger's: whoever draws the words escapes them."""

import unicodedata

from model.analysis.heads import patch_distance, spread, token_distance
from model.recording import Recording

WHY_SPECIAL = (
    "A head with nothing to say about a token rests on special tokens: "
    "their values change little there (Clark et al. 2019, section 3.2)."
)


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
