"""Runs, jobs, waiting deployments and artifacts in the shapes of GitHub's REST API.

Knows: which fields its answers have. Must not know: routing, who moves a run on.
"""

from datetime import datetime, timedelta
from urllib.parse import quote

from bot.demo.forge_git_values import short_commit_value, suite_id
from bot.demo.forge_runs import Artifact, Deployment, Job, Run
from bot.demo.forge_state import ForgeState, Repository
from bot.demo.forge_values import (
    Json,
    login_value,
    moment,
    node_id,
    reviewers_value,
    short_environment_value,
    short_repository_value,
)

KEPT = timedelta(days=90)


def run_page(repository: Repository, state: ForgeState, run: Run) -> str:
    """Return where people see a run."""
    return f"{state.web_url}/{repository.slug}/actions/runs/{run.id}"


def run_value(repository: Repository, state: ForgeState, run: Run) -> Json:
    """Return a run."""
    api = f"{state.url}/repos/{repository.slug}"
    own, whole = f"{api}/actions/runs/{run.id}", short_repository_value(repository, state)
    actor = login_value(run.actor, state)
    previous = f"{own}/attempts/{run.attempt - 1}" if run.attempt > 1 else None
    return {
        "id": run.id,
        "name": run.workflow.name,
        "node_id": node_id("WorkflowRun", run.id),
        "head_branch": run.branch,
        "head_sha": run.sha,
        "path": run.workflow.path,
        "display_title": run.title,
        "run_number": run.number,
        "event": run.event,
        "status": run.status,
        "conclusion": run.conclusion,
        "workflow_id": run.workflow_id,
        "check_suite_id": suite_id(run),
        "check_suite_node_id": node_id("CheckSuite", suite_id(run)),
        "url": own,
        "html_url": run_page(repository, state, run),
        "pull_requests": [],
        "created_at": moment(run.made_at),
        "updated_at": moment(run.changed_at),
        "actor": actor,
        "run_attempt": run.attempt,
        "referenced_workflows": [],
        "run_started_at": moment(run.started_at),
        "triggering_actor": actor,
        **{f"{name}_url": f"{own}/{name}" for name in ("jobs", "logs", "artifacts", "cancel", "rerun")},
        "check_suite_url": f"{api}/check-suites/{suite_id(run)}",
        "previous_attempt_url": previous,
        "workflow_url": f"{api}/actions/workflows/{run.workflow_id}",
        "head_commit": short_commit_value(repository.history.commits[run.sha]),
        "repository": whole,
        "head_repository": whole,
    }


def job_value(repository: Repository, state: ForgeState, run: Run, job: Job) -> Json:
    """Return a job with its steps."""
    api = f"{state.url}/repos/{repository.slug}"
    began = job.started_at or job.made_at
    return {
        "id": job.id,
        "run_id": run.id,
        "workflow_name": run.workflow.name,
        "head_branch": run.branch,
        "run_url": f"{api}/actions/runs/{run.id}",
        "run_attempt": job.attempt,
        "node_id": node_id("CheckRun", job.id),
        "head_sha": run.sha,
        "url": f"{api}/actions/jobs/{job.id}",
        "html_url": f"{run_page(repository, state, run)}/job/{job.id}",
        "status": job.status,
        "conclusion": job.conclusion,
        "created_at": moment(job.made_at),
        "started_at": moment(began),
        "completed_at": job.ended_at and moment(job.ended_at),
        "name": job.plan.name,
        "steps": steps_value(job) if job.ran else [],
        "check_run_url": f"{api}/check-runs/{job.id}",
        "labels": ["ubuntu-latest"],
        "runner_id": 1 if job.ran else None,
        "runner_name": "GitHub Actions 1" if job.ran else None,
        "runner_group_id": 0 if job.ran else None,
        "runner_group_name": "GitHub Actions" if job.ran else None,
    }


