"""Rows of a matrix whose query looks at nothing: hatched, for a weight of zero is another thing."""

from itertools import groupby
from urllib.parse import quote

import numpy as np

WIDTH = 720  # pixels of the pattern, which is stretched over a row
SVG = (
    "<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}'><pattern id='h' width='8' height='8' "
    "patternUnits='userSpaceOnUse' patternTransform='rotate(45)'><path d='M1 0V8' stroke='#888'/></pattern>"
    "<rect width='100%' height='100%' fill='url(#h)'/></svg>"
)


def looks_at_nothing(weights: np.ndarray) -> np.ndarray:
    """[query] bool: whether all weights of a row [query, key] are zero, to the bit."""
    nothing: np.ndarray = (weights == 0).all(axis=-1)
    return nothing


def hatched(nothing: np.ndarray, num_keys: int) -> list[dict[str, object]]:
    """Layout images of Plotly that hatch these rows, [query] bool, neighbours together; their cells must be empty.

    viz/explorer/js/matrix.js has the same.
    """
    images: list[dict[str, object]] = []
    for is_nothing, rows in groupby(range(len(nothing)), key=lambda row: bool(nothing[row])):
        first, *rest = rows
        if is_nothing:
            size = {"sizex": num_keys, "sizey": 1 + len(rest)}
            svg = SVG.format(width=WIDTH, height=max(1, round(WIDTH * (1 + len(rest)) / num_keys)))
            place = {"xref": "x", "yref": "y", "x": -0.5, "y": first - 0.5, **size}
            images.append(
                {"source": f"data:image/svg+xml,{quote(svg)}", "sizing": "stretch", "layer": "below", **place}
            )
    return images
