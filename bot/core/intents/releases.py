"""What people can want of releases, and what their channels hear.

Knows: their fields. Must not know: how they are carried out.
Written words are forever: a kind that was ever written keeps its fields.
"""

from dataclasses import dataclass
from datetime import datetime

from storage.records import Hears


@dataclass(frozen=True, slots=True)
class AskRelease:
    """Look at a version, and ask the team for its release."""

    project: str
    version: str
    """A tag or a version, as typed."""
    index: str
    """"" for whichever index the project is on."""
    notes: str = ""
    act_at: datetime | None = None
    override: str = ""
    """Why it is asked for in spite of a freeze; "" where it is not."""
    channel: str = ""
    """"" for the project's own channel."""


@dataclass(frozen=True, slots=True)
class Approve:
    """Approve what was shown."""

    release_id: str
    round: int


@dataclass(frozen=True, slots=True)
class Reject:
    """Reject what was shown."""

    release_id: str
    round: int
    reason: str


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take one's approval back."""

    release_id: str
    round: int


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """Release without the approvals that are wanting, for a reason that everybody hears."""

    release_id: str
    round: int
    reason: str


@dataclass(frozen=True, slots=True)
class CancelRelease:
    """Give a release up before it acts, or after it failed."""

    project: str = ""
    version: str = ""
    release_id: str = ""
    """Set where it was clicked; then project and version are not needed."""


@dataclass(frozen=True, slots=True)
class RetryRelease:
    """Try a failed release again from where it failed."""

    project: str = ""
    version: str = ""
    release_id: str = ""


@dataclass(frozen=True, slots=True)
class ShowReleases:
    """Show the team's releases, or a project's."""

    project: str


@dataclass(frozen=True, slots=True)
class AskYank:
    """Look at a version that is on the index, and ask the team whether people shall yank it there."""

    project: str
    version: str
    reason: str
    index: str = ""
    """"" for whichever index the project is on."""


@dataclass(frozen=True, slots=True)
class TellChannel:
    """Let the channel in which this is typed hear of the ends of a project's releases ("": of all)."""

    project: str
    hears: Hears


@dataclass(frozen=True, slots=True)
class ShowTold:
    """Show what the channel hears in which this is typed."""


@dataclass(frozen=True, slots=True)
class ShowRelease:
    """Fill the dialog that was opened as "loading" with a release, to be looked at and decided on.

    It comes in its turn: what the same person decided a moment ago shows in it.
    """

    view_id: str
    release_id: str


@dataclass(frozen=True, slots=True)
class UnfurlLinks:
    """Show below links to releases how these stand, where somebody has posted them."""

    links: tuple[tuple[str, str], ...]
    """(link, the release's id)."""
    unfurl_id: str = ""
    source: str = ""
    """Slack's names for the place: a message being written, or one that stands (`ts`)."""
    ts: str = ""