def steps_value(job: Job) -> list[Json]:
    """Return how far each step of a job is."""
    began, ended = job.started_at and moment(job.started_at), job.ended_at and moment(job.ended_at)
    found = []
    for place, name in enumerate(job.plan.step_names):
        conclusion = step_conclusion(job, place)
        status = "completed" if conclusion else "in_progress" if place <= 1 else "queued"
        found.append(
            {
                "name": name,
                "status": status,
                "conclusion": conclusion,
                "number": place + 1,
                "started_at": began,
                "completed_at": ended,
            }
        )
    return found


def step_conclusion(job: Job, place: int) -> str | None:
    """Return how a step ended; None while it has not."""
    if job.conclusion is None:
        return "success" if place == 0 else None
    last = place == len(job.plan.step_names) - 1
    if job.failed_step is None or place < job.failed_step or last:
        return "success"
    return "failure" if place == job.failed_step else "skipped"


def pending_value(repository: Repository, state: ForgeState, one: Deployment, *, may: bool) -> Json:
    """Return a waiting deployment; `may`: whether who asks could approve it."""
    environment = state.environment(repository, one.environment)
    return {
        "environment": short_environment_value(repository, state, environment),
        "wait_timer": 0,
        "wait_timer_started_at": moment(one.made_at),
        "current_user_can_approve": may,
        "reviewers": reviewers_value(environment, state),
    }


def deployment_value(repository: Repository, state: ForgeState, run: Run, one: Deployment) -> Json:
    """Return a deployment that was decided on."""
    api = f"{state.url}/repos/{repository.slug}"
    own = f"{api}/deployments/{one.id}"
    return {
        "url": own,
        "id": one.id,
        "node_id": node_id("Deployment", one.id),
        "task": "deploy",
        "original_environment": one.environment,
        "environment": one.environment,
        "description": None,
        "created_at": moment(one.made_at),
        "updated_at": moment(state.clock()),
        "statuses_url": f"{own}/statuses",
        "repository_url": api,
        "creator": login_value(run.actor, state),
        "sha": run.sha,
        "ref": run.branch,
        "payload": {},
        "transient_environment": False,
        "production_environment": False,
        "performed_via_github_app": None,
    }


def artifact_value(repository: Repository, state: ForgeState, run: Run, one: Artifact) -> Json:
    """Return what is known of an artifact."""
    own = f"{state.url}/repos/{repository.slug}/actions/artifacts/{one.id}"
    return {
        "id": one.id,
        "node_id": node_id("Artifact", one.id),
        "name": one.name,
        "size_in_bytes": len(one.content),
        "url": own,
        "archive_download_url": f"{own}/zip",
        "expired": one.expired,
        "digest": f"sha256:{one.sha256}",
        "created_at": moment(one.at),
        "updated_at": moment(one.at),
        "expires_at": moment(one.at + KEPT),
        "workflow_run": {
            "id": run.id,
            "repository_id": repository.id,
            "head_repository_id": repository.id,
            "head_branch": run.branch,
            "head_sha": run.sha,
        },
    }


def log_text(job: Job) -> str:
    """Return a job's log as the forge serves it, each line with its time."""
    lines = [f"{log_moment(at)} {line}" for at, line in job.log]
    return "\ufeff" + "".join(f"{line}\r\n" for line in lines)


def log_moment(at: datetime) -> str:
    """Return a time as logs write it, to seven places."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def workflow_value(repository: Repository, state: ForgeState, run: Run) -> Json:
    """Return the workflow of a run."""
    api = f"{state.url}/repos/{repository.slug}"
    page = f"{state.web_url}/{repository.slug}"
    return {
        "id": run.workflow_id,
        "node_id": node_id("Workflow", run.workflow_id),
        "name": run.workflow.name,
        "path": run.workflow.path,
        "state": "active",
        "created_at": moment(repository.made_at),
        "updated_at": moment(repository.made_at),
        "url": f"{api}/actions/workflows/{run.workflow_id}",
        "html_url": f"{page}/blob/{repository.default_branch}/{quote(run.workflow.path)}",
        "badge_url": f"{page}/workflows/{quote(run.workflow.name)}/badge.svg",
    }
