"""What is known of the positions that a head looks from and at."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

Fact = Literal[
    "within",  # queries and keys are the same positions
    "sequence",  # tokens or frames, one after the other
    "both ways",  # of which each may look at later ones
    "causal",  # or at none of those
    "text",  # the keys are tokens of a text
    "residues",  # they are residues of a protein
    "patches",  # they are patches in rows and columns, behind what is said of them
    "photo",  # of a photo
    "norms",  # and it is known which are of a high norm
]
NOWHERE = -1  # the word of a token that is part of none
HIGH = 3.0  # times the median: the norm from which a patch counts as high


@dataclass(frozen=True, eq=False)
class Positions:
    """What each position of one input is, and what is known of all of them together.

    Or of several inputs, whose axis comes first, see `stacked`.
    """

    facts: frozenset[Fact]
    special: np.ndarray  # [..., key] bool: special tokens, and of a causal model the first token: what heads rest on
    ids: np.ndarray  # [..., key] int, equal where the token is the same
    words: np.ndarray  # [..., key] int, which word it is part of; NOWHERE: of none
    punctuation: np.ndarray  # [..., key] bool: nothing but punctuation marks or line breaks
    ends: np.ndarray  # [..., key] bool: of these, what ends a sentence or a line
    prefix: int = 0  # positions before the patches
    grid: tuple[int, int] | None = None  # (rows, columns) of the patches
    patch: tuple[float, float] = (1.0, 1.0)  # (height, width) of one in pixels
    high_norm: np.ndarray | None = None  # [..., key] bool; None: not known

    @property
    def count(self) -> int:
        return int(self.special.shape[-1])

    @property
    def layout(self) -> tuple[object, ...]:
        """What inputs have in common that can be stacked."""
        return self.facts, self.count, self.prefix, self.grid, self.patch

    @cached_property
    def content(self) -> tuple[object, ...]:
        """All that is known, to be compared."""
        arrays = self.special, self.ids, self.words, self.punctuation, self.ends, self.high_norm
        return self.layout, *(None if array is None else (array.shape, array.tobytes()) for array in arrays)

    @property
    def free(self) -> np.ndarray:
        """[..., key] bool: what is left when special tokens are taken away; in a photo the patches alone."""
        if self.grid is None:
            return ~self.special
        patches: np.ndarray = np.arange(self.count) >= self.prefix
        return patches

    def cells(self, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How many rows and columns of the grid lie between queries and keys, [query, key] each; nan if not patches."""
        assert self.grid is not None
        places = np.arange(self.count) - self.prefix
        axes = np.array(np.divmod(places, self.grid[1]), np.float32)
        found = np.where(places >= 0, axes, np.float32(np.nan))
        row, column = (np.abs(axis[queries, None] - axis) for axis in found)
        return row, column


def stacked(several: Sequence[Positions]) -> Positions:
    """Positions of inputs of one layout, [input, key]; where all are the same, those of one, [key]."""
    first = several[0]
    if all(each.content == first.content for each in several):
        return first
    norms = [each.high_norm for each in several if each.high_norm is not None]
    return replace(
        first,
        special=np.stack([each.special for each in several]),
        ids=np.stack([each.ids for each in several]),
        words=np.stack([each.words for each in several]),
        punctuation=np.stack([each.punctuation for each in several]),
        ends=np.stack([each.ends for each in several]),
        high_norm=np.stack(norms) if norms else None,
    )


def high_norm(norms: np.ndarray, prefix: int = 0) -> np.ndarray:
    """Patches whose norm is HIGH times the median of all patches' or more: norms [key] -> [key] bool.

    Darcet et al. 2024, "Vision Transformers Need Registers", section 2.1, take a fixed norm between the two humps of
    the distribution of one model (150, of DINOv2 ViT-g). For any model: there some 2 % of the patches are of a norm
    roughly ten times as high, so that the median is a normal patch's, and HIGH lies between the humps. Where there is
    one hump, no patch is high: models smaller than ViT-L have no such patches (figure 4c).
    """
    found: np.ndarray = norms >= HIGH * np.median(norms[prefix:])
    return found & (np.arange(len(norms)) >= prefix)
