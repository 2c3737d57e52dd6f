"""What GitHub is asked, as values: addresses, queries, bodies.

Knows: GitHub's REST addresses, which names fit into them. Must not know: httpx, how anything is sent, answers.

A name that would make another address of the one meant is not asked for: the builder gives None.
"""

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, urlencode, urljoin

from bot.core.forge import FileChange, PullDraft, Repo
from bot.wire import Request
from storage.records import Secret

JSON = "application/vnd.github+json"
RAW = "application/vnd.github.raw+json"
API_VERSION = "2022-11-28"
TIMEOUT = 15.0
PER_PAGE = 100
RUNS_AT_ONCE = 20
"""Runs of one workflow, commit and event: there are few, and each is long."""
MAX_BYTES = 8 * 1_048_576
"""A comparison holds the changes of up to 300 files."""
LOG_TAIL = 65_536

_LONGEST_NAME = 255
_NOT_IN_REFS = re.compile(r"[\s~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|\Z)")


@dataclass(frozen=True, slots=True)
class Ask:
    """One question or order; `path` begins below the API's address."""

    method: str
    path: str
    accept: str = JSON
    body: bytes = field(default=b"", repr=False)
    repo: Repo | None = field(default=None, compare=False)
    """Whose it is; None for what belongs to no repository."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How what lies elsewhere is fetched."""

    timeout: float
    max_bytes: int
    span: str = ""
    """A `Range`; whoever does not know it gives the whole."""


LOG = Terms(TIMEOUT, 2 * 1_048_576, f"bytes=-{LOG_TAIL}")
ZIP = Terms(120.0, 64 * 1_048_576)
FILE = Terms(300.0, 1_024 * 1_048_576)
"""What goes to disk, not into memory."""


def is_ref(name: str) -> bool:
    """Whether git takes it for a tag's or branch's name (git-check-ref-format)."""
    return (
        0 < len(name) <= _LONGEST_NAME
        and name.isprintable()
        and _NOT_IN_REFS.search(name) is None
        and not name.startswith(("/", ".", "-"))
        and not name.endswith(("/", "."))
        and name != "@"
    )


def request(api_url: str, token: Secret | None, ask: Ask) -> Request:
    """Return the request, complete."""
    headers = {"Accept": ask.accept, "X-GitHub-Api-Version": API_VERSION}
    if ask.body:
        headers["Content-Type"] = "application/json"
    if token:
        headers["Authorization"] = f"Bearer {token.reveal()}"
    return Request(ask.method, f"{api_url}{ask.path}", headers, ask.body, TIMEOUT, MAX_BYTES)


def elsewhere(asked: str, location: str, terms: Terms) -> Request | None:
    """Return the request for where an answer of `asked` led to, which never gets the token; None: not an address."""
    try:
        url = urljoin(asked, location)
    except ValueError:
        return None
    if not location or not url.startswith(("https://", "http://")) or not url.isascii():
        return None
    headers = {"Range": terms.span} if terms.span else {}
    return Request("GET", url, headers, timeout=terms.timeout, max_bytes=terms.max_bytes)


def repository(repo: Repo) -> Ask | None:
    """Ask for a repository, which names its default branch."""
    return _get(repo)


def installation_of(repo: Repo) -> Ask | None:
    """Ask for the installation of our App that sees a repository."""
    return _get(repo, "installation")


def permission(repo: Repo, login: str) -> Ask | None:
    """Ask what somebody may do in a repository."""
    return _get(repo, "collaborators", login, "permission")


def commit(repo: Repo, ref: str) -> Ask | None:
    """Ask for the commit that a sha or branch names."""
    return _get(repo, "commits", *ref.split("/")) if is_ref(ref) else None


def tag_ref(repo: Repo, tag: str) -> Ask | None:
    """Ask where a tag points."""
    return _get(repo, "git", "ref", "tags", *tag.split("/")) if is_ref(tag) else None


def tag_object(repo: Repo, sha: str) -> Ask | None:
    """Ask where an annotated tag's object points."""
    return _get(repo, "git", "tags", sha)


def text(repo: Repo, path: str, ref: str) -> Ask | None:
    """Ask for a file as it is."""
    if not is_ref(ref):
        return None
    return _get(repo, "contents", *path.split("/"), query={"ref": ref}, accept=RAW)


def check_runs(repo: Repo, sha: str, page: int) -> Ask | None:
    """Ask for a commit's check runs, the newest of each name."""
    query = {"filter": "latest", "per_page": PER_PAGE, "page": page}
    return _get(repo, "commits", sha, "check-runs", query=query)


