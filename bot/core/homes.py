"""What somebody sees on the Home tab, and what of it waits for that person.

Knows: who sees what, which credentials age, which page there is. Must not know: how facts are kept, wording, Slack.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.core import approvals as rules
from bot.core.approvals import Allowed, Groups, Policy
from bot.core.credentials import OLD
from bot.core.home_notices import Aging, Viewer
from bot.core.people import CannotTell, PersonOutcome, Standing
from storage.records import Approval, Credential, Release

ENDING = timedelta(days=14)
"""How long before its end a credential is shown: somebody needs time to get another."""


def viewer(person: PersonOutcome) -> Viewer:
    """Return who looks."""
    if isinstance(person, CannotTell):
        return Viewer.UNTOLD
    if person.standing is Standing.GUEST:
        return Viewer.GUEST
    if person.standing is not Standing.MEMBER:
        return Viewer.OUTSIDER
    return Viewer.ADMIN if person.admin else Viewer.MEMBER


def waits_for(
    person: PersonOutcome, release: Release, policy: Policy, votes: Sequence[Approval], groups: Groups
) -> bool:
    """Whether a release that waits for approvals waits for this person: one who may approve, and has not decided."""
    if isinstance(person, CannotTell) or any(vote.user == person.user for vote in votes):
        return False
    return isinstance(rules.eligible(policy, person, release.requested_by, groups), Allowed)


def aging(credential: Credential, now: datetime) -> Aging | None:
    """Return why a credential needs somebody; None where it needs nobody."""
    if credential.refused_at is not None:
        return Aging.REFUSED
    ends = credential.expires_at
    if ends is not None and ends <= now + ENDING:
        return Aging.ENDED if ends <= now else Aging.ENDS
    return Aging.OLD if credential.added_at <= now - OLD else None


def pages(total: int, size: int) -> int:
    """Return how many pages there are; one at least."""
    return max(1, -(-total // size))
