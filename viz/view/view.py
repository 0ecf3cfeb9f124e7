"""All that can be chosen about a recording's picture."""

from dataclasses import dataclass
from typing import Literal

from headlens.model.analysis.roles.roles import ROLES
from headlens.viz.view.chosen import Head

# One head; the chosen heads, all heads of the layer, or of all layers, merged
Scope = Literal["head", "heads", "layer", "all"]
Reduction = Literal["mean", "max"]  # how they are merged
Direction = Literal["at", "by"]  # what the query looks at, or what looks at it
Edges = Literal["crisp", "smooth"]  # of the patches
# Of the heads in the grid: by what they score as a role, or by the weight that the query gives to a key
ORDERS = ("layer", *dict.fromkeys(role.key for role in ROLES), "key")


@dataclass(frozen=True)
class View:
    """All that can be chosen about a recording's picture."""

    layer: int
    head: int
    query: int
    scope: Scope = "head"
    reduction: Reduction = "mean"  # always "mean" where the scope is one head, which needs none
    direction: Direction = "at"
    log: bool = False
    order: str = "layer"  # one of ORDERS
    placed: bool = False  # heads stay by layer and head, coloured by what order measures
    key: int = 0  # what order "key" measures: the weight that the query gives to it
    shared: bool = False  # one colour scale for all heads of the grid
    edges: Edges = "crisp"
    strength: int = 85  # per cent
    matrix: bool = False  # the full matrix is unfolded
    queries: tuple[int, ...] = ()  # all that are chosen, the query among them; () where it is the only one
    heads: tuple[Head, ...] = ()  # that scope "heads" merges, the view's own among them; () where it is the only one

    def __post_init__(self) -> None:
        # Views of one picture are equal; and who moves the query or the head away from what is chosen, chose it alone.
        queries = tuple(sorted(set(self.queries)))
        object.__setattr__(self, "queries", queries if len(queries) > 1 and self.query in queries else ())
        heads = tuple(sorted(set(self.heads))) if self.scope == "heads" else ()
        object.__setattr__(self, "heads", heads if len(heads) > 1 and (self.layer, self.head) in heads else ())
        if self.scope == "heads" and not self.heads:
            object.__setattr__(self, "scope", "head")
        if self.scope == "head":
            object.__setattr__(self, "reduction", "mean")

    @property
    def chosen(self) -> tuple[int, ...]:
        """The tokens whose weights are seen: their mean for what they look "at", their sum for what looks at them."""
        return self.queries or (self.query,)


@dataclass(frozen=True)
class Bounds:
    """How many layers, heads and tokens there are to choose from, and which orders of the heads."""

    layers: int
    heads: int
    tokens: int
    orders: tuple[str, ...] = ORDERS

    def of(self, name: str) -> range:
        """The allowed numbers of a field of View."""
        counts = {"layer": self.layers, "head": self.heads, "query": self.tokens, "key": self.tokens}
        return range(10, 101) if name == "strength" else range(counts[name])


def heads_name(scope: Scope, reduction: Reduction) -> str:
    """The one word for which heads are seen: "head", "heads-mean", "layer-max", "all-mean", …"""
    return "head" if scope == "head" else f"{scope}-{reduction}"


def file_name(view: View) -> str:
    """What a file of the view is called: "layer3-head1", "5heads-max" or "all-max"."""
    if view.scope == "head":
        return f"layer{view.layer}-head{view.head}"
    return f"{len(view.heads) or ''}{heads_name(view.scope, view.reduction)}"
