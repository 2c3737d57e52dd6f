"""Asks the forge.

Knows: what is asked in which order, on our transport; gidgethub for a first look. Must not know: what an answer means.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

import gidgethub

from bot.core.forge import (
    AccountOutcome,
    ActOutcome,
    ArtifactsOutcome,
    BuiltOutcome,
    ChecksOutcome,
    CommentsOutcome,
    CommitOutcome,
    CompareOutcome,
    EnvironmentsOutcome,
    FileChange,
    FilesOutcome,
    Forbidden,
    HeadFacts,
    HeadOutcome,
    Invalid,
    JobsOutcome,
    Nothing,
    OpenPullsOutcome,
    PermissionOutcome,
    PullDraft,
    PullsOutcome,
    ReleaseOutcome,
    Repo,
    RunOutcome,
    RunsOutcome,
    TagFacts,
    TagOutcome,
    TextOutcome,
    TreeOutcome,
    Unsure,
    WaitingOutcome,
)
from bot.core.repositories import RepositoryFacts
from bot.errors import ShipbellError, TransportError
from bot.forge import acting, artifacts, asking, github, logs, places, reading, refusals, runs
from bot.forge.app_auth import NoLine
from bot.forge.asking import Ask, Terms
from bot.forge.files import Files
from bot.forge.gidget import Api
from bot.forge.lines import Line, Lines, OneToken
from bot.transport import Transport
from bot.wire import Answer
from storage.records import Secret

WRITE_GAP = 1.0
"""Seconds between two orders ("Best practices for using the REST API")."""
MOST_PAGES = 3
MANY_CHECKS = "The commit has more checks than are read."
ZIPS_AT_ONCE = 2
"""Each may fill 64 MB of memory."""

One = TypeVar("One")


class ForgeClient(Files):
    """One forge that speaks GitHub's API; without a token it sees what is public.

    It fulfils `bot.workflow.ports.Forge`, `PullRequests`, `Setting`, `Reading` and `Rights`. What it asks with is `lines`' business: else
    it has one token at most.
    """

    def __init__(
        self,
        transport: Transport,
        api_url: str,
        web_url: str,
        token: Secret | None = None,
        *,
        write_gap: float = WRITE_GAP,
        lines: Lines | None = None,
    ) -> None:
        super().__init__(transport.save, api_url, lines or OneToken(transport.send, token, write_gap))
        self._web_url = web_url.rstrip("/")
        self._transport = transport
        self._unpacking = asyncio.Semaphore(ZIPS_AT_ONCE)

    async def look(self, owner: str, repository: str, workflow: str) -> RepositoryFacts:
        """Look at a repository and one of its workflow files; whatever can't be seen is told by the facts."""
        try:
            names = github.named(owner, repository, workflow)
            line = await self._line(asking.repository(Repo(owner, repository)))
            found = await self._item(line, github.REPOSITORY, names)
        except ShipbellError as error:
            seen = github.unseen(error, with_token=self._lines.with_token)
            return (
                replace(seen, full_name=await self._name_now(Repo(owner, repository))) if seen.moved else seen
            )
        text: str | ShipbellError
        try:
            text = str(await self._item(line, github.WORKFLOW, names, accept=github.RAW) or "")
        except ShipbellError as error:
            text = error
        return github.seen(found, self._web_url, text)

    async def ping(self) -> str:
        """Say how the forge answers; ShipbellError with cause and remedy where it doesn't, or refuses the token."""
        hello = await self._lines.hello()
        if isinstance(hello, NoLine):
            raise github.ForgeRefused(0, hello.detail)
        if hello:
            return hello
        line = await self._line(Ask("GET", github.RATE_LIMIT))
        found = await self._item(line, github.RATE_LIMIT, {})
        return github.pinged(found, self._api_url, with_token=self._lines.with_token)

    async def head(self, repo: Repo) -> HeadOutcome:
        """Return the newest commit of the default branch."""
        branch = await self._read(asking.repository(repo), reading.default_branch)
        if not isinstance(branch, str):
            return branch
        commit = await self.commit(repo, branch)
        return commit if isinstance(commit, Nothing | Unsure) else HeadFacts(branch, commit)

    async def commit(self, repo: Repo, ref: str) -> CommitOutcome:
        """Return the commit that a sha or branch names."""
        return await self._read(asking.commit(repo, ref), reading.commit, refusals.NO_COMMIT)

    async def tag(self, repo: Repo, tag: str) -> TagOutcome:
        """Return a tag with the commit it ends at, following annotated tags."""
        found = await self._read(asking.tag_ref(repo, tag), reading.pointed, refusals.NO_COMMIT)
        annotated = isinstance(found, reading.Pointed) and found.kind == "tag"
        for _ in range(reading.DEEPEST_TAG):
            if not isinstance(found, reading.Pointed) or found.kind != "tag":
                break
            found = await self._read(asking.tag_object(repo, found.sha), reading.pointed)
        match found:
            case reading.Pointed("commit", sha):
                return TagFacts(tag, sha, annotated)
            case reading.Pointed():
                return Unsure("The tag does not end at a commit. Make it anew.")
            case _:
                return found

    async def text(self, repo: Repo, path: str, ref: str) -> TextOutcome:
        """Return a file's text at a commit."""
        answer = await self._asked(asking.text(repo, path, ref))
        return reading.file_text(answer) if isinstance(answer, Answer) else answer

    async def checks(self, repo: Repo, sha: str) -> ChecksOutcome:
        """Return what CI says of a commit."""
        runs_of = await self._paged(
            lambda page: asking.check_runs(repo, sha, page), reading.check_runs, refusals.NO_COMMIT
        )
        if not isinstance(runs_of, tuple):
            return runs_of
        statuses = await self._paged(
            lambda page: asking.statuses(repo, sha, page), reading.statuses, refusals.NO_COMMIT
        )
        if not isinstance(statuses, tuple):
            return statuses
        found = reading.checks(runs_of + statuses)
        # A failed one may stand on a page that was not read; one that was read is enough.
        whole = max(len(runs_of), len(statuses)) < MOST_PAGES * asking.PER_PAGE
        return found if whole or found.failed else Unsure(MANY_CHECKS)

    async def compare(self, repo: Repo, base: str, head: str) -> CompareOutcome:
        """Return what lies between two refs."""
        return await self._read(asking.compare(repo, base, head), reading.compared)

    async def release(self, repo: Repo, tag: str) -> ReleaseOutcome:
        """Return the forge's release of a tag."""
        return await self._read(asking.release(repo, tag), reading.release)

    async def make_tag(self, repo: Repo, tag: str, sha: str, message: str) -> ActOutcome:
        """Make an annotated tag at a commit. Exists where the ref is there; the caller looks where it points."""
        made = await self._ordered(asking.make_tag_object(repo, tag, sha, message))
        target = acting.tag_made(made) if isinstance(made, Answer) else acting.unseen(made)
        if not isinstance(target, str):
            return target
        outcome = await self._act(asking.make_tag_ref(repo, tag, target))
        return acting.at_page(outcome, acting.tag_page(self._web_url, repo, tag))

    async def make_release(
        self, repo: Repo, tag: str, name: str, body: str, *, prerelease: bool
    ) -> ActOutcome:
        """Make the forge's release of a tag that exists."""
        return await self._act(asking.make_release(repo, tag, name, body, prerelease=prerelease))

    async def dispatch(
        self, repo: Repo, workflow: str, ref: str, inputs: Mapping[str, str] | None = None
    ) -> ActOutcome:
        """Start a workflow at a tag or branch."""
        done = await self._act(asking.dispatch(repo, workflow, ref, inputs))
        if isinstance(done, Invalid) and asking.RUN_DETAILS in done.detail:
            # Refused for that word alone, so nothing has started.
            return await self._act(asking.dispatch(repo, workflow, ref, inputs, details=False))
        return done

    async def runs(self, repo: Repo, workflow: str, sha: str, event: str) -> RunsOutcome:
        """Return a workflow's runs for a commit and event, newest first."""
        return await self._read(asking.runs(repo, workflow, sha, event), runs.runs)

    async def run(self, repo: Repo, run_id: int) -> RunOutcome:
        """Return one run."""
        return await self._read(asking.run(repo, run_id), runs.run)

    async def jobs(self, repo: Repo, run_id: int) -> JobsOutcome:
        """Return the jobs of a run's newest attempt."""
        return await self._paged(lambda page: asking.jobs(repo, run_id, page), runs.jobs)

    async def waiting(self, repo: Repo, run_id: int) -> WaitingOutcome:
        """Return the deployments that wait for a review."""
        return await self._read(asking.waiting(repo, run_id), runs.waiting)

    async def approve(
        self, repo: Repo, run_id: int, environment_ids: tuple[int, ...], comment: str
    ) -> ActOutcome:
        """Approve a run's waiting deployments."""
        outcome = await self._act(asking.approve(repo, run_id, environment_ids, comment))
        return acting.at_page(outcome, acting.run_page(self._web_url, repo, run_id))

    async def rerun(self, repo: Repo, run_id: int) -> ActOutcome:
        """Run a failed run's failed jobs again."""
        outcome = await self._act(asking.rerun(repo, run_id))
        return acting.at_page(outcome, acting.run_page(self._web_url, repo, run_id))

    async def log_tail(self, repo: Repo, job_id: int) -> TextOutcome:
        """Return the last lines of a job's log, cleaned of control characters and secrets."""
        ask = asking.log(repo, job_id)
        line = await self._lines.line(ask) if ask else None
        answer = await self._led(ask, asking.LOG)
        again = logs.rest(answer) if isinstance(answer, Answer) else None
        if again is not None:
            answer = await self._led(ask, again)
        token = line.token if isinstance(line, Line) else None
        return logs.read(answer, token) if isinstance(answer, Answer) else answer

    async def artifacts(self, repo: Repo, run_id: int) -> ArtifactsOutcome:
        """Return what a run has kept."""
        return await self._paged(lambda page: asking.artifacts(repo, run_id, page), runs.artifacts)

    async def built(self, repo: Repo, artifact_id: int) -> BuiltOutcome:
        """Return the distribution files (`.whl`, `.tar.gz`, `.zip`) inside an artifact, hashed."""
        async with self._unpacking:
            answer = await self._led(asking.archive(repo, artifact_id), asking.ZIP)
            return await asyncio.to_thread(artifacts.read, answer) if isinstance(answer, Answer) else answer

    async def pulls(self, repo: Repo, sha: str) -> PullsOutcome:
        """Return the pull requests with which a commit came."""
        return await self._read(asking.pulls(repo, sha), reading.pulls, refusals.NO_COMMIT)

    async def comments(self, repo: Repo, number: int, since: datetime) -> CommentsOutcome:
        """Return what was said on a pull request since a moment."""
        return await self._paged(
            lambda page: asking.comments(repo, number, since, page), reading.comments, refusals.UNSEEN
        )

    async def comment(self, repo: Repo, number: int, body: str) -> ActOutcome:
        """Say something on a pull request."""
        return await self._act(asking.comment(repo, number, body))

    async def files(self, repo: Repo, folder: str, ref: str) -> FilesOutcome:
        """Return the names of the files in a folder."""
        return await self._read(asking.file_names(repo, folder, ref), places.file_names)

    async def tree(self, repo: Repo, sha: str) -> TreeOutcome:
        """Return the paths of all files of a commit."""
        return await self._read(asking.tree(repo, sha), places.tree, refusals.NO_COMMIT)

    async def environments(self, repo: Repo) -> EnvironmentsOutcome:
        """Return a repository's environments."""
        return await self._paged(lambda page: asking.environments(repo, page), places.environments)

    async def account(self, login: str) -> AccountOutcome:
        """Return a user or organization."""
        return await self._read(asking.account(login), places.account)

    async def open_pulls(self, repo: Repo, branch: str) -> OpenPullsOutcome:
        """Return the open pull requests that propose a branch of the repository itself."""
        found = await self._read(asking.open_pulls(repo, branch), places.open_pulls)
        # A `head` that GitHub can't make sense of filters nothing.
        return tuple(one for one in found if one.branch == branch) if isinstance(found, tuple) else found

    async def make_branch(self, repo: Repo, branch: str, sha: str) -> ActOutcome:
        """Make a branch at a commit. Exists where there is one; the caller looks what it holds."""
        return await self._act(asking.make_branch(repo, branch, sha))

    async def put_file(self, repo: Repo, change: FileChange) -> ActOutcome:
        """Make or replace one file on a branch, with a commit of its own."""
        return await self._act(asking.put_file(repo, change))

    async def open_pull(self, repo: Repo, draft: PullDraft) -> ActOutcome:
        """Open a pull request. Exists where the branch has an open one; the caller looks which."""
        return await self._act(asking.open_pull(repo, draft))

    async def make_environment(self, repo: Repo, name: str, reviewer_ids: tuple[int, ...]) -> ActOutcome:
        """Make an environment that is not there; the rules of one that is would be replaced."""
        return await self._act(asking.make_environment(repo, name, reviewer_ids))

    async def permission(self, repo: Repo, login: str) -> PermissionOutcome:
        """Return what somebody may do in a repository; Nothing for who has no part in it."""
        return await self._read(asking.permission(repo, login), places.permission)

    async def _name_now(self, repo: Repo) -> str:
        """Return what a moved repository is called now, "" where that is not shown."""
        answer = await self._asked(asking.repository(repo))
        location = answer.headers.get("location", "") if isinstance(answer, Answer) else ""
        name = await self._read(places.moved_to(self._api_url, location), places.full_name)
        return name if isinstance(name, str) else ""

    async def _read(
        self, ask: Ask | None, reader: Callable[[Any], One], missing: frozenset[int] = refusals.NOTHING
    ) -> One | Nothing | Unsure:
        answer = await self._asked(ask)
        return refusals.read(answer, reader, missing) if isinstance(answer, Answer) else answer

    async def _paged(
        self,
        ask: Callable[[int], Ask | None],
        reader: Callable[[Any], tuple[One, ...]],
        missing: frozenset[int] = refusals.NOTHING,
    ) -> tuple[One, ...] | Nothing | Unsure:
        found: tuple[One, ...] = ()
        for page in range(1, MOST_PAGES + 1):
            more = await self._read(ask(page), reader, missing)
            if not isinstance(more, tuple):
                return more
            found += more
            if len(more) < asking.PER_PAGE:
                break
        return found

    async def _asked(self, ask: Ask | None) -> Answer | Nothing | Unsure:
        """Ask; what can't be asked for is not there."""
        if ask is None:
            return Nothing()
        line = await self._lines.line(ask)
        if not isinstance(line, Line):
            return line.reading()
        try:
            return self._heard(line, await line.sender.get(asking.request(self._api_url, line.token, ask)))
        except TransportError as error:
            return refusals.unanswered(error, acting=False)

    def _heard(self, line: Line, answer: Answer) -> Answer:
        if answer.status == 401:
            self._lines.refused(line)
        return answer

    async def _ordered(self, ask: Ask | None) -> Answer | Forbidden | Invalid | Unsure:
        """Order; what can't be ordered is wrong."""
        if ask is None:
            return Invalid("The forge can't have a repository, workflow or tag of that name.")
        line = await self._lines.line(ask)
        if not isinstance(line, Line):
            return line.ordering()
        try:
            return self._heard(line, await line.sender.write(asking.request(self._api_url, line.token, ask)))
        except TransportError as error:
            return refusals.unanswered(error, acting=True)

    async def _act(self, ask: Ask | None) -> ActOutcome:
        answer = await self._ordered(ask)
        return refusals.acted(answer) if isinstance(answer, Answer) else answer

    async def _led(self, ask: Ask | None, terms: Terms) -> Answer | Nothing | Unsure:
        """Ask, and where the answer leads elsewhere ask there, once and without the token."""
        answer = await self._asked(ask)
        if ask is None or not isinstance(answer, Answer) or answer.status == 200:
            return answer
        if answer.status != 302:
            return refusals.refused(answer)
        location = answer.headers.get("location", "")
        there = asking.elsewhere(f"{self._api_url}{ask.path}", location, terms)
        if there is None:
            return Unsure("GitHub leads to an address that can't be read.")
        try:
            return await self._transport.send(there)
        except TransportError as error:
            return refusals.unanswered(error, acting=False)

    async def _line(self, ask: Ask | None) -> Line:
        line = await self._lines.line(ask) if ask else None
        if isinstance(line, Line):
            return line
        status = line.status if line and line.status in github.MOVED else 0
        raise github.ForgeRefused(status, line.detail if line else "The forge has no such repository.")

    async def _item(
        self, line: Line, path: str, names: Mapping[str, str], accept: str = "application/vnd.github+json"
    ) -> Any:
        try:
            return await Api(line, self._api_url).getitem(path, names, accept=accept)
        except (gidgethub.GitHubException, *github.UNREADABLE) as error:
            raise github.refusal(error, with_token=self._lines.with_token) from error
