"""The install against a strict Slack that others wrote: `emulate`, with its page on which a user is picked, two workspaces and an org.

What it lacks (`bot/demo/slack_fleet.py` stands before it): several workspaces, orgs, expiring tokens.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.slack_fleet import Fleet, Site
from bot.demo.world import free_port
from bot.installing import install_routes
from bot.slack.clients import Workspaces
from bot.slack.install import BACK, App, Installations, States
from bot.slack.notifier import SlackNotifier
from bot.slack.scopes import BOT_SCOPES
from bot.slack.tokens import SlackTokens
from bot.workflow.installing import Installing
from bot.workflow.ports import Said
from bot.workflow.rotating import Rotating
from bot.workflow.welcoming import Welcoming
from storage.database import Database
from storage.ledger import github, installations, outbox
from storage.records import Secret
from tests.transport.test_emulate import NODE, PROGRAM, answering
from tests.transport.test_people import Hand
from tests.unit.test_web import FINE, probes, served

CLIENT_ID, SECRET = "12345.67890", Secret("marked-client-secret")
PUBLIC = "http://localhost:8080"
pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="`make setup` brings emulate")


@asynccontextmanager
async def workspace(folder: Path, name: str) -> AsyncIterator[str]:
    """Run one `emulate`, and give its address."""
    app = {
        "client_id": CLIENT_ID, "client_secret": SECRET.reveal(), "name": "Shipbell", "redirect_uris": [f"{PUBLIC}{BACK}"],
        "scopes": list(BOT_SCOPES), "app_id": "A7",
    }  # fmt: skip
    users = [{"name": "alice", "real_name": "Alice", "is_admin": True}, {"name": "bob", "real_name": "Bob"}]
    seed = {
        "slack": {
            "team": {"name": name, "domain": name.lower()},
            "users": users,
            "channels": [{"name": "releases"}],
            "oauth_apps": [app],
            "strict_scopes": True,
        }
    }
    config, port = folder / f"{name}.json", free_port()
    config.write_text(json.dumps(seed))
    with (folder / f"{name}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            NODE, PROGRAM, "start", "-s", "slack", "-p", str(port), "--seed", config, cwd=folder, stdout=log, stderr=log
        )  # fmt: skip
    try:
        async with asyncio.timeout(60):
            await answering(f"http://127.0.0.1:{port}/")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


@dataclass
class Rig:
    """The bot's parts that an install concerns, before a Slack of several workspaces."""

    url: str
    """The bot's pages."""
    fleet: Fleet
    slack: str
    clock: Hand
    database: Database
    clients: Workspaces
    rotating: Rotating
    browser: aiohttp.ClientSession
    session: aiohttp.ClientSession

    async def install(self, team: str, user: str = "Alice") -> str:
        """Install the app into a workspace or an org in a browser; returns the page at the end."""
        begun = await self.browser.get(f"{self.url}/slack/install?team={team}", allow_redirects=False)
        cookie = begun.headers["set-cookie"].partition(";")[0]
        page = await (await self.browser.get(begun.headers["location"])).text()
        assert "Shipbell" in page
        forms = re.findall(r"<form[^>]*>.*?</form>", page, re.DOTALL)
        chosen = next(form for form in forms if user in form)
        fields = {
            unescape(name): unescape(value)
            for name, value in re.findall(r'name="([^"]+)"\s+value="([^"]*)"', chosen)
        }
        agreed = await self.browser.post(
            f"{self.slack}/oauth/v2/authorize/callback", data=fields, allow_redirects=False
        )
        back = urlsplit(agreed.headers["location"])
        assert f"{back.scheme}://{back.netloc}{back.path}" == f"{PUBLIC}{BACK}"
        query = dict(parse_qsl(back.query))
        done = await self.browser.get(
            f"{self.url}{BACK}", params=query, headers={"cookie": cookie}, allow_redirects=False
        )
        assert done.status == 200
        return await done.text()

    async def work(self) -> None:
        """Let the bot welcome, and say what is to be said."""
        await Welcoming(self.database, self.clock, signs_in=True).claim(10)
        notifier = SlackNotifier(self.clients.client_for, self.session)
        async with self.database.transaction() as session:
            items = await outbox.claim(session, self.clock(), timedelta(minutes=2), 10)
        for item in items:
            said = await notifier.deliver(item, maybe_said=False)
            assert isinstance(said, Said), said
            async with self.database.transaction() as session:
                await outbox.sent(session, item, said.ts, self.clock(), said.channel)


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    """Run three workspaces, one of them as an org, and the bot's pages before them."""
    clock = Hand()
    clock.now = datetime.now(UTC)  # noqa: TID251 - the SDK counts a token's life from the machine's clock
    async with AsyncExitStack() as stack:
        names = ("Acme", "Bolts", "Cogs")
        running = [await stack.enter_async_context(workspace(tmp_path, name)) for name in names]
        acme, bolts, cogs = running
        fleet = Fleet(
            [Site("T1", "Acme", acme), Site("T2", "Bolts", bolts, "E2"), Site("E9", "Cogs", cogs, "E9")],
            clock,
        )
        runner = web.AppRunner(fleet.application(), access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        slack = f"http://127.0.0.1:{runner.addresses[0][1]}"
        session = await stack.enter_async_context(aiohttp.ClientSession())

        def client(token: Secret | None = None) -> AsyncWebClient:
            return AsyncWebClient(
                token=token.reveal() if token else None,
                base_url=f"{slack}/api/",
                session=session,
                retry_handlers=[],
            )

        tokens = SlackTokens(client(), CLIENT_ID, SECRET, clock)
        rotating = Rotating(database, tokens, clock, uuid4(), f"{PUBLIC}/slack/install")
        clients = Workspaces(database, clock, client, f"{PUBLIC}/slack/install", rotating.usable)
        kept = Installations(Installing(database, clock), clients.forget)
        app = App(CLIENT_ID, SECRET, PUBLIC, f"{slack}/api/")
        routes = install_routes(app, client(), (kept, States(database, clock)))
        port = await stack.enter_async_context(served(probes(FINE), more=routes))
        browser = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        yield Rig(
            f"http://127.0.0.1:{port}", fleet, slack, clock, database, clients, rotating, browser, session
        )


async def test_two_workspaces_and_an_org_install_the_app(rig: Rig) -> None:
    """Each install is its own team's, is welcomed in its own workspace, and its token does there alone what its scopes allow; tokens rotate."""
    assert "Shipbell is in Acme" in await rig.install("T1")
    assert "Shipbell is in Bolts" in await rig.install("T2", "Bob")
    assert "whole org" in await rig.install("E9")
    served_by = {
        (enterprise, team): (await rig.clients.authorize(enterprise, team)).team_id
        for enterprise, team in ((None, "T1"), ("E2", "T2"), ("E9", "T90"), ("E9", "T91"), ("E9", None))
    }
    assert list(served_by.values()) == ["T1", "T2", "E9", "E9", "E9"]
    await rig.work()
    welcomed = [
        (site, args["channel"]) for site, method, args in rig.fleet.calls if method == "chat.postMessage"
    ]
    assert sorted(site for site, _ in welcomed) == ["E9", "T1", "T2"]
    # The message is edited in the conversation in which it lies, and lies there once.
    rig.clock.now += timedelta(seconds=15)
    one = (await rig.clients.authorize(None, "T1")).team_id
    assert one == "T1"
    async with rig.database.transaction() as session:
        found = await installations.find(session, "T1", "")
        assert found is not None
        assert await github.link(session, found.team_id, found.installed_by, (7, "ada"), rig.clock())
    await rig.work()
    acme = await rig.clients.client_for("T1")
    place = dict(welcomed)["T1"]
    history = await acme.conversations_history(channel=place, include_all_metadata=True)
    (message,) = history["messages"]
    assert "ada" in json.dumps(message)
    # Strict: what was not asked for is refused.
    with pytest.raises(SlackApiError) as refused:
        await acme.reactions_add(channel=place, name="bell", timestamp=message["ts"])
    assert refused.value.response["error"] == "missing_scope"
    # Twelve hours on the old token is dead, and the next use brings a new one.
    old = acme.token
    rig.clock.now += timedelta(hours=12)
    fresh = await rig.clients.client_for("T1")
    assert fresh.token != old
    assert (await fresh.auth_test())["ok"]
    with pytest.raises(SlackApiError, match="token_expired"):
        await acme.auth_test()
    # The lane exchanges what nobody uses.
    for due in await rig.rotating.claim(5):
        await rig.rotating.advance(due)
    rig.clients.forget()
    assert (await (await rig.clients.client_for("E9")).auth_test())["ok"]
    assert len(rig.fleet.refreshes) == 3
