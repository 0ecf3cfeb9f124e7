"""What an atlas measures of every head on each input: the scores of its roles, as data."""

from dataclasses import dataclass

import numpy as np

from headlens.model.analysis.roles.role import Role
from headlens.model.analysis.roles.roles import ROLES

BINS = 100  # of a histogram
FARTHEST = 16_384.0  # tokens, patches or pixels


@dataclass(frozen=True)
class Measure:
    """One number of each head on an input, from 0 to its scale."""

    name: str
    scale: float = 1.0
    logarithmic: bool = False  # bins grow by one factor, for what most often is small

    def edges(self) -> np.ndarray:
        """Where the bins of its histogram begin and end: [BINS + 1]."""
        steps = np.linspace(0.0, 1.0, BINS + 1)
        edges: np.ndarray = (1 + self.scale) ** steps - 1 if self.logarithmic else steps * self.scale
        return edges


def _measure(role: Role) -> Measure:
    return Measure(role.key) if role.unit == "share" else Measure(role.key, FARTHEST, logarithmic=True)


MEASURES = {role.key: _measure(role) for role in ROLES}  # of texts and of photos: those of one name have one scale


def roles_of(kind: str) -> dict[str, Role]:
    """The roles that heads may have on "texts" or on "photos", by name."""
    others = {"patches"} if kind == "texts" else {"sequence", "text", "residues"}
    return {role.key: role for role in ROLES if not role.needs & others}
