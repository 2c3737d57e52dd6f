"""Runs of workflows as the forge keeps them: attempts, jobs, waiting deployments, artifacts.

Knows: their states and what follows from what. Must not know: who moves them on, HTTP.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.demo.forge_workflow import Workflow, WorkflowJob

SUCCESS, FAILURE, SKIPPED, CANCELLED = "success", "failure", "skipped", "cancelled"
EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(slots=True)
class Job:
    """One job of an attempt."""

    id: int
    plan: WorkflowJob
    attempt: int
    made_at: datetime
    status: str = "queued"
    conclusion: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    log: list[tuple[datetime, str]] = field(default_factory=list, repr=False)
    ran: bool = False
    """Whether it was ever given to a machine: without, it has neither steps nor a log."""
    failed_step: int | None = None
    """Which of its steps failed, from 0."""

    def say(self, at: datetime, text: str) -> None:
        """Write into its log."""
        self.log += [(at, line) for line in text.splitlines()]

    def begin(self, at: datetime) -> None:
        """Let it go on."""
        self.status, self.started_at, self.ran = "in_progress", at, True

    def end(self, at: datetime, conclusion: str) -> None:
        """Let it be over."""
        self.status, self.conclusion, self.ended_at = "completed", conclusion, at
        self.started_at = self.started_at or at
        if conclusion == FAILURE and self.failed_step is None:
            self.failed_step = max(0, len(self.plan.step_names) - 2)


@dataclass(slots=True)
class Deployment:
    """A job's wish to use an environment, and what was decided."""

    id: int
    environment: str
    """As the repository spells it."""
    job: Job
    made_at: datetime
    state: str = "waiting"
    """`waiting`, `approved`, `rejected`, `cancelled`."""
    comment: str = ""
    by: str = ""


@dataclass(slots=True)
class Artifact:
    """A zip that a run has kept."""

    id: int
    name: str
    content: bytes = field(repr=False)
    at: datetime
    expired: bool = False

    @property
    def sha256(self) -> str:
        """Of the zip, hex."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(slots=True)
class Run:
    """A run of a workflow at a commit."""

    id: int
    number: int
    workflow: Workflow
    workflow_id: int
    event: str
    ref: str
    """`refs/tags/v1.0`."""
    sha: str
    title: str
    actor: str
    made_at: datetime
    changed_at: datetime = EPOCH
    started_at: datetime = EPOCH
    attempt: int = 1
    status: str = "queued"
    conclusion: str | None = None
    inputs: Mapping[str, object] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    """Of the newest attempt, also those that are not listed yet."""
    old_jobs: list[Job] = field(default_factory=list)
    """Of attempts before."""
    deployments: list[Deployment] = field(default_factory=list)
    artifacts: list[Artifact] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.changed_at = self.started_at = self.made_at

    @property
    def branch(self) -> str:
        """`head_branch`: a tag's name too."""
        return self.ref.split("/", 2)[2]

    @property
    def facts(self) -> dict[str, object]:
        """What an `if:` may ask of it."""
        kind = "tag" if self.ref.startswith("refs/tags/") else "branch"
        inputs = {f"inputs.{name}": value for name, value in self.inputs.items()}
        github = {"event_name": self.event, "ref": self.ref, "ref_name": self.branch, "ref_type": kind}
        return {**inputs, **{f"github.{name}": value for name, value in github.items()}}

    @property
    def waiting(self) -> list[Deployment]:
        """What waits for a review."""
        return [one for one in self.deployments if one.state == "waiting"]

    @property
    def listed(self) -> list[Job]:
        """The jobs that the forge tells of: one that needs others is made when those have ended."""
        return [job for job in self.jobs if all(one.conclusion for one in self.needed(job))]

    @property
    def failed(self) -> bool:
        """Whether any of its jobs failed or was cancelled."""
        return any(job.conclusion in {FAILURE, CANCELLED} for job in self.jobs)

    def of(self, key: str) -> Job | None:
        """Return the job of the newest attempt by its key."""
        return next((job for job in self.jobs if job.plan.key == key), None)

    def needed(self, job: Job) -> list[Job]:
        """Return the jobs that a job waits for."""
        return [found for key in job.plan.needs if (found := self.of(key)) is not None]

    def ready(self) -> Job | None:
        """Return the next job that could go on now; None where all are over or wait."""
        for job in self.jobs:
            ended = all(one.conclusion is not None for one in self.needed(job))
            if job.conclusion is None and ended and not self.holds(job):
                return job
        return None

    def holds(self, job: Job) -> bool:
        """Whether a job waits for a review."""
        return any(one.job is job for one in self.waiting)

    def deployment(self, job: Job) -> Deployment | None:
        """Return a job's deployment; None before it asked for one."""
        return next((one for one in self.deployments if one.job is job), None)
