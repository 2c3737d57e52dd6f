"""What somebody's Home tab shows, as facts.

Knows: the parts of the tab. Must not know: wording, Slack, who may see what.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.core.approvals import Policy
from bot.core.health_notices import Fares
from bot.core.notices import CredentialLine
from bot.core.release_notices import FreezeLine
from storage.records import PublisherState, ReleaseKind, ReleaseState


class Viewer(StrEnum):
    """Who looks, as far as it matters for what is shown."""

    MEMBER = "member"
    ADMIN = "admin"
    """Owner or admin of the workspace: sees the settings."""
    GUEST = "guest"
    """Sees what goes on, decides nothing."""
    OUTSIDER = "outsider"
    """Of another workspace, deactivated, a bot: sees nothing of the team."""
    UNTOLD = "untold"
    """Slack did not say who that is, for now."""


@dataclass(frozen=True, slots=True)
class OpenLine:
    """A release that is under way."""

    release_id: str
    project: str
    version: str
    index: str
    state: ReleaseState
    since: datetime
    asked_by: str
    channel: str
    have: int = 0
    """People who approved in this round."""
    need: int = 0
    expires_at: datetime | None = None
    kind: ReleaseKind = ReleaseKind.RELEASE


@dataclass(frozen=True, slots=True)
class HomeProject:
    """A project on one index."""

    project: str
    index: str
    slug: str
    state: PublisherState | None
    """Of its trusted publisher; None where it has none."""
    fares: Fares | None = None
    published: str = ""
    """The version that was published last through the bot; "" where none was."""
    published_at: datetime | None = None


class Aging(StrEnum):
    """Why a credential needs somebody."""

    REFUSED = "refused"
    ENDED = "ended"
    ENDS = "ends"
    OLD = "old"


@dataclass(frozen=True, slots=True)
class AgingLine:
    """A credential that needs somebody, and why."""

    line: CredentialLine
    why: Aging


@dataclass(frozen=True, slots=True)
class HomeSettings:
    """What admins see of the team's settings."""

    policy: Policy
    freezes: tuple[FreezeLine, ...]
    lacks: tuple[str, ...] = ()
    """Slack's scopes that the bot needs and was not granted."""
    install_url: str = ""
    """Where the app is added again; "" where the operator does that."""


@dataclass(frozen=True, slots=True)
class HomePage:
    """Somebody's Home tab."""

    viewer: Viewer
    waiting: tuple[OpenLine, ...] = ()
    """What waits for this person's approval, longest first."""
    waiting_total: int = 0
    open: tuple[OpenLine, ...] = ()
    """What else is under way."""
    open_total: int = 0
    projects: tuple[HomeProject, ...] = ()
    projects_total: int = 0
    page: int = 1
    pages: int = 1
    credentials: tuple[AgingLine, ...] = ()
    credentials_total: int = 0
    settings: HomeSettings | None = None
    """None for whoever is no admin."""
    status_url: str = ""
    """Where the team's status page is; "" where there is none."""
