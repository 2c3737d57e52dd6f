"""What every step of a release works with, and how a step's decision is written.

Knows: the concrete parts as protocols; ledger, outbox and audit in one transaction. Must not know: wording, Slack.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot import codec, measuring
from bot.core import notices
from bot.core.approvals import Policy, Tell
from bot.core.findings import Report
from bot.core.forge import Repo
from bot.core.lifecycle import follow_release
from bot.core.progress import Progress
from bot.core.release_notices import ReleaseShown, ReleaseStep, ReleaseTimeline, Step, VoteLine
from bot.core.releases import Decision, Line, Situation
from bot.core.thanks import wanted
from bot.core.versions import is_prerelease
from bot.workflow.counting import count
from bot.workflow.hearing import spread
from bot.workflow.ports import Clock, Forge, Index, People, Rights
from bot.workflow.telling import SHIPBELL, rests_on, write_down
from storage.database import Database
from storage.ledger import approvals, outbox, steps, thanks
from storage.ledger import releases as ledger
from storage.ledger.outbox import Destination
from storage.questions import Question
from storage.records import Release, ReleaseKind, ReleaseState, Verdict

log = structlog.get_logger(__name__)

T = TypeVar("T")
Claiming = Callable[[AsyncSession, UUID, tuple[datetime, datetime], int], Awaitable[Sequence[T]]]
"""Takes at most so many due rows for an owner, at (now, end of the lease)."""
ENDS = frozenset(
    {
        Step.PUBLISHED,
        Step.FAILED,
        Step.RUN_FAILED,
        Step.REJECTED,
        Step.EXPIRED,
        Step.CANCELLED,
        Step.BROKEN_GLASS,
        Step.YANKED,
    }
)
"""Lines that the channel sees too, not the thread alone: how it ended, and what must be loud."""
DATED = frozenset(
    {
        Step.TAG_MADE,
        Step.TAG_USED,
        Step.RELEASE_MADE,
        Step.DISPATCHED,
        Step.RUN_FOUND,
        Step.DEPLOYMENT_APPROVED,
        Step.BUILT,
        Step.RUN_ENDED,
    }
)
"""Lines whose moment the release's page tells."""
TOGETHER = 8
"""Lines that are said in one message at most."""
BAD_ENDS = frozenset({Step.FAILED, Step.RUN_FAILED, Step.EXPIRED, Step.BROKEN_GLASS})


@dataclass(frozen=True, slots=True)
class Hands:
    """The parts that a release's steps work with."""

    database: Database
    index: Index
    forge: Forge
    people: People
    clock: Clock
    base: timedelta
    """Base period of the pollers."""
    owner: UUID
    """This process, as it signs its claims."""
    web_url: str = ""
    """The forge's pages."""
    rights: Rights | None = None
    """Where it stands who may push; None: nobody can tell."""
    shared: bool = False
    """Whether one GitHub App serves many teams: then nobody acts on a repository without the right to push there."""

    async def situation(self, release: Release) -> Situation:
        """Return what decisions about a release need besides answers."""
        async with self.database.reading() as session:
            return await situation(session, release, self.clock(), self.base)

    async def write(self, seen: Situation, decision: Decision) -> bool:
        """Write a step's decision under the claim; False where somebody was faster."""
        async with self.database.transaction() as session:
            return await write(session, self, seen, decision, (self.owner, SHIPBELL)) is not None

    async def go_on(self, seen: Situation, decision: Decision) -> Situation | None:
        """Write a decision after which the same step goes on, and keep the claim; None where somebody was faster."""
        async with self.database.transaction() as session:
            fresh = await write(session, self, seen, decision, (self.owner, SHIPBELL), keep_lease=True)
        return None if fresh is None else replace(fresh, now=self.clock())

    async def take(self, claim: Claiming[T], lease: timedelta, limit: int) -> Sequence[T]:
        """Take rows that are due, for this process."""
        now = self.clock()
        async with self.database.transaction() as session:
            return await claim(session, self.owner, (now, now + lease), limit)

    async def due(self, question: Question[datetime | None]) -> datetime | None:
        """Return when the next row is due."""
        return await self.database.ask(question, self.clock())

    async def begin(self, release: Release, act: str) -> bool:
        """Write down, before the forge is asked, that an act begins; False where the claim was lost."""
        async with self.database.transaction() as session:
            return measuring.held(
                "releases", await ledger.begin(session, release, self.owner, act, self.clock())
            )


def repo(release: Release) -> Repo:
    """Return the release's repository."""
    return Repo(release.target.owner, release.target.repository)


def packed(value: Any) -> dict[str, Any]:
    """Return a frozen value as JSON types."""
    return codec.pack(value, {"": type(value)})[1]


def unpacked(cls: type[T], fields: Mapping[str, Any]) -> T:
    """Return the value again; what an older version has not written takes its default."""
    return codec.unpack("", fields, {"": cls})


async def situation(session: AsyncSession, release: Release, now: datetime, base: timedelta) -> Situation:
    """Return a release with all that was kept about it."""
    return Situation(
        release=release,
        policy=unpacked(Policy, release.policy),
        report=unpacked(Report, release.report),
        progress=unpacked(Progress, release.progress),
        now=now,
        base=base,
        votes=tuple(await approvals.votes(session, release)),
    )


