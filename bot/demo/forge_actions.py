"""The forge's routes of Actions: runs, jobs, logs, artifacts, reviews, dispatches, second attempts.

Knows: their parameters, statuses and refusals. Must not know: how answers are shaped, how runs move.
"""

from aiohttp import web

from bot.demo.forge_answers import (
    Json,
    Refusal,
    answer_json,
    created,
    found_repository,
    linked,
    must_be_allowed,
    page_of,
    read_object,
    sent_token,
    wanted,
)
from bot.demo.forge_code import ACTOR, REPO
from bot.demo.forge_events import Events
from bot.demo.forge_run_values import (
    artifact_value,
    deployment_value,
    job_value,
    log_text,
    pending_value,
    run_page,
    run_value,
)
from bot.demo.forge_runs import Deployment, Run
from bot.demo.forge_state import ForgeState, Repository
from bot.demo.forge_storage import Storage
from bot.demo.forge_workflow import Workflow, read

RUN = REPO + "/actions/runs/{id:[0-9]+}"


class ActionsRoutes:
    """Answers about Actions."""

    def __init__(self, state: ForgeState, events: Events, storage: Storage) -> None:
        self._state = state
        self._events = events
        self._storage = storage

    def add_routes(self, app: web.Application) -> None:
        """Offer them."""
        router = app.router
        router.add_get(REPO + "/actions/workflows/{file}/runs", self.runs)
        router.add_post(REPO + "/actions/workflows/{file}/dispatches", self.dispatch)
        router.add_get(RUN, self.run)
        router.add_get(RUN + "/jobs", self.jobs)
        router.add_get(RUN + "/artifacts", self.artifacts)
        router.add_get(RUN + "/pending_deployments", self.pending)
        router.add_post(RUN + "/pending_deployments", self.review)
        router.add_post(RUN + "/rerun-failed-jobs", self.rerun)
        router.add_get(REPO + "/actions/jobs/{job:[0-9]+}/logs", self.logs)
        router.add_get(REPO + "/actions/artifacts/{artifact:[0-9]+}/zip", self.archive)

    async def runs(self, request: web.Request) -> web.Response:
        """Give a workflow's runs, newest first."""
        repository = found_repository(request, self._state)
        filename = request.match_info["file"]
        found = [
            run
            for run in reversed(repository.runs)
            if filename in {run.workflow.filename, str(run.workflow_id)} and _asked_for(request, run)
        ]
        if not found and repository.workflow(filename) is None:
            raise web.HTTPNotFound
        values = [run_value(repository, self._state, run) for run in page_of(request, found)]
        value = {"total_count": len(found), "workflow_runs": values}
        return linked(request, answer_json(request, value), len(found))

    async def run(self, request: web.Request) -> web.Response:
        """Give one run."""
        repository, run = self._run(request)
        return answer_json(request, run_value(repository, self._state, run))

    async def jobs(self, request: web.Request) -> web.Response:
        """Give the jobs of a run's newest attempt, or of all."""
        repository, run = self._run(request)
        found = run.listed if request.query.get("filter") != "all" else [*run.old_jobs, *run.listed]
        values = [job_value(repository, self._state, run, job) for job in page_of(request, found)]
        value = {"total_count": len(found), "jobs": values}
        return linked(request, answer_json(request, value), len(found))

    async def logs(self, request: web.Request) -> web.StreamResponse:
        """Lead to a job's log; there is none before its end."""
        repository = found_repository(request, self._state)
        if not self._state.may(sent_token(request), "actions:read"):
            raise Refusal(403, "Must have admin rights to Repository.")
        for run in repository.runs:
            for job in [*run.jobs, *run.old_jobs]:
                if str(job.id) == request.match_info["job"] and job.conclusion and job.log:
                    return self._storage.lead_to(log_text(job).encode(), "text/plain; charset=utf-8")
        raise web.HTTPNotFound

    async def artifacts(self, request: web.Request) -> web.Response:
        """Give what a run has kept."""
        repository, run = self._run(request)
        name = request.query.get("name")
        found = [one for one in reversed(run.artifacts) if name in {None, one.name}]
        values = [artifact_value(repository, self._state, run, one) for one in page_of(request, found)]
        value = {"total_count": len(found), "artifacts": values}
        return linked(request, answer_json(request, value), len(found))

    async def archive(self, request: web.Request) -> web.StreamResponse:
        """Lead to an artifact's zip; 410 where it is too old."""
        repository = found_repository(request, self._state)
        must_be_allowed(request, self._state, "actions:read")
        for run in repository.runs:
            for one in run.artifacts:
                if str(one.id) == request.match_info["artifact"]:
                    if one.expired:
                        raise Refusal(410, "Artifact has expired")
                    return self._storage.lead_to(one.content, "application/zip")
        raise web.HTTPNotFound

    async def pending(self, request: web.Request) -> web.Response:
        """Give what waits for a review."""
        repository, run = self._run(request)
        value = [
            pending_value(repository, self._state, one, may=self._may_review(request, repository, one))
            for one in run.waiting
        ]
        return answer_json(request, value)

    async def review(self, request: web.Request) -> web.Response:
        """Approve or reject what waits."""
        repository, run = self._run(request)
        must_be_allowed(request, self._state, "deployments:write")
        body = await read_object(request)
        ids, state = wanted(body, "environment_ids", list), wanted(body, "state", str)
        comment = wanted(body, "comment", str)
        if state not in {"approved", "rejected"}:
            raise Refusal(422, f'Invalid request.\n\n{state} is not a member of ["approved", "rejected"].')
        meant = [one for one in run.waiting if self._state.environment(repository, one.environment).id in ids]
        if not meant or len(meant) < len(set(ids)):
            raise Refusal(
                422, "Validation Failed", [{"message": "No pending deployment requests to approve or reject"}]
            )
        if not all(self._may_review(request, repository, one) for one in meant):
            raise Refusal(403, "You are not allowed to approve or reject these deployments.")
        for one in meant:
            self._events.runner.review(repository, run, one, state=state, by=ACTOR, comment=comment)
        return answer_json(request, [deployment_value(repository, self._state, run, one) for one in meant])

    async def dispatch(self, request: web.Request) -> web.Response:
        """Start a workflow by hand."""
        repository = found_repository(request, self._state)
        must_be_allowed(request, self._state, "actions:write")
        known = repository.workflow(request.match_info["file"])
        if known is None:
            raise web.HTTPNotFound
        body = await read_object(request)
        ref = repository.history.full_ref(wanted(body, "ref", str))
        if ref is None:
            raise Refusal(422, f"No ref found for: {body['ref']}")
        workflow = self._at(repository, known, ref)
        run = self._events.dispatch(repository, workflow, ref, _inputs(workflow, body), ACTOR)
        if run is None or body.get("return_run_details") is not True:
            return web.Response(status=204)
        urls = {"run_url": f"{self._state.url}/repos/{repository.slug}/actions/runs/{run.id}"}
        value = {"workflow_run_id": run.id, **urls, "html_url": run_page(repository, self._state, run)}
        return created(value, status=200)

    def _at(self, repository: Repository, known: Workflow, ref: str) -> Workflow:
        commit = repository.history.resolve(ref)
        content = commit.files.get(known.path) if commit is not None else None
        workflow = read(known.path, content) if content is not None else None
        if workflow is None or "workflow_dispatch" not in workflow.triggers:
            raise Refusal(422, "Workflow does not have 'workflow_dispatch' trigger")
        return workflow

    async def rerun(self, request: web.Request) -> web.Response:
        """Start a run's failed jobs once more."""
        repository, run = self._run(request)
        must_be_allowed(request, self._state, "actions:write")
        if run.status != "completed":
            raise Refusal(403, "This workflow is already running")
        if not run.failed:
            raise Refusal(403, "This workflow run has no failed jobs")
        self._events.runner.rerun(repository, run)
        return created({})

    def _run(self, request: web.Request) -> tuple[Repository, Run]:
        repository = found_repository(request, self._state)
        for run in repository.runs:
            if str(run.id) == request.match_info["id"]:
                return repository, run
        raise web.HTTPNotFound

    def _may_review(self, request: web.Request, repository: Repository, one: Deployment) -> bool:
        environment = self._state.environment(repository, one.environment)
        allowed = environment.token_may_approve or ACTOR in environment.reviewers
        return allowed and self._state.may(sent_token(request), "deployments:write")


def _asked_for(request: web.Request, run: Run) -> bool:
    query = request.query
    return (
        query.get("head_sha", run.sha) == run.sha
        and query.get("event", run.event) == run.event
        and query.get("branch", run.branch) == run.branch
        and query.get("status", run.status) in {run.status, run.conclusion}
    )


def _inputs(workflow: Workflow, body: Json) -> Json:
    """Return the inputs of a dispatch with their defaults; 422 for unknown ones or missing ones."""
    sent = wanted(body, "inputs", dict, {})
    unknown = [name for name in sent if name not in workflow.inputs]
    if unknown:
        raise Refusal(422, f"Unexpected inputs provided: {unknown}".replace("'", '"'))
    for name, about in workflow.inputs.items():
        if about.get("required") is True and "default" not in about and name not in sent:
            raise Refusal(422, f"Required input '{name}' not provided")
    return {**{name: about.get("default", "") for name, about in workflow.inputs.items()}, **sent}
