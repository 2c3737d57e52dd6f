"""The forge's routes with which publishing is set up: files put on branches, pull requests opened, environments made.

Knows: their parameters, statuses and refusals. Must not know: how answers are shaped, runs.
"""

import base64
import binascii

from aiohttp import web

from bot.demo.forge_answers import (
    Json,
    Refusal,
    answer_json,
    created,
    found_repository,
    invalid,
    linked,
    must_be_allowed,
    page_of,
    read_object,
    wanted,
)
from bot.demo.forge_events import Events
from bot.demo.forge_git import blob_sha
from bot.demo.forge_git_values import short_commit_value
from bot.demo.forge_pull_values import pull_value
from bot.demo.forge_pulls import Pull
from bot.demo.forge_state import ForgeState, Repository
from bot.demo.forge_values import environment_value, file_value, tree_value
from bot.demo.forge_workflow import FOLDER

REPO = "/repos/{owner}/{name}"
ACTOR = "shipbell-bot"
"""Who a token belongs to."""
MOST_REVIEWERS = 6


class SetupRoutes:
    """Answers about files, pull requests and environments that are made."""

    def __init__(self, state: ForgeState, events: Events) -> None:
        self._state = state
        self._events = events

    def add_routes(self, app: web.Application) -> None:
        """Offer them."""
        app.router.add_put(REPO + "/contents/{path:.+}", self.put_file)
        app.router.add_get(REPO + "/git/trees/{sha}", self.tree)
        app.router.add_get(REPO + "/pulls", self.pulls)
        app.router.add_post(REPO + "/pulls", self.open_pull)
        app.router.add_put(REPO + "/environments/{environment}", self.put_environment)

    async def put_file(self, request: web.Request) -> web.Response:
        """Make or replace a file with a commit on a branch."""
        repository, path = found_repository(request, self._state), request.match_info["path"]
        must_be_allowed(request, self._state, "contents:write")
        if path.startswith(FOLDER):
            must_be_allowed(request, self._state, "workflows:write")
        body = await read_object(request)
        message, content = wanted(body, "message", str), _content(body)
        branch = wanted(body, "branch", str, repository.default_branch)
        before = repository.history.branches.get(branch)
        if before is None:
            raise Refusal(404, f"Branch {branch} not found")
        files = repository.history.commits[before].files
        _must_fit(files.get(path), wanted(body, "sha", str, ""), path)
        made = self._commit(repository, branch, {**files, path: content}, message)
        commit = repository.history.commits[made]
        value = file_value(repository, self._state, commit.files, path, branch)
        answer = {"content": value, "commit": _commit_value(repository, self._state, made, message)}
        return created(answer, status=200 if path in files else 201)

    async def tree(self, request: web.Request) -> web.Response:
        """Give what is in a commit: with `recursive` every file, else what is in its root."""
        repository = found_repository(request, self._state)
        commit = repository.history.resolve(request.match_info["sha"])
        if commit is None:
            raise Refusal(404, "Not Found")
        return answer_json(
            request, tree_value(repository, self._state, commit, deep="recursive" in request.query)
        )

    def _commit(self, repository: Repository, branch: str, files: dict[str, bytes], message: str) -> str:
        self._state.add_account(ACTOR, "User")
        before = repository.history.branches[branch]
        made = repository.history.commit(branch, files, message, ACTOR, self._state.clock())
        for path in files:
            if path.startswith(FOLDER) and path not in repository.workflow_ids:
                repository.workflow_ids[path] = self._state.next_id()
        head = repository.history.commits[made]
        self._events.pushed(repository, f"refs/heads/{branch}", before, head, ACTOR)
        return made

    async def pulls(self, request: web.Request) -> web.Response:
        """Give pull requests, the newest first; a `head` without an owner filters nothing."""
        repository = found_repository(request, self._state)
        state, head = request.query.get("state", "open"), request.query.get("head", "")
        found = [
            pull_value(repository, self._state, pull)
            for pull in reversed(repository.pulls.values())
            if state in {"all", "open" if pull.merged_at is None else "closed"}
            and (":" not in head or head.lower() == f"{repository.owner.login}:{pull.head}".lower())
        ]
        return linked(request, answer_json(request, page_of(request, found)), len(found))

    async def open_pull(self, request: web.Request) -> web.Response:
        """Open a pull request."""
        repository = found_repository(request, self._state)
        must_be_allowed(request, self._state, "pull_requests:write")
        body = await read_object(request)
        title, head, base = (wanted(body, name, str) for name in ("title", "head", "base"))
        for name, branch in (("head", head), ("base", base)):
            if branch not in repository.history.branches:
                raise invalid("PullRequest", "invalid", name)
        tip, into = repository.history.branches[head], repository.history.branches[base]
        if not repository.history.between(into, tip):
            raise _custom(f"No commits between {base} and {head}")
        if any(pull.merged_at is None and pull.head == head for pull in repository.pulls.values()):
            raise _custom(f"A pull request already exists for {repository.owner.login}:{head}.")
        self._state.add_account(ACTOR, "User")
        made = Pull(
            self._state.next_id(), len(repository.pulls) + 1, title, ACTOR, into, tip, self._state.clock(), None,
            head=head, body=wanted(body, "body", str, ""),
        )  # fmt: skip
        repository.pulls[made.number] = made
        value = {**pull_value(repository, self._state, made), **_counts()}
        return created(value, value["url"])

    async def put_environment(self, request: web.Request) -> web.Response:
        """Make an environment, or replace its rules."""
        repository = found_repository(request, self._state)
        must_be_allowed(request, self._state, "administration:write")
        body = await read_object(request)
        told = body.get("reviewers") or []
        if len(told) > MOST_REVIEWERS:
            raise Refusal(422, "Only 6 users or teams can be reviewers.")
        logins = {account.id: account.login for account in self._state.accounts.values()}
        if any(one.get("id") not in logins for one in told):
            raise Refusal(422, "Validation Failed: reviewers")
        found = self._state.environment(repository, request.match_info["environment"])
        found.reviewers = [logins[one["id"]] for one in told]
        return answer_json(request, environment_value(repository, self._state, found))


