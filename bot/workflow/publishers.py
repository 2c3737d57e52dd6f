"""The publisher's lifecycle: load -> decide -> claim -> act.

Knows: the order of steps, what is written before what is asked. Must not know: Slack, HTTP, wording.

Every step looks before it acts and may be killed at any await: what was claimed comes up again, an attempt
whose answer is unknown is looked for in the index's list before it is repeated, and what is said is written
in the same transaction as the state that it tells.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot import measuring
from bot.core import feeds as feeding
from bot.core import polling
from bot.core import publishers as decide
from bot.core.health import WATCHED
from bot.core.lifecycle import PublisherEvent, follow
from bot.core.names import barred
from bot.core.outcomes import (
    Absent,
    ListOutcome,
    Present,
    ProvenanceOutcome,
    Refused,
    RegisterOutcome,
    SimpleOutcome,
    TryLater,
)
from bot.core.publishers import Decision, Look, Situation
from bot.core.queueing import turn
from bot.core.sites import IndexSite
from bot.workflow import credentials as keeping
from bot.workflow.faults import next_try
from bot.workflow.ports import Clock, Index
from bot.workflow.telling import SHIPBELL, rests_on, tell_channel, write_down
from storage.database import Database
from storage.ledger import confirmations, feeds, health, imports, steps
from storage.ledger import credentials as ledger_of_credentials
from storage.ledger import publishers as ledger
from storage.ledger.troubles import Faulty
from storage.records import Credential, CredentialKind, Publisher, PublisherState, Reason, Secret

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=3)
"""Longer than all requests of one step together may take."""
AFTER_A_FAULT = timedelta(minutes=1)
FIRST_LOOK = timedelta(days=1)
"""Time within which it is looked at for the first time how a publisher fares, once the index has it."""


@dataclass(frozen=True, slots=True)
class Publishers:
    """The publisher workflow on its concrete parts."""

    database: Database
    index: Index
    clock: Clock
    base: timedelta
    """Base period of the pollers."""
    owner: UUID
    """This process, as it signs its claims."""

    async def claim(self, index: str, limit: int) -> Sequence[Publisher]:
        """Take due publishers of one index."""
        now = self.clock()
        async with self.database.transaction() as session:
            return await ledger.claim(session, index, self.owner, (now, now + LEASE), limit)

    async def next_due(self, index: str) -> datetime | None:
        """Return when the next publisher of an index is due."""
        return await self.database.ask(ledger.next_due(index), self.clock())

    async def look_now(self, publisher: Publisher) -> None:
        """Advance one publisher out of turn, unless it is being worked on or needs no look any more."""
        now = self.clock()
        async with self.database.transaction() as session:
            mine = await ledger.claim_one(session, publisher, self.owner, (now, now + LEASE))
        if mine:
            await self.advance(publisher)

    async def advance(self, publisher: Publisher) -> None:
        """Do the next step of a claimed publisher. A fault costs this row a minute, never the sweep."""
        try:
            step = self._register if publisher.state is PublisherState.REQUESTED else self._look
            await step(publisher)
        except Exception as error:
            log.exception("publisher step failed", publisher=str(publisher.id), team=str(publisher.team_id))
            now, what = self.clock(), Faulty("publisher", publisher.id, publisher.team_id)
            until = await next_try(self.database, what, error, AFTER_A_FAULT, now)
            async with self.database.transaction() as session:
                measuring.held(
                    "publishers",
                    await ledger.move(session, publisher, self.owner, next_at=until, looked_at=now),
                )

    async def _register(self, publisher: Publisher) -> None:
        name = publisher.registration.index
        site = self.index.site(name)
        simple = await self.index.simple(name, publisher.registration.project)
        existed = {Absent: False, Present: True}.get(type(simple), publisher.existed_before)
        if publisher.existed_before is not None:
            existed = (
                publisher.existed_before
            )  # what was true when it was asked for, not after an attempt of ours
        publisher = replace(publisher, existed_before=existed)
        if barred_as := barred(publisher.registration.project) if existed is False else "":
            refused = Refused(Reason.VALUE_INVALID, barred_as)
            await self._write(publisher, decide.after_register(self.situation(publisher), refused))
            return
        if site.publisher_api is False:
            await self._hand(publisher, simple)
            return
        found = await self._credential(publisher)
        if not isinstance(found, tuple):
            outcome = Refused(found)
            await self._write(publisher, decide.after_register(self.situation(publisher), outcome))
            return
        await self._register_with(publisher, found)

    async def _hand(self, publisher: Publisher, simple: SimpleOutcome) -> None:
        """Give the form to a person, if one of that person's places on the index is free; else it waits for one.

        Whose turn it is and that it had it is read and written in one transaction.
        """
        if publisher.handed_at is None and isinstance(simple, Present):
            # Also where somebody has made it while this one waited: now it needs the form of a project that exists.
            publisher = replace(publisher, existed_before=True)
        at, now = self.situation(publisher), self.clock()
        decision = decide.appeared(at, simple)
        if publisher.existed_before is None and isinstance(simple, TryLater):
            decision = decide.unseen(at, simple)
        async with self.database.transaction() as session:
            if decision is None:
                decision = turn(at, await ledger.places(session, publisher))
            if not await write(session, publisher, decision, (self.owner, SHIPBELL), now):
                return
            if decision.event is PublisherEvent.BY_HAND:
                await ledger.wake_next(session, publisher, now)  # there may be another place

    async def _register_with(self, publisher: Publisher, found: tuple[Credential, Secret]) -> None:
        credential, token = found
        if publisher.unanswered:
            listed = await self._listed(publisher, token)
            if decision := decide.after_recovery(self.situation(publisher), listed):
                await self._write(publisher, decision, _blamed(credential, listed))
                return
        # Written down before the index is asked: if the process dies at the next await, the successor knows
        # that a registration may have arrived.
        async with self.database.transaction() as session:
            if not measuring.held(
                "publishers",
                await ledger.begin_attempt(session, publisher, self.owner, existed=publisher.existed_before),
            ):
                return
            purpose = f"registering {publisher.registration.project}"
            await ledger_of_credentials.used(
                session, publisher.team_id, credential.id, (purpose, self.clock())
            )
        outcome = await self.index.register(publisher.registration, self._copy(token))
        decision = decide.after_register(
            self.situation(replace(publisher, attempts=publisher.attempts + 1)), outcome
        )
        await self._write(publisher, decision, _blamed(credential, outcome))

    async def _look(self, publisher: Publisher) -> None:
        site, begun = self.index.site(publisher.registration.index), self.clock()
        situation = await self._known(publisher, site)
        kept = None if site.publisher_api is False else await self._credential(publisher)
        found = kept if isinstance(kept, tuple) else None
        listed = await self._listed(publisher, found[1]) if found else None
        simple = await self.index.simple(site.name, publisher.registration.project, publisher.etag)
        files = decide.worth_reading(publisher, simple)
        provenances: Sequence[ProvenanceOutcome] = [
            await self.index.provenance(site.name, file.provenance_url) for file in files
        ]
        situation = replace(situation, now=self.clock())
        decision = decide.after_look(situation, Look(listed, simple, provenances, begun))
        await self._write(publisher, decision, _blamed(found[0], listed) if found else None)

    async def _known(self, publisher: Publisher, site: IndexSite) -> Situation:
        """Return the situation with what our own books say: whom the feeds tell, whether a run is under way."""
        async with self.database.reading() as session:
            feed = await feeds.read(session, site.name) if site.feeds else None
            awaits = await confirmations.under_way(session, publisher.team_id, publisher.id)
        fed = feeding.waiting(feed, self.clock(), self.base) if site.feeds else None
        return replace(self.situation(publisher), fed=fed, awaits_run=awaits)

    async def _listed(self, publisher: Publisher, token: Secret) -> ListOutcome:
        name, project = publisher.registration.index, publisher.registration.project
        return await self.index.publishers(name, project, self._copy(token))

    def _copy(self, token: Secret) -> Secret:
        """Return what is sent of a token. Whoever registers needs one of the entire account, so it is narrowed by time alone."""
        return keeping.sendable(token, self.clock()).secret

    async def _credential(self, publisher: Publisher) -> tuple[Credential, Secret] | Reason:
        """Return the team's token for the index; where none is of use, why."""
        async with self.database.reading() as session:
            found = await ledger_of_credentials.opened(
                session, publisher.team_id, CredentialKind.API_TOKEN, publisher.registration.index
            )
        # One that the index refused is not sent again: a person must replace it.
        if found is None or found[0].refused_at:
            return Reason.NO_CREDENTIAL
        # One that is bound to projects can't register, and is not to be refused for that: it serves uploads.
        return Reason.TOKEN_SCOPE if found[0].account_wide is False else found

    def situation(self, publisher: Publisher) -> Situation:
        """Return what decisions about a publisher need besides answers."""
        return Situation(
            publisher=publisher,
            site=self.index.site(publisher.registration.index),
            now=self.clock(),
            base=self.base,
            form=self.index.by_hand(publisher.registration, project_exists=publisher.existed_before),
        )

    async def _write(
        self, publisher: Publisher, decision: Decision, blamed: tuple[Credential, str] | None = None
    ) -> None:
        now = self.clock()
        async with self.database.transaction() as session:
            if not await write(session, publisher, decision, (self.owner, SHIPBELL), now):
                return
            if blamed is not None:
                credential, detail = blamed
                await keeping.refused(session, credential, self.index, detail, now)
            if decision.event is PublisherEvent.PROVEN:
                await self._offer_to_revoke(session, publisher, now)

    async def _offer_to_revoke(self, session: AsyncSession, publisher: Publisher, now: datetime) -> None:
        """Tell who added a token, once, that a project publishes without it from now on."""
        target = (publisher.registration.index, publisher.registration.project)
        found = await keeping.unneeded(session, publisher.team_id, target, self.index)
        if found is not None:
            credential, notice = found
            await keeping.tell_owner(session, credential, notice, "unneeded", now)


