"""Setting a publisher up: looking at repository and index side by side, proposing a workflow as a pull request.

Knows: the order of questions and orders. Must not know: Slack, HTTP, wording, what a fact means.

Everything here is done outside any transaction and may be killed at any await and run again: each step looks first,
and what is there already counts as done.
"""

import asyncio
import hashlib
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from bot import codec
from bot.core import intents, notices
from bot.core.forge import (
    AccountFacts,
    CommitFacts,
    Compared,
    Done,
    Exists,
    HeadFacts,
    Nothing,
    OpenPull,
    Repo,
    Unsure,
)
from bot.core.outcomes import TryLater
from bot.core.proposing import Proposal, change, draft, is_ours, missing_confirm, propose, title
from bot.core.repositories import RepositoryFacts
from bot.core.setup import SetupFacts, SetupReport, judge
from bot.core.setup_notices import Outcome, PullAnswer, PullOpened, SetupShown
from bot.core.workflow_text import FOLDER, branch
from bot.forge.workflow_file import read_workflow
from bot.workflow.gathering import SILENT, within
from bot.workflow.ports import Clock, Index, People, Setting
from bot.workflow.reaching import Reach
from bot.workflow.telling import write_down
from storage.database import Database
from storage.ledger import outbox
from storage.ledger import publishers as ledger
from storage.ledger.outbox import Destination
from storage.records import InboxItem, Publisher, Reason

SHOWN = 9_000
"""Characters of a difference that a dialog shows."""
T = TypeVar("T")
UNSEEN = RepositoryFacts(exists=None, detail="The forge did not answer in time.")


