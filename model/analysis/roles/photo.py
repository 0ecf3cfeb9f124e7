"""Roles of heads among the patches of a picture: queries are patches, and [CLS] and registers are taken away."""

from dataclasses import replace

import numpy as np

from headlens.model.analysis.roles.positions import Fact, Positions
from headlens.model.analysis.roles.role import Role, WeightRole

DOSOVITSKIY = "Dosovitskiy et al. 2021, “An Image is Worth 16x16 Words”, figure 7"
PATCHES: frozenset[Fact] = frozenset({"patches"})


def _distance(positions: Positions, queries: np.ndarray) -> np.ndarray:
    return _straight(positions, queries, (1.0, 1.0))


def _pixels(positions: Positions, queries: np.ndarray) -> np.ndarray:
    return _straight(positions, queries, positions.patch)


def _straight(positions: Positions, queries: np.ndarray, size: tuple[float, float]) -> np.ndarray:
    """Straight across the grid, [query, key]; to keys before the patches 0, from what is no patch nan."""
    row, column = positions.cells(queries)
    away: np.ndarray = np.hypot(row * np.float32(size[0]), column * np.float32(size[1]))
    away[:, : positions.prefix] = 0
    return away


def _near(positions: Positions, queries: np.ndarray) -> np.ndarray:
    row, column = positions.cells(queries)
    return _from_patches(positions, queries, (row <= 1) & (column <= 1))


def _row(positions: Positions, queries: np.ndarray) -> np.ndarray:
    row, column = positions.cells(queries)
    return _from_patches(positions, queries, (row == 0) & (column > 0))


def _column(positions: Positions, queries: np.ndarray) -> np.ndarray:
    row, column = positions.cells(queries)
    return _from_patches(positions, queries, (column == 0) & (row > 0))


def _high_norm(positions: Positions, queries: np.ndarray) -> np.ndarray:
    assert positions.high_norm is not None
    return positions.high_norm[..., None, :]


def _from_patches(positions: Positions, queries: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """[query, key] without the rows of what is no patch."""
    return np.where(queries[:, None] >= positions.prefix, counts, np.nan)


def _of_all(distance: WeightRole) -> WeightRole:
    """A distance by all weight."""
    return replace(
        distance,
        key=f"{distance.key}-all",
        name=f"{distance.name}, [CLS] as 0",
        definition="The same by all of its weight, what lies on [CLS] and registers being no distance away.",
        source=f"{DOSOVITSKIY}, as it is often computed: without [CLS], and not made to sum to one again",
        among="all",
    )


NEAR = WeightRole(
    key="near",
    name="near patches",
    definition="The share of the rest that lies on the patch itself and the eight around it.",
    source="Cordonnier et al. 2020, “On the Relationship between Self-Attention and Convolutional Layers”",
    needs=PATCHES,
    counts=_near,
)
ROW = WeightRole(
    key="row",
    name="same row",
    definition="The share of the rest that lies on the other patches of the same row.",
    source="Ho et al. 2019, “Axial Attention in Multidimensional Transformers”",
    needs=PATCHES,
    counts=_row,
)
COLUMN = WeightRole(
    key="column",
    name="same column",
    definition="The share of the rest that lies on the other patches of the same column.",
    source="Ho et al. 2019, “Axial Attention in Multidimensional Transformers”",
    needs=PATCHES,
    counts=_column,
)
REGISTERS = WeightRole(
    key="registers",
    name="patches of a high norm",
    definition="The share of the rest that lies on patches whose vector behind the last layer, before the last norm, "
    "is at least three times as long as the median one: large models keep there what they know of the whole photo.",
    source="Darcet et al. 2024, “Vision Transformers Need Registers”, section 2.1",
    needs=frozenset({"patches", "norms"}),
    counts=_high_norm,
)
CLS = WeightRole(
    key="cls",
    name="[CLS]",
    definition="The share of all weight that lies on the first position, which is no patch.",
    source="Darcet et al. 2024, “Vision Transformers Need Registers”, section 2",
    needs=PATCHES,
    among="all",
    named_from=None,
    counts=lambda positions, queries: (np.arange(positions.count) == 0) & (positions.prefix > 0),
)
DISTANCE = WeightRole(
    key="distance",
    name="distance in patches",
    definition="How many patches away a patch looks on average, straight across the grid, by its weight on patches.",
    source=f"{DOSOVITSKIY} and appendix D.7, there in pixels",
    needs=PATCHES,
    unit="patches",
    named_from=None,
    counts=_distance,
)
PIXELS = WeightRole(
    key="pixels",
    name="distance in pixels",
    definition="How many pixels away a patch looks on average, straight across the photo, by its weight on patches.",
    source=f"{DOSOVITSKIY} and appendix D.7",
    needs=frozenset({"patches", "photo"}),
    unit="pixels",
    named_from=None,
    counts=_pixels,
)
ROLES: tuple[Role, ...] = (NEAR, ROW, COLUMN, REGISTERS, CLS, DISTANCE, _of_all(DISTANCE), PIXELS, _of_all(PIXELS))
