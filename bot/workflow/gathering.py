"""The facts for a look before a release: forge, index and our own books, asked side by side, each with a time limit.

Knows: what is asked of whom. Must not know: what a fact means (that is `bot.core.preflight`).
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import TypeVar

from bot.core import uploads
from bot.core.approvals import Policy, Publish
from bot.core.findings import Report
from bot.core.forge import Nothing, Repo, TagFacts, TagOutcome, Unsure
from bot.core.outcomes import Present, SimpleOutcome, TryLater
from bot.core.preflight import Books, Facts, located
from bot.core.progress import Progress
from bot.core.starting import Seen, Way, way
from bot.core.uploads import Means, Plan
from bot.core.versions import Wanted, is_older, is_prerelease, newest, prefix, read
from bot.forge.tag_filters import starts_on_tag
from bot.forge.workflow_file import read_workflow
from bot.index import tokens
from bot.index.tokens import Opaque, TokenFacts, Unreadable
from bot.workflow.hands import Hands, repo, unpacked
from bot.workflow.watching import policy_of
from storage.ledger import credentials, freezes, publishers
from storage.ledger import releases as ledger
from storage.records import CredentialKind, OpenCredential, Reason, Release, ReleaseState, StartBy

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
        sending=progress.started and unpacked(Report, release.report).uploads,
        plan=await _plan(hands, release),
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
    return _planned(replace(facts, way=await _way(hands, where, facts.target.workflow, sha, seen)))


def _planned(facts: Facts) -> Facts:
    """Return the facts with what the forge's release holds, where the bot uploads."""
    seen = facts.way.seen if facts.way is not None else None
    if facts.plan is None or seen is None:
        return facts
    return replace(facts, plan=replace(facts.plan, assets=uploads.named(uploads.attached(seen.release))))


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


async def _plan(hands: Hands, release: Release) -> Plan | None:
    """Return how the bot uploads the release itself; None where the workflow publishes it."""
    target = release.target
    async with hands.database.reading() as session:
        policy = await policy_of(session, release.team_id, target.project)
        if policy.publish is not Publish.BOT:
            return None
        found = await credentials.find(session, release.team_id, target.index, target.project)
        listed = () if found else await credentials.listed(session, release.team_id)
    site = hands.index.site(target.index)
    mine = [one for one in listed if one.index == site.name and one.project in {target.project, ""}]
    granted = found is not None and found.credential.kind is CredentialKind.OAUTH1
    has_address = site.oauth1 is not None if granted else bool(site.upload_url)
    means = Means(has_address, refused=any(one.refused_at is not None for one in mine))
    return Plan(await asyncio.to_thread(_read, found, means, site.host) if found else means)


def _read(found: OpenCredential, means: Means, host: str) -> Means:
    """Return what a credential says of itself, without being used."""
    one = replace(means, there=True, added_by=found.credential.added_by)
    if found.credential.kind is CredentialKind.OAUTH1:
        return replace(one, granted=True, account_wide=True)
    if found.username is not None:
        return replace(one, password=True)
    match tokens.read(found.secret):
        case TokenFacts() as facts:
            elsewhere = facts.location if facts.location not in {"", host} else ""
            return replace(
                one, elsewhere=elsewhere, account_wide=facts.account_wide, projects=facts.projects,
                expires_at=facts.expires_at,
            )  # fmt: skip
        case Unreadable(cause):
            return replace(one, unreadable=cause)
        case Opaque():
            return one


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
