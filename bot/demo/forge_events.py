"""What follows when somebody pushes, tags, publishes or dispatches: refs move, runs start, webhooks go out.

Knows: which event leads to what. Must not know: routing, who may.
"""

from collections.abc import Mapping
from typing import Any

from bot.demo.forge_git import Commit
from bot.demo.forge_git_values import release_value, short_commit_value
from bot.demo.forge_hooks import Hooks
from bot.demo.forge_run_values import deployment_value, job_value, run_value, workflow_value
from bot.demo.forge_runner import Runner
from bot.demo.forge_runs import Deployment, Job, Run
from bot.demo.forge_state import ForgeState, Release, Repository
from bot.demo.forge_values import login_value, moment, reviewers_value
from bot.demo.forge_workflow import Workflow, workflows

NOWHERE = "0" * 40


class Events:
    """Makes changes happen with all that follows."""

    def __init__(self, state: ForgeState, hooks: Hooks) -> None:
        self._state = state
        self._hooks = hooks
        self.runner: Runner
        """Set once, as each needs the other."""

    def set_ref(self, repository: Repository, ref: str, sha: str, by: str) -> None:
        """Let a branch or tag point somewhere, as a push does."""
        history = repository.history
        _, kind, name = ref.split("/", 2)
        known = history.branches if kind == "heads" else history.tags
        before, known[name] = known.get(name, NOWHERE), sha
        if before == NOWHERE:
            self._hooks.tell("create", repository, _made(repository, kind, name), by)
        head = history.commits[history.peeled(sha)]
        self.pushed(repository, ref, before, head, by)

    def pushed(self, repository: Repository, ref: str, before: str, head: Commit, by: str) -> None:
        """Tell of a push, and start the workflows at its commit that want it."""
        after = dict(repository.history.refs())[ref.removeprefix("refs/")]
        self._hooks.tell("push", repository, _push(repository, self._state, ref, (before, after), by), by)
        for workflow in workflows(head.files):
            if workflow.wants_push(ref):
                self.runner.begin(repository, workflow, event="push", ref=ref, sha=head.sha, actor=by)

    def delete_tag(self, repository: Repository, tag: str, by: str) -> None:
        """Take a tag away; LookupError where there is none."""
        before = repository.history.tags[tag]
        self._hooks.tell("delete", repository, {"ref": tag, "ref_type": "tag", "pusher_type": "user"}, by)
        payload = _push(repository, self._state, f"refs/tags/{tag}", (before, NOWHERE), by)
        self._hooks.tell("push", repository, payload, by)
        del repository.history.tags[tag]

    def publish(self, repository: Repository, release: Release) -> None:
        """Keep a release, making its tag where there is none; a draft makes nothing and starts nothing."""
        repository.releases[release.tag] = release
        if release.draft:
            return
        target = repository.history.resolve(release.target)
        if release.tag not in repository.history.tags and target is not None:
            self.set_ref(repository, f"refs/tags/{release.tag}", target.sha, release.by)
        head = repository.history.commits[repository.history.peeled(repository.history.tags[release.tag])]
        ref = f"refs/tags/{release.tag}"
        for action in ("created", "published", "prereleased" if release.prerelease else "released"):
            payload = {"action": action, "release": release_value(repository, self._state, release)}
            self._hooks.tell("release", repository, payload, release.by)
            for workflow in workflows(head.files):
                if workflow.wants_release(action):
                    self.runner.begin(
                        repository, workflow, event="release", ref=ref, sha=head.sha, actor=release.by
                    )

    def dispatch(
        self, repository: Repository, workflow: Workflow, ref: str, inputs: Mapping[str, object], by: str
    ) -> Run | None:
        """Start a workflow by hand at `refs/..`."""
        commit = repository.history.resolve(ref)
        if commit is None:
            raise LookupError(ref)
        return self.runner.begin(
            repository, workflow, event="workflow_dispatch", ref=ref, sha=commit.sha, actor=by, inputs=inputs
        )

    def heard(
        self, event: str, action: str, repository: Repository, run: Run, what: Job | Deployment | None
    ) -> None:
        """Tell of what the runner did."""
        payload: dict[str, Any] = {"action": action, "workflow": workflow_value(repository, self._state, run)}
        by = run.actor
        if isinstance(what, Job):
            payload["workflow_job"] = job_value(repository, self._state, run, what)
        else:
            payload["workflow_run"] = run_value(repository, self._state, run)
        if isinstance(what, Deployment):
            by = what.by or run.actor
            payload |= self._review(repository, run, what)
        self._hooks.tell(event, repository, payload, by)

    def _review(self, repository: Repository, run: Run, one: Deployment) -> dict[str, Any]:
        environment = self._state.environment(repository, one.environment)
        common = {
            "environment": one.environment,
            "since": moment(one.made_at),
            "reviewers": reviewers_value(environment, self._state),
        }
        if one.state == "waiting":
            return {**common, "requestor": login_value(run.actor, self._state)}
        return {
            **common,
            "approver": login_value(one.by, self._state),
            "comment": one.comment,
            "workflow_job_runs": [
                {"id": one.job.id, "name": one.job.plan.name, "environment": one.environment}
            ],
            "deployment": deployment_value(repository, self._state, run, one),
        }


def _made(repository: Repository, kind: str, name: str) -> dict[str, Any]:
    return {
        "ref": name,
        "ref_type": "branch" if kind == "heads" else "tag",
        "master_branch": repository.default_branch,
        "description": None,
        "pusher_type": "user",
    }


def _push(
    repository: Repository, state: ForgeState, ref: str, moved: tuple[str, str], by: str
) -> dict[str, Any]:
    before, after = moved
    history = repository.history
    head = None if after == NOWHERE else history.commits[history.peeled(after)]
    commits: list[Commit] = []
    if head is not None and ref.startswith("refs/heads/") and before != NOWHERE:
        commits = history.between(before, head.sha)
    return {
        "ref": ref,
        "before": before,
        "after": after,
        "created": before == NOWHERE,
        "deleted": after == NOWHERE,
        "forced": NOWHERE not in moved and ref.startswith("refs/tags/"),
        "base_ref": None,
        "compare": f"{state.web_url}/{repository.slug}/compare/{before[:12]}...{after[:12]}",
        "commits": [short_commit_value(one) for one in commits],
        "head_commit": head and short_commit_value(head),
        "pusher": {"name": by},
    }
