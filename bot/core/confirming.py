"""A run of a workflow's `confirm` job: whether it may be started, which one it is, and what its end proves.

Knows: what a run can say of a publisher. Must not know: how anything was asked, wording.

A run is in the power of whoever can push to its repository, its log too. So what it says counts only for the registered
workflow on the default branch, started by hand, whose identity is the registered one; and where the project was not
on the index before, its appearance there is kept beside it.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from bot.core import notices, polling
from bot.core import publishers as of_publishers
from bot.core.cleaning import one_line
from bot.core.confirm_logs import claims_of, differences, refusals_of
from bot.core.confirm_notices import ConfirmEnded, ConfirmRuns, ConfirmWaits, Difference
from bot.core.forge import (
    ActOutcome,
    Conclusion,
    Done,
    EnvironmentsOutcome,
    Exists,
    Forbidden,
    HeadFacts,
    HeadOutcome,
    Invalid,
    JobFacts,
    RunFacts,
    RunOutcome,
    RunsOutcome,
    TextOutcome,
    Unsure,
    WaitingDeployment,
    WaitingOutcome,
)
from bot.core.outcomes import Present, SimpleOutcome
from bot.core.repositories import WorkflowFacts
from bot.core.workflow_text import CONFIRM
from storage.records import (
    Confirmation,
    ConfirmationReason,
    ConfirmationState,
    Evidence,
    EvidenceKind,
    Publisher,
    PublisherState,
    Reason,
    Registration,
    StartBy,
)

RUN_APPEARS = 20
"""Base periods, and looks, within which a run must appear: ten minutes at the default of 30 s."""
RUN_LASTS = 2_880
"""Base periods after which a run that waits for nobody is given up: a day."""
FAULTS_BORNE = 30
"""Looks in a row that the forge may leave unanswered: more than an hour at the default."""
LOG_LOOKS = 5
"""Looks at a log that does not come."""
INPUTS: Mapping[str, str] = MappingProxyType({CONFIRM: "true"})

Why = ConfirmationReason
_CODES: Mapping[str, ConfirmationReason] = MappingProxyType(
    {
        "invalid-publisher": Why.INVALID_PUBLISHER,
        "invalid-pending-publisher": Why.PROJECT_TAKEN,
        "not-enabled": Why.NOT_ENABLED,
        "invalid-token": Why.INVALID_TOKEN,
        "invalid-payload": Why.INVALID_PAYLOAD,
        "invalid-reuse-token": Why.TOKEN_REUSED,
    }
)
"""Every code of the exchange (warehouse `oidc/views.py`)."""
_STATUS = re.compile(r"HTTPError: HTTP Error (\d{3})", re.ASCII)
_BROKEN = re.compile(
    r"URLError|TimeoutError|ConnectionError|RemoteDisconnected|JSONDecodeError|IncompleteRead"
)
_NO_IDENTITY = "ACTIONS_ID_TOKEN_REQUEST"
_AFTERMATH = re.compile(r"(?:##\[error\])?Process completed with exit code|Cleaning up orphan", re.ASCII)


@dataclass(frozen=True, slots=True)
class Progress:
    """What has been seen of a confirmation. Persisted: new fields get defaults."""

    branch: str = ""
    """The default branch, at which it was started."""
    known_runs: tuple[int, ...] = ()
    """Runs that were there before."""
    run_url: str = ""
    looks: int = 0
    """Looks, by which the pace slows down."""
    faults: int = 0
    """Looks in a row that were not answered."""
    waits_for: str = ""
    """The environment that it was seen to wait for."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What a decision needs besides the answer."""

    confirmation: Confirmation
    publisher: of_publishers.Situation
    progress: Progress
    shared: bool = False
    """Whether another project's publisher has the same identity."""

    @property
    def now(self) -> datetime:
        """The time now."""
        return self.publisher.now

    @property
    def registration(self) -> Registration:
        """What is to be confirmed."""
        return self.publisher.publisher.registration


@dataclass(frozen=True, slots=True)
class Start:
    """It may be started, at this branch."""

    progress: Progress


