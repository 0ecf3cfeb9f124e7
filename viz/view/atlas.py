"""What an atlas shows, in words: the role of a head over all inputs, a token in its sentence, a patch in its photo."""

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headlens.model.analysis.roles.naming import Named, strongest_role
from headlens.model.analysis.roles.role import Role
from headlens.model.analysis.sample import LONG
from headlens.model.atlas.atlas import AtlasInput, Example
from headlens.model.atlas.best import SHARE
from headlens.viz.view.roles import named_in_words
from headlens.viz.view.visible import isolated, visible
from headlens.viz.view.wording import percent

AROUND = 12  # tokens that are shown before and behind those that matter, of a long text
WHOLE = 80  # tokens of a text that is shown whole
GAP = -1  # in place of tokens that are left out


@dataclass(frozen=True)
class OverInputs:
    """What a head scores over the inputs of an atlas, by the keys of its measures."""

    roles: Mapping[str, Role]
    mean: Mapping[str, float]
    std: Mapping[str, float]
    told: Mapping[str, float]  # in how many inputs each can be told
    enough: Mapping[str, float]  # in how many by enough positions to call the head after it
    inputs: int  # all of them
    causal: bool = False  # the first token counts among the special ones, as heads rest on it

    @property
    def named(self) -> Named | None:
        """Its strongest role by these means, of those that enough inputs can call it after."""
        known = [key for key in self.roles if key in self.mean]
        return strongest_role(
            [self.roles[key] for key in known],
            [self.mean[key] for key in known],
            counts=[self.enough[key] for key in known],
            looking=self.inputs,
        )


def role_over_inputs(over: OverInputs) -> str:
    """What a head is called after over all inputs, how steady that is, and how much rests on special tokens.

    "previous token (0.94 ± 0.05), mean and standard deviation over 150 of 240 inputs; 71 % of its weight rests on
    special tokens."
    """
    named, rests = over.named, over.mean.get("special", math.nan)
    on = "the first token and special ones" if over.causal else "special tokens"
    special = "" if math.isnan(rests) else f"; {percent(rests)} of its weight rests on {on}"
    if named is None:
        few = "one input is too few to" if over.inputs == 1 else f"too few of {over.inputs:,} inputs can"
        return f"{few} tell its role{special}."
    std = over.std[named.role.key]
    spread = "" if math.isnan(std) else f" ± {std:.2f}"
    what = "mean and standard deviation" if spread else "the mean"
    return f"{named_in_words(named, 'inputs', spread=spread)}, {what} over {_told(over, named.role.key)}{special}."


def measure_over_inputs(over: OverInputs, key: str, name: str, unit: str) -> str:
    """What a measure of a head is over all inputs that tell it, one at least.

    "Distance in tokens: mean 3.12 tokens, standard deviation 1.05 tokens, over 150 of 240 inputs."
    """
    of = "" if unit == "share" else f" {unit}"
    std = "" if math.isnan(over.std[key]) else f", standard deviation {over.std[key]:.2f}{of}"
    return f"{name[:1].upper()}{name[1:]}: mean {over.mean[key]:.2f}{of}{std}, over {_told(over, key)}."


def counted(number: int, things: str) -> str:
    """ "240 texts", "1 text"."""
    return f"{number:,} {things.removesuffix('s') if number == 1 else things}"


def _told(over: OverInputs, key: str) -> str:
    """Over how many inputs a measure is told: "150 of 240 inputs"."""
    told = round(over.told[key])
    return ("" if told == over.inputs else f"{told:,} of ") + counted(over.inputs, "inputs")