def statuses(repo: Repo, sha: str, page: int) -> Ask | None:
    """Ask for a commit's statuses, the newest of each context."""
    return _get(repo, "commits", sha, "status", query={"per_page": PER_PAGE, "page": page})


def compare(repo: Repo, base: str, head: str) -> Ask | None:
    """Ask what lies between two refs.

    Without a page GitHub gives the newest 250 commits; with one, the oldest come first ("Compare two commits").
    """
    if not (is_ref(base) and is_ref(head)):
        return None
    return _get(repo, "compare", *f"{base}...{head}".split("/"))


def release(repo: Repo, tag: str) -> Ask | None:
    """Ask for a tag's release."""
    return _get(repo, "releases", "tags", *tag.split("/")) if is_ref(tag) else None


def runs(repo: Repo, workflow: str, sha: str, event: str) -> Ask | None:
    """Ask for a workflow's runs; an empty sha or event leaves that open."""
    query = {"head_sha": sha, "event": event, "per_page": RUNS_AT_ONCE}
    wanted = {name: value for name, value in query.items() if value}
    return _get(repo, "actions", "workflows", workflow, "runs", query=wanted)


def run(repo: Repo, run_id: int) -> Ask | None:
    """Ask for one run."""
    return _get(repo, "actions", "runs", str(run_id))


def jobs(repo: Repo, run_id: int, page: int) -> Ask | None:
    """Ask for the jobs of a run's newest attempt."""
    query = {"filter": "latest", "per_page": PER_PAGE, "page": page}
    return _get(repo, "actions", "runs", str(run_id), "jobs", query=query)


def waiting(repo: Repo, run_id: int) -> Ask | None:
    """Ask which deployments wait for a review."""
    return _get(repo, "actions", "runs", str(run_id), "pending_deployments")


def log(repo: Repo, job_id: int) -> Ask | None:
    """Ask where a job's log is."""
    return _get(repo, "actions", "jobs", str(job_id), "logs")


def artifacts(repo: Repo, run_id: int, page: int) -> Ask | None:
    """Ask what a run has kept."""
    query = {"per_page": PER_PAGE, "page": page}
    return _get(repo, "actions", "runs", str(run_id), "artifacts", query=query)


def archive(repo: Repo, artifact_id: int) -> Ask | None:
    """Ask where an artifact's zip is."""
    return _get(repo, "actions", "artifacts", str(artifact_id), "zip")


def asset(repo: Repo, asset_id: int) -> Ask | None:
    """Ask for the file that is attached to a release, or where it is."""
    return _get(repo, "releases", "assets", str(asset_id), accept="application/octet-stream")


def pulls(repo: Repo, sha: str) -> Ask | None:
    """Ask with which pull requests a commit came; there is hardly ever more than one."""
    return _get(repo, "commits", sha, "pulls", query={"per_page": PER_PAGE})


def comments(repo: Repo, number: int, since: datetime, page: int) -> Ask | None:
    """Ask what was said on a pull request, or changed there, since a moment; the oldest comes first."""
    at = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    query = {"since": at, "per_page": PER_PAGE, "page": page}
    return _get(repo, "issues", str(number), "comments", query=query)


def file_names(repo: Repo, folder: str, ref: str) -> Ask | None:
    """Ask what is in a folder; "" is the root, whose path is empty, so its slash stands alone."""
    path = _path(repo, ("contents", *(folder.split("/") if folder else ())))
    if path is None or not is_ref(ref):
        return None
    return Ask("GET", f"{path}{'' if folder else '/'}?{urlencode({'ref': ref})}", repo=repo)


def tree(repo: Repo, sha: str) -> Ask | None:
    """Ask for the paths of all files of a commit."""
    return _get(repo, "git", "trees", sha, query={"recursive": 1})


def environments(repo: Repo, page: int) -> Ask | None:
    """Ask for a repository's environments."""
    return _get(repo, "environments", query={"per_page": PER_PAGE, "page": page})


def account(login: str) -> Ask | None:
    """Ask for a user or organization."""
    return Ask("GET", f"/users/{quote(login, safe='')}") if _is_segment(login) else None


def open_pulls(repo: Repo, branch: str) -> Ask | None:
    """Ask for the open pull requests that propose a branch of the repository itself."""
    query = {"state": "open", "head": f"{repo.owner}:{branch}", "per_page": PER_PAGE}
    return _get(repo, "pulls", query=query) if is_ref(branch) else None


def make_branch(repo: Repo, branch: str, sha: str) -> Ask | None:
    """Order a new branch at a commit."""
    if not is_ref(branch):
        return None
    return _post(repo, "git", "refs", value={"ref": f"refs/heads/{branch}", "sha": sha})