def _content(body: Json) -> bytes:
    try:
        return base64.b64decode(wanted(body, "content", str), validate=True)
    except binascii.Error:
        raise Refusal(422, "content is not valid Base64") from None


def _must_fit(there: bytes | None, sha: str, path: str) -> None:
    if there is not None and not sha:
        raise Refusal(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
    if (there is None) is bool(sha) or (there is not None and blob_sha(there) != sha):
        raise Refusal(409, f"{path} does not match {sha}")


def _custom(message: str) -> Refusal:
    return Refusal(
        422, "Validation Failed", [{"resource": "PullRequest", "code": "custom", "message": message}]
    )


def _commit_value(repository: Repository, state: ForgeState, sha: str, message: str) -> Json:
    commit = repository.history.commits[sha]
    known = short_commit_value(commit)
    url = f"{state.url}/repos/{repository.slug}/git/commits/{sha}"
    person = {"name": ACTOR, "email": f"{ACTOR}@example.com", "date": known["timestamp"]}
    return {
        "sha": sha, "url": url, "html_url": f"{state.web_url}/{repository.slug}/commit/{sha}", "message": message,
        "author": person, "committer": person, "tree": {"sha": commit.tree, "url": url}, "parents": [],
        "verification": {"verified": False, "reason": "unsigned", "signature": None, "payload": None},
    }  # fmt: skip


def _counts() -> Json:
    """Return what the answer to a new pull request has more than a list."""
    numbers = ("comments", "review_comments", "commits", "additions", "deletions", "changed_files")
    return {
        **dict.fromkeys(numbers, 0),
        "merged": False,
        "mergeable": None,
        "rebaseable": None,
        "mergeable_state": "unknown",
        "merged_by": None,
        "maintainer_can_modify": False,
    }
