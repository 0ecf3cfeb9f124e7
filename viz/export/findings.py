"""What *Does it matter?* found, to be taken away: a figure for print and its numbers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headlens.viz.export.about import About
from headlens.viz.export.cells import Spec, axis, cells, over_photo
from headlens.viz.export.data import guarded, table_of
from headlens.viz.export.drawn import drawn_files, page_of, width_of, written
from headlens.viz.figures.overlay import PhotoLike

ROW, MOST = 22, 22  # pixels of a strip, and of a head's square


@dataclass(frozen=True)
class Finding:
    """One figure and its numbers.

    Args:
        name: of its files.
        heading: above the figure.
        draw: the figure, as wide as it is told in pixels.
        table: the numbers as CSV, in nine digits, a float32's.
    """

    name: str
    heading: str
    draw: Callable[[float], Spec]
    table: Callable[[], str]

    def svg(self, about: About, *, millimetres: int, caption: bool) -> str:
        """The figure; arguments as of `drawn_svg`."""
        spec = self.draw(width_of(millimetres))
        return written(spec, self.heading, about, millimetres=millimetres, caption=caption)

    def files(self, about: About, *, millimetres: int, caption: bool) -> dict[str, Callable[[], bytes]]:
        """All of it by the names of files, each made when it is asked for; arguments as of `svg`."""
        looks: dict[str, Any] = {"millimetres": millimetres, "caption": caption}
        return {
            **drawn_files(self.name, lambda: self.svg(about, **looks)),
            f"{self.name}.html": lambda: self.html(about, **looks).encode(),
            f"{self.name}.csv": lambda: self.table().encode(),
        }

    def html(self, about: About, *, millimetres: int, caption: bool) -> str:
        """The figure as a page of its own."""
        spec = self.draw(width_of(millimetres))
        return page_of(spec, self.heading, about, millimetres=millimetres, caption=caption)


def of_heads(effects: np.ndarray, heading: str, unit: str, *, signed: bool) -> Finding:
    """A number of each head, [layer, head]; nan where it has none."""
    layers, heads = effects.shape
    limit = max(float(np.nanmax(np.abs(effects))), 1e-12)

    def draw(width: float) -> Spec:
        cell = min(width * 0.8 / heads, MOST)
        down = axis("layer", [str(layer) for layer in range(layers)], cell, turned=False)
        across = axis("head", [str(head) for head in range(heads)], cell, turned=False)
        return {"height": cell * layers + 90, **cells(effects, down, across, limit, unit=unit, signed=signed)}

    def table() -> str:
        return table_of(
            ("layer", "head", unit),
            ((layer, head, f"{effects[layer, head]:.9g}") for layer, head in np.ndindex(layers, heads)),
        )

    return Finding("heads", heading, draw, table)


def of_tokens(tokens: Sequence[str], scores: Mapping[str, np.ndarray], heading: str) -> Finding:
    """A number of each token by each method, [token]; each method is drawn in shares of its largest number."""
    shares = np.stack([row / max(float(np.abs(row).max()), 1e-12) for row in scores.values()])
    signed = bool((shares < 0).any())

    def draw(width: float) -> Spec:
        down = axis(None, list(scores), ROW, turned=False)
        across = axis(None, tokens, width * 0.7 / len(tokens), turned=True)
        height = ROW * len(scores) + 150
        return {"height": height, **cells(shares, down, across, 1.0, unit="share of the largest", signed=signed)}

    return Finding("tokens", heading, draw, lambda: _token_table(tokens, scores))


def of_patches(
    photo: PhotoLike, tokens: Sequence[str], scores: Mapping[str, np.ndarray], heading: str, *, prefix: int
) -> list[Finding]:
    """A number of each patch by each method, a figure each; scores are [position], patches behind the prefix."""

    def of(title: str, row: np.ndarray) -> Finding:
        limit = max(float(np.abs(row[prefix:]).max()), 1e-12)
        return Finding(
            "patches-" + "".join(letter if letter.isalnum() else "-" for letter in title.lower()),
            f"{title}: {heading}",
            lambda width: over_photo(photo, row[prefix:], limit, width, unit="score", signed=bool((row < 0).any())),
            lambda: _token_table(tokens, {title: row}),
        )

    return [of(title, row) for title, row in scores.items()]


def _token_table(tokens: Sequence[str], scores: Mapping[str, np.ndarray]) -> str:
    rows = (
        (position, guarded(token), *(f"{row[position]:.9g}" for row in scores.values()))
        for position, token in enumerate(tokens)
    )
    return table_of(("position", "token", *scores), rows)
