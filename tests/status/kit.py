"""The status page as browsers reach it: the real routes on a real database, and a desk of Slack's at which people sign in."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

import aiohttp
from aiohttp import web as aioweb

from bot import web
from bot.core.people import Person, Standing
from bot.core.status_links import CALLBACK, STATUS
from bot.demo.slack_config import ALICE, BOB, ERIN, TEAM_ID
from bot.demo.slack_openid import SignInDesk
from bot.demo.slack_workspace import SlackWorkspace
from bot.slack.openid import App
from bot.slack.sign_in import SlackSignIn
from bot.transport import Transport
from bot.visiting import StatusPages
from bot.workflow.looking import Looking
from bot.workflow.visiting import Serves, Visiting
from storage.database import Database
from storage.records import Secret
from tests.releases.fakes import Clock, FakePeople
from tests.unit.test_web import FINE, listened, probes

HERE = "http://bot.test"
"""What the bot believes to be its own address; the tests go there by a port of the loopback."""
EVERYBODY = {
    ALICE.id: Person(ALICE.id, Standing.MEMBER, name="Alice Anderson"),
    BOB.id: Person(BOB.id, Standing.MEMBER, name="Bob Brown"),
    ERIN.id: Person(ERIN.id, Standing.GUEST),
    "U1": Person("U1", Standing.MEMBER, name="Carol Clark"),
    "U2": Person("U2", Standing.MEMBER, name="Dave Davis"),
}


@dataclass(frozen=True, slots=True)
class Got:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    text: str
    cookies: tuple[str, ...] = ()
    """The `Set-Cookie` headers."""

    @property
    def goes_to(self) -> str:
        """Where the browser is sent."""
        return self.headers.get("location", "")


@dataclass
class Site:
    """The bot's pages, Slack's desk, and what is known of installs and people."""

    database: Database
    desk: SignInDesk
    url: str = ""
    slack: str = ""
    clock: Clock = field(default_factory=Clock)
    people: FakePeople = field(default_factory=lambda: FakePeople(dict(EVERYBODY)))
    installed: dict[str, tuple[str, str]] = field(default_factory=lambda: {TEAM_ID: (TEAM_ID, "")})
    """Workspace -> (team, org) of the install that serves it."""

    serving: Serves | None = None
    """What tells it in place of `installed`."""
    made: list[Visiting] = field(default_factory=list)

    async def named(self, team: str) -> str:
        """Return how Slack calls a workspace."""
        return "Acme & Sons" if team == TEAM_ID else team

    async def serves(self, team: str, org: str) -> tuple[str, str] | None:
        """Return whose install serves a workspace."""
        return await self.serving(team, org) if self.serving else self.installed.get(team)

    def visiting(self) -> Visiting:
        """Return the workflow behind the pages."""
        return self.made[0]


class Browser:
    """A browser with its cookies; it goes where it is sent only when it is told to."""

    def __init__(self, site: Site, session: aiohttp.ClientSession) -> None:
        self.site = site
        self.session = session

    async def get(self, path: str, **headers: str) -> Got:
        """Ask for a page of the bot's."""
        return await self.ask("GET", path, headers=headers)

    async def post(self, path: str, form: Mapping[str, str]) -> Got:
        """Send a form to the bot."""
        return await self.ask("POST", path, form)

    async def ask(
        self,
        method: str,
        path: str,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Got:
        """Send a request to the bot, or to whomever the address names."""
        url = path if path.startswith("http") else f"{self.site.url}{path}"
        async with self.session.request(
            method, url, data=form, headers=headers, allow_redirects=False
        ) as answer:
            cookies = tuple(answer.headers.getall("set-cookie", []))
            named = {name.lower(): value for name, value in answer.headers.items()}
            return Got(answer.status, named, await answer.text(), cookies)

    async def at_slack(self, user: str, page: str = STATUS) -> str:
        """Begin to sign in, and say at Slack's desk who it is ("": nobody); returns where Slack sends the browser."""
        begun = await self.post(f"{STATUS}/sign-in", {"page": page})
        assert begun.status == 303, begun.text
        assert begun.goes_to.startswith(f"{self.site.slack}/openid/connect/authorize?")
        asked = dict(parse_qsl(urlsplit(begun.goes_to).query))
        answer = await self.ask("POST", f"{self.site.slack}/openid/connect/authorize", asked | {"user": user})
        back = urlsplit(answer.goes_to)
        assert f"{back.scheme}://{back.netloc}{back.path}" == f"{HERE}{CALLBACK}"
        return f"{back.path}?{back.query}"

    async def sign_in(self, user: str = ALICE.id, page: str = STATUS) -> Got:
        """Sign in; returns the bot's answer to what Slack has sent back."""
        return await self.get(await self.at_slack(user, page))


@asynccontextmanager
async def site_on(database: Database, *, secure: bool = False) -> AsyncIterator[Site]:
    """Serve the pages."""
    workspace = SlackWorkspace(request_url="http://nobody.test")
    clock = Clock()
    site = Site(database, SignInDesk(workspace, clock=clock), clock=clock)
    app = aioweb.Application()
    site.desk.add_routes(app)
    slack = aioweb.AppRunner(app)
    await slack.setup()
    await aioweb.TCPSite(slack, "127.0.0.1", 0).start()
    site.slack = f"http://127.0.0.1:{slack.addresses[0][1]}"
    try:
        async with Transport(allow_private_addresses=True) as transport:
            client, secret = site.desk.client
            given = App(f"{site.slack}/api/", client, Secret(secret), f"{HERE}{CALLBACK}")
            visiting = Visiting(
                database,
                SlackSignIn(transport.send, given, site.clock),
                site.people,
                site.clock,
                site.serves,
                site.named,
            )
            site.made.append(visiting)
            pages = StatusPages(visiting, Looking(database, site.people, site.clock), secure)
            async with listened(web.routes(None, probes(FINE), pages=pages.routes())) as port:
                site.url = f"http://127.0.0.1:{port}"
                yield site
    finally:
        await slack.cleanup()


@asynccontextmanager
async def browsing(site: Site) -> AsyncIterator[Browser]:
    """Open a browser."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield Browser(site, session)