def role_beside(here: Named | None, over: OverInputs) -> str:
    """What a head does on one input beside what it does over those of an atlas; nothing where no role stands out here.

    "On this input: same token elsewhere (0.70), which over those has 0.31 ± 0.20."
    """
    if here is None or not here.stands_out:
        return ""
    key, of_all = here.role.key, over.named
    said = f"On this input: {here.role.name} ({here.score:.2f})"
    same = of_all is not None and of_all.stands_out and of_all.role.key == key
    mean = over.mean.get(key, math.nan)
    return f"{said}." if same or math.isnan(mean) else f"{said}, which over those has {mean:.2f} ± {over.std[key]:.2f}."


def shown_tokens(count: int, around: Sequence[int]) -> list[int]:
    """Which tokens of a text are shown, with GAP where some are left out: all of a short one."""
    if count <= WHOLE:
        return list(range(count))
    near = sorted({index for at in around for index in range(max(0, at - AROUND), min(count, at + AROUND + 1))})
    found: list[int] = []
    for index in near:
        if index != (found[-1] + 1 if found else 0):
            found.append(GAP)
        found.append(index)
    return found if near and near[-1] == count - 1 else [*found, GAP]


def token_kinds(found: AtlasInput) -> list[str]:
    """Of each token of a text, one of `headlens.viz.figures.joint_map.TOKEN_KINDS`."""
    text, end, kinds = " ".join(found.texts).lower(), 0, []
    for token, special in zip(found.tokens, found.special):
        letters = token.strip().lower()
        at = -1 if special or not letters else text.find(letters, end)
        goes_on = 0 < at == end and text[at - 1].isalnum() and letters[0].isalnum()
        end = at + len(letters) if at >= 0 else end
        if special:
            kinds.append("special")
        elif letters and all(unicodedata.category(letter)[0] in "PS" for letter in letters):
            kinds.append("punctuation")
        elif letters.isnumeric():
            kinds.append("number")
        else:
            kinds.append("later part of a word" if goes_on else "word")
    return kinds


def patch_of(found: AtlasInput, position: int) -> tuple[int, int] | None:
    """The row and column of a position of a photo; None for one that is no patch, and of a text."""
    if found.grid is None:
        return None
    rows, columns = found.grid
    patch = position - (len(found.tokens) - rows * columns)
    return divmod(patch, columns) if patch >= 0 else None


def example_in_words(found: AtlasInput, example: Example, criterion: str) -> str:
    """By what an input excites a head: the weight of a pair, or a share of all, of which the pair is the largest part.

    "0.705 of the weight in this text goes to other tokens; strongest pair “The” → “notebook” 0.512, special tokens
    0.101"
    """
    pair = f"{place_in_words(found, example.query)} → {place_in_words(found, example.key)}"
    weights, special = example.weights, ""
    if len(weights) and found.special.any():
        special = f", special tokens {weights[found.special].sum():.3f}"
    if criterion != SHARE.name:
        return f"{example.value:.3f}: {pair}{special}"
    here, others = ("text", "tokens") if found.grid is None else ("photo", "patches")
    weight = f" {weights[example.key]:.3f}" if len(weights) else ""
    share = f"{example.value:.3f} of the weight in this {here} goes to other {others}"
    return f"{share}; strongest pair {pair}{weight}{special}"


def how_drawn(kind: str, *, whole: bool) -> str:
    """What examples of a kind of inputs show; whole: of each all weights of the query are known."""
    drawn = {
        "texts": "The query is framed; the deeper a token's tint, the more weight the query gives it. In each text the "
        "scale ends at the strongest token that is not special.",
        "photos": "The query is framed; the brighter a patch, the more weight the query gives it, on a scale of each "
        "photo's own.",
    }
    rest = "" if whole else f" Of inputs of more than {LONG:,} tokens only the strongest pair is kept."
    return drawn[kind] + rest


def place_in_words(found: AtlasInput, position: int) -> str:
    """A token by its name, or a patch by its row and column, as the pages *Text* and *Image* call them."""
    patch = patch_of(found, position)
    return f"“{isolated(visible(found.tokens[position]))}”" if patch is None else f"patch ({patch[0]}, {patch[1]})"
