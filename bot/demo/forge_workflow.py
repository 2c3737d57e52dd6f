"""What a workflow file says: what starts it, its jobs in order, what they need and may.

Knows: GitHub's workflow syntax, as far as releases use it. Must not know: runs, HTTP.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

FOLDER = ".github/workflows/"
PUBLISH_ACTION = "pypa/gh-action-pypi-publish"
ATTEST_ACTIONS = ("actions/attest", "actions/attest-build-provenance")
EXCHANGE = "/_/oidc/mint-token"
UPLOAD_ACTION = "actions/upload-artifact"
RELEASE_TYPES = ("published", "unpublished", "created", "edited", "deleted", "prereleased", "released")
Yaml = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WorkflowJob:
    """One job of the file."""

    key: str
    name: str
    needs: tuple[str, ...]
    environment: str
    id_token: bool
    """Whether it may ask for the forge's identity token."""
    steps: tuple[Yaml, ...]
    condition: str = ""
    """Its `if:`; "" for none."""

    @property
    def publishing(self) -> Yaml | None:
        """The `with` of the step that publishes; None where the job publishes nothing."""
        found = self._inputs(PUBLISH_ACTION)
        other = self.confirms or any(self._inputs(action) is not None for action in ATTEST_ACTIONS)
        return found if found is not None or other or not self.id_token else {}

    @property
    def confirms(self) -> bool:
        """Whether it exchanges its identity with the index by itself, and publishes nothing."""
        return any(EXCHANGE in str(step.get("run", "")) for step in self.steps)

    def told(self, name: str) -> str:
        """Return what a step's environment says by a name; "" where none says anything."""
        said = (_mapping(step.get("env")).get(name) for step in self.steps)
        return next((str(one) for one in said if one), "")

    @property
    def artifact(self) -> Yaml | None:
        """The `with` of the step that keeps an artifact; None where there is none."""
        return self._inputs(UPLOAD_ACTION)

    @property
    def step_names(self) -> tuple[str, ...]:
        """The steps' names as a run shows them."""
        return ("Set up job", *map(step_name, self.steps), "Complete job")

    def _inputs(self, action: str) -> Yaml | None:
        for step in self.steps:
            if str(step.get("uses", "")).partition("@")[0] == action:
                return _mapping(step.get("with"))
        return None


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow file, read."""

    path: str
    name: str
    triggers: Mapping[str, Yaml]
    """Event to its filters."""
    jobs: tuple[WorkflowJob, ...]

    @property
    def filename(self) -> str:
        """Without the folder."""
        return self.path.rpartition("/")[2]

    def wants_push(self, ref: str) -> bool:
        """Whether a push of `refs/heads/..` or `refs/tags/..` starts it."""
        if "push" not in self.triggers:
            return False
        filters = self.triggers["push"]
        kind, name = ("tags", ref.removeprefix("refs/tags/"))
        if ref.startswith("refs/heads/"):
            kind, name = ("branches", ref.removeprefix("refs/heads/"))
        if kind in filters:
            return fits(name, _list(filters[kind]))
        if f"{kind}-ignore" in filters:
            return not fits(name, _list(filters[f"{kind}-ignore"]))
        # A filter for the other kind alone shuts this kind out.
        return not filters.keys() & {"tags", "tags-ignore", "branches", "branches-ignore"}

    def wants_release(self, action: str) -> bool:
        """Whether a release that was `published`, `created`, ... starts it."""
        if "release" not in self.triggers:
            return False
        return action in _list(self.triggers["release"].get("types", RELEASE_TYPES))

    @property
    def inputs(self) -> Mapping[str, Yaml]:
        """What a dispatch may say."""
        found = _mapping(self.triggers.get("workflow_dispatch", {}).get("inputs"))
        return {str(name): _mapping(one) for name, one in found.items()}


def read(path: str, content: bytes) -> Workflow | None:
    """Return a workflow; None where the file is none that the forge could start."""
    try:
        text = yaml.safe_load(content)
    except yaml.YAMLError:
        return None
    if not isinstance(text, dict) or not isinstance(text.get("jobs"), dict):
        return None
    default = text.get("permissions")
    jobs = tuple(_job(str(key), _mapping(one), default) for key, one in text["jobs"].items())
    # YAML 1.1 takes a bare `on` for true.
    return Workflow(path, str(text.get("name") or path), _triggers(text.get("on", text.get(True))), jobs)


def workflows(files: Mapping[str, bytes]) -> list[Workflow]:
    """Return the workflows among a commit's files."""
    paths = [path for path in sorted(files) if path.startswith(FOLDER) and path.endswith((".yml", ".yaml"))]
    return [found for path in paths if (found := read(path, files[path])) is not None]


def fits(name: str, patterns: Sequence[str]) -> bool:
    """Whether the last pattern that matches a branch or tag takes it; `!` ones take it away."""
    taken = False
    for pattern in patterns:
        if re.fullmatch(translated(pattern.removeprefix("!")), name):
            taken = not pattern.startswith("!")
    return taken


def translated(pattern: str) -> str:
    """Return a filter pattern as a regular expression: `*`, `**`, `?`, `+`, `[]`, a backslash."""
    parts = re.findall(r"\*\*|\\.|\[[^]]*\]|.", pattern, re.DOTALL)
    special = {"**": ".*", "*": "[^/]*", "?": "?", "+": "+"}
    return "".join(special.get(part) or (part if part[0] in "[\\" else re.escape(part)) for part in parts)


def step_name(step: Yaml) -> str:
    """Return how a run calls a step."""
    if step.get("name"):
        return str(step["name"])
    what = str(step.get("uses") or str(step.get("run", "")).strip().partition("\n")[0])
    return f"Run {what}"


def _job(key: str, job: Yaml, default: Any) -> WorkflowJob:
    environment = job.get("environment")
    if isinstance(environment, dict):
        environment = environment.get("name")
    permissions = job.get("permissions", default)
    id_token = permissions == "write-all" or _mapping(permissions).get("id-token") == "write"
    steps = tuple(_mapping(step) for step in job.get("steps") or ())
    name = str(job.get("name") or key)
    needs, condition = tuple(_list(job.get("needs"))), str(job.get("if") or "")
    return WorkflowJob(key, name, needs, str(environment or ""), id_token, steps, condition)


def _triggers(on: Any) -> dict[str, Yaml]:
    if isinstance(on, dict):
        return {str(event): _mapping(filters) for event, filters in on.items()}
    return {event: {} for event in _list(on)}


def _mapping(value: Any) -> Yaml:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)]
