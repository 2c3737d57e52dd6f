"""What people can want of the team: its Home tab, its rules, its audit trail.

Knows: their fields. Must not know: how they are carried out.
Written words are forever: a kind that was ever written keeps its fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class PolicyPart(StrEnum):
    """The dialogs of a policy: all of it, and what is changed together."""

    OVERVIEW = "overview"
    DECIDING = "deciding"
    ROLES = "roles"
    ACTING = "acting"


@dataclass(frozen=True, slots=True)
class OpenHome:
    """Show the person's Home tab."""

    page: int | None = None
    """Which page of the projects; None: the one that it is at."""
    hash: str = ""
    """What Slack calls the tab as it stands; "" where it did not say."""


@dataclass(frozen=True, slots=True)
class ShowAudit:
    """Show who did what, newest first."""

    project: str
    before: int = 0
    """Where the page begins; 0: with the newest."""


@dataclass(frozen=True, slots=True)
class ExportAudit:
    """Give all of who did what as a file, by direct message."""

    project: str
    written_as: str
    """`csv` or `json`."""


@dataclass(frozen=True, slots=True)
class SetPolicy:
    """Change who decides about releases; `project` "" is the whole team's."""

    project: str
    changes: Mapping[str, str]
    """Names of the policy's fields and their new values, as typed and checked."""
    seen: Mapping[str, str] = field(default_factory=dict)
    """What a dialog showed of these fields, as `policy_forms.shown_as` has it; empty for a command, which shows nothing."""


@dataclass(frozen=True, slots=True)
class ShowPolicy:
    """Show who decides about releases."""

    project: str


@dataclass(frozen=True, slots=True)
class ShowPolicyForm:
    """Fill one of the dialogs in which a policy is changed."""

    view_id: str
    project: str
    part: PolicyPart = PolicyPart.OVERVIEW
    channel: str = ""
    """Where the first of the dialogs was opened; "" where that is not known."""


@dataclass(frozen=True, slots=True)
class SetFreeze:
    """Let nothing be released for a time: of one project (a lock), or of all."""

    project: str
    starts_at: datetime | None
    ends_at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class LiftFreeze:
    """End every freeze of a project ("": of all) that stands."""

    project: str
    seen: tuple[str, ...] = ()
    """Those that a dialog showed, by `FreezeLine.name`, and no others; empty for a command, which means them all."""


@dataclass(frozen=True, slots=True)
class AgreePolicy:
    """Agree, as the second person, to a change of policy."""

    change_id: str


@dataclass(frozen=True, slots=True)
class RefusePolicy:
    """Refuse a change of policy that waits, or take it back."""

    change_id: str


@dataclass(frozen=True, slots=True)
class LeaveTeam:
    """Destroy what a team trusted the bot with: Slack says that the app was taken away, or its tokens were."""

    at: datetime
    """When that was, by Slack's clock."""
    why: str
    """Slack's name for it."""


@dataclass(frozen=True, slots=True)
class ChannelLost:
    """Tell whom it concerns that the bot can't speak in a channel any more: Slack says that it is archived, deleted, or that the bot was removed."""

    channel: str
    at: datetime
    """When that was, by Slack's clock."""
    why: str
    """Slack's name for it."""


@dataclass(frozen=True, slots=True)
class ChannelBack:
    """Say at once what waits for a channel: Slack says that it is unarchived, or that the bot was invited."""

    channel: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PersonLeft:
    """Let nothing count any more of somebody who, Slack says, was deactivated."""

    user: str
