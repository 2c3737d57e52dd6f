"""Watches: a version that appears on the index without an approved release is told, once, in the project's channel.

Knows: when a project is watched, what is written together. Must not know: what a look means, wording.

What a look has brought is written in the same transaction as what is said of it, under the lease: killed at any await,
the next look finds the same versions new.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot import codec, measuring
from bot.core import approvals as rules
from bot.core import notices
from bot.core import watching as decide
from bot.core.approvals import Policy
from bot.core.polling import LONGEST_WAIT
from bot.core.progress import Progress
from bot.core.release_notices import Unapproved
from bot.workflow.faults import next_try
from bot.workflow.hands import Hands, unpacked
from bot.workflow.telling import SHIPBELL, write_down
from storage.ledger import outbox, policies, releases, watches
from storage.ledger.outbox import Destination
from storage.ledger.troubles import Faulty
from storage.records import Watch

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=2)
AFTER_A_FAULT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Watching:
    """The watches on their concrete parts."""

    hands: Hands

    async def claim(self, limit: int) -> Sequence[Watch]:
        """Take due watches."""
        return await self.hands.take(watches.claim, LEASE, limit)

    async def next_due(self) -> datetime | None:
        """Return when the next watch is due."""
        return await self.hands.due(watches.next_due())

    async def look(self, watch: Watch) -> None:
        """Look once at a claimed watch. A fault costs this row a minute, never the others anything."""
        try:
            await self._look(watch)
        except Exception as error:
            log.exception("watch failed", project=str(watch.project_id), team=str(watch.team_id))
            now, what = self.hands.clock(), Faulty("watch", watch.project_id, watch.team_id)
            await self._rest(
                watch, await next_try(self.hands.database, what, error, AFTER_A_FAULT, now) - now
            )

    async def _look(self, watch: Watch) -> None:
        hands = self.hands
        async with hands.database.reading() as session:
            wanted = (await policy_of(session, watch.team_id, watch.target.project)).watch
        if not wanted:
            async with hands.database.transaction() as session:
                await watches.forget(session, watch.team_id, watch.project_id)
            return
        if watch.target.index not in hands.index.names():
            # The operator has taken the index out of the settings; it may come back.
            await self._rest(watch, LONGEST_WAIT)
            return
        simple = await hands.index.simple(watch.target.index, watch.target.project, watch.etag)
        await self._write(watch, decide.after_look(watch, simple, hands.clock(), hands.base))

    async def _rest(self, watch: Watch, wait: timedelta) -> None:
        async with self.hands.database.transaction() as session:
            measuring.held(
                "watches", await watches.seen(session, watch, self.hands.owner, self.hands.clock() + wait)
            )

    async def _write(self, watch: Watch, look: decide.Look) -> None:
        async with self.hands.database.transaction() as session:
            if not measuring.held(
                "watches", await watches.seen(session, watch, self.hands.owner, look.next_at, **look.values)
            ):
                log.info("claim lost", watch=str(watch.project_id))
                return
            for version, files in look.appeared.items():
                await self._appeared(session, watch, version, files)

    async def _appeared(self, session: AsyncSession, watch: Watch, version: str, files: int) -> None:
        """Tell of a version, unless an approved release lets it appear."""
        asked = await releases.of_version(session, watch.team_id, watch.project_id, version)
        if any(decide.approved(one, unpacked(Progress, one.progress)) for one in asked):
            return
        now, target = self.hands.clock(), watch.target
        url = self.hands.index.site(target.index).url
        notice = Unapproved(target, url, version, files, decide.farthest(asked))
        key = f"watch:{watch.project_id}:{version}"
        message = codec.pack(notice, notices.KINDS)
        if await outbox.add(session, watch.team_id, key, Destination(watch.channel), message, now):
            subject = f"{target.project} on {target.index} {version}"
            await write_down(
                session, watch.team_id, (SHIPBELL, "release.unapproved", subject), now, files=files
            )


async def policy_of(session: AsyncSession, team_id: UUID, project: str) -> Policy:
    """Return the policy that holds for a project."""
    team, own = await policies.read(session, team_id, project)
    return rules.merged(
        unpacked(Policy, team) if team is not None else None,
        unpacked(Policy, own) if own is not None else None,
    )


async def begin(session: AsyncSession, team_id: UUID, project: str, policy: Policy, now: datetime) -> None:
    """Watch the projects that a policy is for, where it says so.

    Called after the audit trail was written to, whose lock makes a project and a policy that come at once see each other.
    """
    if policy.watch:
        await watches.add(session, team_id, project, now)


async def end(session: AsyncSession, team_id: UUID, project: str, policy: Policy) -> None:
    """Watch the projects that a policy is for no longer, where it says so; before the audit trail is locked."""
    if not policy.watch:
        await watches.drop(session, team_id, project)
