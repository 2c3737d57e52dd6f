"""Setting many packages up at once: what a look at a repository and at the index means, and how an import ends.

Knows: which packages can be set up now, what each lacks. Must not know: how facts were fetched, wording.
Written words are forever: what was judged lies in the database.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from bot.core.names import normalize_project, validate
from bot.core.outcomes import Absent, Present, SimpleOutcome, TryLater, Unchanged
from storage.records import (
    ImportItem,
    ImportItemState,
    Publisher,
    PublisherState,
    Reason,
    Registration,
)

DETAIL = 200
"""Characters of a cause that are kept."""
FAULTS = 3
"""Looks at one repository that may go without an answer."""


class Verdict(StrEnum):
    """Whether a package can be set up now."""

    READY = "ready"
    ALREADY = "already"
    """A publisher is there, known here or listed by the index."""
    FIRST = "first"
    """The index takes a publisher only for a project that exists."""
    NOT = "not"
    """Something is in the way, which the lacks name."""


class Lack(StrEnum):
    """What a package lacks; the first five leave it ready all the same."""

    NEW = "new"
    """Its project is not on the index yet."""
    WORKFLOW = "workflow"
    """No workflow that publishes was found."""
    TOKEN = "token"  # noqa: S105 - a word, not a secret
    """The workflow has no job with `id-token: write`."""
    ENVIRONMENT = "environment"
    """The repository does not have the environment."""
    UNSEEN = "unseen"
    """The index gave no answer, so whether the project is there is not known."""
    NAME = "name"
    """No name that can be read without running code."""
    REFUSED = "refused"
    """The index would refuse what is to be registered; `detail` says why."""
    CLOSED = "closed"
    """The project takes no uploads: archived or quarantined on the index."""
    SHARED = "shared"
    """Another new package of the list would have the same publisher, and an index keeps one of these."""


@dataclass(frozen=True, slots=True)
class Sight:
    """One package as a look at its repository showed it."""

    project: str
    """As the repository writes it; "" where it can't be read without running code."""
    owner: str
    repository: str
    workflow: str
    """File name: the one that publishes, else the one that would."""
    environment: str
    workflow_there: bool = False
    id_token: bool | None = None
    """Whether some job of the workflow may ask for an identity token; None: it can't be told."""
    environment_there: bool | None = None
    private: bool = False
    detail: str = ""
    """Where the name is missing: why."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One package of the list, judged."""

    registration: Registration
    verdict: Verdict
    lacks: tuple[Lack, ...] = ()
    detail: str = ""
    private: bool = False

    @property
    def exists(self) -> bool | None:
        """Whether its project is on the index; None: not known."""
        if Lack.NEW in self.lacks:
            return False
        return None if Lack.UNSEEN in self.lacks else True


def registration(sight: Sight, index: str) -> Registration:
    """Return what would be registered."""
    name = normalize_project(sight.project)
    return Registration(index, name, sight.owner, sight.repository, sight.workflow, sight.environment)


def judge(
    sight: Sight,
    index: tuple[str, bool | None],
    simple: SimpleOutcome | None,
    known: Publisher | None = None,
    *,
    listed: bool = False,
) -> Candidate:
    """Say whether a package can be set up, and what it lacks; `index` is (name, whether it has the publisher API).

    `known` is the team's own open publisher; `listed`: the index itself lists this very one.
    """
    wanted = registration(sight, index[0])
    blank = Candidate(wanted, Verdict.NOT, private=sight.private)
    if not sight.project:
        return replace(blank, lacks=(Lack.NAME,), detail=sight.detail[:DETAIL])
    if known is not None or listed:
        return replace(blank, verdict=Verdict.ALREADY, lacks=_missing(sight))
    if refused := _refused(sight, exists=isinstance(simple, Present)):
        return replace(blank, lacks=(Lack.REFUSED,), detail=refused[:DETAIL])
    lacks = (*_of_index(simple), *_missing(sight))
    if Lack.CLOSED in lacks:
        return replace(blank, lacks=lacks)
    if Lack.NEW in lacks and index[1]:
        return replace(blank, verdict=Verdict.FIRST, lacks=lacks)
    return replace(blank, verdict=Verdict.READY, lacks=lacks)


