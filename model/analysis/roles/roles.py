"""All roles."""

from headlens.model.analysis.roles import photo, text
from headlens.model.analysis.roles.positions import Fact
from headlens.model.analysis.roles.role import Role

ROLES: tuple[Role, ...] = (*photo.ROLES, *text.ROLES)  # of two that a head plays alike it is called after the first


def roles_for(facts: frozenset[Fact]) -> tuple[Role, ...]:
    """The roles that heads may play on an input of which these facts are true."""
    return tuple(role for role in ROLES if role.needs <= facts)
