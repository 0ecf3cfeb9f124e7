"""The address holds what is seen: reading it control by control, and writing only what is not as it starts."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

MAX_TEXT = 2_000  # encoded characters of own text; addresses much longer are refused by the server
CHOICES = {
    "of": ("head", "layer-mean", "layer-max", "all-mean", "all-max"),
    "direction": ("at", "by"),
    "order": ("layer", "spread", "distance", "special", "key"),
    "edges": ("crisp", "smooth"),
}


@dataclass(frozen=True)
class View:
    """All that can be chosen about a recording's picture."""

    layer: int
    head: int
    query: int
    of: str = "head"  # one head, or the mean or maximum over the heads of the layer or of all layers
    direction: str = "at"  # what the query looks at, or by what it is looked at
    log: bool = False
    order: str = "layer"  # of the heads in the grid
    key: int = 0  # what order "key" measures: the weight that the query gives to it
    shared: bool = False  # one colour scale for all heads of the grid
    edges: str = "crisp"
    strength: int = 85  # per cent
    matrix: bool = False  # the full matrix is unfolded


@dataclass(frozen=True)
class Bounds:
    """How many layers, heads and tokens there are to choose from."""

    layers: int
    heads: int
    tokens: int

    def of(self, name: str) -> range:
        """The allowed numbers of a field of View."""
        counts = {"layer": self.layers, "head": self.heads, "query": self.tokens, "key": self.tokens}
        return range(10, 101) if name == "strength" else range(counts[name])


def read_view(params: Mapping[str, object], start: View, bounds: Bounds) -> View:
    """The view that params describe; whatever is missing, wrong or hostile in them is as in start.

    Params are an address's strings, or the numbers, strings and truth values of the page's own element.
    """
    read: dict = {name: min(getattr(start, name), bounds.of(name)[-1]) for name in ("layer", "head", "query", "key")}
    for field in dataclasses.fields(View):
        given = params.get(field.name)
        if field.name in CHOICES:
            fits = given in CHOICES[field.name]
        elif isinstance(field.default, bool):
            given = next((truth for written, truth in (("0", False), ("1", True)) if given in (written, truth)), None)
            fits = given is not None
        else:
            given = _whole_number(given)
            fits = given is not None and given in bounds.of(field.name)
        if fits:
            read[field.name] = given
    return dataclasses.replace(start, **read)


def write_view(view: View, start: View) -> dict[str, str]:
    """The parameters that say how a view differs from where the page starts."""
    found, usual = dataclasses.asdict(view), dataclasses.asdict(start)
    return {
        name: str(int(value)) if isinstance(value, bool) else str(value)
        for name, value in found.items()
        if value != usual[name]
    }


def write_texts(texts: tuple[str, ...]) -> dict[str, str] | None:
    """The parameters that hold own texts, or None where these are too long for an address."""
    params = dict(zip(("text", "text2"), texts))
    return params if len(urlencode(params, errors="replace")) <= MAX_TEXT else None


def _whole_number(value: object) -> int | None:
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) < 7 else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None
