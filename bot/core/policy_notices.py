"""What the bot has to say about changes of policy that wait for a second person, as facts.

Knows: the notices. Must not know: wording, Slack.
Written words are forever: these lie in the outbox, so a kind keeps its fields, and new fields get defaults.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.core.approvals import Denied, Policy
from storage.records import ChangeState


@dataclass(frozen=True, slots=True)
class PolicyChangeShown:
    """A change of policy in its channel: what it would change, who asked, how it stands."""

    change_id: str
    project: str
    """"" for the workspace's own policy."""
    before: Policy
    after: Policy
    asked_by: str
    expires_at: datetime
    state: ChangeState
    decided_by: str = ""


class ChangeOutcome(StrEnum):
    """Why a click, or a change that was typed, did nothing; only ever grows."""

    OWN = "own"
    """Whoever asked is not the second person."""
    ENDED = "ended"
    OVERTAKEN = "overtaken"
    """The policy has changed since."""
    ASKER_MAY_NOT = "asker_may_not"
    """Whoever asked may not set the policy any more, or nobody can tell."""
    UNKNOWN = "unknown"
    NOBODY_SEES = "nobody_sees"
    """It was typed where nobody else reads."""


@dataclass(frozen=True, slots=True)
class ChangeAnswer:
    """What somebody hears whose click changed nothing."""

    outcome: ChangeOutcome
    project: str
    asked_by: str = ""
    why: Denied | None = None
