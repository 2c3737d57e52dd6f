"""How a publisher fares once it is set up: what broke since, what is in order again.

Knows: the closed set of ailments, what a look is compared with, when a trouble is told. Must not know: how facts were
fetched, wording. Written words are forever: states lie in the database, troubles in the outbox.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum, auto
from types import MappingProxyType

from bot.core import setup
from bot.core.findings import Level
from bot.core.forge import AccountFacts
from bot.core.outcomes import Present, Provenance, ProvenanceOutcome, SimpleFile, SimpleOutcome
from bot.core.people import CannotTell, PersonOutcome, Standing
from bot.core.setup import Found, SetupFacts
from storage.records import Publisher, PublisherState

BLIND_AFTER = timedelta(days=7)
"""How long repository or index can't be looked at before that is told."""
STALE_AFTER = timedelta(days=30)
"""How long a publisher is pending before that is told, unless the index's own term has been reminded of already."""
WATCHED = frozenset({PublisherState.PENDING, PublisherState.CONFIRMED})
_GONE = frozenset({Standing.DEACTIVATED, Standing.UNKNOWN})


class Ailment(StrEnum):
    """What can be wrong; the names in `values` stand behind each."""

    REPOSITORY_GONE = "repository_gone"
    """slug"""
    REPOSITORY_MOVED = "repository_moved"
    """slug, now ("" where that is not shown)"""
    REPOSITORY_ARCHIVED = "repository_archived"
    """slug"""
    OWNER_GONE = "owner_gone"
    """owner"""
    OWNER_REPLACED = "owner_replaced"
    """owner, was, now: another account has the name"""
    WORKFLOW_GONE = "workflow_gone"
    """workflow, branch, others (file names)"""
    WORKFLOW_NO_TOKEN = "workflow_no_token"  # noqa: S105 - a word, not a secret
    """workflow"""
    WORKFLOW_REUSABLE = "workflow_reusable"
    """workflow"""
    WORKFLOW_CALLS = "workflow_calls"
    """workflow, job, uses"""
    TRIGGER_GONE = "trigger_gone"
    """workflow, triggers"""
    JOB_NO_ENVIRONMENT = "job_no_environment"
    """wanted, workflow"""
    JOB_OTHER_ENVIRONMENT = "job_other_environment"
    """wanted, used, workflow"""
    ENVIRONMENT_GONE = "environment_gone"
    """environment"""
    REVIEWERS_GONE = "reviewers_gone"
    """environment"""
    PROJECT_GONE = "project_gone"
    """project"""
    PROJECT_CLOSED = "project_closed"
    """project, status"""
    OTHER_PUBLISHER = "other_publisher"
    """version, kind, repository, workflow: who published the newest file"""
    TOKEN_USED = "token_used"  # noqa: S105 - a word, not a secret
    """version: its newest file has no provenance"""
    PERSON_LEFT = "person_left"
    """who"""
    STALE = "stale"
    """since: pending for long"""
    UNSEEN = "unseen"
    """what, detail, since: it could not be looked at for long"""


A = Ailment
WEAKER = frozenset(
    {A.ENVIRONMENT_GONE, A.REVIEWERS_GONE, A.OTHER_PUBLISHER, A.TOKEN_USED, A.PERSON_LEFT, A.STALE, A.UNSEEN}
)
"""What does not keep anybody from publishing: it is less safe, or less certain."""
MENDABLE = frozenset(
    {
        A.WORKFLOW_GONE, A.WORKFLOW_NO_TOKEN, A.WORKFLOW_REUSABLE, A.WORKFLOW_CALLS, A.TRIGGER_GONE,
        A.JOB_NO_ENVIRONMENT, A.JOB_OTHER_ENVIRONMENT, A.ENVIRONMENT_GONE,
    }
)  # fmt: skip
"""What the dialog with the pull request can mend."""


class Area(Enum):
    """What is seen, or not, as a whole: while it is not, nothing in it counts as broken, nor as mended."""

    REPOSITORY = auto()
    OWNER = auto()
    WORKFLOW = auto()
    JOB = auto()
    """The environment that the publishing job names."""
    ENVIRONMENT = auto()
    INDEX = auto()
    UPLOADS = auto()
    PERSON = auto()
    SIGHT = auto()
    """Whether there is anything to be seen at all."""
    TIME = auto()
    """What the clock alone tells."""


