"""The forge's routes of pull requests, and the page for people.

Knows: their parameters, statuses and refusals. Must not know: how answers are shaped, runs.
"""

from datetime import UTC, datetime

from aiohttp import web

from bot.demo.forge_answers import (
    NOT_ACCESSIBLE,
    Refusal,
    answer_json,
    created,
    found_repository,
    linked,
    page_of,
    read_object,
    sent_token,
    wanted,
)
from bot.demo.forge_pull_values import comment_value, pull_value
from bot.demo.forge_pulls import Comment, Pull
from bot.demo.forge_state import ForgeState, Repository
from bot.demo.index_render import render

REPO = "/repos/{owner}/{name}"
COMMENTS = REPO + "/issues/{number:[0-9]+}/comments"
PAGE = "/web/{owner}/{name}/pull/{number:[0-9]+}"
ACTOR = "shipbell-bot"
"""Who a token belongs to."""
LONGEST = 65_536
LOCKED = "Unable to create comment because issue is locked."


class PullRoutes:
    """Answers about pull requests."""

    def __init__(self, state: ForgeState) -> None:
        self._state = state

    def add_routes(self, app: web.Application) -> None:
        """Offer them."""
        app.router.add_get(REPO + "/commits/{sha:[0-9a-f]{40}}/pulls", self.pulls)
        app.router.add_get(COMMENTS, self.comments)
        app.router.add_post(COMMENTS, self.comment)
        app.router.add_get(PAGE, self.page)

    async def pulls(self, request: web.Request) -> web.Response:
        """Give the pull requests with which a commit came."""
        repository, sha = found_repository(request, self._state), request.match_info["sha"]
        if sha not in repository.history.commits:
            raise Refusal(422, f"No commit found for SHA: {sha}")
        found = [
            pull_value(repository, self._state, pull)
            for pull in repository.pulls.values()
            if pull.commit == sha
        ]
        return linked(request, answer_json(request, page_of(request, found)), len(found))

    async def comments(self, request: web.Request) -> web.Response:
        """Give what was said, the oldest first."""
        repository, pull = self._pull(request)
        since = _since(request)
        found = [
            comment_value(repository, self._state, pull, one) for one in pull.comments if one.at >= since
        ]
        return linked(request, answer_json(request, page_of(request, found)), len(found))

    async def comment(self, request: web.Request) -> web.Response:
        """Say something."""
        repository, pull = self._pull(request)
        token = sent_token(request)
        if not token:
            raise Refusal(401, "Requires authentication")
        if not any(self._state.may(token, one) for one in ("issues:write", "pull_requests:write")):
            raise Refusal(403, NOT_ACCESSIBLE)
        body = wanted(await read_object(request), "body", str)
        if not body.strip() or len(body) > LONGEST:
            raise Refusal(422, "Validation Failed")
        if pull.locked:
            raise Refusal(403, LOCKED)
        self._state.add_account(ACTOR, "User")
        made = Comment(self._state.next_id(), ACTOR, body, self._state.clock())
        pull.comments.append(made)
        value = comment_value(repository, self._state, pull, made)
        return created(value, value["url"])

    async def page(self, request: web.Request) -> web.Response:
        """Show a pull request with what was said."""
        repository, pull = self._pull(request)
        base = f"{self._state.web_url}/{repository.slug}"
        text = render("forge_pull.html", slug=repository.slug, base=base, pull=pull)
        return web.Response(text=text, content_type="text/html")

    def _pull(self, request: web.Request) -> tuple[Repository, Pull]:
        repository = found_repository(request, self._state)
        pull = repository.pulls.get(int(request.match_info["number"]))
        if pull is None:
            raise web.HTTPNotFound
        return repository, pull


def _since(request: web.Request) -> datetime:
    text = request.query.get("since", "")
    try:
        return datetime.fromisoformat(text) if text else datetime.min.replace(tzinfo=UTC)
    except ValueError:
        raise Refusal(422, f"Invalid since: {text}") from None
