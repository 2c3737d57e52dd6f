"""Where uploads pass through on their way to an index: what authorizes each is noted, and it can fail as a stand-in can."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from bot.demo.forge_seed import WORKFLOW_PATH
from bot.demo.slack_config import ALICE, RELEASES
from bot.demo.standin import StandIn
from bot.demo.world import World, program
from tests.stories.kit import PATIENCE, Json, ask, commit_version, look_at_token, policy, seen, world_on
from tests.stories.test_release_upload import BUILDS

KEPT, ENDED = "shelf is kept.", "Nothing was kept."
OWN = frozenset({"host", "transfer-encoding", "content-length"})
"""Headers that belong to one leg of the way."""


def forms(header: str) -> list[str]:
    """Return the code of basic authentication, and what it holds: both together, and the password alone."""
    code = header.removeprefix("Basic ")
    pair = base64.b64decode(code).decode()
    return [code, pair, pair.partition(":")[2]]


class Relay(StandIn):
    """Sends everything on to an index, path and all; `sent` has the `Authorization` of each request, oldest first."""

    def __init__(self) -> None:
        super().__init__()
        self.index = ""
        """Where it leads: scheme, host and port."""
        self.sent: list[str] = []
        self.refusals = 0
        """How many requests are still refused, each with its own credential quoted, as no index should."""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    def _routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/{path:.*}", self._onward)

    def _note(self, request: web.Request, body: object) -> None:
        self.sent.append(request.headers.get("Authorization", ""))
        super()._note(request, body)

    def secrets(self) -> list[str]:
        """Return all that was sent, in each form in which it could be found again."""
        return sorted({form for one in self.sent for form in forms(one)})

    async def _onward(self, request: web.Request) -> web.Response:
        if self.refusals:
            self.refusals -= 1
            said = f"Denied: {' '.join(forms(request.headers['Authorization']))}"
            return web.Response(status=403, reason=said, text=said)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in OWN}
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(
                request.method, self.index + request.path, headers=headers, data=await request.read()
            ) as answer,
        ):
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in OWN}
            return web.Response(
                status=answer.status, reason=answer.reason, headers=kept, body=await answer.read()
            )


def world_with(
    database_url: str,
    folder: Path,
    relay: Relay,
    url: str,
    *,
    upload_path: str = "",
    searched: bool = False,
    **more: str,
) -> World:
    """Return a world whose bot knows an index as `shelf` and uploads to it through a relay, by default where it is.

    Where the process list is `searched`, the bot is a program of its own.
    """
    place = urlsplit(url)
    relay.index = f"{place.scheme}://{place.netloc}"
    upload_url = relay.url + (upload_path or f"{place.path}/")
    entry = {"url": url, "upload_url": upload_url, "publisher_api": False, "feeds": False}
    settings = {"SHIPBELL_INDEXES": json.dumps({"shelf": entry | more}), "TMPDIR": str(folder / "temp")}
    (folder / "temp").mkdir()
    return world_on(database_url, folder, settings=settings, **({"launch": program} if searched else {}))


async def give(world: World, typed: Mapping[str, Any], **scope: str) -> None:
    """Give a credential for the index, and wait until the bot says that it is kept.

    A bot that is busy may hear that it is to be kept while it still takes it in; it says so then, and is given it again.
    """
    kept, ended = (world.slack.describe().count(one) for one in (KEPT, ENDED))
    await look_at_token(world, {"index_choice": "shelf", **typed})
    await world.slack.submit(ALICE, scope)
    await world.slack.wait_for(
        lambda slack: slack.describe().count(KEPT) > kept or slack.describe().count(ENDED) > ended, PATIENCE
    )
    if world.slack.describe().count(KEPT) == kept:
        await give(world, typed, **scope)


async def asked_for(world: World) -> Json:
    """Make widgets known, which the bot uploads itself, and ask for a release that the team has to approve."""
    await policy(world, "publish=bot")
    await world.slack.command(ALICE, RELEASES, "/publisher", "add widgets acme/widgets index=shelf")
    await seen(world, "widgets is known now; I upload it to shelf myself.")
    commit_version(world, "1.4.0", **{WORKFLOW_PATH: BUILDS})
    return await ask(world, ALICE, "widgets v1.4.0 index=shelf")
