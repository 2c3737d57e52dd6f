"""The forge's pages for people: a repository, its commits, releases and runs, with the button that approves.

Knows: what a page shows. Must not know: the API.
"""

from aiohttp import web

from bot.demo.forge_answers import found_repository
from bot.demo.forge_events import Events
from bot.demo.forge_git import changed
from bot.demo.forge_runs import Run
from bot.demo.forge_state import ForgeState, Repository
from bot.demo.index_render import render

REPO = "/web/{owner}/{name}"
RUN = REPO + "/actions/runs/{id:[0-9]+}"
PERSON = "ada"
"""Who presses buttons."""


class ForgePages:
    """Pages that anybody on this machine may look at."""

    def __init__(self, state: ForgeState, events: Events) -> None:
        self._state = state
        self._events = events

    def add_routes(self, app: web.Application) -> None:
        """Offer them."""
        router = app.router
        router.add_get(REPO, self.repository)
        router.add_get(REPO + "/commit/{sha}", self.commit)
        router.add_get(REPO + "/compare/{basehead:.+}", self.compare)
        router.add_get(REPO + "/blob/{ref}/{path:.+}", self.blob)
        router.add_get(REPO + "/releases/tag/{tag:.+}", self.release)
        router.add_get(REPO + "/releases/download/{tag}/{file}", self.download)
        router.add_get(RUN, self.run)
        router.add_get(RUN + "/job/{job:[0-9]+}", self.run)
        router.add_post(RUN + "/review", self.review)

    async def repository(self, request: web.Request) -> web.Response:
        """Show a repository."""
        repository = found_repository(request, self._state)
        files = {path: content.decode(errors="replace") for path, content in sorted(repository.files.items())}
        commits = list(reversed(repository.history.commits.values()))
        tags = {name: repository.history.peeled(sha) for name, sha in repository.history.tags.items()}
        return self._page(
            "repository.html",
            repository,
            files=files,
            commits=commits,
            tags=tags,
            runs=repository.runs[::-1],
            pulls=list(repository.pulls.values())[::-1],
        )

    async def commit(self, request: web.Request) -> web.Response:
        """Show a commit."""
        repository = found_repository(request, self._state)
        commit = repository.history.resolve(request.match_info["sha"])
        if commit is None:
            raise web.HTTPNotFound
        before = repository.history.commits[commit.parents[0]].files if commit.parents else {}
        changes = changed(before, commit.files)
        return self._page(
            "forge_commits.html", repository, title=commit.sha[:7], commits=[commit], changes=changes
        )

    async def compare(self, request: web.Request) -> web.Response:
        """Show what lies between two refs."""
        repository = found_repository(request, self._state)
        basehead = request.match_info["basehead"]
        base, _, head = basehead.partition("...")
        ends = repository.history.resolve(base), repository.history.resolve(head)
        if ends[0] is None or ends[1] is None:
            raise web.HTTPNotFound
        commits = repository.history.between(ends[0].sha, ends[1].sha)
        changes = changed(ends[0].files, ends[1].files)
        return self._page("forge_commits.html", repository, title=basehead, commits=commits, changes=changes)

    async def release(self, request: web.Request) -> web.Response:
        """Show a release, or a tag that has none."""
        repository, tag = found_repository(request, self._state), request.match_info["tag"]
        release, target = repository.releases.get(tag), repository.history.tags.get(tag)
        if release is None and target is None:
            raise web.HTTPNotFound
        sha = repository.history.peeled(target) if target is not None else ""
        return self._page("forge_release.html", repository, tag=tag, sha=sha, release=release)

    async def blob(self, request: web.Request) -> web.Response:
        """Show a file at a ref."""
        repository, path = found_repository(request, self._state), request.match_info["path"]
        commit = repository.history.resolve(request.match_info["ref"])
        if commit is None or path not in commit.files:
            raise web.HTTPNotFound
        text = commit.files[path].decode(errors="replace")
        return self._page("forge_file.html", repository, path=path, text=text)

    async def download(self, request: web.Request) -> web.Response:
        """Give an attached file."""
        repository = found_repository(request, self._state)
        release = repository.releases.get(request.match_info["tag"])
        for asset in release.assets if release is not None else ():
            if asset.name == request.match_info["file"]:
                return web.Response(body=asset.content, content_type="application/octet-stream")
        raise web.HTTPNotFound

    async def run(self, request: web.Request) -> web.Response:
        """Show a run, with the button where it waits."""
        repository, run = self._run(request)
        return self._page("forge_run.html", repository, run=run)

    async def review(self, request: web.Request) -> web.Response:
        """Decide on everything that waits, as somebody who may."""
        repository, run = self._run(request)
        form = await request.post()
        state = "rejected" if form.get("state") == "rejected" else "approved"
        for one in run.waiting:
            environment = self._state.environment(repository, one.environment)
            by = next(iter(environment.reviewers), PERSON)
            self._events.runner.review(repository, run, one, state=state, by=by)
        raise web.HTTPSeeOther(f"{self._state.web_url}/{repository.slug}/actions/runs/{run.id}")

    def _run(self, request: web.Request) -> tuple[Repository, Run]:
        repository = found_repository(request, self._state)
        for run in repository.runs:
            if str(run.id) == request.match_info["id"]:
                return repository, run
        raise web.HTTPNotFound

    def _page(self, template: str, repository: Repository, **values: object) -> web.Response:
        base = f"{self._state.web_url}/{repository.slug}"
        text = render(template, slug=repository.slug, base=base, **values)
        return web.Response(text=text, content_type="text/html")
