"""The release's lifecycle: load -> decide -> claim -> act.

Knows: which step a state is for. Must not know: Slack, HTTP, wording.

Clicks, webhooks, polls and crashes all end in the same `advance`: what was claimed comes up again, every act is looked
for before it is repeated, and what is said is written in the same transaction as the state that it tells.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot import measuring
from bot.core.releases import Decision, Situation
from bot.workflow import acting, asking, uploading, verifying, yanking
from bot.workflow.faults import next_try
from bot.workflow.hands import Hands
from storage.ledger import releases as ledger
from storage.ledger.releases import ALL, Share
from storage.ledger.troubles import Faulty
from storage.records import Release, ReleaseKind, ReleaseState

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=10)
"""Longer than all requests of one step together may take."""
AFTER_A_FAULT = timedelta(minutes=1)


async def publishing(hands: Hands, seen: Situation) -> Decision | None:
    """Follow the job that publishes, or publish."""
    return await (uploading.publish if seen.report.uploads else acting.follow)(hands, seen)


Stepper = Callable[[Hands, Situation], Awaitable[Decision | None]]
STEPS: Mapping[ReleaseState, Stepper] = {
    ReleaseState.REQUESTED: asking.look,
    ReleaseState.VOIDED: asking.look,
    ReleaseState.AWAITING_APPROVAL: asking.remind,
    ReleaseState.APPROVED: asking.begin,
    ReleaseState.TAGGING: acting.act,
    ReleaseState.BUILDING: acting.follow,
    ReleaseState.PUBLISHING: publishing,
    ReleaseState.VERIFYING: verifying.verify,
}


YANK_STEPS: Mapping[ReleaseState, Stepper] = {
    ReleaseState.REQUESTED: yanking.look,
    ReleaseState.VOIDED: yanking.look,
    ReleaseState.AWAITING_APPROVAL: yanking.remind,
    ReleaseState.APPROVED: yanking.begin,
    ReleaseState.VERIFYING: yanking.verify,
}
"""A yank is never in another state: nothing is tagged, started or run for it."""


@dataclass(frozen=True, slots=True)
class Releases:
    """The release workflow on its concrete parts."""

    hands: Hands

    async def claim(self, limit: int, *, share: Share = ALL) -> Sequence[Release]:
        """Take due releases of a share."""
        now = self.hands.clock()
        async with self.hands.database.transaction() as session:
            return await ledger.claim(session, self.hands.owner, (now, now + LEASE), limit, share)

    async def next_due(self, *, share: Share = ALL) -> datetime | None:
        """Return when the next release of a share is due."""
        return await self.hands.due(ledger.next_due(share))

    async def nudge(self, owner: str, repository: str, tag: str = "") -> int:
        """Let every release that waits for this repository, or for approvals of this tag, be looked at now."""
        async with self.hands.database.transaction() as session:
            return await ledger.nudge(session, owner, repository, self.hands.clock(), tag=tag)

    async def advance(self, release: Release) -> None:
        """Do the next step of a claimed release. A fault costs this row a minute, never the others anything."""
        try:
            seen = await self.hands.situation(release)
            decision = await (YANK_STEPS if release.kind is ReleaseKind.YANK else STEPS)[release.state](
                self.hands, seen
            )
            if decision is not None:
                await self.hands.write(seen, decision)
        except Exception as error:
            log.exception("release step failed", release=str(release.id), team=str(release.team_id))
            database, what = self.hands.database, Faulty("release", release.id, release.team_id)
            until = await next_try(database, what, error, AFTER_A_FAULT, self.hands.clock())
            async with database.transaction() as session:
                measuring.held(
                    "releases", await ledger.move(session, release, self.hands.owner, next_at=until)
                )
