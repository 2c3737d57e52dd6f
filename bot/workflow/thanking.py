"""Telling those whose pull requests shipped, once a release is published; the release itself waits for nothing of it.

Knows: the order of steps; what is written down before the forge is asked. Must not know: what an answer means, wording.

One step is a few looks, or one look and one comment, written before the next. A comment is looked for before it is
made; one that a dead process had begun gets time to arrive first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from bot import measuring
from bot.core import thanks as decide
from bot.core.findings import Report
from bot.core.forge import Unsure
from bot.core.polling import LONGEST_WAIT
from bot.core.release_notices import Step
from bot.core.releases import Line
from bot.core.thanks import Thanks
from bot.workflow.asking import policy_now
from bot.workflow.faults import next_try
from bot.workflow.gathering import SILENT, within
from bot.workflow.hands import Hands, packed, page, repo, say, situation, subject, unpacked
from bot.workflow.ports import PullRequests
from bot.workflow.telling import SHIPBELL, write_down
from storage.ledger import releases
from storage.ledger import thanks as ledger
from storage.ledger.troubles import Faulty
from storage.records import Release, ReleaseThanks

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=10)
"""Longer than all requests of one step together may take."""
AFTER_A_FAULT = timedelta(minutes=1)
EARLIER = timedelta(hours=1)
"""How far the forge's clock may be behind ours."""

Led = tuple[Thanks, float | None]
"""How far it has come, and for how many seconds the forge asked us to wait."""


@dataclass(frozen=True, slots=True)
class Thanking:
    """The thanks on their concrete parts."""

    hands: Hands
    forge: PullRequests

    async def claim(self, limit: int) -> Sequence[ReleaseThanks]:
        """Take what is due."""
        return await self.hands.take(ledger.claim, LEASE, limit)

    async def next_due(self) -> datetime | None:
        """Return when the next one is due."""
        return await self.hands.due(ledger.next_due())

    async def advance(self, row: ReleaseThanks) -> None:
        """Do the next step of a claimed one. A fault costs this row a minute, never the others anything."""
        try:
            await self._advance(row)
        except Exception as error:
            log.exception("thanks failed", release=str(row.release_id), team=str(row.team_id))
            now, what = self.hands.clock(), Faulty("thanks", row.release_id, row.team_id)
            await self._rest(row, await next_try(self.hands.database, what, error, AFTER_A_FAULT, now) - now)

    async def _rest(self, row: ReleaseThanks, wait: timedelta) -> None:
        async with self.hands.database.transaction() as session:
            await ledger.rest(session, row, self.hands.owner, self.hands.clock() + wait)

    async def _advance(self, row: ReleaseThanks) -> None:
        thanks = unpacked(Thanks, row.progress)
        async with self.hands.database.reading() as session:
            release = await releases.get(session, row.team_id, row.release_id)
        assert release is not None
        if release.target.index not in self.hands.index.names():
            # The operator has taken the index out of the settings; it may come back.
            await self._rest(row, LONGEST_WAIT)
            return
        if arriving := decide.after_death(thanks):
            await self._write(row, release, arriving, self.hands.base)
            return
        if not (await policy_now(self.hands, release)).thank:
            # The team has changed its mind.
            await self._write(row, release, decide.stopped(thanks), timedelta())
            return
        led = await self._step(row, release, thanks)
        if led is not None:
            after, retry_after = led
            wait = decide.wait(after, self.hands.base, release.id, retry_after)
            await self._write(row, release, after, wait)

    async def _step(self, row: ReleaseThanks, release: Release, thanks: Thanks) -> Led | None:
        """Do the next step; None where the claim was lost before anything was done."""
        if not thanks.compared:
            since = unpacked(Report, release.report).since
            outcome = await within(self.forge.compare(repo(release), since, release.commit), SILENT)
            return decide.after_compare(thanks, outcome), _asked(outcome)
        if thanks.commits:
            return await self._look_up(release, thanks)
        return await self._tell(row, release, thanks)

    async def _look_up(self, release: Release, thanks: Thanks) -> Led:
        where = repo(release)
        for sha in thanks.commits[: decide.AT_ONCE]:
            outcome = await within(self.forge.pulls(where, sha), SILENT)
            thanks = decide.after_lookup(thanks, where, sha, outcome)
            if isinstance(outcome, Unsure) or not thanks.commits:
                return thanks, _asked(outcome)
        return thanks, None

    async def _tell(self, row: ReleaseThanks, release: Release, thanks: Thanks) -> Led | None:
        hands, where = self.hands, repo(release)
        if not thanks.pulls:
            return thanks, None
        since = release.state_at - EARLIER
        said = await within(self.forge.comments(where, thanks.pulls[0], since), SILENT)
        after = decide.after_comments(thanks, release, said)
        if after is not None:
            return after, _asked(said)
        begun = replace(thanks, begun=True)
        async with hands.database.transaction() as session:
            if not measuring.held("thanks", await ledger.keep(session, row, hands.owner, packed(begun))):
                return None
        url = page(hands.index.site(release.target.index).url, release)
        made = await self.forge.comment(where, thanks.pulls[0], decide.comment(release, url))
        return decide.after_comment(begun, made), _asked(made)

    async def _write(self, row: ReleaseThanks, release: Release, thanks: Thanks, wait: timedelta) -> None:
        """Write how far it has come; at its end, say in the thread who was told, in the same transaction."""
        hands, now = self.hands, self.hands.clock()
        async with hands.database.transaction() as session:
            next_at = None if thanks.over else now + wait
            if not measuring.held(
                "thanks", await ledger.move(session, row, hands.owner, packed(thanks), next_at)
            ):
                log.info("claim lost", release=str(release.id), lost="thanks")
                return
            told = decide.told(thanks) if thanks.over else {}
            if not told:
                return
            seen = await situation(session, release, now, hands.base)
            await say(session, hands, seen, Line(Step.THANKED, told))
            await write_down(
                session, release.team_id, (SHIPBELL, "release.thanked", subject(release)), now,
                told=list(thanks.told), untold=[one.number for one in thanks.untold], release=str(release.id),
            )  # fmt: skip


def _asked(outcome: object) -> float | None:
    return outcome.retry_after if isinstance(outcome, Unsure) else None