@dataclass(frozen=True, slots=True)
class Decision:
    """What to write and what to say; written and said in one transaction."""

    state: ConfirmationState
    reason: ConfirmationReason
    progress: Progress
    next_at: datetime | None = None
    run_id: int | None = None
    say: tuple[notices.Notice, ...] = ()
    of_publisher: of_publishers.Decision | None = None
    more_evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class End:
    """All that was asked once a run was over."""

    run: RunFacts
    job: JobFacts | None
    """The job that exchanges the identity."""
    log: TextOutcome
    environments: EnvironmentsOutcome = ()
    """Asked where the job has no log."""
    simple: SimpleOutcome | None = None
    """The project on the index; asked where the job ended well."""


def over(seen: Situation) -> Decision | None:
    """Return how it ends where the publisher waits for it no more, which the channel was told by then; None where it does."""
    state, run_id = seen.publisher.publisher.state, seen.confirmation.run_id
    # What a run says that is under way is kept beside what has confirmed the publisher meanwhile.
    followed = run_id is not None and state is PublisherState.CONFIRMED
    if followed or state is PublisherState.PENDING:
        return None
    return Decision(ConfirmationState.FAILED, Why.MOVED_ON, seen.progress, run_id=run_id)


def before_start(
    seen: Situation, head: HeadOutcome, facts: WorkflowFacts | Unsure | None, runs: RunsOutcome
) -> Decision | Start:
    """Decide whether it may be started; the runs that are there are kept, so that a new one is known."""
    for outcome in (head, facts, runs):
        if isinstance(outcome, Unsure):
            return again(seen, outcome)
    if not isinstance(head, HeadFacts):
        return failed(seen, Why.FORGE_REFUSED, "GitHub shows no such repository to my token")
    if not isinstance(facts, WorkflowFacts) or not facts.confirms:
        return failed(seen, Why.NOT_OFFERED)
    known = tuple(run.id for run in runs) if isinstance(runs, tuple) else ()
    return Start(replace(seen.progress, branch=head.branch, known_runs=known, looks=0))


def after_start(seen: Situation, outcome: ActOutcome) -> Decision:
    """Decide after the workflow was started; an unknown answer is never followed by a second start."""
    match outcome:
        case Done(run_id=run_id) if run_id:
            return _follow(seen, run_id, "")
        case Done() | Unsure(arrived_maybe=True):
            return again(seen)
        case Unsure():
            decision = again(seen, outcome)
            over = decision.next_at is None
            return decision if over else replace(decision, state=ConfirmationState.ASKED)
        case Forbidden(detail) | Invalid(detail) | Exists(detail):
            return failed(seen, Why.FORGE_REFUSED, detail)
        case _:
            return failed(seen, Why.FORGE_REFUSED, "GitHub shows no such repository to my token")


def after_search(seen: Situation, outcome: RunsOutcome) -> Decision:
    """Decide after a search for the run: by workflow, event and branch, and by not having been there before."""
    if isinstance(outcome, Unsure):
        return again(seen, outcome)
    found = outcome if isinstance(outcome, tuple) else ()
    ours = [run for run in found if run.id not in seen.progress.known_runs and _fits(seen, run)]
    if len(ours) > 1:
        return failed(seen, Why.SEVERAL_RUNS, f"{len(ours)} runs appeared", ours[0].url)
    return _follow(seen, ours[0].id, ours[0].url) if ours else again(seen)


def not_ours(seen: Situation, outcome: RunOutcome) -> Decision | None:
    """Return what to do where the run is not to be seen, or is not what was to be started; None where it is."""
    if isinstance(outcome, Unsure):
        return again(seen, outcome)
    if isinstance(outcome, RunFacts) and _fits(seen, outcome):
        return None
    url = outcome.url if isinstance(outcome, RunFacts) else seen.progress.run_url
    return failed(seen, Why.OTHER_RUN, "", url)