_AREAS: Mapping[Ailment, Area] = MappingProxyType(
    {
        A.REPOSITORY_GONE: Area.REPOSITORY, A.REPOSITORY_MOVED: Area.REPOSITORY, A.REPOSITORY_ARCHIVED: Area.REPOSITORY,
        A.OWNER_GONE: Area.OWNER, A.OWNER_REPLACED: Area.OWNER,
        A.WORKFLOW_GONE: Area.WORKFLOW, A.WORKFLOW_NO_TOKEN: Area.WORKFLOW, A.WORKFLOW_REUSABLE: Area.WORKFLOW,
        A.WORKFLOW_CALLS: Area.WORKFLOW, A.TRIGGER_GONE: Area.WORKFLOW,
        A.JOB_NO_ENVIRONMENT: Area.JOB, A.JOB_OTHER_ENVIRONMENT: Area.JOB,
        A.ENVIRONMENT_GONE: Area.ENVIRONMENT, A.REVIEWERS_GONE: Area.ENVIRONMENT,
        A.PROJECT_GONE: Area.INDEX, A.PROJECT_CLOSED: Area.INDEX,
        A.OTHER_PUBLISHER: Area.UPLOADS, A.TOKEN_USED: Area.UPLOADS,
        A.PERSON_LEFT: Area.PERSON, A.STALE: Area.TIME, A.UNSEEN: Area.SIGHT,
    }
)  # fmt: skip
_AILMENTS: Mapping[Found, Ailment] = MappingProxyType(
    {
        Found.REPOSITORY_NONE: A.REPOSITORY_GONE, Found.REPOSITORY_MOVED: A.REPOSITORY_MOVED,
        Found.REPOSITORY_ARCHIVED: A.REPOSITORY_ARCHIVED, Found.OWNER_NONE: A.OWNER_GONE,
        Found.WORKFLOW_NONE: A.WORKFLOW_GONE, Found.WORKFLOW_NO_TOKEN: A.WORKFLOW_NO_TOKEN,
        Found.WORKFLOW_REUSABLE: A.WORKFLOW_REUSABLE, Found.WORKFLOW_CALLS: A.WORKFLOW_CALLS,
        Found.TRIGGER_NONE: A.TRIGGER_GONE, Found.ENVIRONMENT_LACKING: A.JOB_NO_ENVIRONMENT,
        Found.ENVIRONMENT_OTHER: A.JOB_OTHER_ENVIRONMENT, Found.ENVIRONMENT_MISSING: A.ENVIRONMENT_GONE,
        Found.ENVIRONMENT_OPEN: A.REVIEWERS_GONE, Found.NAME_GONE: A.PROJECT_GONE, Found.NAME_CLOSED: A.PROJECT_CLOSED,
    }
)  # fmt: skip
"""What a look at a set-up finds -> what that is, once it was set up."""
_UNSEEN: Mapping[Found, frozenset[Area]] = MappingProxyType(
    {
        Found.REPOSITORY_UNKNOWN: frozenset({Area.REPOSITORY}),
        Found.OWNER_UNKNOWN: frozenset({Area.OWNER}),
        Found.WORKFLOW_UNKNOWN: frozenset({Area.WORKFLOW, Area.JOB}),
        Found.WORKFLOW_UNREADABLE: frozenset({Area.WORKFLOW, Area.JOB}),
        Found.WORKFLOW_NONE: frozenset({Area.JOB}),
        Found.WORKFLOW_REUSABLE: frozenset({Area.JOB}),
        Found.ENVIRONMENT_COMPUTED: frozenset({Area.JOB}),
        Found.ENVIRONMENT_UNKNOWN: frozenset({Area.ENVIRONMENT}),
        Found.NAME_UNKNOWN: frozenset({Area.INDEX}),
    }
)
"""What a look at a set-up finds -> what it could not see for that."""
_INSIDE = frozenset({Area.WORKFLOW, Area.JOB, Area.ENVIRONMENT})
"""What is in a repository, and not seen where that is not."""
_PLAIN = frozenset({Area.SIGHT, Area.TIME})
"""What no second look would tell better."""
_SIGHT = MappingProxyType({Area.REPOSITORY: "repository", Area.INDEX: "index"})
_TELLING = MappingProxyType(
    {
        A.REPOSITORY_MOVED: ("now",), A.OWNER_REPLACED: ("now",), A.PERSON_LEFT: ("who",), A.PROJECT_CLOSED: ("status",),
        A.OTHER_PUBLISHER: ("kind", "repository", "workflow"),
    }
)  # fmt: skip
"""The values that make another trouble of an ailment."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One ailment that was seen."""

    ailment: Ailment
    values: Mapping[str, str] = field(default_factory=dict)
    told: bool = False
    """Whether the channel heard of it; not before it was seen twice."""

    @property
    def key(self) -> str:
        """A name for this very trouble, by which it is known again."""
        return ":".join(
            [self.ailment, *(self.values.get(name, "") for name in _TELLING.get(self.ailment, ()))]
        )