async def write(
    session: AsyncSession,
    publisher: Publisher,
    decision: Decision,
    by: tuple[UUID | None, str],
    now: datetime,
) -> bool:
    """Write a decision, say what it says, keep its evidence; False where somebody was faster. `by` is (claim, actor)."""
    owner, actor = by
    after = follow(publisher.state, decision.event)
    values = _columns(publisher, decision, now)
    frees = after not in {PublisherState.REQUESTED, PublisherState.PENDING}
    if frees:
        await ledger.places(session, publisher)  # locked in one order by all who change what a person has
    if not measuring.held("publishers", await ledger.move(session, publisher, owner, **values)):
        log.info("claim lost", publisher=str(publisher.id), lost=decision.event.name)
        return False
    if decision.evidence:
        await ledger.keep_evidence(session, publisher, decision.evidence)
    for notice in decision.say:
        await tell_channel(session, publisher, notice, now)
    if after is not publisher.state:
        await _tend(session, publisher, after, now)
    if _is_news(publisher, decision):
        await steps.touch(session, publisher.team_id, now, publisher_id=publisher.id)
        await imports.nudge(session, publisher, now)
        subject = publisher.registration.subject
        reason = str(values.get("reason", publisher.reason))
        await write_down(
            session,
            publisher.team_id,
            (actor, f"publisher.{after}", subject),
            now,
            reason=reason,
            **rests_on([decision.evidence] if decision.evidence else []),
        )
    return True