def put_file(repo: Repo, change: FileChange) -> Ask | None:
    """Order a commit that makes or replaces one file on a branch, which is always named: else it were the default one."""
    if not is_ref(change.branch):
        return None
    value = {
        "message": change.message,
        "content": b64encode(change.text.encode()).decode(),
        "branch": change.branch,
        **({"sha": change.replaces} if change.replaces else {}),
    }
    return _order("PUT", repo, "contents", *change.path.split("/"), value=value)


def open_pull(repo: Repo, draft: PullDraft) -> Ask | None:
    """Order a pull request."""
    value = {"title": draft.title, "head": draft.branch, "base": draft.into, "body": draft.body}
    return _post(repo, "pulls", value=value) if is_ref(draft.branch) else None


def make_environment(repo: Repo, name: str, reviewer_ids: tuple[int, ...]) -> Ask | None:
    """Order an environment. GitHub replaces the rules of one that is there."""
    reviewers = [{"type": "User", "id": one} for one in reviewer_ids]
    return _order("PUT", repo, "environments", name, value={"reviewers": reviewers} if reviewers else {})


def make_tag_object(repo: Repo, tag: str, sha: str, message: str) -> Ask | None:
    """Order an annotated tag's object, to which nothing points yet."""
    if not is_ref(tag):
        return None
    return _post(repo, "git", "tags", value={"tag": tag, "message": message, "object": sha, "type": "commit"})


def make_tag_ref(repo: Repo, tag: str, sha: str) -> Ask | None:
    """Order the ref that makes a tag."""
    return _post(repo, "git", "refs", value={"ref": f"refs/tags/{tag}", "sha": sha}) if is_ref(tag) else None


def make_release(repo: Repo, tag: str, name: str, body: str, *, prerelease: bool) -> Ask | None:
    """Order the release of a tag."""
    value = {"tag_name": tag, "name": name, "body": body, "draft": False, "prerelease": prerelease}
    return _post(repo, "releases", value=value) if is_ref(tag) else None


RUN_DETAILS = "return_run_details"
"""What asks a forge to say which run it has started; an older one may refuse the word."""


def dispatch(
    repo: Repo, workflow: str, ref: str, inputs: Mapping[str, str] | None = None, *, details: bool = True
) -> Ask | None:
    """Order a run of a workflow; with `details` the answer names it. Inputs are words, whatever their type."""
    if not is_ref(ref):
        return None
    more = ({"inputs": dict(inputs)} if inputs else {}) | ({RUN_DETAILS: True} if details else {})
    return _post(repo, "actions", "workflows", workflow, "dispatches", value={"ref": ref, **more})


def approve(repo: Repo, run_id: int, environment_ids: tuple[int, ...], comment: str) -> Ask | None:
    """Order that a run's waiting deployments may go on."""
    value = {"environment_ids": list(environment_ids), "state": "approved", "comment": comment}
    return _post(repo, "actions", "runs", str(run_id), "pending_deployments", value=value)


def rerun(repo: Repo, run_id: int) -> Ask | None:
    """Order that a run's failed jobs run again."""
    return _post(repo, "actions", "runs", str(run_id), "rerun-failed-jobs", value={})


def comment(repo: Repo, number: int, body: str) -> Ask | None:
    """Order a comment on a pull request, which GitHub counts among the issues."""
    return _post(repo, "issues", str(number), "comments", value={"body": body})


def _get(
    repo: Repo, *segments: str, query: Mapping[str, object] | None = None, accept: str = JSON
) -> Ask | None:
    path = _path(repo, segments)
    if path is None:
        return None
    return Ask("GET", f"{path}?{urlencode(query)}" if query else path, accept, repo=repo)


def _post(repo: Repo, *segments: str, value: Mapping[str, object]) -> Ask | None:
    return _order("POST", repo, *segments, value=value)


def _order(method: str, repo: Repo, *segments: str, value: Mapping[str, object]) -> Ask | None:
    path = _path(repo, segments)
    return None if path is None else Ask(method, path, body=json.dumps(value).encode(), repo=repo)


def _path(repo: Repo, segments: tuple[str, ...]) -> str | None:
    every = ("repos", repo.owner, repo.name, *segments)
    return "/" + "/".join(quote(one, safe="") for one in every) if all(map(_is_segment, every)) else None


def _is_segment(name: str) -> bool:
    return 0 < len(name) <= 2 * _LONGEST_NAME + 3 and name not in {".", ".."} and name.isprintable()
