"""The runner: starts runs, moves them on step by step, lets them wait for reviews.

Knows: in which order a run's states follow. Must not know: routing, shapes, what jobs do.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

import aiohttp

from bot.demo.forge_conditions import holds
from bot.demo.forge_oidc import Issuer
from bot.demo.forge_publish import JobFailed
from bot.demo.forge_runs import CANCELLED, FAILURE, SKIPPED, SUCCESS, Deployment, Job, Run
from bot.demo.forge_state import ForgeState, Repository
from bot.demo.forge_work import Worker
from bot.demo.forge_workflow import Workflow

Listener = Callable[[str, str, Repository, Run, Job | Deployment | None], None]
"""Told of (event, action, ...)."""


class Runner(Worker):
    """Plays the runs of a forge, each as a task."""

    def __init__(self, state: ForgeState, issuer: Issuer, listener: Listener) -> None:
        super().__init__(state, issuer)
        self.pace = 0.0
        """Seconds between steps."""
        self._listener = listener
        self._tasks: dict[int, asyncio.Task[None]] = {}
        """By run."""
        self._postponed: list[Callable[[], object]] | None = None
        self._news = asyncio.Event()
        self._allowed: int | None = None
        self._held = 0
        self._broken: BaseException | None = None

    def start(self) -> None:
        """Take up work, and again what an earlier `stop` dropped: events before this start nothing."""
        self._http = aiohttp.ClientSession()
        for repository in self._state.repositories.values():
            for run in repository.runs:
                if run.status != "completed":
                    self._launch(repository, run)

    async def stop(self) -> None:
        """Drop every run where it is. What broke inside of one is raised here."""
        http, self._http = self._http, None
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
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

    def postpone(self) -> None:
        """Let events start no run until `catch_up`, as on a slow day."""
        self._postponed = []

    def catch_up(self, *, lose: bool = False) -> None:
        """Start the runs that were postponed, or lose them for ever; later ones start at once again."""
        postponed, self._postponed = self._postponed or [], None
        for begin in () if lose else postponed:
            begin()

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
        """Start a run; None before the runner itself is started, and while runs are postponed."""
        if self._http is None:
            return None
        if self._postponed is not None:
            again = partial(self.begin, repository, workflow, event=event, ref=ref, sha=sha, actor=actor)
            self._postponed.append(partial(again, inputs=inputs))
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

    def cancel(self, repository: Repository, run: Run) -> None:
        """End a run where it is; nothing happens to one that is over."""
        task = self._tasks.get(run.id)
        if task is None:
            return
        task.cancel()
        for one in run.waiting:
            one.state = "cancelled"
        begun = run.listed
        for job in run.jobs:
            if job.conclusion is None:
                self._end(repository, run, job, CANCELLED if job in begun else SKIPPED)
        self._over(repository, run)

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
        self._tasks[run.id] = task
        task.add_done_callback(partial(self._ended, run.id))

    def _ended(self, run_id: int, task: asyncio.Task[None]) -> None:
        if self._tasks.get(run_id) is task:
            del self._tasks[run_id]
        if not task.cancelled() and task.exception() is not None:
            self._broken = task.exception()
            self.changed()

    async def _play(self, repository: Repository, run: Run) -> None:
        if run.status == "queued":
            self._say("workflow_run", "requested", repository, run)
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
        self._over(repository, run)

    async def _reviewed(self, run: Run) -> None:
        count = len(run.waiting)
        await self.until(lambda: len(run.waiting) < count)

    async def _move(self, repository: Repository, run: Run, job: Job) -> None:
        """Take one job to its end, or to where it waits."""
        if any(one.conclusion != SUCCESS for one in run.needed(job)) or not holds(
            job.plan.condition, run.facts
        ):
            self._end(repository, run, job, SKIPPED)
            return
        if not self._state.may_deploy(repository, job.plan.environment, run.branch):
            self._move_run(repository, run, "in_progress")
            self._end(repository, run, job, FAILURE)
            return
        if self._must_wait(repository, run, job):
            return
        self._move_run(repository, run, "in_progress")
        deployment = run.deployment(job)
        if deployment is not None and deployment.state == "rejected":
            self._end(repository, run, job, FAILURE)
            return
        job.status = "queued"
        self._say("workflow_job", "queued", repository, run, job)
        await self._step()
        job.begin(self._state.clock())
        self._say("workflow_job", "in_progress", repository, run, job)
        await self._step()
        self._end(repository, run, job, await self._tried(repository, run, job))

    async def _tried(self, repository: Repository, run: Run, job: Job) -> str:
        try:
            await self._work(repository, run, job)
        except JobFailed as failed:
            job.say(self._state.clock(), str(failed))
            return FAILURE
        return SUCCESS

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
        self._say("workflow_job", "waiting", repository, run, job)
        return True

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

    def _over(self, repository: Repository, run: Run) -> None:
        ends = {job.conclusion for job in run.jobs}
        run.conclusion = next((end for end in (CANCELLED, FAILURE) if end in ends), SUCCESS)
        self._move_run(repository, run, "completed")

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
