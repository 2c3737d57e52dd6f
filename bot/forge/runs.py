"""GitHub's answers about runs, jobs, waiting deployments and artifacts as values.

Knows: the shapes of those answers. Must not know: httpx, addresses, what follows from a fact.
"""

from bot.core.forge import ArtifactFacts, Conclusion, JobFacts, RunFacts, WaitingDeployment
from bot.forge.shapes import (
    digest,
    entries,
    link,
    member,
    moment,
    needed,
    number,
    sha,
    truth,
    words,
)

_FAILED = frozenset({"failure", "timed_out"})


def runs(value: object) -> tuple[RunFacts, ...]:
    """Read a workflow's runs, newest first."""
    found = [run(one) for one in entries(member(value, "workflow_runs"))]
    return tuple(sorted(found, key=lambda one: (one.created_at, one.id), reverse=True))


def run(value: object) -> RunFacts:
    """Read one run."""
    path = needed(value, "path", limit=500).partition("@")[0]
    return RunFacts(
        id=number(value, "id"),
        attempt=1 if member(value, "run_attempt") is None else number(value, "run_attempt"),
        event=needed(value, "event", limit=60),
        sha=sha(value, "head_sha"),
        ref=words(value, "head_branch", limit=255),
        workflow=path.rpartition("/")[2],
        status=words(value, "status", limit=60),
        conclusion=_conclusion(value),
        url=link(value),
        created_at=moment(value, "created_at"),
    )


def _conclusion(value: object) -> Conclusion:
    if words(value, "status") != "completed":
        return Conclusion.UNDER_WAY
    try:
        return Conclusion(words(value, "conclusion") or Conclusion.OTHER)
    except ValueError:
        return Conclusion.OTHER


def jobs(value: object) -> tuple[JobFacts, ...]:
    """Read one page of jobs."""
    return tuple(_job(one) for one in entries(member(value, "jobs")))


def _job(value: object) -> JobFacts:
    steps = entries(member(value, "steps") or [])
    failed = (words(step, "name") for step in steps if words(step, "conclusion") in _FAILED)
    return JobFacts(
        number(value, "id"), needed(value, "name"), needed(value, "status", limit=60), _conclusion(value),
        link(value), next(failed, ""),
    )  # fmt: skip


def waiting(value: object) -> tuple[WaitingDeployment, ...]:
    """Read which deployments wait."""
    return tuple(_waiting(one) for one in entries(value))


def _waiting(value: object) -> WaitingDeployment:
    environment = member(value, "environment")
    names = (_reviewer(one) for one in entries(member(value, "reviewers") or []))
    return WaitingDeployment(
        needed(environment, "name", limit=255),
        number(environment, "id"),
        truth(value, "current_user_can_approve"),
        tuple(name for name in names if name),
    )


def _reviewer(value: object) -> str:
    who = member(value, "reviewer")
    if who is None:
        return ""
    return words(who, "login", limit=60) or words(who, "name", limit=60)


def artifacts(value: object) -> tuple[ArtifactFacts, ...]:
    """Read one page of artifacts."""
    return tuple(
        ArtifactFacts(
            number(one, "id"), needed(one, "name", limit=255), number(one, "size_in_bytes"), digest(one),
            truth(one, "expired"),
        )
        for one in entries(member(value, "artifacts"))
    )  # fmt: skip