@dataclass(frozen=True, slots=True)
class State:
    """What the newest look found, and what the looks before have seen that may be lost."""

    troubles: tuple[Trouble, ...] = ()
    owner_id: int = 0
    """The owner's number on the forge, as first seen; 0: not seen yet."""
    environment: bool = False
    """Whether the repository was seen to have the environment."""
    guarded: bool = False
    """Whether the environment was seen to have reviewers."""
    there: bool = False
    """Whether the index was seen to have the project."""
    blind_since: datetime | None = None
    """Since when repository or index could not be looked at."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that one look brought back."""

    publisher: Publisher
    person: PersonOutcome
    """Who asked for it."""
    setup: SetupFacts | None = None
    """None while it is pending: then there are other looks at it."""
    provenance: ProvenanceOutcome | None = None
    """Of the newest file; None: not asked."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a look comes to."""

    state: State
    broke: tuple[Trouble, ...] = ()
    """To be told now."""
    mended: tuple[Trouble, ...] = ()
    """In order again, of what was told."""
    again: bool = False
    """Whether a trouble was seen for the first time: it is looked at again before it is told."""


def newest(publisher: Publisher, simple: SimpleOutcome) -> SimpleFile | None:
    """Return the newest file that was uploaded since the publisher is confirmed."""
    if not isinstance(simple, Present) or publisher.state is not PublisherState.CONFIRMED:
        return None
    since = publisher.state_at.astimezone(UTC).isoformat()[:19]
    # ISO 8601 in UTC sorts as text; a file without a time may be any age.
    fresh = [file for file in simple.files if file.uploaded_at[:19] >= since]
    return max(fresh, key=lambda file: (file.uploaded_at, file.filename), default=None)


def after_look(before: State, facts: Facts, now: datetime) -> Look:
    """Compare what was seen with what was seen before: a trouble is told once, when it was seen twice, and its end once."""
    signs = list(_signs(before, facts))
    unseen = {one for one in signs if isinstance(one, Area)}
    blind = [name for area, name in _SIGHT.items() if area in unseen]
    since = (before.blind_since or now) if blind else None
    found = [one for one in signs if isinstance(one, Trouble)]
    if since is not None and now - since >= BLIND_AFTER:
        values = {"what": " and ".join(blind), "detail": _detail(facts), "since": since.isoformat()}
        found.append(Trouble(A.UNSEEN, values))
    found += _stale(facts.publisher, now)
    troubles, again = _known(before, found, unseen)
    told = {one.key for one in before.troubles if one.told}
    ill = {_AREAS[one.ailment] for one in troubles}
    return Look(
        replace(_learnt(before, facts.setup), troubles=troubles, blind_since=since),
        tuple(one for one in troubles if one.told and one.key not in told),
        # What was replaced by another trouble of its kind is in no better order; the end of waiting is told as such.
        tuple(
            one
            for one in before.troubles
            if one.told and _AREAS[one.ailment] not in ill and one.ailment is not A.STALE
        ),
        again,
    )


def _known(before: State, found: list[Trouble], unseen: set[Area]) -> tuple[tuple[Trouble, ...], bool]:
    """Return the troubles there are now, and whether one of them is new; what could not be seen stays as it was."""
    earlier = {one.key: one for one in before.troubles}
    keys = {one.key for one in found}
    seen = [
        replace(one, told=one.key in earlier or _AREAS[one.ailment] in _PLAIN)
        for one in {one.key: one for one in found}.values()
    ]
    # Until a new trouble is seen again, it takes no other's place.
    doubtful = {_AREAS[one.ailment] for one in seen if not one.told}
    kept = [
        one
        for one in before.troubles
        if one.key not in keys
        and (_AREAS[one.ailment] in unseen or (one.told and _AREAS[one.ailment] in doubtful))
    ]
    return (*seen, *kept), not all(one.told for one in seen)


