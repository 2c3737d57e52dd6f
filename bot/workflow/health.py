"""Health: a publisher that is set up is looked at once a day; what broke is told once, and once when it is in order again.

Knows: the order of questions, what is written together. Must not know: what a look means, wording.

What a look has found is written in the same transaction as what is said of it, under the lease: killed at any await, the
next look finds the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot import codec, measuring
from bot.core import health as decide
from bot.core import notices, polling
from bot.core.health import Ailment, Facts, Look, State
from bot.core.health_notices import HealthBroke, HealthMended, TakenOver
from bot.core.intents import TakeOver
from bot.core.outcomes import ProvenanceOutcome, TryLater
from bot.core.setup import SetupFacts, SetupReport, judge
from bot.workflow import showing
from bot.workflow.faults import next_try
from bot.workflow.gathering import within
from bot.workflow.hands import packed, unpacked
from bot.workflow.setups import Setups
from bot.workflow.telling import SHIPBELL, write_down
from storage.ledger import health as ledger
from storage.ledger import outbox, publishers, teams
from storage.ledger.outbox import Destination
from storage.ledger.troubles import Faulty
from storage.records import Health, InboxItem, Publisher, PublisherState, Reason

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=3)
"""Longer than all requests of one look together may take."""
AFTER_A_FAULT = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Tending:
    """The health workflow on its concrete parts."""

    setups: Setups
    owner: UUID
    """This process, as it signs its claims."""
    period: timedelta
    """Between two looks at the same publisher."""

    async def claim(self, limit: int) -> Sequence[Health]:
        """Take those whose look is due."""
        now = self.setups.clock()
        async with self.setups.database.transaction() as session:
            return await ledger.claim(session, self.owner, (now, now + LEASE), limit)

    async def next_due(self) -> datetime | None:
        """Return when the next look is due."""
        return await self.setups.database.ask(ledger.next_due(), self.setups.clock())

    async def look(self, health: Health) -> None:
        """Look once at a claimed publisher. A fault costs this one ten minutes, never the others anything."""
        try:
            await self._look(health)
        except Exception as error:
            log.exception("health look failed", publisher=str(health.publisher_id), team=str(health.team_id))
            now, what = self.setups.clock(), Faulty("health", health.publisher_id, health.team_id)
            await self._rest(health, await next_try(self.setups.database, what, error, AFTER_A_FAULT, now))

    async def check(self, publisher: Publisher) -> SetupReport:
        """Look out of turn, since somebody asks, and return what was found; where somebody looks already nothing is written."""
        now = self.setups.clock()
        async with self.setups.database.transaction() as session:
            health = await ledger.claim_one(session, publisher, self.owner, (now, now + LEASE))
        seen = await self.setups.facts(publisher)
        if health is not None:
            await self._write(health, await self._facts(publisher, seen))
        return judge(seen)

    async def _look(self, health: Health) -> None:
        now = self.setups.clock()
        if now - health.due_at > polling.LATE:
            await self._rest(health, polling.put_off(health.publisher_id, now, self.period))
            return
        async with self.setups.database.reading() as session:
            publisher = await publishers.get(session, health.team_id, health.publisher_id)
        if publisher is None or publisher.state not in decide.WATCHED:
            async with self.setups.database.transaction() as session:
                await ledger.end(session, health.team_id, health.publisher_id)
            return
        if publisher.registration.index not in self.setups.index.names():
            # The operator has taken the index out of the settings; it may come back.
            await self._rest(health, polling.slot(health.publisher_id, now, self.period))
            return
        confirmed = publisher.state is PublisherState.CONFIRMED
        seen = await self.setups.facts(publisher) if confirmed else None
        await self._write(health, await self._facts(publisher, seen))

    async def _facts(self, publisher: Publisher, seen: SetupFacts | None) -> Facts:
        async with self.setups.database.reading() as session:
            team = await teams.get(session, publisher.team_id)
        person = await self.setups.people.person_now(team.slack_team_id, publisher.requested_by)
        if seen is None or publisher.state is not PublisherState.CONFIRMED:
            return Facts(publisher, person)
        return Facts(publisher, person, seen, await self._provenance(publisher, seen))

    async def _provenance(self, publisher: Publisher, seen: SetupFacts) -> ProvenanceOutcome | None:
        file = decide.newest(publisher, seen.simple)
        if file is None or not file.provenance_url:
            return None
        asked = self.setups.index.provenance(publisher.registration.index, file.provenance_url)
        return await within(asked, TryLater(Reason.TIMED_OUT, "the index did not answer in time"))

    async def _rest(self, health: Health, until: datetime) -> None:
        async with self.setups.database.transaction() as session:
            measuring.held("health", await ledger.seen(session, health, self.owner, until))

    async def _write(self, health: Health, facts: Facts) -> None:
        now = self.setups.clock()
        look = decide.after_look(unpacked(State, health.seen), facts, now)
        own = polling.slot(health.publisher_id, now, self.period)
        next_at = min(own, now + self.period / polling.AGAIN) if look.again else own
        values = {"seen": packed(look.state), "troubles": len(look.state.troubles), "looked_at": now}
        async with self.setups.database.transaction() as session:
            if not measuring.held(
                "health", await ledger.seen(session, health, self.owner, next_at, **values)
            ):
                log.info("claim lost", health=str(health.publisher_id))
                return
            await self._tell(session, facts.publisher, look, now)

    async def _tell(self, session: AsyncSession, publisher: Publisher, look: Look, now: datetime) -> None:
        wanted, standing = publisher.registration, sum(one.told for one in look.state.troubles)
        if look.broke:
            url = self.setups.index.site(wanted.index).url
            broke = HealthBroke(
                str(publisher.id), wanted, url, publisher.requested_by, look.broke, standing - len(look.broke)
            )
            await _say(session, publisher, broke, now)
            ailments = ", ".join(one.ailment for one in look.broke)
            did = (SHIPBELL, "publisher.broke", publisher.registration.subject)
            await write_down(session, publisher.team_id, did, now, ailments=ailments)
        if look.mended:
            await _say(session, publisher, HealthMended(wanted, look.mended, standing), now)
            ailments = ", ".join(one.ailment for one in look.mended)
            did = (SHIPBELL, "publisher.mended", publisher.registration.subject)
            await write_down(session, publisher.team_id, did, now, ailments=ailments)


async def take_over(
    session: AsyncSession, item: InboxItem, intent: TakeOver, now: datetime
) -> notices.Notice | None:
    """Let whoever clicked look after a publisher whose asker has left; the channel hears it, once."""
    publisher = await publishers.get(session, item.team_id, UUID(intent.publisher_id))
    if publisher is None:
        return notices.UnknownProject("", "")
    health = await ledger.get(session, item.team_id, publisher.id)
    state = unpacked(State, health.seen) if health is not None else State()
    left = any(
        one.ailment is Ailment.PERSON_LEFT and one.values.get("who") == publisher.requested_by
        for one in state.troubles
    )
    if health is None or not left or not await publishers.hand_over(session, publisher, item.actor):
        return notices.NoLongerPossible(showing.line(publisher))
    after = decide.handed_over(state)
    await ledger.put(session, health, packed(after), len(after.troubles))
    told = TakenOver(publisher.registration, item.actor, publisher.requested_by)
    await _say(session, publisher, told, now)
    did = (item.actor, "publisher.taken_over", publisher.registration.subject)
    await write_down(session, item.team_id, did, now, before=publisher.requested_by)
    return None


async def _say(session: AsyncSession, publisher: Publisher, notice: notices.Notice, now: datetime) -> None:
    # The row is written in the transaction that moved the publisher's health, which is won once.
    key = f"publisher:{publisher.id}:health:{uuid4()}"
    message = codec.pack(notice, notices.KINDS)
    await outbox.add(session, publisher.team_id, key, Destination(publisher.channel), message, now)