def _refused(sight: Sight, *, exists: bool) -> str:
    """Return all that the index would refuse, "" for nothing."""
    found = validate(
        project=sight.project,
        owner=sight.owner,
        repository=sight.repository,
        workflow=sight.workflow,
        environment=sight.environment,
        project_exists=exists,
    )
    return " ".join(problem.message for problem in found)


def _of_index(simple: SimpleOutcome | None) -> tuple[Lack, ...]:
    match simple:
        case Absent():
            return (Lack.NEW,)
        case Present() if simple.status in {"archived", "quarantined"}:
            return (Lack.CLOSED,)
        case Present():
            return ()
        case TryLater() | Unchanged() | None:
            return (Lack.UNSEEN,)
        case _:
            assert_never(simple)


def _missing(sight: Sight) -> tuple[Lack, ...]:
    if not sight.workflow_there:
        return (Lack.WORKFLOW,)
    token = (Lack.TOKEN,) if sight.id_token is False else ()
    return (*token, *((Lack.ENVIRONMENT,) if sight.environment_there is False and sight.environment else ()))


def told_apart(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Return the candidates, each project once, sorted; of new ones with one publisher between them only the first is ready.

    PyPI keeps one pending publisher per owner, repository, workflow and environment, whatever the project
    (warehouse `oidc/models/_core.py`).
    """
    taken: set[tuple[str, ...]] = set()
    kept: dict[str, Candidate] = {}
    for one in sorted(candidates, key=_order):
        wanted = one.registration
        name = wanted.project or f"\0{wanted.slug}"
        if name in kept:
            continue
        same = (wanted.owner, wanted.repository, wanted.workflow, wanted.environment)
        place = tuple(part.lower() for part in same)
        is_new = one.verdict is Verdict.READY and Lack.NEW in one.lacks
        kept[name] = (
            replace(one, verdict=Verdict.NOT, lacks=(*one.lacks, Lack.SHARED))
            if is_new and place in taken
            else one
        )
        taken |= {place} if is_new else set()
    return tuple(sorted(kept.values(), key=_order))


_RANK = {Verdict.READY: 0, Verdict.FIRST: 1, Verdict.NOT: 2, Verdict.ALREADY: 3}


def _order(one: Candidate) -> tuple[int, str, str]:
    return _RANK[one.verdict], one.registration.project, one.registration.slug.lower()


@dataclass(frozen=True, slots=True)
class Place:
    """A repository that may hold packages."""

    owner: str
    repository: str
    branch: str = ""
    """The default branch."""
    python: bool = True
    """Whether the forge takes it for Python; else its files must tell."""
    private: bool = False

    @property
    def slug(self) -> str:
        """`owner/repository`."""
        return f"{self.owner}/{self.repository}"


@dataclass(frozen=True, slots=True)
class Places:
    """An owner's repositories, without those that nobody releases from."""

    places: tuple[Place, ...]
    archived: int = 0
    forks: int = 0
    missing: str = ""
    """Why there may be more, "" where these are all."""


@dataclass(frozen=True, slots=True)
class Survey:
    """How far looking through an owner's repositories has come."""

    begun: bool = False
    """Whether the repositories are known."""
    repositories: int = 0
    archived: int = 0
    forks: int = 0
    others: int = 0
    """Without Python."""
    missing: str = ""
    """Why there may be more repositories."""
    todo: tuple[Place, ...] = ()
    found: tuple[Candidate, ...] = ()
    unseen: tuple[str, ...] = ()
    """Repositories that could not be looked at."""
    faults: int = 0
    """Looks at the next repository that went without an answer."""

    @property
    def looked(self) -> int:
        """Repositories that were looked at, or need no look."""
        return self.repositories - len(self.todo)


def begun(found: Places) -> Survey:
    """Return what is to be looked at."""
    total = len(found.places) + found.archived + found.forks
    return Survey(
        begun=True, repositories=total, archived=found.archived, forks=found.forks,
        missing=found.missing[:DETAIL], todo=found.places,
    )  # fmt: skip


def looked(survey: Survey, candidates: Sequence[Candidate] | None) -> Survey:
    """Return how far it is once the next repository was looked at; None: there is nothing of Python in it."""
    return replace(
        survey,
        todo=survey.todo[1:],
        found=(*survey.found, *(candidates or ())),
        others=survey.others + (candidates is None),
        faults=0,
    )


def unanswered(survey: Survey) -> Survey | None:
    """Return how far it is where there was no answer: tried again a few times; None: even the list could not be had."""
    if survey.faults + 1 < FAULTS:
        return replace(survey, faults=survey.faults + 1)
    if not survey.todo:
        return None
    return replace(survey, todo=survey.todo[1:], unseen=(*survey.unseen, survey.todo[0].slug)[-50:], faults=0)


class Fate(StrEnum):
    """What has become of one package of an import."""

    LISTED = "listed"
    """Nobody has chosen it."""
    MOVING = "moving"
    BY_HAND = "by_hand"
    """A person must fill in the index's form."""
    QUEUED = "queued"
    """It waits for one of the person's places on the index."""
    SET_UP = "set_up"
    KNOWN = "known"
    """The bot uploads it itself, so it needs no publisher."""
    ALREADY = "already"
    FIRST = "first"
    FAILED = "failed"


def fate(item: ImportItem, verdict: Verdict) -> Fate:
    """Say what has become of a package: by what was listed, what was chosen, and how its publisher stands."""
    if item.state is ImportItemState.LISTED:
        return {Verdict.ALREADY: Fate.ALREADY, Verdict.FIRST: Fate.FIRST}.get(verdict, Fate.LISTED)
    if item.state is ImportItemState.WAITING:
        return Fate.MOVING
    if item.publisher is None:
        return Fate.KNOWN if item.state is ImportItemState.KNOWN else Fate.ALREADY
    return of_publisher(item.publisher)


def of_publisher(publisher: Publisher) -> Fate:
    """Say what a publisher's state means for the import that asked for it."""
    match publisher.state:
        case PublisherState.REQUESTED if publisher.queued_at is not None:
            return Fate.QUEUED
        case PublisherState.REQUESTED:
            return Fate.MOVING if publisher.next_at is not None else Fate.BY_HAND
        case PublisherState.PENDING | PublisherState.CONFIRMED:
            return Fate.SET_UP
        # Counted apart, not acted on: the remedy is another one.
        case PublisherState.FAILED if publisher.reason is Reason.PROJECT_MISSING:
            return Fate.FIRST
        case (
            PublisherState.FAILED | PublisherState.CONFLICT | PublisherState.EXPIRED | PublisherState.REMOVED
        ):
            return Fate.FAILED
        case _:
            assert_never(publisher.state)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many have come to which end."""

    set_up: int = 0
    already: int = 0
    first: int = 0
    failed: int = 0
    by_hand: int = 0
    moving: int = 0
    queued: int = 0
    known: int = 0

    @property
    def chosen(self) -> int:
        """How many are or were to be set up and are not found to be there already."""
        return self.set_up + self.failed + self.by_hand + self.moving + self.queued + self.known


def tally(fates: Sequence[Fate]) -> Tally:
    """Count the ends."""
    counted = Counter(fates)
    return Tally(
        set_up=counted[Fate.SET_UP], already=counted[Fate.ALREADY], first=counted[Fate.FIRST],
        failed=counted[Fate.FAILED], by_hand=counted[Fate.BY_HAND], moving=counted[Fate.MOVING],
        queued=counted[Fate.QUEUED], known=counted[Fate.KNOWN],
    )  # fmt: skip
