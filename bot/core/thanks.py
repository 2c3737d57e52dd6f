"""Telling those whose pull requests shipped: which are meant, who is told next, when it is over.

Knows: the rules, and what lies in the database about it. Must not know: how anything is fetched or sent, Slack.
Written words are forever: `Thanks` lies in the database, so a field keeps its meaning, and new ones get defaults.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from uuid import UUID

from bot.core.approvals import Policy
from bot.core.findings import Report
from bot.core.forge import (
    ActOutcome,
    CommentsOutcome,
    Compared,
    CompareOutcome,
    Done,
    Exists,
    Forbidden,
    Invalid,
    Nothing,
    PullsOutcome,
    Repo,
    Unsure,
)
from bot.core.polling import STEADY_LOOKS, next_look
from storage.records import Release

MOST = 50
"""Pull requests that are told about one release."""
AT_ONCE = 10
"""Commits whose pull requests are looked up in one step."""
FAULTS_BORNE = 12
"""Faults in a row after which the rest is given up: some hours at the default period."""
MOST_NAMED = 5
"""Pull requests that are named with why they could not be told."""
UNSEEN = "the forge does not show it to my token"


@dataclass(frozen=True, slots=True)
class Untold:
    """A pull request that could not be told."""

    number: int
    why: str


@dataclass(frozen=True, slots=True)
class Thanks:
    """How far it has come."""

    compared: bool = False
    """Whether it is known which commits shipped."""
    commits: tuple[str, ...] = ()
    """Those whose pull requests are still to be looked up, newest first."""
    pulls: tuple[int, ...] = ()
    """Those still to be told, in turn."""
    told: tuple[int, ...] = ()
    untold: tuple[Untold, ...] = ()
    cut: bool = False
    """Whether older ones were left out, since there were too many."""
    begun: bool = False
    """A comment was begun whose answer is unknown: it may still be on its way."""
    faults: int = 0
    """Looks in a row that came to nothing."""
    trouble: str = ""
    """Why it could not be found out which pull requests shipped; "" where it could."""

    @property
    def over(self) -> bool:
        """Whether nothing is left to do."""
        return self.compared and not self.commits and not self.pulls


def wanted(policy: Policy, release: Release, report: Report) -> bool:
    """Whether a release that has been published is to be told of on its pull requests; a rehearsal is not."""
    return policy.thank and release.target.index != policy.rehearsal and bool(report.since)


def marker(release_id: UUID) -> str:
    """Return what a comment carries, hidden, so that it is found again."""
    return f"<!-- shipbell release {release_id} -->"


def comment(release: Release, url: str) -> str:
    """Return what is said on each pull request; `url` is where the index shows the version, "" where it has no page."""
    target = release.target
    told = f"Released in {target.project} {release.version}, which can be installed from {target.index}"
    told += f": {url}" if url else "."
    return f"{told}\n\n{marker(release.id)}\n"


def after_compare(thanks: Thanks, outcome: CompareOutcome) -> Thanks:
    """Remember which commits shipped; a tag that is gone means that nobody can tell."""
    match outcome:
        case Unsure():
            return _faulty(thanks, outcome)
        case Nothing():
            return replace(thanks, compared=True, trouble="the tag of the release before is gone")
        case Compared():
            shas = tuple(one.sha for one in outcome.commits)
            return replace(thanks, compared=True, commits=shas, cut=outcome.total > len(shas), faults=0)


def after_lookup(thanks: Thanks, repo: Repo, sha: str, outcome: PullsOutcome) -> Thanks:
    """Remember the merged pull requests of this repository with which a commit came."""
    if isinstance(outcome, Unsure):
        return _faulty(thanks, outcome)
    slug = repo.slug.lower()
    pulls = () if isinstance(outcome, Nothing) else outcome
    found = [pull.number for pull in pulls if pull.merged and pull.into.lower() == slug]
    every = tuple(dict.fromkeys((*thanks.pulls, *found)))
    left = tuple(one for one in thanks.commits if one != sha)
    if len(every) > MOST or (len(every) == MOST and left):
        return replace(thanks, pulls=every[:MOST], commits=(), cut=True, faults=0)
    return replace(thanks, pulls=every, commits=left, faults=0)


def is_told(release: Release, bodies: Iterable[str]) -> bool:
    """Whether one of these comments is ours about this release."""
    return any(marker(release.id) in body for body in bodies)


def after_comments(thanks: Thanks, release: Release, outcome: CommentsOutcome) -> Thanks | None:
    """Look whether the next pull request was told already; None: it is to be told now."""
    if isinstance(outcome, Unsure):
        return _faulty(thanks, outcome)
    if isinstance(outcome, Nothing):
        return _given_up(thanks, UNSEEN)
    return _told(thanks) if is_told(release, outcome) else None


def after_death(thanks: Thanks) -> Thanks | None:
    """Let a comment arrive that a dead process had begun, before anybody looks for it; None where there is none."""
    return replace(thanks, begun=False) if thanks.begun else None


def stopped(thanks: Thanks) -> Thanks:
    """Tell nobody else."""
    return replace(thanks, compared=True, commits=(), pulls=(), faults=0)


def after_comment(thanks: Thanks, outcome: ActOutcome) -> Thanks:
    """Remember what became of the comment; a refusal is not asked for again."""
    match outcome:
        case Done():
            return _told(thanks)
        case Unsure():
            return _faulty(thanks, outcome)
        case Forbidden(detail) | Invalid(detail) | Exists(detail):
            return _given_up(thanks, detail)
        case Nothing():
            return _given_up(thanks, UNSEEN)


def _told(thanks: Thanks) -> Thanks:
    number, *left = thanks.pulls
    return replace(thanks, pulls=tuple(left), told=(*thanks.told, number), begun=False, faults=0)


def _given_up(thanks: Thanks, why: str) -> Thanks:
    number, *left = thanks.pulls
    untold = (*thanks.untold, Untold(number, why[:200]))
    return replace(thanks, pulls=tuple(left), untold=untold, begun=False, faults=0)


def _faulty(thanks: Thanks, outcome: Unsure) -> Thanks:
    """Come back later, to another pull request first; at last give up what is left."""
    faults = thanks.faults + 1
    if faults < FAULTS_BORNE:
        # While commits are looked up nobody is told yet, and the order does not matter.
        turned = (*thanks.pulls[1:], *thanks.pulls[:1])
        return replace(thanks, pulls=turned, begun=False, faults=faults)
    rest = tuple(Untold(number, outcome.detail[:200]) for number in thanks.pulls)
    unknown = bool(thanks.commits) or not thanks.compared
    return replace(
        thanks, compared=True, commits=(), pulls=(), untold=(*thanks.untold, *rest), begun=False, faults=faults,
        trouble=outcome.detail[:200] if unknown else "",
    )  # fmt: skip


def wait(thanks: Thanks, base: timedelta, seed: UUID, retry_after: float | None) -> timedelta:
    """Return how long to wait before the next step: not at all unless something was out of order."""
    if not thanks.faults:
        return timedelta()
    return max(next_look(base, STEADY_LOOKS + thanks.faults, seed), timedelta(seconds=retry_after or 0))


def told(thanks: Thanks) -> Mapping[str, str]:
    """Return what the thread hears at the end; nothing where there was nobody to be told."""
    if not thanks.told and not thanks.untold and not thanks.trouble:
        return MappingProxyType({})
    named = [f"#{one.number} ({one.why.rstrip('.')})" for one in thanks.untold[:MOST_NAMED]]
    more = len(thanks.untold) - len(named)
    return {
        "told": str(len(thanks.told)),
        "untold": str(len(thanks.untold)),
        "why": ", ".join(named) + (f" and {more} more" if more else ""),
        "trouble": thanks.trouble.rstrip("."),
        "cut": "yes" if thanks.cut else "",
    }
