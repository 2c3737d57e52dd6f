"""The forge's routes of code: contents, commits, comparisons, checks, tags, releases.

Knows: their parameters, statuses and refusals. Must not know: how answers are shaped, runs.
"""

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
    tagged,
    wanted,
)
from bot.demo.forge_events import Events
from bot.demo.forge_git import Commit
from bot.demo.forge_git_values import (
    assets_value,
    checks_value,
    comparison_value,
    ref_value,
    release_value,
    status_value,
    tag_value,
    whole_commit_value,
)
from bot.demo.forge_state import ForgeState, Release, Repository
from bot.demo.forge_values import content_value, file_value, folder_value

RAW = "application/vnd.github.raw"
REPO = "/repos/{owner}/{name}"
MAX_COMPARED = 250
ACTOR = "shipbell-bot"
"""Who a token belongs to."""


class CodeRoutes:
    """Answers about code."""

    def __init__(self, state: ForgeState, events: Events) -> None:
        self._state = state
        self._events = events

    def add_routes(self, app: web.Application) -> None:
        """Offer them."""
        router = app.router
        router.add_get(REPO + "/contents/{path:.*}", self.contents)
        router.add_get(REPO + "/commits/{ref:.+}/check-runs", self.check_runs)
        router.add_get(REPO + "/commits/{ref:.+}/status", self.status)
        router.add_get(REPO + "/commits/{ref:.+}", self.commit)
        router.add_get(REPO + "/compare/{basehead:.+}", self.compare)
        router.add_get(REPO + "/git/ref/{ref:.+}", self.ref)
        router.add_post(REPO + "/git/refs", self.make_ref)
        router.add_get(REPO + "/git/tags/{sha}", self.tag)
        router.add_post(REPO + "/git/tags", self.make_tag)
        router.add_get(REPO + "/releases/tags/{tag:.+}", self.release)
        router.add_post(REPO + "/releases", self.make_release)
        router.add_get(REPO + "/releases/assets/{id:[0-9]+}", self.asset)
        router.add_get(REPO + "/releases/{id:[0-9]+}/assets", self.assets)

    async def contents(self, request: web.Request) -> web.Response:
        """Give a file, or what is in a folder."""
        repository, path = found_repository(request, self._state), request.match_info["path"].strip("/")
        ref = request.query.get("ref", repository.default_branch)
        commit = repository.history.resolve(ref)
        if commit is None:
            raise Refusal(404, f"No commit found for the ref {ref}")
        files = commit.files
        if path not in files:
            return answer_json(request, self._folder(repository, commit, path, ref))
        if RAW in request.headers.get("Accept", ""):
            headers = {"Content-Type": "application/vnd.github.raw+json; charset=utf-8"}
            return tagged(request, files[path], headers)
        value = file_value(repository, self._state, files, path, ref)
        return answer_json(request, {**value, **content_value(files[path])})

    def _folder(self, repository: Repository, commit: Commit, path: str, ref: str) -> list[Json]:
        inside = f"{path}/" if path else ""
        below = sorted(name for name in commit.files if name.startswith(inside))
        if path and not below:
            raise web.HTTPNotFound
        names = {inside + name[len(inside) :].partition("/")[0]: None for name in below}
        return [
            file_value(repository, self._state, commit.files, name, ref)
            if name in commit.files
            else folder_value(repository, self._state, name, ref)
            for name in names
        ]

    async def commit(self, request: web.Request) -> web.Response:
        """Give one commit with what it changed."""
        repository, commit = self._commit(request)
        return answer_json(request, whole_commit_value(repository, self._state, commit))

    async def check_runs(self, request: web.Request) -> web.Response:
        """Give a commit's check runs."""
        repository, commit = self._commit(request)
        found = checks_value(repository, self._state, commit.sha)
        wanted_name = request.query.get("check_name")
        found = [one for one in found if wanted_name in {None, one["name"]}]
        value = {"total_count": len(found), "check_runs": page_of(request, found)}
        return linked(request, answer_json(request, value), len(found))

    async def status(self, request: web.Request) -> web.Response:
        """Give a commit's statuses together."""
        repository, commit = self._commit(request)
        return answer_json(request, status_value(repository, self._state, commit.sha))

    async def compare(self, request: web.Request) -> web.Response:
        """Give what lies between two refs."""
        repository = found_repository(request, self._state)
        base, dots, head = request.match_info["basehead"].partition("...")
        ends = repository.history.resolve(base), repository.history.resolve(head)
        if not dots or ends[0] is None or ends[1] is None:
            raise web.HTTPNotFound
        value = comparison_value(repository, self._state, ends[0], ends[1])
        if not request.query.keys() & {"page", "per_page"}:
            return answer_json(request, {**value, "commits": value["commits"][:MAX_COMPARED]})
        value["commits"] = page_of(request, value["commits"])
        return linked(request, answer_json(request, value), value["total_commits"])

    async def ref(self, request: web.Request) -> web.Response:
        """Give what one branch or tag points to."""
        repository = found_repository(request, self._state)
        ref = request.match_info["ref"]
        sha = dict(repository.history.refs()).get(ref)
        if sha is None:
            raise web.HTTPNotFound
        return answer_json(request, ref_value(repository, self._state, f"refs/{ref}", sha))

    async def make_ref(self, request: web.Request) -> web.Response:
        """Make a branch or tag."""
        repository = self._writable(request)
        body = await read_object(request)
        ref, sha = wanted(body, "ref", str), wanted(body, "sha", str)
        parts = ref.split("/")
        if len(parts) < 3 or parts[0] != "refs" or parts[1] not in {"heads", "tags"} or "" in parts:
            raise Refusal(422, f"{ref} is not a valid ref name.")
        if ref.removeprefix("refs/") in dict(repository.history.refs()):
            raise Refusal(422, "Reference already exists")
        if repository.history.peeled(sha) not in repository.history.commits:
            raise Refusal(422, "Object does not exist")
        self._events.set_ref(repository, ref, sha, ACTOR)
        value = ref_value(repository, self._state, ref, sha)
        return created(value, value["url"])

    async def tag(self, request: web.Request) -> web.Response:
        """Give a tag object."""
        repository = found_repository(request, self._state)
        found = repository.history.objects.get(request.match_info["sha"])
        if found is None:
            raise web.HTTPNotFound
        return answer_json(request, tag_value(repository, self._state, found))

    async def make_tag(self, request: web.Request) -> web.Response:
        """Make a tag object, to which no ref points yet."""
        repository = self._writable(request)
        body = await read_object(request)
        name, message = wanted(body, "tag", str), wanted(body, "message", str)
        target, kind = wanted(body, "object", str), wanted(body, "type", str)
        if kind not in {"commit", "tree", "blob", "tag"}:
            raise Refusal(422, f'Invalid request.\n\n{kind} is not a member of ["commit", "tree", "blob"].')
        try:
            made = self._state.tag_object(repository, name, message, target, ACTOR)
        except LookupError:
            raise Refusal(422, "Could not verify object") from None
        value = tag_value(repository, self._state, made)
        return created(value, value["url"])

    async def release(self, request: web.Request) -> web.Response:
        """Give the release of a tag; a draft is not shown."""
        repository = found_repository(request, self._state)
        found = repository.releases.get(request.match_info["tag"])
        if found is None or found.draft:
            raise web.HTTPNotFound
        return answer_json(request, release_value(repository, self._state, found))

    async def make_release(self, request: web.Request) -> web.Response:
        """Make a release, and its tag where there is none."""
        repository = self._writable(request)
        made = self._new_release(repository, await read_object(request))
        self._events.publish(repository, made)
        value = release_value(repository, self._state, made)
        return created(value, value["url"])

    def _new_release(self, repository: Repository, body: Json) -> Release:
        tag = wanted(body, "tag_name", str)
        target = wanted(body, "target_commitish", str, repository.default_branch)
        draft, prerelease = (
            wanted(body, "draft", bool, default=False),
            wanted(body, "prerelease", bool, default=False),
        )
        if not tag.strip():
            raise invalid("Release", "missing_field", "tag_name")
        if tag in repository.releases and not repository.releases[tag].draft:
            raise invalid("Release", "already_exists", "tag_name")
        if not draft and tag not in repository.history.tags and repository.history.resolve(target) is None:
            raise invalid("Release", "invalid", "target_commitish")
        return Release(
            id=self._state.next_id(),
            tag=tag,
            target=target,
            name=wanted(body, "name", str, "") or tag,
            body=wanted(body, "body", str, ""),
            by=ACTOR,
            at=self._state.clock(),
            draft=draft,
            prerelease=prerelease,
        )

    async def assets(self, request: web.Request) -> web.Response:
        """Give what is attached to a release."""
        repository = found_repository(request, self._state)
        for release in repository.releases.values():
            if str(release.id) == request.match_info["id"]:
                found = assets_value(repository, self._state, release.tag, release.assets)
                return answer_json(request, page_of(request, found))
        raise web.HTTPNotFound

    async def asset(self, request: web.Request) -> web.Response:
        """Give one attached file: what is known of it, or its bytes where those are asked for."""
        repository = found_repository(request, self._state)
        for release in repository.releases.values():
            for asset in release.assets:
                if str(asset.id) != request.match_info["id"]:
                    continue
                if "application/octet-stream" in request.headers.get("Accept", ""):
                    return tagged(request, asset.content, {"Content-Type": "application/octet-stream"})
                return answer_json(request, assets_value(repository, self._state, release.tag, [asset])[0])
        raise web.HTTPNotFound

    def _commit(self, request: web.Request) -> tuple[Repository, Commit]:
        repository, ref = found_repository(request, self._state), request.match_info["ref"]
        commit = repository.history.resolve(ref)
        if commit is None:
            raise Refusal(422, f"No commit found for SHA: {ref}")
        return repository, commit

    def _writable(self, request: web.Request) -> Repository:
        repository = found_repository(request, self._state)
        must_be_allowed(request, self._state, "contents:write")
        return repository
