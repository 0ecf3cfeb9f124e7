"""All that can be chosen about two heads side by side, and how the address says it."""

from collections.abc import Mapping
from dataclasses import dataclass

from headlens.viz.view.address import read_view, write_view
from headlens.viz.view.view import Bounds, Direction, Edges, View


@dataclass(frozen=True)
class PairView:
    """What is chosen about a head of A beside one of B: one query for both, or one for each."""

    query: int | None  # of A; None: the one that corresponds to B's
    query2: int | None  # of B; None: the one that corresponds to A's
    direction: Direction = "at"
    edges: Edges = "crisp"
    strength: int = 85  # per cent
    matrix: bool = False  # the full matrices are unfolded


QUERIES = ("query", "query2")
SHARED = ("direction", "edges", "strength", "matrix")
PARAMETERS = (*QUERIES, *SHARED)  # of the address
START = View(0, 0, query=-1)


def read_pair(fields: Mapping[str, object], start: PairView, tokens: tuple[int, int]) -> PairView:
    """The view whose fields these are, an address's or the browser's; what is missing or wrong is as in start.

    Args:
        fields: by their names.
        start: where neither query is there, its queries.
        tokens: how many A and B have.
    """
    query, query2 = (_query(fields.get(name), count) for name, count in zip(QUERIES, tokens))
    if query is None and query2 is None:
        query, query2 = start.query, start.query2
    view = read_view({name: fields.get(name) for name in SHARED}, START, Bounds(1, 1, 1))
    return PairView(query, query2, view.direction, view.edges, view.strength, view.matrix)


def write_pair(view: PairView) -> dict[str, str]:
    """The parameters of the address: its queries, and what is not as it always starts."""
    shared = View(0, 0, -1, direction=view.direction, edges=view.edges, strength=view.strength, matrix=view.matrix)
    queries = {name: str(number) for name in QUERIES if (number := getattr(view, name)) is not None}
    return queries | write_view(shared, START)


def _query(value: object, tokens: int) -> int | None:
    query = read_view({"query": value}, START, Bounds(1, 1, tokens)).query
    return None if query < 0 else query