async def _tend(session: AsyncSession, publisher: Publisher, after: PublisherState, now: datetime) -> None:
    """Let it be looked at how the publisher fares for as long as the index has it; who waits for its place is woken."""
    if after in WATCHED:
        await health.begin(session, publisher, polling.slot(publisher.id, now, FIRST_LOOK))
    else:
        await health.end(session, publisher.team_id, publisher.id)
    if after not in {PublisherState.REQUESTED, PublisherState.PENDING}:
        await ledger.wake_next(session, publisher, now)  # whatever place it had on the index is free


def _is_news(publisher: Publisher, decision: Decision) -> bool:
    """Whether something has become of it, and not only another look."""
    queued = decision.event is PublisherEvent.QUEUED and publisher.queued_at is None
    moved = follow(publisher.state, decision.event) is not publisher.state
    return moved or queued or decision.event is PublisherEvent.BY_HAND


def _columns(publisher: Publisher, decision: Decision, now: datetime) -> dict[str, Any]:
    values = dict(decision.values)
    after = follow(publisher.state, decision.event)
    if after is not publisher.state:
        values |= {"state": after, "state_at": now}
    if publisher.existed_before is not None:
        values.setdefault("existed_before", publisher.existed_before)
    return values


def _blamed(
    credential: Credential, outcome: RegisterOutcome | ListOutcome | None
) -> tuple[Credential, str] | None:
    """Return the credential and what the index said of it, where it is the credential that was refused."""
    if isinstance(outcome, Refused) and outcome.blames_token:
        return credential, outcome.detail
    return None