def following(seen: Situation, run: RunFacts, waiting: WaitingOutcome) -> Decision:
    """Decide after a look at a run that has not ended: tell once that it runs, and once for whom it waits."""
    wanted, by = seen.registration, seen.confirmation.asked_by
    say: list[notices.Notice] = [] if seen.progress.run_url else [ConfirmRuns(wanted, by, run.url)]
    progress = replace(seen.progress, run_url=run.url, looks=seen.progress.looks + 1, faults=0)
    holds = waiting[0] if isinstance(waiting, tuple) and waiting else None
    if holds is not None and not progress.waits_for:
        progress = replace(progress, waits_for=holds.environment)
        say.append(_waits(seen, holds, run.url))
    if holds is None and run.status != "waiting" and _since(seen) > seen.publisher.base * RUN_LASTS:
        return replace(failed(seen, Why.TOO_LONG, "", run.url), progress=progress)
    wait = polling.next_look(seen.publisher.base, progress.looks, seen.confirmation.id)
    return Decision(
        ConfirmationState.FOLLOWED, Why.STARTED, progress, seen.now + wait, run.id, say=tuple(say)
    )


def ended(seen: Situation, end: End) -> Decision:
    """Decide once the run is over: what it proves, or what went wrong and where."""
    seen = replace(seen, progress=replace(seen.progress, run_url=end.run.url))
    job = end.job
    if job is None or job.conclusion is Conclusion.SKIPPED:
        return failed(seen, Why.CANCELLED if end.run.conclusion is Conclusion.CANCELLED else Why.NO_JOB)
    if job.conclusion is Conclusion.CANCELLED:
        return failed(seen, Why.CANCELLED)
    if isinstance(end.log, Unsure) and seen.progress.faults < LOG_LOOKS:
        return again(seen, end.log)
    return _succeeded(seen, end) if job.conclusion is Conclusion.SUCCESS else _broken(seen, end)


def confirm_job(jobs: Sequence[JobFacts]) -> JobFacts | None:
    """Return the job that exchanges the identity."""
    return next((job for job in jobs if job.name == CONFIRM), None)


def shares_identity(ours: Registration, theirs: Registration) -> bool:
    """Whether a run of ours may be taken for another project's publisher: an index looks for identities, not for names."""
    environments = {ours.environment.lower(), theirs.environment.lower()}
    return (
        ours.project != theirs.project
        and ours.slug.lower() == theirs.slug.lower()
        and ours.workflow == theirs.workflow
        and (len(environments) == 1 or "" in environments)
    )


def again(seen: Situation, trouble: Unsure | None = None) -> Decision:
    """Look again in a while; what comes to nothing for too long has failed."""
    if trouble is not None:
        return _troubled(seen, trouble)
    progress = replace(seen.progress, looks=seen.progress.looks + 1, faults=0)
    if progress.looks > RUN_APPEARS and _since(seen) > seen.publisher.base * RUN_APPEARS:
        return failed(seen, Why.START_LOST)
    return _in(seen, progress, progress.looks)


def _troubled(seen: Situation, trouble: Unsure) -> Decision:
    progress = replace(seen.progress, faults=seen.progress.faults + 1)
    if progress.faults > FAULTS_BORNE:
        return failed(seen, Why.FORGE_SILENT, trouble.detail)
    return _in(seen, progress, progress.faults, trouble.retry_after or 0)


def _in(seen: Situation, progress: Progress, looks: int, least: float = 0) -> Decision:
    """Stay where it is, and look again by the pace of so many looks, not before so many seconds."""
    at = seen.confirmation
    wait = max(polling.next_look(seen.publisher.base, looks, at.id), timedelta(seconds=least))
    return Decision(at.state, at.reason, progress, seen.now + wait, at.run_id)


def failed(
    seen: Situation, reason: ConfirmationReason, detail: str = "", url: str = "", *parts: Difference
) -> Decision:
    """It confirmed nothing; the publisher stays as it is, and is looked for as before."""
    said = ConfirmEnded(
        str(seen.publisher.publisher.id), seen.registration, seen.publisher.site.url, seen.confirmation.asked_by,
        reason, one_line(detail, limit=300), url or seen.progress.run_url, tuple(parts),
    )  # fmt: skip
    return Decision(
        ConfirmationState.FAILED, reason, seen.progress, run_id=seen.confirmation.run_id, say=(said,)
    )


def _follow(seen: Situation, run_id: int, url: str) -> Decision:
    say = (ConfirmRuns(seen.registration, seen.confirmation.asked_by, url),) if url else ()
    progress = replace(seen.progress, run_url=url, looks=0)
    return Decision(ConfirmationState.FOLLOWED, Why.STARTED, progress, seen.now, run_id, say=say)