SetUp = SetupReport | SetupShown | PullAnswer
Wish = intents.ShowSetup | intents.OpenSetupPull
WISHES = (intents.ShowSetup, intents.OpenSetupPull)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was seen and would be proposed."""

    repository: RepositoryFacts
    report: SetupReport
    proposal: Proposal | None
    environment: bool | None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Setups:
    """The set-up workflow on its concrete parts."""

    database: Database
    index: Index
    forge: Setting
    people: People
    clock: Clock
    reach: Reach | None = None
    """Which repositories a team reaches; None: all that are seen."""

    async def before(self, item: InboxItem, intent: Wish) -> SetUp | None:
        """Do what a wish needs of the network; it may run twice. None where there is no such publisher."""
        async with self.database.reading() as session:
            publisher = await ledger.get(session, item.team_id, UUID(intent.publisher_id))
        if publisher is None:
            return None
        if isinstance(intent, intents.ShowSetup):
            shown = await self.show(publisher, intent.view_id)
            return replace(shown, channel=item.channel)
        return await self.open(publisher, intent)

    async def carry_out(
        self, session: AsyncSession, item: InboxItem, intent: Wish, done: SetUp | None
    ) -> notices.Notice:
        """Write down what was done, tell the channel of a pull request once, and return what the person is answered."""
        publisher = await ledger.get(session, item.team_id, UUID(intent.publisher_id))
        if publisher is None or done is None or isinstance(done, SetupReport):
            return notices.UnknownProject("", "")
        if isinstance(done, PullAnswer) and isinstance(intent, intents.OpenSetupPull) and done.url:
            reviewers = intent.reviewers if done.environment is Outcome.MADE else ()
            told = PullOpened(done.registration, done.url, done.path, item.actor, done.environment, reviewers)
            kind, facts = codec.pack(told, notices.KINDS)
            key = f"publisher:{publisher.id}:pull:{hashlib.sha256(done.url.encode()).hexdigest()[:16]}"
            to, now = Destination(publisher.channel), self.clock()
            if await outbox.add(session, item.team_id, key, to, (kind, facts), now):
                did = (item.actor, "publisher.pull_opened", done.registration.subject)
                await write_down(session, item.team_id, did, now, url=done.url)
        return done

    async def look(self, publisher: Publisher) -> SetupReport:
        """Look at everything that publishing needs, side by side; what could not be had says so."""
        return judge(await self.facts(publisher))

    async def offers(self, publisher: Publisher) -> bool | None:
        """Say whether the workflow on the default branch has the job that confirms a publisher.

        None where nobody can tell, and where the index would make nothing real by it, since it registers through its API.
        """
        wanted = publisher.registration
        if self.index.site(wanted.index).publisher_api is not False:
            return None
        if await self._beyond(publisher):
            return None
        seen = await within(self.forge.look(wanted.owner, wanted.repository, wanted.workflow), UNSEEN)
        unread = seen.workflow is None or (seen.workflow.found and not seen.workflow.detailed)
        return None if unread or seen.workflow is None else seen.workflow.confirms

    async def show(self, publisher: Publisher, view_id: str) -> SetupShown:
        """Return what a pull request would propose."""
        wanted, repo = publisher.registration, _repo(publisher)
        blank = SetupShown(view_id, str(publisher.id), wanted, Outcome.NOTHING, branch=branch(wanted.project))
        if no := await self._beyond(publisher):
            return replace(blank, outcome=Outcome.UNSURE, detail=no)
        pull = await self._open(repo, blank.branch)
        if isinstance(pull, OpenPull):
            return replace(blank, outcome=Outcome.ALREADY_OPEN, url=pull.url)
        seen = await self._proposed(publisher)
        if seen.trouble:
            return replace(blank, outcome=Outcome.UNSURE, detail=seen.trouble)
        if seen.proposal is None:
            lines = missing_confirm(wanted, seen.report, self.index.site(wanted.index))
            path = f"{FOLDER}{wanted.workflow}"
            return replace(blank, outcome=Outcome.LINES, path=path, difference=lines) if lines else blank
        shown, left_out = _cut(seen.proposal.difference())
        return replace(
            blank, outcome=Outcome.OPENED, path=seen.proposal.path, into=seen.repository.branch, difference=shown,
            left_out=left_out, new=not seen.proposal.old, beside=wanted.workflow if seen.proposal.beside else "",
            digest=seen.proposal.digest, environment=seen.environment,
        )  # fmt: skip

    async def open(self, publisher: Publisher, wish: intents.OpenSetupPull) -> PullAnswer:
        """Open the pull request that was shown, and make the environment if that is wished."""
        wanted, repo = publisher.registration, _repo(publisher)
        if no := await self._beyond(publisher):
            return PullAnswer(wanted, Outcome.UNSURE, no)
        pull = await self._open(repo, branch(wanted.project))
        if isinstance(pull, OpenPull):
            found = PullAnswer(wanted, Outcome.ALREADY_OPEN, url=pull.url)
        elif isinstance(pull, Unsure):
            return PullAnswer(wanted, Outcome.UNSURE, pull.detail)
        else:
            found = await self._opened(publisher, wish)
        if not found.url:
            return found
        made, detail = await self._environment(publisher, wish)
        return replace(found, environment=made, environment_detail=detail)

    async def facts(self, publisher: Publisher) -> SetupFacts:
        """Ask repository, owner, environments and index side by side; what could not be had says so."""
        wanted, repo = publisher.registration, _repo(publisher)
        no = await self._beyond(publisher)
        hidden = RepositoryFacts(exists=None, detail=no)
        repository, owner, simple, environments = await asyncio.gather(
            _given(hidden)
            if no
            else within(self.forge.look(wanted.owner, wanted.repository, wanted.workflow), UNSEEN),
            _given(Unsure(no)) if no else within(self.forge.account(wanted.owner), SILENT),
            within(
                self.index.simple(wanted.index, wanted.project),
                TryLater(Reason.TIMED_OUT, "the index did not answer in time"),
            ),
            _given(Unsure(no)) if no else within(self.forge.environments(repo), SILENT),
        )
        missing = repository.workflow is not None and not repository.workflow.found
        files = (
            await within(self.forge.files(repo, FOLDER.rstrip("/"), repository.branch), SILENT)
            if missing
            else None
        )
        async with self.database.reading() as session:
            others = await ledger.open_on(session, publisher.team_id, wanted.index)
        return SetupFacts(
            publisher, repository, owner, files, environments if repository.exists else None, simple,
            tuple(other for other in others if other.project_id != publisher.project_id),
            by_hand=self.index.site(wanted.index).publisher_api is False,
        )  # fmt: skip

    async def _beyond(self, publisher: Publisher) -> str:
        """Return why the team does not reach the repository, by the rights of who asked for the publisher; "": it does."""
        if self.reach is None:
            return ""
        return await self.reach.beyond(publisher.team_id, publisher.requested_by, _repo(publisher))

    async def _proposed(self, publisher: Publisher) -> _Seen:
        """Return what would be proposed now, read anew."""
        facts = await self.facts(publisher)
        wanted, report, repository = publisher.registration, judge(facts), facts.repository
        there = _is_there(facts)
        if not report.mendable:
            trouble = repository.detail if repository.exists is None else ""
            return _Seen(repository, report, None, there, trouble)
        text = await within(
            self.forge.text(_repo(publisher), f"{FOLDER}{wanted.workflow}", repository.branch), SILENT
        )
        if isinstance(text, Unsure):
            return _Seen(repository, report, None, there, text.detail)
        old = text if isinstance(text, str) else None
        site = self.index.site(wanted.index)
        proposal = propose(wanted, report, old, (repository, site), read_workflow)
        if proposal is not None and proposal.beside:
            proposal = await self._beside(publisher, proposal, repository.branch)
        return _Seen(repository, report, proposal, there)

    async def _beside(self, publisher: Publisher, proposal: Proposal, into: str) -> Proposal | None:
        """Return a file that is to lie beside another, told from one that is there; None where it is there already."""
        there = await within(self.forge.text(_repo(publisher), proposal.path, into), SILENT)
        if isinstance(there, str):
            return None if there == proposal.text else replace(proposal, old=there)
        return proposal

    async def _open(self, repo: Repo, name: str) -> OpenPull | Nothing | Unsure:
        found = await self.forge.open_pulls(repo, name)
        if isinstance(found, Unsure):
            return found
        return found[0] if isinstance(found, tuple) and found else Nothing()

    async def _opened(self, publisher: Publisher, wish: intents.OpenSetupPull) -> PullAnswer:
        wanted = publisher.registration
        seen = await self._proposed(publisher)
        if seen.trouble:
            return PullAnswer(wanted, Outcome.UNSURE, seen.trouble)
        if seen.proposal is None:
            return PullAnswer(wanted, Outcome.NOTHING)
        if seen.proposal.digest != wish.digest:
            return PullAnswer(wanted, Outcome.CHANGED)
        if branch(wanted.project).lower() == seen.repository.branch.lower() or not seen.repository.branch:
            return PullAnswer(wanted, Outcome.DEFAULT_BRANCH)
        refused = await self._branched(publisher, seen.proposal)
        return refused or await self._asked(publisher, seen.proposal, seen.repository.branch)

    async def _branched(self, publisher: Publisher, proposal: Proposal) -> PullAnswer | None:
        """Make the branch with the file on it; None where it is so."""
        wanted, repo, name = publisher.registration, _repo(publisher), branch(publisher.registration.project)
        head = await self.forge.head(repo)
        if not isinstance(head, HeadFacts):
            return _no(publisher, head)
        there = await self.forge.commit(repo, f"heads/{name}")
        if isinstance(there, Nothing):
            made = await self.forge.make_branch(repo, name, head.commit.sha)
            if not isinstance(made, Done | Exists):
                return _no(publisher, made)
        elif not isinstance(there, CommitFacts):
            return _no(publisher, there)
        else:
            compared = await self.forge.compare(repo, head.commit.sha, there.sha)
            if not isinstance(compared, Compared):
                return _no(publisher, compared)
            if not is_ours(compared, title(wanted, proposal)):
                return PullAnswer(wanted, Outcome.NOT_OURS, name)
        return await self._written(publisher, proposal)

    async def _written(self, publisher: Publisher, proposal: Proposal) -> PullAnswer | None:
        """Put the file on the branch, unless it is there as it should be."""
        repo, name = _repo(publisher), branch(publisher.registration.project)
        there = await self.forge.text(repo, proposal.path, name)
        if isinstance(there, Unsure):
            return _no(publisher, there)
        old = there if isinstance(there, str) else None
        if old == proposal.text:
            return None
        put = await self.forge.put_file(repo, change(publisher.registration, proposal, old))
        if isinstance(put, Done) or await self.forge.text(repo, proposal.path, name) == proposal.text:
            return None  # somebody who sent the same dialog may have been faster
        return _no(publisher, put)

    async def _asked(self, publisher: Publisher, proposal: Proposal, into: str) -> PullAnswer:
        """Open the pull request; one that is open already is found instead."""
        wanted, repo = publisher.registration, _repo(publisher)
        made = await self.forge.open_pull(repo, draft(wanted, proposal, into))
        if isinstance(made, Done) and made.url:
            return PullAnswer(wanted, Outcome.OPENED, url=made.url, path=proposal.path)
        pull = await self._open(repo, branch(wanted.project))
        if isinstance(pull, OpenPull):
            return PullAnswer(wanted, Outcome.ALREADY_OPEN, url=pull.url)
        return _no(publisher, made)

    async def _environment(self, publisher: Publisher, wish: intents.OpenSetupPull) -> tuple[Outcome, str]:
        """Make the environment with its reviewers where there is none; one that is there keeps its rules."""
        name, repo = publisher.registration.environment, _repo(publisher)
        if not name or not wish.make_environment:
            return Outcome.NOT_WANTED, ""
        found = await self.forge.environments(repo)
        if not isinstance(found, tuple):
            return Outcome.UNSURE, found.detail if isinstance(found, Unsure) else ""
        if any(one.name.lower() == name.lower() for one in found):
            return Outcome.THERE, ""
        reviewers: list[int] = []
        for login in wish.reviewers:
            account = await self.forge.account(login)
            if not isinstance(account, AccountFacts):
                detail = (
                    account.detail if isinstance(account, Unsure) else f"GitHub knows nobody called {login}."
                )
                return Outcome.REFUSED, detail
            reviewers.append(account.id)
        made = await self.forge.make_environment(repo, name, tuple(reviewers))
        return (Outcome.MADE, "") if isinstance(made, Done) else (_outcome(made), _detail(made))


async def _given(value: T) -> T:
    return value


def _is_there(facts: SetupFacts) -> bool | None:
    name = facts.publisher.registration.environment.lower()
    if not name or not isinstance(facts.environments, tuple):
        return None
    return any(one.name.lower() == name for one in facts.environments)


def _repo(publisher: Publisher) -> Repo:
    return Repo(publisher.registration.owner, publisher.registration.repository)


def _no(publisher: Publisher, outcome: object) -> PullAnswer:
    return PullAnswer(publisher.registration, _outcome(outcome), _detail(outcome))


def _outcome(outcome: object) -> Outcome:
    return Outcome.UNSURE if isinstance(outcome, Unsure) else Outcome.REFUSED


def _detail(outcome: object) -> str:
    if isinstance(outcome, Nothing):
        return "GitHub shows no such place to my token, or lets it change nothing there."
    return str(getattr(outcome, "detail", ""))


def _cut(text: str) -> tuple[str, int]:
    """Return as many lines as a dialog shows, and how many are left out."""
    lines, room = text.splitlines(), SHOWN
    for count, line in enumerate(lines):
        room -= len(line) + 1
        if room < 0:
            return "\n".join(lines[:count]), len(lines) - count
    return "\n".join(lines), 0
