"""The words of a view as templates, once: Python fills them in here, and the explorer in the browser, which is sent
WORDING in its header, does the same in js/words.js."""

from collections.abc import Sequence
from typing import TypedDict

from headlens.viz.view.chosen import Head
from headlens.viz.view.view import Direction, View, heads_name

MOST_NAMED = 4  # that are listed one by one


class ByDirection(TypedDict):
    """A template for each direction: what the query looks "at", or "by" what it is looked at."""

    at: str
    by: str


class Percent(TypedDict):
    """How a weight from 0 to 1 is written: as so many per cent, with more decimals the smaller it is."""

    zero: str  # all of it, for a weight of 0
    least: float  # what is smaller
    below: str  # is written like this
    limits: list[float]  # each that a weight is smaller than adds a decimal; without any there is none
    unit: str  # stands after the number


class Wording(TypedDict):
    """The templates; "{name}" and the like are replaced by what their keys say."""

    who: dict[str, str]  # {layer}, {head}, or {count}, {heads}: which heads, by "head", "heads-mean", "layer-max", …
    head: str  # {layer}, {head}: each of {heads}
    role: dict[str, str]  # {layer}, {head}, {role}: what a head is called after, where "one" is shown or "several" are
    what: ByDirection  # {name}
    several: ByDirection  # {names}, {count}: the same of several tokens
    title: str  # {who}, {what}
    patch: str  # {name} of a patch, or of what else has a position in a picture
    patches: str  # {first}, {last}, {rows}, {columns}: a rectangle of them
    named: str  # how these are called; nothing where there is no picture
    token: str  # {name} of a token
    placed: str  # {name}, {position}: of one of several that are called the same
    nothing: str  # what a query looks at that gives no weight, as where its only key is left out
    over: str  # why a weight is above 100 %
    unquoted: list[str]  # special tokens that start with one of these stand as they are
    special: ByDirection  # {percent}, {name}: how much of a query's weight a special token gets or gives
    percent: Percent


WORDING: Wording = {
    "who": {
        "head": "Layer {layer}, head {head}",
        "heads-mean": "Mean of {count} heads ({heads})",
        "heads-max": "Maximum of {count} heads ({heads})",
        "layer-mean": "Layer {layer}, mean of all heads",
        "layer-max": "Layer {layer}, maximum of all heads",
        "all-mean": "All layers, mean of all heads",
        "all-max": "All layers, maximum of all heads",
    },
    "head": "layer {layer} head {head}",
    "role": {
        "one": "Layer {layer}, head {head}: {role}.",
        "several": "Layer {layer}, head {head}, the last one chosen: {role}.",
    },
    "what": {"at": "what {name} looks at", "by": "who looks at {name}"},
    "several": {
        "at": "what {names} look at (mean of {count} queries)",
        "by": "who looks at {names} (sum over {count} keys)",
    },
    "title": "{who}: {what}",
    "patch": "patch {name}",
    "patches": "patches {first} to {last}, {rows} × {columns}",
    "named": "",
    "token": "“{name}”",
    "placed": "{name} ({position})",
    "nothing": "nothing",
    "over": "Above 100\u00a0%: the weights of several tokens are added up.",
    "unquoted": ["[", "<"],
    "special": {"at": "{percent} to {name}", "by": "{percent} from {name}"},
    "percent": {
        "zero": "0\u00a0%",
        "least": 0.00001,
        "below": "<\u20090.001\u00a0%",
        "limits": [0.0995, 0.00995, 0.000995],
        "unit": "\u00a0%",
    },
}


def listed(names: Sequence[str]) -> str:
    """Up to four names, or the first two and the last of more: "“it”, “is”, … “big”"."""
    return ", ".join(names) if len(names) <= MOST_NAMED else f"{names[0]}, {names[1]}, … {names[-1]}"


def who(view: View, wording: Wording) -> str:
    """Which heads are looked through: "Layer 3, head 1"."""
    heads = heads_named(view.heads, wording)
    return wording["who"][heads_name(view.scope, view.reduction)].format(
        layer=view.layer, head=view.head, count=len(heads), heads=listed(heads)
    )


def heads_named(heads: Sequence[Head], wording: Wording) -> list[str]:
    """What to call each: "layer 3 head 1"."""
    return [wording["head"].format(layer=layer, head=head) for layer, head in heads]


def what(names: str, direction: Direction, count: int = 1) -> str:
    """What is seen of so many: "what “it” looks at"; the names are as `headlens.viz.view.words.names_of` gives them."""
    if count == 1:
        return WORDING["what"][direction].format(name=names)
    return WORDING["several"][direction].format(names=names, count=count)


def title(view: View, names: str, wording: Wording) -> str:
    """Both in one line: "Layer 3, head 1: what “it” looks at"."""
    return wording["title"].format(who=who(view, wording), what=what(names, view.direction, len(view.chosen)))


def percent(weight: float) -> str:
    """51 %, and with more decimals the smaller it is: 8.7 %, 0.87 %, 0.087 %; the spaces do not break."""
    words = WORDING["percent"]
    if weight < words["least"]:
        return words["below"] if weight > 0 else words["zero"]
    decimals = sum(weight < limit for limit in words["limits"])
    return f"{100 * weight:.{decimals}f}{words['unit']}"