async def write(
    session: AsyncSession,
    hands: Hands,
    seen: Situation,
    decision: Decision,
    by: tuple[UUID | None, str],
    *,
    keep_lease: bool = False,
) -> Situation | None:
    """Write a decision, say what it says, keep its evidence; None where somebody was faster. `by` is (claim, actor)."""
    release = seen.release
    owner, actor = by
    after = follow_release(release.state, decision.event)
    values = _columns(seen, decision, after)
    if not measuring.held(
        "releases", await ledger.move(session, release, owner, keep_lease=keep_lease, **values)
    ):
        log.info("claim lost", release=str(release.id), lost=decision.event.name)
        return None
    for user in decision.withdrawn:
        await approvals.withdraw(session, release, user, seen.now)
    for evidence in decision.evidence:
        await ledger.keep_evidence(session, release, evidence)
    moved = await ledger.get(session, release.team_id, release.id)
    assert moved is not None
    count(session, release, moved)
    fresh = await situation(session, moved, seen.now, seen.base)
    await show(session, hands, fresh)
    for line in decision.lines:
        await say(session, hands, fresh, line)
    if after is not release.state:
        await steps.touch(session, release.team_id, seen.now, release_id=release.id)
        if after is ReleaseState.PUBLISHED and wanted(fresh.policy, moved, fresh.report):
            await thanks.add(session, moved, seen.now)
        await write_down(
            session, release.team_id, (actor, f"{release.kind}.{after}", subject(release)), seen.now,
            reason=str(values.get("reason", release.reason)), detail=str(values.get("detail", "")),
            release=str(release.id), round=moved.round, commit=moved.commit, **rests_on(decision.evidence),
        )  # fmt: skip
    return fresh


def _columns(seen: Situation, decision: Decision, after: ReleaseState) -> dict[str, Any]:
    values = dict(decision.values)
    if "report" in values:
        values["report"] = packed(values["report"])
    progress = decision.progress or seen.progress
    moments = {str(line.step): seen.now for line in decision.lines if line.step in DATED}
    if moments:
        progress = replace(progress, at={**progress.at, **moments})
    if moments or decision.progress is not None:
        values["progress"] = packed(progress)
    if after is not seen.release.state:
        values |= {"state": after, "state_at": seen.now}
    return values


def subject(release: Release) -> str:
    """Return how the audit trail names a release."""
    return f"{release.target.project} on {release.target.index} {release.version}"


def key(release: Release) -> str:
    """Return the outbox key of a release's one message."""
    return f"release:{release.id}"


async def show(session: AsyncSession, hands: Hands, seen: Situation) -> None:
    """Let the release's one message say how it stands."""
    release = seen.release
    message = codec.pack(shown(hands, seen), notices.KINDS)
    await outbox.show(session, release.team_id, key(release), Destination(release.channel), message, seen.now)


async def say(session: AsyncSession, hands: Hands, seen: Situation, line: Line) -> None:
    """Add a line to the release's timeline; its end is shown in the channel too."""
    release = seen.release
    url = hands.index.site(release.target.index).url
    values = dict(line.values)
    if line.step in {Step.PUBLISHED, Step.ACCEPTED, Step.INSTALLABLE, Step.REHEARSED, Step.YANKED}:
        values.setdefault("url", page(url, release))
    step = ReleaseStep(
        release.target, url, release.version, line.step, values, line.people, kind=release.kind
    )
    await spread(session, release, step, seen.now)
    loud = line.step in ENDS and _wanted(seen, line.step)
    to = Destination(release.channel, parent_key=key(release), broadcast=loud)
    kind, facts = codec.pack(step if loud else ReleaseTimeline((step,)), notices.KINDS)
    if not loud:
        added = (kind, "steps", facts["steps"][0])
        if await outbox.extend(session, release.team_id, to.parent_key, added, TOGETHER):
            return
    # The row is written in the transaction that moved the release, which is won once: no key could say it better.
    await outbox.add(session, release.team_id, f"{key(release)}:{uuid4()}", to, (kind, facts), seen.now)


def _wanted(seen: Situation, step: Step) -> bool:
    """Whether the channel wants to hear of this end."""
    tell = seen.policy.tell
    if step in BAD_ENDS or tell is Tell.ALL:
        return True
    if tell is Tell.FAILURES:
        return False
    return is_prerelease(seen.release.version) is (tell is Tell.PRE)


def page(index_url: str, release: Release) -> str:
    """Return where the index shows the version; "" where it is known to have no such pages."""
    if unpacked(Progress, release.progress).paged is False:
        return ""
    return f"{index_url}/project/{release.target.project}/{release.version}/"


def manage_page(index_url: str, release: Release) -> str:
    """Return where people yank the version."""
    return f"{index_url}/manage/project/{release.target.project}/release/{release.version}/"


def shown(hands: Hands, seen: Situation) -> ReleaseShown:
    """Return the release's one message as facts."""
    release = seen.release
    url = hands.index.site(release.target.index).url
    there = release.state is ReleaseState.PUBLISHED or seen.progress.accepted_at is not None
    where = page(url, release) if there else ""
    if release.kind is ReleaseKind.YANK:
        where = manage_page(url, release) if seen.progress.started else ""
    return ReleaseShown(
        release_id=str(release.id), round=release.round, target=release.target, index_url=url, version=release.version,
        asked_by=release.requested_by, state=release.state, reason=release.reason, detail=release.detail,
        notes=release.notes, report=seen.report, policy=seen.policy,
        votes=tuple(VoteLine(vote.user, vote.verdict, vote.at, vote.reason) for vote in seen.votes),
        # What only counts looks must not change the message.
        progress=replace(seen.progress, looks=0, etag="", known_runs=None),
        since=release.state_at, expires_at=release.expires_at, act_at=release.act_at, rehearsal=release.rehearsal,
        repository_url=f"{hands.web_url}/{release.target.slug}" if hands.web_url else "",
        release_url=where, kind=release.kind, channel=release.channel,
    )  # fmt: skip


def approvers(seen: Situation) -> tuple[str, ...]:
    """Return who has approved in this round."""
    return tuple(vote.user for vote in seen.votes if vote.verdict is not Verdict.REJECTED)
