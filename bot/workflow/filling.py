"""Filling in the dialog that registers a publisher, from the repository that was chosen there.

Knows: what is asked of forge and index, in which order. Must not know: Slack, HTTP, wording.

Nothing is changed anywhere: it may run twice, and a dialog that was closed or has moved on is left alone.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.core.approvals import Denied, Refusal, member
from bot.core.commands import registration
from bot.core.forge import Repo
from bot.core.intents import FillPublisherForm
from bot.core.names import DEFAULT_INDEX, Problem, barred, parse_slug
from bot.core.outcomes import Absent, Present, SimpleOutcome, TryLater
from bot.core.proposals import Seen, propose
from bot.core.publisher_forms import Form, Looked, NameIs, PublisherFormShown, another_environment, filled
from bot.core.repositories import RepositoryFacts
from bot.core.setup import CLOSED, shares
from bot.core.sites import IndexSite
from bot.workflow.picking import Picking
from bot.workflow.ports import Index, People
from bot.workflow.reaching import Reach
from storage.database import Database
from storage.ledger import publishers
from storage.records import InboxItem, Publisher, Reason, Registration

SECONDS = 12.0
"""How long a repository is read, and an index asked, while somebody waits before the dialog."""
LATE = RepositoryFacts(exists=None, detail="GitHub did not answer in time.")
MEMBERS_ONLY = RepositoryFacts(
    exists=None, detail="I read repositories for full members of the workspace only."
)
TOO_LATE = TryLater(Reason.TIMED_OUT, "the index did not answer in time")


@dataclass(frozen=True, slots=True)
class Filling:
    """The dialog's workflow on its concrete parts."""

    database: Database
    index: Index
    picking: Picking
    people: People
    forge: str
    """The forge's web address."""
    menu: bool
    """Whether repositories are offered."""
    seconds: float = SECONDS
    reach: Reach | None = None
    """Which repositories a team reaches; None: all that are seen."""

    async def before(
        self, item: InboxItem, slack_team_id: str, intent: FillPublisherForm
    ) -> PublisherFormShown:
        """Look at repository and index, and return the dialog as it is to be."""
        form, notes = intent.form, Looked()
        slug = parse_slug(form.fields.get("repository", ""), forge=self.forge)
        if form.reading and slug is not None:
            repo = Repo(slug.owner, slug.repository)
            allowed = member(await self.people.person(slack_team_id, item.actor))
            no = "" if isinstance(allowed, Refusal) else await self._beyond(item, repo)
            if isinstance(allowed, Refusal):
                facts = Seen(_kept_from(allowed))
            else:
                facts = Seen(RepositoryFacts(exists=None, detail=no)) if no else await self._seen(repo)
            proposal = propose(facts, repo.slug, self._sites(), self._index(form))
            form, notes = filled(form, proposal), Looked(notes=proposal.notes)
        elif form.reading:
            form = replace(form, reading=False)
        form, looked = await self._looked(item, form)
        return PublisherFormShown(
            form, replace(looked, notes=notes.notes), self.index.names(), self.menu, intent.hash
        )

    async def _beyond(self, item: InboxItem, repo: Repo) -> str:
        """Return why the team does not reach a repository; "": it does."""
        return await self.reach.beyond(item.team_id, item.actor, repo) if self.reach else ""

    async def _seen(self, repo: Repo) -> Seen:
        try:
            async with asyncio.timeout(self.seconds):
                return await self.picking.look(repo)
        except TimeoutError:
            return Seen(LATE)

    def _index(self, form: Form) -> str:
        """Return the index that is meant; "" where the repository may say it."""
        open_ = "index" not in form.own and DEFAULT_INDEX in self.index.names()
        return "" if open_ else form.fields["index"]

    def _sites(self) -> Mapping[str, IndexSite]:
        return {name: self.index.site(name) for name in self.index.names()}

    async def _looked(self, item: InboxItem, form: Form) -> tuple[Form, Looked]:
        """Say what the index would refuse, once there is a project's name."""
        if not form.fields["project"]:
            return form, Looked()
        # What nobody has come to yet is no problem.
        said = {**form.fields, "repository": form.fields["repository"] or "owner/repository"}
        wanted = registration(said, self.index.names(), self.forge)
        if not isinstance(wanted, Registration):
            return form, Looked(problems=wanted)
        simple = await self._simple(wanted)
        refused = barred(wanted.project) if isinstance(simple, Absent) else ""
        if refused:
            return form, Looked(problems=(Problem("project", refused),))
        async with self.database.reading() as session:
            others = await publishers.open_on(session, item.team_id, wanted.index)
        other = None if isinstance(simple, Present) else _shared(wanted, others)
        if other is not None and "environment" not in form.own and form.round:
            other_form = another_environment(form)
            again = replace(wanted, environment=other_form.fields["environment"])
            if _shared(again, others) is None:
                return other_form, Looked(name=name_is(simple))
        return form, Looked(name=name_is(simple), shared_with=other.registration.project if other else "")

    async def _simple(self, wanted: Registration) -> SimpleOutcome:
        try:
            async with asyncio.timeout(self.seconds):
                return await self.index.simple(wanted.index, wanted.project)
        except TimeoutError:
            return TOO_LATE


def _kept_from(refusal: Refusal) -> RepositoryFacts:
    if refusal.why is Denied.CANNOT_TELL:
        return RepositoryFacts(exists=None, detail=f"Slack did not tell who you are: {refusal.detail}")
    return MEMBERS_ONLY


def _shared(wanted: Registration, others: Sequence[Publisher]) -> Publisher | None:
    return next((one for one in others if shares(wanted, one)), None)


def name_is(simple: SimpleOutcome) -> NameIs:
    """Return how a name stands."""
    match simple:
        case Present(status=status):
            return NameIs.CLOSED if status in CLOSED else NameIs.THERE
        case Absent():
            return NameIs.FREE
        case _:
            return NameIs.UNKNOWN
