"""The facts for a look before a release: forge, index and our own books, asked side by side, each with a time limit.

Knows: what is asked of whom. Must not know: what a fact means (that is `bot.core.preflight`).
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import TypeVar

from bot.core.approvals import Policy
from bot.core.forge import Nothing, Repo, TagFacts, TagOutcome, Unsure
from bot.core.outcomes import Present, SimpleOutcome, TryLater
from bot.core.preflight import Books, Facts, located
from bot.core.progress import Progress
from bot.core.starting import Seen, Way, way
from bot.core.versions import Wanted, is_older, is_prerelease, newest, prefix, read
from bot.forge.tag_filters import starts_on_tag
from bot.forge.workflow_file import read_workflow
from bot.workflow.hands import Hands, repo, unpacked
from storage.ledger import freezes, publishers
from storage.ledger import releases as ledger
from storage.records import Reason, Release, ReleaseState, StartBy

SECONDS = 20.0
"""How long one fact may take."""
SILENT = Unsure("The forge did not answer in time.")
SHOWN = frozenset({ReleaseState.AWAITING_APPROVAL, ReleaseState.APPROVED})
"""States in which people have been shown a commit, which a tag that is not there will be made at."""

T = TypeVar("T")


async def gather(hands: Hands, release: Release) -> Facts:
    """Fetch everything that a look needs; what could not be had says so."""
    typed = release.tag if release.commit else release.tag or release.version
    wanted = read(typed, release.target.project)
    progress = unpacked(Progress, release.progress)
    facts = Facts(
        target=release.target,
        wanted=wanted,
        now=hands.clock(),
        books=await _books(hands, release),
        override=progress.override,
        asked_by=release.requested_by,
        unrehearsed=_unrehearsed(release),
        run_id=release.run_id,
        shown=release.commit if release.make_tag and release.state in SHOWN else "",
    )
    where = repo(release)
    tag, head, simple = await asyncio.gather(
        _tag(hands, where, wanted),
        within(hands.forge.head(where), SILENT),
        within(
            hands.index.simple(release.target.index, release.target.project),
            TryLater(Reason.TIMED_OUT, "the index did not answer in time"),
        ),
    )
    facts = replace(facts, tag=tag, head=head, simple=simple)
    facts = replace(facts, since=_since(facts))
    return await _at_commit(hands, where, facts)


def _unrehearsed(release: Release) -> str:
    wanted = unpacked(Policy, release.policy).rehearsal
    return wanted if wanted not in {release.rehearsal, release.target.index} else ""


async def within(call: Awaitable[T], otherwise: T) -> T:
    """Return what a call gives, or the other where it takes too long."""
    try:
        async with asyncio.timeout(SECONDS):
            return await call
    except TimeoutError:
        return otherwise


async def _tag(hands: Hands, where: Repo, wanted: Wanted) -> TagOutcome:
    """Return the first tag that is there; Nothing only where each was looked for."""
    found: list[TagOutcome] = await asyncio.gather(
        *(within(hands.forge.tag(where, tag), SILENT) for tag in wanted.tags)
    )
    unsure = next((one for one in found if isinstance(one, Unsure)), None)
    there = next((one for one in found if isinstance(one, TagFacts)), None)
    # The likeliest one counts where it is there; else every one must have been looked for.
    return there or unsure or Nothing()


async def _at_commit(hands: Hands, where: Repo, facts: Facts) -> Facts:
    tag, sha, make_tag = located(facts)
    if not sha:
        return facts
    workflow = f".github/workflows/{facts.target.workflow}"
    since = facts.since
    commit, pyproject, text, checks, compared = await asyncio.gather(
        within(hands.forge.commit(where, sha), SILENT),
        within(hands.forge.text(where, "pyproject.toml", sha), SILENT),
        within(hands.forge.text(where, workflow, sha), SILENT),
        within(hands.forge.checks(where, sha), SILENT),
        within(hands.forge.compare(where, since, sha), SILENT) if since else _none(),
    )
    facts = replace(facts, commit=commit, pyproject=pyproject, checks=checks, compared=compared)
    facts_of = read_workflow(text) if isinstance(text, str) else None
    pre = is_prerelease(facts.wanted.version)
    environment = facts.target.environment
    seen = Seen(text, facts_of, tag, tag_exists=not make_tag, prerelease=pre, environment=environment)
    return replace(facts, way=await _way(hands, where, facts.target.workflow, sha, seen))


async def _none() -> None:
    return None


async def _way(hands: Hands, where: Repo, workflow: str, sha: str, seen: Seen) -> Way:
    if seen.tag_exists:
        pushed, release, released = await asyncio.gather(
            within(hands.forge.runs(where, workflow, sha, StartBy.PUSH), SILENT),
            within(hands.forge.release(where, seen.tag), SILENT),
            within(hands.forge.runs(where, workflow, sha, StartBy.RELEASE), SILENT),
        )
        seen = replace(seen, pushed_runs=pushed, release=release, release_runs=released)
    return way(seen, starts_on_tag)


def _since(facts: Facts) -> str:
    """Return the tag to compare with: of the newest earlier release, by our books or by the index."""
    wanted, last = facts.wanted, facts.books.last
    if not wanted.valid:
        return ""
    before = _newest_before(facts.simple, wanted.version)
    if last is not None and is_older(last.version, wanted.version) and not is_older(last.version, before):
        return last.tag
    tag, _, _ = located(facts)
    return f"{prefix(tag)}{before}" if before else ""


def _newest_before(simple: SimpleOutcome | None, version: str) -> str:
    if not isinstance(simple, Present):
        return ""
    return newest([file.version for file in simple.files if file.version and file.yanked is None], version)


async def _books(hands: Hands, release: Release) -> Books:
    async with hands.database.reading() as session:
        team_id, target = release.team_id, release.target
        others = await ledger.under_way(session, release.project_id, team_id)
        return Books(
            publisher=await publishers.newest(session, team_id, target.project, target.index),
            freezes=tuple(await freezes.standing(session, team_id, target.project, hands.clock())),
            others=tuple(
                one for one in others if one.id != release.id and one.state is not ReleaseState.REQUESTED
            ),
            published=await ledger.published(session, team_id, release.project_id, release.version),
            last=await ledger.last_published(session, team_id, release.project_id),
        )
