"""Letting a workflow's `confirm` job run, following it, and taking its end for evidence.

Knows: the order of questions; what is written down before the forge is asked. Must not know: Slack, what an answer means.

One step is a few looks and one act at most. A start can't be looked for at once, so it is never asked for twice: that it
begins is written before, with the runs that are there, and whoever finds it begun only waits for a new one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot import codec, measuring
from bot.core import confirming as decide
from bot.core import intents, notices
from bot.core.approvals import Allowed, Denied, Eligibility, Refusal
from bot.core.confirm_notices import ConfirmAnswer, Heard
from bot.core.confirming import Decision, End, Progress, Situation, Start
from bot.core.forge import Conclusion, HeadFacts, JobFacts, Nothing, Repo, RunFacts, Unsure
from bot.core.outcomes import TryLater
from bot.core.polling import LONGEST_WAIT
from bot.core.repositories import WorkflowFacts
from bot.core.workflow_text import FOLDER
from bot.forge.workflow_file import read_workflow
from bot.workflow import publishers
from bot.workflow.asking import policy_of_target
from bot.workflow.faults import next_try
from bot.workflow.gathering import SILENT, within
from bot.workflow.hands import Hands, packed, unpacked
from bot.workflow.ports import Setting
from bot.workflow.publishers import Publishers
from bot.workflow.rights import may_push
from bot.workflow.telling import SHIPBELL, write_down
from storage.ledger import confirmations as ledger
from storage.ledger import outbox
from storage.ledger import publishers as publisher_ledger
from storage.ledger.outbox import Destination
from storage.ledger.troubles import Faulty
from storage.records import (
    Confirmation,
    ConfirmationReason,
    ConfirmationState,
    InboxItem,
    Publisher,
    PublisherState,
    Reason,
    StartBy,
)

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=5)
"""Longer than all requests of one step together may take."""
AFTER_A_FAULT = timedelta(minutes=1)
LATE = TryLater(Reason.TIMED_OUT, "the index did not answer in time")


async def before(hands: Hands, item: InboxItem, wish: intents.ConfirmNow) -> Eligibility:
    """Look up whether somebody may have a confirmation run: those who may push, where the policy wants that."""
    async with hands.database.reading() as session:
        publisher = await publisher_ledger.get(session, item.team_id, UUID(wish.publisher_id))
    target = publisher.registration if publisher else None
    if target is None or not (await policy_of_target(hands, item.team_id, target)).rights:
        return Allowed()
    return await may_push(hands, item.team_id, item.actor, target)


async def carry_out(
    session: AsyncSession,
    hands: Hands,
    item: InboxItem,
    wish: intents.ConfirmNow,
    verdict: Eligibility | None,
) -> notices.Notice:
    """Write down that somebody wants a run, and return what that person is answered."""
    publisher = await publisher_ledger.get(session, item.team_id, UUID(wish.publisher_id))
    if publisher is None:
        return notices.UnknownProject("", "")
    if not isinstance(verdict, Allowed):
        no = verdict or Refusal(Denied.CANNOT_TELL)
        return ConfirmAnswer(publisher.registration, Heard.DENIED, no.why, no.detail)
    if publisher.state is not PublisherState.PENDING:
        return ConfirmAnswer(publisher.registration, Heard.MOVED_ON)
    now = hands.clock()
    if not await ledger.ask(session, publisher, item.actor, now):
        return ConfirmAnswer(publisher.registration, Heard.ALREADY)
    asked = (item.actor, "publisher.confirm_asked", publisher.registration.subject)
    await write_down(session, item.team_id, asked, now)
    return ConfirmAnswer(publisher.registration, Heard.STARTED)


@dataclass(frozen=True, slots=True)
class Confirming:
    """The confirmations on their concrete parts."""

    hands: Hands
    publishers: Publishers
    setting: Setting

    async def claim(self, limit: int) -> Sequence[Confirmation]:
        """Take what is due."""
        return await self.hands.take(ledger.claim, LEASE, limit)

    async def next_due(self) -> datetime | None:
        """Return when the next one is due."""
        return await self.hands.due(ledger.next_due())

    async def nudge(self, owner: str, repository: str) -> int:
        """Let every one that follows a run of this repository be looked at now."""
        async with self.hands.database.transaction() as session:
            return await ledger.nudge(session, owner, repository, self.hands.clock())

    async def advance(self, row: Confirmation) -> None:
        """Do the next step of a claimed one. A fault costs this row a minute, never the others anything."""
        try:
            await self._advance(row)
        except Exception as error:
            log.exception("confirmation failed", confirmation=str(row.id), team=str(row.team_id))
            now, what = self.hands.clock(), Faulty("confirmation", row.id, row.team_id)
            await self._rest(row, await next_try(self.hands.database, what, error, AFTER_A_FAULT, now) - now)

    async def _rest(self, row: Confirmation, wait: timedelta) -> None:
        async with self.hands.database.transaction() as session:
            measuring.held(
                "confirmations",
                await ledger.move(session, row, self.hands.owner, next_at=self.hands.clock() + wait),
            )

    async def _advance(self, row: Confirmation) -> None:
        async with self.hands.database.reading() as session:
            publisher = await publisher_ledger.get(session, row.team_id, row.publisher_id)
            assert publisher is not None
            others = await publisher_ledger.open_on(session, row.team_id, publisher.registration.index)
        if publisher.registration.index not in self.hands.index.names():
            # The operator has taken the index out of the settings; it may come back.
            await self._rest(row, LONGEST_WAIT)
            return
        shared = any(decide.shares_identity(publisher.registration, one.registration) for one in others)
        at = self.publishers.situation(publisher)
        seen = Situation(row, at, unpacked(Progress, row.progress), shared)
        decision = decide.over(seen) or await self._step(seen)
        if decision is not None:
            await self._write(seen, decision)

    async def _step(self, seen: Situation) -> Decision | None:
        """Do the next step; None where the claim was lost before anything was done."""
        if seen.confirmation.run_id is not None:
            return await self._follow(seen, seen.confirmation.run_id)
        if seen.confirmation.state is ConfirmationState.BEGUN:
            runs = self.hands.forge.runs(_repo(seen), seen.registration.workflow, "", StartBy.DISPATCH)
            return decide.after_search(seen, await within(runs, SILENT))
        return await self._start(seen)

    async def _start(self, seen: Situation) -> Decision | None:
        hands, where, workflow = self.hands, _repo(seen), seen.registration.workflow
        head = await within(hands.forge.head(where), SILENT)
        facts = await self._facts(seen, head)
        runs = await within(hands.forge.runs(where, workflow, "", StartBy.DISPATCH), SILENT)
        start = decide.before_start(seen, head, facts, runs)
        if not isinstance(start, Start):
            return start
        now = hands.clock()
        async with hands.database.transaction() as session:
            if not measuring.held(
                "confirmations",
                await ledger.begin(session, seen.confirmation, hands.owner, packed(start.progress), now),
            ):
                return None
        begun = replace(seen.confirmation, state=ConfirmationState.BEGUN, begun_at=now)
        seen = replace(seen, confirmation=begun, progress=start.progress)
        done = await hands.forge.dispatch(where, workflow, start.progress.branch, decide.INPUTS)
        return decide.after_start(seen, done)

    async def _facts(
        self, seen: Situation, head: HeadFacts | Nothing | Unsure
    ) -> WorkflowFacts | Unsure | None:
        """Return what the workflow on the default branch says; None where there is none."""
        if not isinstance(head, HeadFacts):
            return None
        path = f"{FOLDER}{seen.registration.workflow}"
        text = await within(self.hands.forge.text(_repo(seen), path, head.commit.sha), SILENT)
        if isinstance(text, Unsure):
            return text
        return read_workflow(text) if isinstance(text, str) else None

    async def _follow(self, seen: Situation, run_id: int) -> Decision:
        where = _repo(seen)
        run = await within(self.hands.forge.run(where, run_id), SILENT)
        strange = decide.not_ours(seen, run)
        if strange is not None:
            return strange
        assert isinstance(run, RunFacts)
        if run.ended:
            return await self._ended(seen, run)
        waits = run.status == "waiting"
        waiting = await within(self.hands.forge.waiting(where, run_id), SILENT) if waits else ()
        return decide.following(seen, run, waiting)

    async def _ended(self, seen: Situation, run: RunFacts) -> Decision:
        where = _repo(seen)
        jobs = await within(self.hands.forge.jobs(where, run.id), SILENT)
        if isinstance(jobs, Unsure):
            return decide.again(seen, jobs)
        job = decide.confirm_job(jobs if isinstance(jobs, tuple) else ())
        if job is None or not job.id:
            return decide.ended(seen, End(run, job, Nothing()))
        said = await within(self.hands.forge.log_tail(where, job.id), SILENT)
        return decide.ended(seen, await self._looked(seen, End(run, job, said), job))

    async def _looked(self, seen: Situation, end: End, job: JobFacts) -> End:
        """Look beside the log at what the end wants to know: the project on the index, or the environment's rules."""
        target = seen.registration
        if job.conclusion is Conclusion.SUCCESS:
            return replace(
                end, simple=await within(self.hands.index.simple(target.index, target.project), LATE)
            )
        if isinstance(end.log, str) and end.log:
            return end
        return replace(end, environments=await within(self.setting.environments(_repo(seen)), SILENT))

    async def _write(self, seen: Situation, decision: Decision) -> None:
        """Write what a step has decided; what it proves of the publisher is written in the same transaction."""
        now, row = self.hands.clock(), seen.confirmation
        values = {
            "state": decision.state, "reason": decision.reason, "run_id": decision.run_id,
            "progress": packed(decision.progress), "next_at": decision.next_at,
        }  # fmt: skip
        async with self.hands.database.transaction() as session:
            if not measuring.held(
                "confirmations", await ledger.move(session, row, self.hands.owner, **values)
            ):
                log.info("claim lost", confirmation=str(row.id))
                return
            await self._proven(session, seen, decision, now)
            waits = seen.publisher.publisher.state is PublisherState.PENDING
            for notice in decision.say if waits else ():
                await _tell(session, row, seen.publisher.publisher, notice, now)
            if decision.next_at is None:
                await self._written_down(session, seen, decision, now)

    async def _proven(
        self, session: AsyncSession, seen: Situation, decision: Decision, now: datetime
    ) -> None:
        """Write what follows for the publisher; where it was confirmed meanwhile, only what else says so."""
        publisher, follows = seen.publisher.publisher, decision.of_publisher
        if follows is not None and publisher.state is PublisherState.PENDING:
            await publishers.write(session, publisher, follows, (None, SHIPBELL), now)
        if follows is not None and follows.evidence is not None:
            for fact in (follows.evidence, *decision.more_evidence):
                await publisher_ledger.keep_evidence(session, publisher, fact)
        elif decision.next_at is None:
            await publisher_ledger.look_soon(session, publisher, now)

    async def _written_down(
        self, session: AsyncSession, seen: Situation, decision: Decision, now: datetime
    ) -> None:
        subject = seen.registration.subject
        well = decision.state is ConfirmationState.CONFIRMED
        action = "publisher.confirm_done" if well else "publisher.confirm_failed"
        reason, url = str(ConfirmationReason(decision.reason)), decision.progress.run_url
        await write_down(
            session, seen.confirmation.team_id, (SHIPBELL, action, subject), now, reason=reason, url=url
        )


async def _tell(
    session: AsyncSession, row: Confirmation, publisher: Publisher, notice: notices.Notice, now: datetime
) -> None:
    """Tell the publisher's channel, once for each kind of notice of a confirmation."""
    kind, facts = codec.pack(notice, notices.KINDS)
    key = f"confirmation:{row.id}:{kind}"
    await outbox.add(session, publisher.team_id, key, Destination(publisher.channel), (kind, facts), now)


def _repo(seen: Situation) -> Repo:
    return Repo(seen.registration.owner, seen.registration.repository)
