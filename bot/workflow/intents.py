"""What people asked for, carried out: one inbox row, one transaction, one answer.

Knows: which intent does what. Must not know: Slack's payloads, wording.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot import codec, measuring
from bot.core import intents, notices
from bot.core import publishers as decide
from bot.core.credential_notices import TokenUnneeded
from bot.core.lifecycle import OPEN, PublisherEvent
from bot.core.permission_notices import DialogShut, NotAllowed
from bot.core.publishers import Decision, Situation
from bot.core.setup import SetupReport
from bot.workflow import (
    adding,
    bulk,
    channels,
    confirming,
    connecting,
    deciding,
    exporting,
    health,
    home,
    leaving,
    showing,
    steps,
)
from bot.workflow import credentials as keeping
from bot.workflow.filling import Filling
from bot.workflow.gate import Asker, Gate
from bot.workflow.hands import Hands
from bot.workflow.health import Tending
from bot.workflow.publishers import Publishers, write
from bot.workflow.setups import WISHES, Setups, Wish
from bot.workflow.telling import VIA, answer
from storage.database import Database, is_away
from storage.ledger import inbox, projects, teams, watches
from storage.ledger import publishers as ledger
from storage.ledger.troubles import DEATHS
from storage.records import InboxItem, Publisher, PublisherState, Reason, StorageError

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=2)
STEP = "step.run"
ATTEMPTS = 5
Did = Awaitable[notices.Notice | None]
ELSEWHERE = (*deciding.DECIDED, *bulk.BULK, *exporting.TRAIL, *leaving.LEFT, *channels.CHANNELS)
"""Intents that a module of their own carries out."""


@dataclass(frozen=True, slots=True)
class Intents:
    """The inbox workflow on its concrete parts."""

    database: Database
    publishers: Publishers
    hands: Hands
    indexes: tuple[str, ...]
    clock: Callable[[], datetime]
    setups: Setups | None = None
    """None: nobody looks at how projects are set up."""
    tending: Tending | None = None
    """None: nobody looks at how publishers fare."""
    secrets_in_slack: bool = True
    """Whether secrets are entered in Slack's dialogs too."""
    filling: Filling | None = None
    """None: nobody fills in dialogs."""

    async def claim(self, limit: int) -> Sequence[InboxItem]:
        """Take what is due."""
        async with self.database.transaction() as session:
            return await inbox.claim(session, self.clock(), LEASE, limit, self.hands.owner)

    async def next_due(self) -> datetime | None:
        """Return when the next intent is due."""
        return await self.database.ask(inbox.next_due(), self.clock())

    async def carry_out(self, item: InboxItem) -> None:
        """Do what was asked, exactly once; a fault is tried again a few times, then told to the person.

        That the database was away is no fault of the intent's: it is raised again, and whoever took the row gives it back, uncounted.
        """
        if item.attempts > ATTEMPTS + DEATHS:
            # Tried so often, and neither done nor failed: a process died of it each time, perhaps.
            log.error("intent given up", kind=item.kind, incident=str(item.id)[:8], attempt=item.attempts)
            await self._failed(item, str(item.id)[:8])
            return
        try:
            intent = _opened(item)
            wish = steps.wish(intent) if isinstance(intent, intents.RunStep) else intent
            before = (Asker(), deciding.Known()) if wish is None else await self._before(item, wish)
            async with self.database.transaction() as session:
                if measuring.held("inbox", await inbox.done(session, item, self.clock())):
                    session.info[VIA] = item.origin
                    if isinstance(intent, intents.RunStep):
                        await self._run(session, item, intent, before)
                    elif notice := await self._allowed(session, item, intent, before):
                        await answer(session, item, notice, self.clock())
        except leaving.TooEarly as early:
            async with self.database.transaction() as session:
                await inbox.postpone(session, item, str(early), self.clock() + leaving.AGAIN)
        except Exception as error:
            if is_away(error):
                raise
            incident = str(item.id)[:8]
            log.exception("intent failed", kind=item.kind, incident=incident, attempt=item.attempts)
            await self._failed(item, incident)

    async def _allowed(
        self,
        session: AsyncSession,
        item: InboxItem,
        intent: intents.Intent,
        before: tuple[Asker, deciding.Known],
    ) -> notices.Notice | None:
        """Do what somebody may, and return what that person hears."""
        asker, known = before
        no = asker.refused or await self.gate.refuses(session, item, intent, asker)
        return _told(item, intent, no) if no else await self._do(session, item, intent, known)

    async def _run(
        self,
        session: AsyncSession,
        item: InboxItem,
        step: intents.RunStep,
        before: tuple[Asker, deciding.Known],
    ) -> None:
        """Run a workflow's step, unless it was taken on before by another delivery; it hears instead of the person."""
        if await steps.known(session, item, step):
            return
        wish = steps.wish(step)
        notice = None if wish is None else await self._allowed(session, item, wish, before)
        await steps.begin(session, item, step, notice, self.clock())

    async def _failed(self, item: InboxItem, incident: str) -> None:
        """Try an intent again a little later; after so many tries it is set aside, and whoever wanted it is told."""
        now = self.clock()
        async with self.database.transaction() as session:
            if item.attempts < ATTEMPTS:
                await inbox.postpone(
                    session, item, f"incident {incident}", now + timedelta(seconds=2**item.attempts)
                )
            elif measuring.held("inbox", await inbox.bury(session, item, f"incident {incident}", now)):
                if item.kind == STEP:
                    if (step := _step_of(item)) is not None:
                        await steps.broke_down(session, item, step, incident, now)
                elif item.actor:  # what Slack itself says, nobody waits for
                    await answer(session, item, notices.BrokeDown(incident), now)

    @property
    def gate(self) -> Gate:
        """What every intent goes through before anything is done."""
        return Gate(self.database, self.hands.people, self.clock)

    async def _before(self, item: InboxItem, intent: intents.Intent) -> tuple[Asker, deciding.Known]:
        """Do what needs the network, outside any transaction; it may run twice. Nothing is done for who may not."""
        async with self.database.reading() as session:
            slack_team_id = (await teams.get(session, item.team_id)).slack_team_id
        asker = await self.gate.before(item, slack_team_id, intent)
        if asker.refused is not None:
            return asker, deciding.Known()
        return asker, await self._looked_up(item, intent, slack_team_id)

    async def _looked_up(self, item: InboxItem, intent: intents.Intent, slack_team_id: str) -> deciding.Known:
        if isinstance(intent, deciding.DECIDED):
            return await deciding.before(self.hands, item, slack_team_id, intent)
        if isinstance(intent, WISHES) and self.setups is not None:
            return deciding.Known(setup=await self.setups.before(item, intent))
        if isinstance(intent, intents.ShowRelease | intents.UnfurlLinks):
            return deciding.Known(await self.hands.people.person(slack_team_id, item.actor))
        if isinstance(intent, intents.FillPublisherForm) and self.filling is not None:
            return deciding.Known(form=await self.filling.before(item, slack_team_id, intent))
        if isinstance(intent, intents.CheckPublisher):
            return deciding.Known(setup=await self._checked(item, intent))
        return await self._before_pending(item, intent, slack_team_id)

    async def _before_pending(
        self, item: InboxItem, intent: intents.Intent, slack_team_id: str
    ) -> deciding.Known:
        if isinstance(intent, intents.PersonLeft):
            return deciding.Known(await self.hands.people.person_now(slack_team_id, intent.user))
        if isinstance(intent, intents.LeaveTeam):
            return await leaving.before(self.hands, item, slack_team_id)
        if isinstance(intent, intents.ShowAudit):
            return deciding.Known(chain=await exporting.looked_along(self.database, item, intent))
        if isinstance(intent, intents.ConfirmNow):
            verdict = await confirming.before(self.hands, item, intent)
            return deciding.Known(rights=verdict)
        if not isinstance(intent, intents.SubmittedByHand) or self.setups is None:
            return deciding.Known()
        async with self.database.reading() as session:
            found = await ledger.get(session, item.team_id, UUID(intent.publisher_id))
        served = found is not None and found.registration.index in self.indexes
        return deciding.Known(confirms=await self.setups.offers(found) if found and served else None)

    async def _checked(self, item: InboxItem, intent: intents.CheckPublisher) -> SetupReport | None:
        """Look at the index for evidence, then at how the project is set up; None where that is of no use."""
        found = await self._newest(item, intent)
        # Looking changes nothing; registering again waits its turn, as the index may have asked for.
        if found is not None and found.state is PublisherState.PENDING:
            await self.publishers.look_now(found)
            found = await self._newest(item, intent)
        if found is None or found.state is PublisherState.REMOVED or self.setups is None:
            return None
        if found.registration.index not in self.indexes:
            return None
        return await (self.tending.check(found) if self.tending else self.setups.look(found))

    async def _newest(self, item: InboxItem, intent: intents.CheckPublisher) -> Publisher | None:
        async with self.database.reading() as session:
            return await ledger.newest(session, item.team_id, intent.project, intent.index or None)

    def _do(
        self, session: AsyncSession, item: InboxItem, intent: intents.Intent, known: deciding.Known
    ) -> Did:
        if isinstance(intent, keeping.Wish | connecting.Wish):
            return self._secret(session, item, intent)
        if isinstance(intent, ELSEWHERE):
            return self._elsewhere(session, item, intent, known)
        match intent:
            case intents.AddPublisher():
                return self._add(session, item, intent)
            case intents.CheckPublisher() | intents.RemovePublisher():
                return self._named(session, item, intent, known)
            case (
                intents.SubmittedByHand()
                | intents.TryAgain()
                | intents.TakeOver()
                | intents.ShowSetup()
                | intents.OpenSetupPull()
                | intents.ConfirmNow()
                | intents.FillPublisherForm()
                | intents.ToOrganization()
            ):
                return self._clicked(session, item, intent, known)
            case (
                intents.ShowCredentials()
                | intents.ListPublishers()
                | intents.ShowReleases()
                | intents.OpenHome()
                | intents.ShowRelease()
                | intents.UnfurlLinks()
            ):
                return self._looked(session, item, intent, known)
            case intents.RunStep():
                raise TypeError("a step is run by what it wants")
            case _:
                assert_never(intent)

    async def _looked(
        self,
        session: AsyncSession,
        item: InboxItem,
        intent: showing.Shown | intents.OpenHome | intents.ShowRelease | intents.UnfurlLinks,
        known: deciding.Known,
    ) -> notices.Notice | None:
        if isinstance(intent, intents.ShowRelease):
            return await home.dialog(session, self.hands, item, intent, known.person)
        if isinstance(intent, intents.UnfurlLinks):
            return await home.unfold(session, self.hands, item, intent, known.person)
        if isinstance(intent, intents.OpenHome):
            await home.look(session, item, intent, self.clock())
            return None
        typed = self.secrets_in_slack
        return await showing.show(session, item.team_id, intent, self.hands.index, typed=typed)

    async def _secret(
        self,
        session: AsyncSession,
        item: InboxItem,
        intent: keeping.Wish | connecting.Wish,
    ) -> notices.Notice | None:
        if isinstance(intent, keeping.Wish):
            return await keeping.carry_out(session, item, intent, self.publishers.index, self.clock())
        return await connecting.carry_out(session, item, intent, self.clock)

    def _elsewhere(
        self,
        session: AsyncSession,
        item: InboxItem,
        intent: deciding.Decided | bulk.Bulk | exporting.Trail | leaving.Left | channels.Word,
        known: deciding.Known,
    ) -> Did:
        if isinstance(intent, bulk.BULK):
            return bulk.carry_out(session, self.hands, item, intent)
        if isinstance(intent, exporting.TRAIL):
            return exporting.carry_out(session, item, intent, known.chain, self.clock)
        if isinstance(intent, channels.CHANNELS):
            return channels.carry_out(session, item, intent, self.clock())
        if isinstance(intent, leaving.LEFT):
            return leaving.carry_out(session, self.hands, item, intent, known)
        return deciding.carry_out(session, self.hands, item, intent, known)

    async def _add(
        self, session: AsyncSession, item: InboxItem, intent: intents.AddPublisher
    ) -> notices.Notice | None:
        wanted, asked = intent.registration, (item.actor, intent.channel)
        if await adding.uploaded(session, item.team_id, wanted):
            there = await adding.know(session, item.team_id, wanted, asked, self.clock())
            return notices.AlreadyOpen(showing.line(there), wanted) if there else notices.ProjectKnown(wanted)
        publisher, made = await adding.add(session, item.team_id, wanted, asked, self.clock())
        return None if made else notices.AlreadyOpen(showing.line(publisher), wanted)

    async def _named(
        self,
        session: AsyncSession,
        item: InboxItem,
        intent: intents.CheckPublisher | intents.RemovePublisher,
        known: deciding.Known,
    ) -> notices.Notice:
        publisher = await ledger.newest(session, item.team_id, intent.project, intent.index or None)
        if publisher is None:
            names = await projects.near(session, item.team_id, intent.project)
            return notices.UnknownProject(intent.project, showing.suggestion(intent.project, names))
        if isinstance(intent, intents.CheckPublisher):
            served = publisher.registration.index in self.indexes
            url = self._situation(publisher).site.url if served else ""
            report = known.setup if isinstance(known.setup, SetupReport) else None
            return await showing.status(
                session, publisher, url, report, await self._unneeded(session, publisher)
            )
        if publisher.state not in OPEN:
            return notices.NoLongerPossible(showing.line(publisher))
        return await self._remove(session, item, publisher)

    async def _unneeded(self, session: AsyncSession, publisher: Publisher) -> TokenUnneeded | None:
        """Return the long-lived token that is kept for a project which publishes without one; None where there is none."""
        if publisher.state is not PublisherState.CONFIRMED:
            return None
        target = (publisher.registration.index, publisher.registration.project)
        found = await keeping.unneeded(session, publisher.team_id, target, self.publishers.index)
        return found[1] if found else None

    async def _remove(self, session: AsyncSession, item: InboxItem, publisher: Publisher) -> notices.Notice:
        # An index that the operator has taken out of the settings has no page that we know of.
        known = publisher.registration.index in self.indexes
        manage = self._situation(publisher).form.url if known else ""
        gone = notices.PublisherRemoved(publisher.registration, item.actor, manage)
        decision = Decision(
            PublisherEvent.REMOVED, {"reason": Reason.REMOVED_BY_PERSON, "next_at": None}, (gone,)
        )
        await watches.forget(session, item.team_id, publisher.project_id)
        await write(session, publisher, decision, (None, item.actor), self.clock())
        return gone

    async def _clicked(
        self,
        session: AsyncSession,
        item: InboxItem,
        intent: intents.SubmittedByHand
        | intents.TryAgain
        | intents.TakeOver
        | intents.ConfirmNow
        | intents.FillPublisherForm
        | intents.ToOrganization
        | Wish,
        known: deciding.Known,
    ) -> notices.Notice | None:
        if isinstance(intent, intents.FillPublisherForm | intents.ShowSetup | intents.OpenSetupPull):
            return await self._prepared(session, item, intent, known)
        if isinstance(intent, intents.ConfirmNow | intents.TakeOver):
            return await self._looked_after(session, item, intent, known)
        publisher = await ledger.get(session, item.team_id, UUID(intent.publisher_id))
        if publisher is None:
            return notices.UnknownProject("", "")
        if isinstance(intent, intents.TryAgain):
            again = intents.AddPublisher(publisher.registration, publisher.channel)
            # An open one, or one that has been tried again since, is not asked for twice.
            return await self._add(session, item, again)
        if isinstance(intent, intents.ToOrganization):
            return await self._to_organization(session, publisher)
        return await self._submitted(session, item, publisher, known)

    async def _submitted(
        self, session: AsyncSession, item: InboxItem, publisher: Publisher, known: deciding.Known
    ) -> notices.Notice | None:
        if publisher.state is not PublisherState.REQUESTED or publisher.next_at is not None:
            return notices.NoLongerPossible(showing.line(publisher))
        decision = decide.registered(
            self._situation(publisher),
            by_hand=True,
            reason=Reason.SUBMITTED_BY_HAND,
            confirms=known.confirms,
        )
        await write(session, publisher, decision, (None, item.actor), self.clock())
        return None

    async def _looked_after(
        self,
        session: AsyncSession,
        item: InboxItem,
        intent: intents.ConfirmNow | intents.TakeOver,
        known: deciding.Known,
    ) -> notices.Notice | None:
        if isinstance(intent, intents.ConfirmNow):
            return await confirming.carry_out(session, self.hands, item, intent, known.rights)
        return await health.take_over(session, item, intent, self.clock())

    async def _prepared(
        self,
        session: AsyncSession,
        item: InboxItem,
        intent: intents.FillPublisherForm | Wish,
        known: deciding.Known,
    ) -> notices.Notice | None:
        if isinstance(intent, intents.FillPublisherForm):
            return known.form
        assert self.setups is not None
        return await self.setups.carry_out(session, item, intent, known.setup)

    async def _to_organization(self, session: AsyncSession, publisher: Publisher) -> notices.Notice | None:
        """Let one that waits for a place have its form now, since an organization's page has no such places."""
        values = {"organization": True, "next_at": self.clock()}
        waits = publisher.state is PublisherState.REQUESTED and publisher.queued_at is not None
        if waits and await ledger.move(session, publisher, None, **values):
            return None
        return notices.NoLongerPossible(showing.line(publisher))

    def _situation(self, publisher: Publisher) -> Situation:
        return self.publishers.situation(publisher)


def _opened(item: InboxItem) -> intents.Intent:
    """Return what is wanted; StorageError where the secrets that belong to it do not open."""
    if item.unopened:
        raise StorageError(item.unopened)
    return codec.unpack(item.kind, item.payload, intents.KINDS)


def _step_of(item: InboxItem) -> intents.RunStep | None:
    """Return a workflow's step, None where what was written down of it can't be read: then it is given up all the same."""
    try:
        return codec.unpack(item.kind, item.payload, {STEP: intents.RunStep})
    except (KeyError, TypeError, ValueError):
        return None


def _told(item: InboxItem, intent: intents.Intent, no: NotAllowed) -> notices.Notice | None:
    """Return what somebody hears who may not; in a dialog, where that waits to be filled."""
    if isinstance(intent, intents.EnterCredential):
        return None  # told once it is to be kept
    if isinstance(intent, intents.ShowImport):
        return bulk.shut(item, intent, no)
    view_id = getattr(intent, "view_id", "")
    return DialogShut(view_id, no) if view_id else no
