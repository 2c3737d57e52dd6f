"""The runner: starts runs, moves them on step by step, lets them wait for reviews, fails on demand.

Knows: in which order a run's states follow. Must not know: routing, shapes.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import aiohttp

from bot.demo.forge_oidc import Issuer
from bot.demo.forge_publish import (
    Attest,
    JobFailed,
    build,
    exchange,
    identity,
    target_of,
    upload,
    zipped,
)
from bot.demo.forge_runs import FAILURE, SKIPPED, SUCCESS, Artifact, Deployment, Job, Run
from bot.demo.forge_state import ForgeState, Repository
from bot.demo.forge_workflow import Workflow

Listener = Callable[[str, str, Repository, Run, "Job | Deployment | None"], None]
"""Told of (event, action, ...)."""
NO_ID_TOKEN = (
    "##[error]Trusted publishing exchange failure: OpenID Connect token retrieval failed: GitHub: missing or "
    "insufficient OIDC token permissions, the ACTIONS_ID_TOKEN_REQUEST_TOKEN environment variable was unset"
)


@dataclass(slots=True)
class Failure:
    """How the next runs of a job end badly."""

    slug: str
    job: str
    times: int
    log: str
    uploads: int
    """How many files it uploads before."""


class Runner:
    """Plays the runs of a forge, each as a task."""

    def __init__(self, state: ForgeState, issuer: Issuer, listener: Listener) -> None:
        self.pace = 0.0
        """Seconds between steps."""
        self.indexes: dict[str, tuple[str, str]] = {}
        """(URL, upload URL) by `owner/name:environment`, `owner/name`, environment, or "" for all others."""
        self.attest: Attest | None = None
        """Makes a file's attestation from its name, content and the job's claims."""
        self._state = state
        self._issuer = issuer
        self._listener = listener
        self._failures: list[Failure] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._http: aiohttp.ClientSession | None = None
        self._news = asyncio.Event()
        self._allowed: int | None = None
        self._held = 0
        self._broken: BaseException | None = None

    def start(self) -> None:
        """Take up work: events before this start nothing."""
        self._http = aiohttp.ClientSession()

    async def stop(self) -> None:
        """Drop every run where it is. What broke inside of one is raised here."""
        http, self._http = self._http, None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if http is not None:
            await http.close()
        self._raise_broken()

    def hold(self) -> None:
        """Let every run stop before its next step."""
        self._allowed = 0

    def go_on(self, steps: int | None = None) -> None:
        """Allow so many further steps; None: let everything go its way again."""
        self._allowed = None if steps is None or self._allowed is None else self._allowed + steps
        self.changed()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is so; looked at whenever a run has moved. What broke inside a run is raised here."""
        while not condition():
            self._raise_broken()
            await self._news.wait()

    def _raise_broken(self) -> None:
        broken, self._broken = self._broken, None
        if broken is not None:
            raise broken

    @property
    def standing(self) -> int:
        """How many runs stand before a step that they may not take."""
        return self._held if self._allowed == 0 else 0

    async def until_held(self, count: int = 1) -> None:
        """Wait until so many runs stand before a step that they may not take."""
        await self.until(lambda: self.standing >= count)

    async def settled(self) -> None:
        """Wait until every run is over or waits for a review."""
        repositories = self._state.repositories
        await self.until(
            lambda: all(
                run.status in {"completed", "waiting"} for one in repositories.values() for run in one.runs
            )
        )

    def fail_next(
        self, slug: str, job: str = "publish", *, times: int = 1, log: bytes = b"", uploads: int = 0
    ) -> None:
        """Let a job of a repository fail the next `times`, its log ending so, after so many uploads."""
        text = log.decode(errors="replace") or "##[error]Process completed with exit code 1."
        self._failures.append(Failure(slug.lower(), job, times, text, uploads))

    def begin(  # noqa: PLR0913 - what a run is made of, given by keyword
        self,
        repository: Repository,
        workflow: Workflow,
        *,
        event: str,
        ref: str,
        sha: str,
        actor: str,
        inputs: Mapping[str, object] | None = None,
    ) -> Run | None:
        """Start a run; None before the runner itself is started."""
        if self._http is None:
            return None
        now = self._state.clock()
        title = repository.history.commits[sha].message.partition("\n")[0]
        run = Run(
            id=self._state.next_id(),
            number=sum(one.workflow.path == workflow.path for one in repository.runs) + 1,
            workflow=workflow,
            workflow_id=repository.workflow_ids[workflow.path],
            event=event,
            ref=ref,
            sha=sha,
            title=workflow.name if event == "workflow_dispatch" else title,
            actor=actor,
            made_at=now,
            changed_at=now,
            started_at=now,
            inputs=inputs or {},
        )
        run.jobs = [Job(self._state.next_id(), plan, 1, now) for plan in workflow.jobs]
        repository.runs.append(run)
        self._launch(repository, run)
        return run

    def rerun(self, repository: Repository, run: Run) -> None:
        """Start what failed, and what was skipped for it, once more."""
        now = self._state.clock()
        run.attempt += 1
        run.status, run.conclusion, run.started_at = "queued", None, now
        run.old_jobs += [job for job in run.jobs if job.conclusion != SUCCESS]
        run.jobs = [
            job if job.conclusion == SUCCESS else Job(self._state.next_id(), job.plan, run.attempt, now)
            for job in run.jobs
        ]
        self._launch(repository, run)

    def review(
        self, repository: Repository, run: Run, one: Deployment, *, state: str, by: str, comment: str = ""
    ) -> None:
        """Decide on a waiting deployment: `approved` or `rejected`."""
        one.state, one.by, one.comment = state, by, comment
        if not run.waiting:
            run.status = "in_progress"
        self._listener("deployment_review", state, repository, run, one)
        self.changed()

    def changed(self) -> None:
        """Wake who waits for a change."""
        self._news.set()
        self._news = asyncio.Event()

    def _launch(self, repository: Repository, run: Run) -> None:
        task = asyncio.get_running_loop().create_task(self._play(repository, run))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._broken = task.exception()
            self.changed()

    async def _play(self, repository: Repository, run: Run) -> None:
        self._say("workflow_run", "requested", repository, run)
        for job in run.jobs:
            if job.conclusion is None:
                self._say("workflow_job", "queued", repository, run, job)
        await self._step()
        while True:
            ready = run.ready()
            if ready is not None:
                await self._move(repository, run, ready)
            elif run.waiting:
                self._move_run(repository, run, "waiting")
                await self._reviewed(run)
            else:
                break
        run.conclusion = FAILURE if run.failed else SUCCESS
        self._move_run(repository, run, "completed")

    async def _reviewed(self, run: Run) -> None:
        count = len(run.waiting)
        await self.until(lambda: len(run.waiting) < count)

    async def _move(self, repository: Repository, run: Run, job: Job) -> None:
        """Take one job to its end, or to where it waits."""
        if any(one.conclusion != SUCCESS for one in run.needed(job)):
            self._end(repository, run, job, SKIPPED)
            return
        if self._must_wait(repository, run, job):
            self._say("workflow_job", "waiting", repository, run, job)
            return
        self._move_run(repository, run, "in_progress")
        deployment = run.deployment(job)
        if deployment is not None and deployment.state == "rejected":
            job.say(self._state.clock(), f"##[error]{deployment.by} rejected the deployment.")
            self._end(repository, run, job, FAILURE)
            return
        job.begin(self._state.clock())
        self._say("workflow_job", "in_progress", repository, run, job)
        await self._step()
        try:
            await self._work(repository, run, job)
        except JobFailed as failed:
            job.say(self._state.clock(), str(failed))
            conclusion = FAILURE
        else:
            conclusion = SUCCESS
        await self._step()
        self._end(repository, run, job, conclusion)

    def _must_wait(self, repository: Repository, run: Run, job: Job) -> bool:
        if not job.plan.environment or run.deployment(job) is not None:
            return False
        environment = self._state.environment(repository, job.plan.environment)
        if not environment.reviewers:
            return False
        made = Deployment(self._state.next_id(), environment.name, job, self._state.clock())
        run.deployments.append(made)
        job.status = "waiting"
        self._listener("deployment_review", "requested", repository, run, made)
        return True

    async def _work(self, repository: Repository, run: Run, job: Job) -> None:
        """Do what a job does; JobFailed where that ends badly."""
        job.say(self._state.clock(), "Current runner version: '2.330.0'")
        for name in job.plan.step_names[1:-1]:
            job.say(self._state.clock(), f"##[group]{name}\n##[endgroup]")
        failure = self._struck(repository, job)
        if job.plan.publishing is not None:
            await self._publish(repository, run, job, failure)
        if failure is not None:
            raise JobFailed(failure.log)
        if job.plan.artifact is not None:
            files = build(repository.history.commits[run.sha], run.branch)
            name = str(job.plan.artifact.get("name") or "artifact")
            run.artifacts = [one for one in run.artifacts if one.name != name]
            run.artifacts.append(Artifact(self._state.next_id(), name, zipped(files), self._state.clock()))
            job.say(self._state.clock(), f"Artifact {name} has been successfully uploaded!")

    async def _publish(self, repository: Repository, run: Run, job: Job, failure: Failure | None) -> None:
        files = list(build(repository.history.commits[run.sha], run.branch).items())
        files = files if failure is None else files[: failure.uploads]
        if not files:
            return
        if not job.plan.id_token:
            raise JobFailed(NO_ID_TOKEN)
        if self._http is None:
            raise JobFailed("##[error]The runner has received a shutdown signal.")
        target = target_of(self.indexes, repository.slug, job)
        claims = identity(self._state, self._issuer, repository, run, job)
        try:
            token = await exchange(self._http, target, claims, self._issuer.sign)
            job.say(self._state.clock(), f"Uploading distributions to {target.upload_url}")
            for name, content in files:
                attestation = self.attest(name, content, claims) if self.attest is not None else None
                await upload(self._http, target, token, (name, content), attestation)
                job.say(self._state.clock(), f"Uploading {name}")
        except aiohttp.ClientError as broken:
            raise JobFailed(f"##[error]{type(broken).__name__}: the index could not be reached.") from broken

    def _struck(self, repository: Repository, job: Job) -> Failure | None:
        for failure in self._failures:
            if failure.times and (failure.slug, failure.job) == (repository.slug.lower(), job.plan.key):
                failure.times -= 1
                return failure
        return None

    async def _step(self) -> None:
        """Let a moment pass: the pace, and as long as runs are held."""
        await asyncio.sleep(self.pace)
        self._held += 1
        self.changed()
        try:
            await self.until(lambda: self._allowed is None or self._allowed > 0)
        finally:
            self._held -= 1
        if self._allowed is not None:
            self._allowed -= 1

    def _end(self, repository: Repository, run: Run, job: Job, conclusion: str) -> None:
        job.end(self._state.clock(), conclusion)
        self._say("workflow_job", "completed", repository, run, job)

    def _move_run(self, repository: Repository, run: Run, status: str) -> None:
        if run.status == status:
            return
        run.status = status
        if status in {"in_progress", "completed"}:
            self._say("workflow_run", status, repository, run)
        self.changed()

    def _say(self, event: str, action: str, repository: Repository, run: Run, job: Job | None = None) -> None:
        run.changed_at = self._state.clock()
        self._listener(event, action, repository, run, job)
        self.changed()
