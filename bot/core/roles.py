"""The roles of a team: who may do what, beside approving and breaking the glass.

Knows: their names, and how what several policies say of one goes together. Must not know: who fills them, what they allow.
Written words are forever: these lie in the policies' rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What people and user groups can be named for."""

    SETTERS = "setters"
    """Set policy, and freeze everything; admins and owners always may."""
    PUBLISHERS = "publishers"
    """Add, set up, confirm and remove publishers."""
    IMPORTERS = "importers"
    """Set many packages up at once; of the workspace alone."""
    KEEPERS = "keepers"
    """Keep and revoke credentials, and connect indexes."""
    ASKERS = "askers"
    """Ask for releases."""
    YANKERS = "yankers"
    """Ask for yanks."""
    STEERERS = "steerers"
    """Cancel and retry what others asked for."""
    OVERRIDERS = "overriders"
    """Ask in spite of a freeze, and unlock."""
    AUDITORS = "auditors"
    """See the audit trail; of the workspace alone. Admins and owners always may."""


@dataclass(frozen=True, slots=True)
class Holders:
    """People (`U`, `W`) and user groups (`S`) on one of whose lists a holder of the role must be.

    A role may have several: then a holder is on each.
    """

    role: Role
    names: tuple[str, ...]


ADMINS_OTHERWISE = frozenset({Role.SETTERS})
"""Roles that are for admins and owners where nobody is named."""


def lists_of(held: Sequence[Holders], role: Role) -> tuple[tuple[str, ...], ...]:
    """Return the lists on each of which a holder of the role is; none: nobody is named."""
    return tuple(one.names for one in held if one.role is role)


def named(held: Sequence[Holders], role: Role, names: tuple[str, ...]) -> tuple[Holders, ...]:
    """Return the roles with these named for one of them; no names: nobody is named any more."""
    others = [one for one in held if one.role is not role]
    added = [Holders(role, names)] if names else []
    return tuple(sorted([*others, *added], key=lambda one: list(Role).index(one.role)))


def both(first: Sequence[Holders], second: Sequence[Holders]) -> tuple[Holders, ...]:
    """Return the roles as both say: whoever holds one holds it by either."""
    # Where nobody is named for those, they are the admins', who have them anyway: nothing is stricter.
    none = {role for role in ADMINS_OTHERWISE if not (lists_of(first, role) and lists_of(second, role))}
    return tuple(one for one in dict.fromkeys((*first, *second)) if one.role not in none)
