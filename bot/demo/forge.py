"""A forge to play with: GitHub's REST API as far as releases go, its Actions, its rate limits, its OIDC issuer.

Knows: how its parts are put together, and what tests and the demo ask of it. Must not know: the index.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from aiohttp import web

from bot.demo.forge_actions import ActionsRoutes
from bot.demo.forge_answers import (
    Refusal,
    answer_json,
    found_repository,
    refusal,
    sent_token,
    with_quota,
)
from bot.demo.forge_apps import Apps
from bot.demo.forge_code import REPO, CodeRoutes
from bot.demo.forge_desk import ForgeDesk
from bot.demo.forge_events import Events
from bot.demo.forge_hooks import Hooks
from bot.demo.forge_lists import ListRoutes
from bot.demo.forge_oidc import Issuer
from bot.demo.forge_pages import ForgePages
from bot.demo.forge_publish import build
from bot.demo.forge_pull_routes import PullRoutes
from bot.demo.forge_runner import Runner
from bot.demo.forge_runs import Run
from bot.demo.forge_seed import plant
from bot.demo.forge_setup import SetupRoutes
from bot.demo.forge_state import Asset, ForgeState, Repository
from bot.demo.forge_storage import PATH, Storage
from bot.demo.forge_values import environment_value, public_user_value, repository_value
from bot.demo.index_state import utc_now
from bot.demo.standin import Handler, StandIn

UNCOUNTED = ("/rate_limit", "/meta", "/.well-known/", "/web/", PATH)
SOMEBODY = "grace"


class ForgeStandIn(StandIn):
    """A forge on 127.0.0.1 with `acme/widgets` (a good workflow, environment `pypi`) and `acme/gadgets` (without).

    Asked without a token it answers too, 60 times an hour; a token it does not know gets 401.
    """

    keeps_json = True

    def __init__(self, clock: Callable[[], datetime] = utc_now) -> None:
        super().__init__()
        self.state = ForgeState(clock)
        self.hooks = Hooks(self.state)
        self.apps = Apps(self.state)
        self._issuer = Issuer(clock)
        self._events = Events(self.state, self.hooks)
        self.runner = self._events.runner = Runner(self.state, self._issuer, self._events.heard)
        self._storage = Storage(self.state)
        plant(self.state)

    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1; 0 takes a free port. OSError if the port is taken."""
        await super().start(port)
        self.state.url = self.url
        self.hooks.start()
        self.runner.start()

    async def stop(self) -> None:
        """Drop what runs and stop listening; harmless where nothing was started."""
        try:
            await self.runner.stop()
        finally:
            await self.hooks.stop()
            await super().stop()

    @property
    def web_url(self) -> str:
        """Where people look at repositories."""
        return f"{self.url}/web"

    @property
    def issuer(self) -> str:
        """The `iss` of its tokens."""
        return self.url

    @property
    def hook_url(self) -> str:
        """Where webhooks go; "" for nowhere."""
        return self.hooks.url

    @hook_url.setter
    def hook_url(self, url: str) -> None:
        self.hooks.url = url

    @property
    def hook_secret(self) -> str:
        """What webhooks are signed with."""
        return self.hooks.secret

    @hook_secret.setter
    def hook_secret(self, secret: str) -> None:
        self.hooks.secret = secret

    def make_token(self, permissions: Collection[str] | None = None) -> str:
        """Return a new token that is accepted from now on, with `contents:write` and the like; None: with all."""
        return self.state.make_token(permissions)

    def add_repository(
        self, slug: str, files: Mapping[str, bytes] | None = None, environments: Collection[str] | None = None
    ) -> Repository:
        """Make a repository (`owner/name`) with one commit, or replace it, and its owner where there is none."""
        return self.state.add_repository(slug, files, environments)

    def head(self, slug: str) -> str:
        """Return the newest commit of a repository's default branch."""
        return self.state.found(slug).head

    def commit(
        self,
        slug: str,
        files: Mapping[str, bytes | None],
        message: str = "Change something",
        author: str = SOMEBODY,
    ) -> str:
        """Push a commit to the default branch; files not named stay, None takes one away. Returns its sha."""
        repository = self.state.found(slug)
        before = repository.head
        sha = self.state.commit(repository, files, message, author)
        ref = f"refs/heads/{repository.default_branch}"
        self._events.pushed(repository, ref, before, repository.history.commits[sha], author)
        return sha

    def merge_pull(
        self, slug: str, files: Mapping[str, bytes | None], title: str, author: str = SOMEBODY
    ) -> int:
        """Merge a pull request into the default branch as one commit; returns its number."""
        repository = self.state.found(slug)
        base = repository.head
        sha = self.commit(slug, files, f"{title} (#{len(repository.pulls) + 1})", author)
        return self.state.pull(repository, title, author, base=base, commit=sha).number

    def merge(self, slug: str, number: int, *, by: str = SOMEBODY) -> str:
        """Merge an open pull request by hand; returns the new commit. LookupError where there is none."""
        repository = self.state.found(slug)
        pull = repository.pulls[number]
        tip = repository.history.commits[repository.history.branches[pull.head]]
        base = repository.history.merge_base(repository.head, tip.sha)
        known = base.files if base else {}
        changes = {path: text for path, text in tip.files.items() if known.get(path) != text}
        pull.merged_at = self.state.clock()
        pull.commit = self.commit(slug, changes, f"{pull.title} (#{number})", by)
        return pull.commit

    def lock_pull(self, slug: str, number: int) -> None:
        """Let nobody comment on a pull request any more; LookupError where there is none."""
        self.state.found(slug).pulls[number].locked = True

    def comments(self, slug: str, number: int) -> list[str]:
        """Return what was said on a pull request, oldest first; LookupError where there is none."""
        return [comment.body for comment in self.state.found(slug).pulls[number].comments]

    def push_tag(
        self,
        slug: str,
        tag: str,
        sha: str | None = None,
        *,
        annotated: bool = True,
        message: str = "",
        by: str = SOMEBODY,
    ) -> str:
        """Push a tag at a commit, the newest if none is named; returns what its ref points to."""
        repository = self.state.found(slug)
        target = sha or repository.head
        if annotated:
            target = self.state.tag_object(repository, tag, message or tag, target, by).sha
        self._events.set_ref(repository, f"refs/tags/{tag}", target, by)
        return target

    def move_tag(self, slug: str, tag: str, sha: str | None = None, *, by: str = SOMEBODY) -> str:
        """Let a tag point elsewhere, as a forced push does; LookupError where there is none."""
        repository = self.state.found(slug)
        annotated = repository.history.tags[tag] in repository.history.objects
        return self.push_tag(slug, tag, sha, annotated=annotated, message=f"{tag} again", by=by)

    def delete_tag(self, slug: str, tag: str, *, by: str = SOMEBODY) -> None:
        """Take a tag away; LookupError where there is none."""
        self._events.delete_tag(self.state.found(slug), tag, by)

    def set_checks(self, slug: str, sha: str, checks: Mapping[str, str | None]) -> None:
        """Let CI from elsewhere say of a commit: name to conclusion, None while it goes on."""
        self.state.found(slug).checks[sha] = dict(checks)

    def set_statuses(self, slug: str, sha: str, statuses: Mapping[str, str]) -> None:
        """Let a commit have statuses: context to `success`, `failure`, `error`, `pending`."""
        self.state.found(slug).statuses[sha] = dict(statuses)

    def add_asset(self, slug: str, tag: str, name: str, content: bytes) -> None:
        """Attach a file to a release; LookupError where there is none."""
        release = self.state.found(slug).releases[tag]
        release.assets.append(Asset(self.state.next_id(), name, content, self.state.clock()))

    def require_review(
        self,
        slug: str,
        environment: str,
        reviewers: Collection[str] = ("ada",),
        *,
        token_may_approve: bool = True,
    ) -> None:
        """Let jobs with this environment wait until one of these agrees."""
        found = self.state.environment(self.state.found(slug), environment)
        found.reviewers, found.token_may_approve = list(reviewers), token_may_approve

    def restrict(self, slug: str, environment: str, patterns: Collection[str]) -> None:
        """Let only these tags and branches deploy to an environment; jobs of others fail without a log."""
        self.state.environment(self.state.found(slug), environment).allowed = list(patterns)

    def fail_next(
        self, slug: str, job: str = "publish", *, times: int = 1, log: bytes = b"", uploads: int = 0
    ) -> None:
        """Let a job of a repository fail the next `times`, its log ending so, after so many uploads."""
        self.runner.fail_next(slug, job, times=times, log=log, uploads=uploads)

    def run(self, run_id: int) -> tuple[Repository, Run]:
        """Return a run and where it belongs; LookupError where there is none."""
        for repository in self.state.repositories.values():
            for run in repository.runs:
                if run.id == run_id:
                    return repository, run
        raise LookupError(run_id)

    def approve_by_hand(self, run_id: int, *, by: str = "ada", state: str = "approved") -> None:
        """Decide on what a run waits for, as somebody does in the browser; LookupError where nothing waits."""
        repository, run = self.run(run_id)
        if not run.waiting:
            raise LookupError(f"run {run_id} waits for nothing")
        for one in run.waiting:
            self.runner.review(repository, run, one, state=state, by=by)

    def cancel_by_hand(self, run_id: int) -> None:
        """End a run where it is, as somebody does in the browser; LookupError where there is none."""
        self.runner.cancel(*self.run(run_id))

    def built(self, slug: str, ref: str) -> dict[str, bytes]:
        """Return the files that runs build at a ref; LookupError where there is none."""
        commit = self.state.found(slug).history.resolve(ref)
        if commit is None:
            raise LookupError(ref)
        return build(commit, ref)

    def jwks(self) -> dict[str, Any]:
        """Return the issuer's public keys."""
        return self._issuer.jwks()

    def id_token(
        self,
        repository: str = "acme/widgets",
        *,
        workflow: str = "release.yml",
        environment: str = "pypi",
        **claims: object,
    ) -> str:
        """Return the signed JWT of a run; `claims` replace what such a run says, None leaves a claim out.

        LookupError for an owner that is not here.
        """
        account = self.state.accounts.get(repository.partition("/")[0].lower())
        if account is None:
            raise LookupError(f"no owner of {repository!r}")
        run = self._issuer.run_claims(self.issuer, repository, account.id, workflow, environment)
        return self._issuer.sign({**run, **claims})

    def use_up_limit(self, token: str = "") -> None:
        """Leave a caller ("": all without a token) nothing to ask in this hour."""
        self.state.quota(token).remaining = 0

    def _routes(self, app: web.Application) -> None:
        app.middlewares.append(self._limits())
        router = app.router
        router.add_get("/rate_limit", self._rate_limit)
        router.add_get("/meta", self._meta)
        router.add_get("/users/{owner}", self._user)
        router.add_get(REPO, self._repository)
        router.add_get(REPO + "/environments", self._environments)
        router.add_get(REPO + "/environments/{environment}", self._environment)
        router.add_get("/.well-known/openid-configuration", self._openid)
        router.add_get("/.well-known/jwks", self._jwks)
        self.apps.add_routes(app)
        ListRoutes(self.state, self.apps).add_routes(app)
        PullRoutes(self.state).add_routes(app)  # before those of code, whose commits may have slashes in them
        CodeRoutes(self.state, self._events).add_routes(app)
        SetupRoutes(self.state, self._events).add_routes(app)
        ActionsRoutes(self.state, self._events, self._storage).add_routes(app)
        ForgePages(self.state, self._events).add_routes(app)
        ForgeDesk(self.state, self._events).add_routes(app)
        self._storage.add_routes(app)

    def _limits(self) -> Any:
        @web.middleware
        async def limited(request: web.Request, handler: Handler) -> web.StreamResponse:
            token = sent_token(request)
            counted = not request.path.startswith(UNCOUNTED)
            if request.path.startswith(PATH):
                return await handler(request)
            if token and not self._known(request, token):
                return refusal(401, "Bad credentials")
            quota = self.state.quota(token)
            if counted and quota.remaining <= 0:
                return with_quota(refusal(403, "API rate limit exceeded"), quota)
            answer = await self._or_refusal(request, self._scoped(handler))
            if counted and answer.status != 304:
                quota.remaining -= 1
            return with_quota(answer, quota)

        return limited

    def _known(self, request: web.Request, token: str) -> bool:
        """Whether a token is in force."""
        plain = token in self.state.tokens and token not in self.apps.tokens
        return plain or self.apps.knows(request)

    def _scoped(self, handler: Handler) -> Handler:
        """Return the handler, for whoever may see that repository."""

        async def scoped(request: web.Request) -> web.StreamResponse:
            if self.apps.hides(request):
                raise web.HTTPNotFound
            if not self.apps.may_read(request):
                raise Refusal(403, "Resource not accessible by integration")
            return await handler(request)

        return scoped

    async def _or_refusal(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPNotFound:
            return refusal(404, "Not Found")
        except Refusal as no:
            return no.answer()

    async def _rate_limit(self, request: web.Request) -> web.Response:
        quota = self.state.quota(sent_token(request))
        core = {"limit": quota.limit, "remaining": quota.remaining, "reset": quota.reset, "used": quota.used}
        search = {"limit": 10, "remaining": 10, "reset": quota.reset, "used": 0}
        return answer_json(request, {"resources": {"core": core, "search": search}, "rate": core})

    async def _meta(self, request: web.Request) -> web.Response:
        return answer_json(request, {"verifiable_password_authentication": False, "hooks": ["127.0.0.1/32"]})

    async def _user(self, request: web.Request) -> web.Response:
        account = self.state.accounts.get(request.match_info["owner"].lower())
        if account is None:
            raise web.HTTPNotFound
        return answer_json(request, public_user_value(account, self.state))

    async def _repository(self, request: web.Request) -> web.Response:
        repository = found_repository(request, self.state)
        return answer_json(request, repository_value(repository, self.state))

    async def _environments(self, request: web.Request) -> web.Response:
        repository = found_repository(request, self.state)
        found = [environment_value(repository, self.state, one) for one in repository.environments.values()]
        return answer_json(request, {"total_count": len(found), "environments": found})

    async def _environment(self, request: web.Request) -> web.Response:
        repository = found_repository(request, self.state)
        found = repository.environments.get(request.match_info["environment"].lower())
        if found is None:
            raise web.HTTPNotFound
        return answer_json(request, environment_value(repository, self.state, found))

    async def _openid(self, request: web.Request) -> web.Response:
        value = {
            "issuer": self.issuer,
            "jwks_uri": f"{self.url}/.well-known/jwks",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public", "pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid"],
        }
        return answer_json(request, value)

    async def _jwks(self, request: web.Request) -> web.Response:
        return answer_json(request, self.jwks())
