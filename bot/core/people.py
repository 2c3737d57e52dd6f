"""Who somebody is in the workspace, as far as it matters for who may decide.

Knows: meanings. Must not know: Slack's API.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Standing(StrEnum):
    """What somebody is in the workspace. Only a MEMBER's approval ever counts."""

    MEMBER = "member"
    GUEST = "guest"
    """Single- or multi-channel guest."""
    BOT = "bot"
    DEACTIVATED = "deactivated"
    STRANGER = "stranger"
    """Of another workspace, met in a shared channel."""
    UNKNOWN = "unknown"
    """Slack knows nobody of that id."""


@dataclass(frozen=True, slots=True)
class Person:
    """One person."""

    user: str
    standing: Standing
    admin: bool = False
    """Whether an owner or admin of the workspace."""
    name: str = field(default="", compare=False)
    """How they are called there, to be shown; "" where Slack did not say."""


@dataclass(frozen=True, slots=True)
class Group:
    """A user group and its members."""

    group: str
    members: frozenset[str]


@dataclass(frozen=True, slots=True)
class CannotTell:
    """Slack did not say, for now or for lack of a scope."""

    detail: str


PersonOutcome = Person | CannotTell
GroupOutcome = Group | CannotTell
