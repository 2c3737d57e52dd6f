"""Steps of workflows that people built in Slack: run once as whoever ran the workflow, and ended once.

Knows: what a step waits for, what is written together. Must not know: Slack's payloads, wording.

How a step ends is written before Slack is told. Killed in between, Slack is told again, and says that it knows; a run that was
taken on is not taken on twice, by whichever delivery it comes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot import codec, measuring
from bot.core import intents, notices
from bot.core import steps as decide
from bot.core.release_notices import Heard, ReleaseAnswer
from bot.workflow.hands import Hands, page
from bot.workflow.ports import Completer, NeverSay, Said, SayLater
from storage.ledger import publishers, releases
from storage.ledger import steps as ledger
from storage.records import InboxItem, Step, StepState

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=2)
AFTER_A_FAULT = timedelta(minutes=1)
TERM = timedelta(days=30)
"""How long a step waits: as long as a publisher may be pending."""
TRIES = 60
LONGEST_WAIT = 300
UNDER_WAY = frozenset({Heard.ASKED, Heard.OPEN_ALREADY})


def wish(step: intents.RunStep) -> intents.Intent | None:
    """Return what a step wants done, as if the person had asked for it; None where it only waits, or can't be run."""
    return None if step.problems else step.release or step.publisher


async def known(session: AsyncSession, item: InboxItem, step: intents.RunStep) -> bool:
    """Return whether this run was taken on before."""
    return await ledger.known(session, item.team_id, step.execution_id)


async def begin(
    session: AsyncSession,
    item: InboxItem,
    step: intents.RunStep,
    notice: notices.Notice | None,
    now: datetime,
) -> None:
    """Take a run on, in the transaction that did what it wants; `notice` is what the person would have heard."""
    run = (step.execution_id, item.actor)
    if step.problems:
        await _end(session, item, run, decide.StepMisused(step.problems), now)
    elif step.release is not None:
        await _end(session, item, run, _asked(notice), now)
    elif step.publisher is not None and isinstance(notice, notices.AlreadyOpen | notices.ProjectKnown | None):
        wanted = step.publisher.registration
        found = await publishers.newest(session, item.team_id, wanted.project, wanted.index)
        if found is not None:
            await ledger.wait(session, item.team_id, run, (None, found.id), now)
        else:  # the bot uploads it, so there is no publisher to wait for
            known = {"project": wanted.project, "index": wanted.index, "state": "known"}
            await _end(session, item, run, decide.StepDone(known), now)
    elif step.publisher is not None:
        await _end(session, item, run, _refused(notice), now)
    else:
        await _wait(session, item, run, step.waits_for, now)


async def broke_down(
    session: AsyncSession, item: InboxItem, step: intents.RunStep, incident: str, now: datetime
) -> None:
    """End a run that could not be done, by our own fault."""
    ending = _refused(notices.BrokeDown(incident))
    await _end(session, item, (step.execution_id, item.actor), ending, now)


def _asked(notice: notices.Notice | None) -> decide.Ending:
    if not isinstance(notice, ReleaseAnswer) or notice.heard not in UNDER_WAY or not notice.release_id:
        return _refused(notice)
    outputs = {"release_id": notice.release_id, "project": notice.project, "version": notice.version}
    return decide.StepDone(outputs)


def _refused(notice: notices.Notice | None) -> decide.StepRefused:
    kind, facts = codec.pack(notice, notices.KINDS)
    return decide.StepRefused(kind, facts)


async def _wait(
    session: AsyncSession, item: InboxItem, run: tuple[str, str], named: str, now: datetime
) -> None:
    try:
        release = await releases.get(session, item.team_id, UUID(named))
    except ValueError:
        release = None
    if release is None:
        await _end(session, item, run, decide.StepUnknown(named[:100]), now)
        return
    await ledger.wait(session, item.team_id, run, (release.id, None), now)


async def _end(
    session: AsyncSession, item: InboxItem, run: tuple[str, str], ending: decide.Ending, now: datetime
) -> None:
    await ledger.end(session, item.team_id, run, codec.pack(ending, decide.ENDINGS), now)


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps' workflow on its concrete parts."""

    hands: Hands
    completer: Completer

    async def claim(self, limit: int) -> Sequence[Step]:
        """Take due runs."""
        return await self.hands.take(ledger.claim, LEASE, limit)

    async def next_due(self) -> datetime | None:
        """Return when the next run is due."""
        return await self.hands.due(ledger.next_due())

    async def advance(self, step: Step) -> None:
        """Look whether a claimed run has ended, and tell Slack. A fault costs this one a minute, never the others anything."""
        try:
            await self._advance(step)
        except Exception:
            log.exception("step failed", step=str(step.id), team=str(step.team_id))
            await self._rest(step, AFTER_A_FAULT)

    async def _advance(self, step: Step) -> None:
        if step.state is StepState.WAITING:
            ending = await self._look(step)
            if ending is None:
                await self._rest(step, max(self.hands.base, timedelta(seconds=10)))
                return
            kind, facts = codec.pack(ending, decide.ENDINGS)
            async with self.hands.database.transaction() as session:
                if not measuring.held(
                    "steps", await ledger.decided(session, step, self.hands.owner, (kind, facts))
                ):
                    log.info("claim lost", step=str(step.id))
                    return
            step = replace(step, state=StepState.ENDING, ending=kind, facts=facts, attempts=1)
        await self._tell(step)

    async def _look(self, step: Step) -> decide.Ending | None:
        """Return how a run ends, as the rows say; None while it waits."""
        async with self.hands.database.reading() as session:
            release = step.release_id and await releases.get(session, step.team_id, step.release_id)
            publisher = step.publisher_id and await publishers.get(session, step.team_id, step.publisher_id)
        if release:
            ending = decide.of_release(release, page(self._index_url(release.target.index), release))
        elif publisher:
            ending = decide.of_publisher(publisher, self._index_url(publisher.registration.index))
        else:
            ending = decide.StepUnknown(str(step.release_id or step.publisher_id))
        if ending is None and self.hands.clock() - step.created_at > TERM:
            return decide.StepTooLong(TERM.days)
        return ending

    def _index_url(self, name: str) -> str:
        """Return an index's address; "" where the operator has taken it out of the settings."""
        return self.hands.index.site(name).url if name in self.hands.index.names() else ""

    async def _tell(self, step: Step) -> None:
        ending = codec.unpack(step.ending, step.facts, decide.ENDINGS)
        answer = await self.completer.complete(step.slack_team_id, step.execution_id, ending)
        match answer:
            case Said():
                await self._ended(step, StepState.ENDED)
            case NeverSay():
                log.error("step given up", step=str(step.id), error=answer.error)
                await self._ended(step, StepState.GIVEN_UP)
            case SayLater() if step.attempts >= TRIES:
                log.error("step given up", step=str(step.id), error=answer.error)
                await self._ended(step, StepState.GIVEN_UP)
            case SayLater():
                wait = answer.seconds or min(2 ** min(step.attempts, 10), LONGEST_WAIT)
                await self._rest(step, timedelta(seconds=wait))
            case _:
                assert_never(answer)

    async def _ended(self, step: Step, state: StepState) -> None:
        async with self.hands.database.transaction() as session:
            measuring.held("steps", await ledger.ended(session, step, self.hands.owner, state))

    async def _rest(self, step: Step, wait: timedelta) -> None:
        async with self.hands.database.transaction() as session:
            measuring.held(
                "steps", await ledger.rest(session, step, self.hands.owner, self.hands.clock() + wait)
            )