def _fits(seen: Situation, run: RunFacts) -> bool:
    return (run.workflow, run.event, run.ref) == (
        seen.registration.workflow,
        str(StartBy.DISPATCH),
        seen.progress.branch,
    )


def _waits(seen: Situation, holds: WaitingDeployment, url: str) -> ConfirmWaits:
    by = seen.confirmation.asked_by
    return ConfirmWaits(seen.registration, by, holds.environment, holds.reviewers, url)


def _since(seen: Situation) -> timedelta:
    return seen.now - (seen.confirmation.begun_at or seen.now)


def _succeeded(seen: Situation, end: End) -> Decision:
    publisher: Publisher = seen.publisher.publisher
    new = publisher.existed_before is False
    appeared = end.simple.evidence if new and isinstance(end.simple, Present) else None
    claims = claims_of(end.log) if isinstance(end.log, str) else {}
    if not claims:
        return _confirmed(seen, appeared) if appeared else failed(seen, Why.LOG_UNREADABLE)
    if found := differences(seen.registration, claims, seen.progress.branch):
        return failed(seen, Why.CLAIMS_DIFFER, "", "", *found)
    if seen.shared and not appeared:
        return failed(seen, Why.SHARED)
    digest = hashlib.sha256(str(end.log).encode()).hexdigest()
    exchanged = Evidence(EvidenceKind.EXCHANGED, end.run.url, digest, seen.now)
    return _confirmed(seen, exchanged, *([appeared] if appeared else []))


def _confirmed(seen: Situation, evidence: Evidence, *more: Evidence) -> Decision:
    return Decision(
        ConfirmationState.CONFIRMED, Why.CONFIRMED, seen.progress, run_id=seen.confirmation.run_id,
        of_publisher=of_publishers.confirmed(seen.publisher, evidence, *(one.kind for one in more)), more_evidence=more,
    )  # fmt: skip


def _broken(seen: Situation, end: End) -> Decision:
    if isinstance(end.log, Unsure):
        return failed(seen, Why.LOG_UNREADABLE, end.log.detail)
    log = end.log if isinstance(end.log, str) else ""
    if not log:
        return failed(seen, _kept_out(seen, end.environments))
    for code, description in refusals_of(log):
        return _refused(seen, code, description, claims_of(log))
    return _fell(seen, log)


def _kept_out(seen: Situation, environments: EnvironmentsOutcome) -> ConfirmationReason:
    """Return why a job came to a bad end before it began."""
    if seen.progress.waits_for:
        return Why.REJECTED
    name = seen.registration.environment.lower()
    found = environments if isinstance(environments, tuple) else ()
    ours = next((one for one in found if one.name.lower() == name), None)
    if ours is not None and ours.restricted:
        return Why.BRANCH_RULE
    return Why.REJECTED if ours is not None and ours.reviewers else Why.NEVER_RAN


def _refused(seen: Situation, code: str, description: str, claims: Mapping[str, str]) -> Decision:
    reason = _CODES.get(code, Why.OTHER_REFUSAL)
    detail = description if code in _CODES else f"{code}: {description}"
    if reason is Why.INVALID_PUBLISHER:
        return failed(seen, reason, detail, "", *differences(seen.registration, claims))
    decision = failed(seen, reason, detail)
    if reason is Why.PROJECT_TAKEN and seen.publisher.publisher.existed_before is not True:
        # The index has dropped the pending publisher with these words.
        told = one_line(f"{detail} ({seen.progress.run_url})", limit=300)
        return replace(
            decision, say=(), of_publisher=of_publishers.taken(seen.publisher, Reason.NAME_TAKEN, told)
        )
    return decision


def _fell(seen: Situation, log: str) -> Decision:
    """Decide about a job that failed without the index's word."""
    lines = [line for line in log.splitlines() if line.strip() and not _AFTERMATH.match(line)]
    last = lines[-1] if lines else ""
    if _NO_IDENTITY in log:
        return failed(seen, Why.NO_IDENTITY)
    if found := _STATUS.search(log):
        return failed(seen, Why.NOT_ENABLED if found[1] == "403" else Why.NETWORK, last)
    return failed(seen, Why.NETWORK if _BROKEN.search(log) else Why.JOB_FAILED, last)
