"""The forge's desk: buttons with which a person plays what happens to a repository.

Knows: which button does what. Must not know: the API.
"""

import re
from collections.abc import Callable, Mapping

from aiohttp import web

from bot.demo.forge_answers import found_repository
from bot.demo.forge_events import Events
from bot.demo.forge_pages import PERSON, REPO
from bot.demo.forge_seed import pyproject
from bot.demo.forge_state import ForgeState, Repository

SOMEBODY = "grace"
FAILURE = "##[error]The index answered 503 Service Unavailable."
_VERSION = re.compile(r"[0-9][A-Za-z0-9.]{0,30}", re.ASCII)


class ForgeDesk:
    """Buttons that anybody on this machine may press."""

    def __init__(self, state: ForgeState, events: Events) -> None:
        self._state = state
        self._events = events

    def add_routes(self, app: web.Application) -> None:
        """Offer them."""
        app.router.add_post(REPO + "/play", self.play)

    async def play(self, request: web.Request) -> web.Response:
        """Do what a button says, and show the repository again."""
        repository = found_repository(request, self._state)
        form = await request.post()
        deeds: Mapping[str, Callable[[Repository, str], None]] = {
            "bump": self._bump,
            "tag": self._tag,
            "move": self._move,
            "fail": self._fail,
        }
        deed = deeds.get(str(form.get("deed", "")))
        if deed is None:
            raise web.HTTPBadRequest(text="No such button.")
        deed(repository, str(form.get("name", "")).strip())
        raise web.HTTPSeeOther(f"{self._state.web_url}/{repository.slug}")

    def _bump(self, repository: Repository, version: str) -> None:
        if not _VERSION.fullmatch(version):
            raise web.HTTPBadRequest(text="Give a version, for example 1.5.0.")
        self._commit(
            repository, {"pyproject.toml": pyproject(repository.name, version)}, f"Release {version}", PERSON
        )

    def _tag(self, repository: Repository, version: str) -> None:
        if not _VERSION.fullmatch(version):
            raise web.HTTPBadRequest(text="Give a version, for example 1.5.0.")
        made = self._state.tag_object(repository, f"v{version}", f"v{version}", repository.head, SOMEBODY)
        self._events.set_ref(repository, f"refs/tags/v{version}", made.sha, SOMEBODY)

    def _move(self, repository: Repository, tag: str) -> None:
        if tag not in repository.history.tags:
            raise web.HTTPBadRequest(text="There is no such tag.")
        text = f"# {repository.name}\n\nChanged {len(repository.history.commits)} times.\n".encode()
        sha = self._commit(repository, {"README.md": text}, "Change something at the last minute", SOMEBODY)
        made = self._state.tag_object(repository, tag, f"{tag} again", sha, SOMEBODY)
        self._events.set_ref(repository, f"refs/tags/{tag}", made.sha, SOMEBODY)

    def _fail(self, repository: Repository, _name: str) -> None:
        self._events.runner.fail_next(repository.slug, "publish", log=FAILURE.encode())

    def _commit(self, repository: Repository, files: Mapping[str, bytes], message: str, author: str) -> str:
        before = repository.head
        sha = self._state.commit(repository, dict(files), message, author)
        ref = f"refs/heads/{repository.default_branch}"
        self._events.pushed(repository, ref, before, repository.history.commits[sha], author)
        return sha