def handed_over(before: State) -> State:
    """Return the state once somebody else looks after the publisher."""
    return replace(before, troubles=tuple(one for one in before.troubles if one.ailment is not A.PERSON_LEFT))


def _signs(before: State, facts: Facts) -> Iterator[Trouble | Area]:
    """Give every trouble, and every area that could not be seen."""
    yield from _person(facts)
    if facts.setup is None:
        yield from set(_AREAS.values()) - {Area.PERSON, *_PLAIN, *_SIGHT}
        return
    yield from _set_up(before, facts.setup)
    yield from _owner(before, facts.setup)
    yield from _uploads(facts, facts.setup)


def _person(facts: Facts) -> Iterator[Trouble | Area]:
    if isinstance(facts.person, CannotTell):
        yield Area.PERSON
    elif facts.person.standing in _GONE:
        yield Trouble(A.PERSON_LEFT, {"who": facts.publisher.requested_by})


def _set_up(before: State, facts: SetupFacts) -> Iterator[Trouble | Area]:
    lost = {
        A.ENVIRONMENT_GONE: before.environment,
        A.REVIEWERS_GONE: before.guarded,
        A.PROJECT_GONE: before.there,
    }
    for finding in setup.judge(facts).findings:
        yield from _UNSEEN.get(finding.found, ())
        ailment = _AILMENTS.get(finding.found)
        if ailment is not None and lost.get(ailment, finding.level is Level.BLOCKING):
            yield Trouble(ailment, finding.values)
    if facts.repository.exists is not True:
        yield from _INSIDE


def _owner(before: State, facts: SetupFacts) -> Iterator[Trouble]:
    """Give that another account has the owner's name now; the index goes on knowing the old one's number."""
    owner = facts.owner
    if isinstance(owner, AccountFacts) and before.owner_id and owner.id != before.owner_id:
        values = {"owner": owner.login, "was": str(before.owner_id), "now": str(owner.id)}
        yield Trouble(A.OWNER_REPLACED, values)


def _uploads(facts: Facts, seen: SetupFacts) -> Iterator[Trouble | Area]:
    """Give who published the newest file, where that was not the publisher."""
    simple, wanted = seen.simple, facts.publisher.registration
    file = newest(facts.publisher, simple)
    if not isinstance(simple, Present):
        yield Area.UPLOADS
    elif file is None:
        return
    elif not file.provenance_url:
        if simple.attests:
            yield Trouble(A.TOKEN_USED, {"version": file.version})
    elif not isinstance(facts.provenance, Provenance):
        yield Area.UPLOADS
    elif (facts.provenance.repository.lower(), facts.provenance.workflow) != (
        wanted.slug.lower(),
        wanted.workflow,
    ):
        by = facts.provenance
        values = {"kind": by.kind, "repository": by.repository, "workflow": by.workflow}
        yield Trouble(A.OTHER_PUBLISHER, {"version": file.version, **values})


def _stale(publisher: Publisher, now: datetime) -> Iterator[Trouble]:
    since = publisher.pending_at
    waits = publisher.state is PublisherState.PENDING and publisher.reminded_at is None
    if waits and since is not None and now - since >= STALE_AFTER:
        yield Trouble(A.STALE, {"since": since.isoformat()})


def _detail(facts: Facts) -> str:
    if facts.setup is None:
        return ""
    return facts.setup.repository.detail or str(getattr(facts.setup.simple, "detail", ""))


def _learnt(before: State, facts: SetupFacts | None) -> State:
    """Return what may be lost later: what was seen once stays, as it is what a later look is compared with."""
    if facts is None:
        return before
    name = facts.publisher.registration.environment.lower()
    environments = facts.environments if isinstance(facts.environments, tuple) else ()
    ours = [one for one in environments if name and one.name.lower() == name]
    return replace(
        before,
        owner_id=before.owner_id or (facts.owner.id if isinstance(facts.owner, AccountFacts) else 0),
        environment=before.environment or bool(ours),
        guarded=before.guarded or any(one.reviewers for one in ours),
        there=before.there or isinstance(facts.simple, Present),
    )
