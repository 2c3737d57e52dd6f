"""The install of the Slack app through Bolt's own flow: kept once, sealed, for the browser that began it alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from sqlalchemy import text

from bot.errors import NotInstalled
from bot.installing import install_routes
from bot.slack.clients import KEPT, OneWorkspace, Workspaces
from bot.slack.install import BACK, TERM, App, Installations, States
from bot.slack.scopes import BOT_SCOPES
from bot.slack.tokens import SlackTokens
from bot.workflow.installing import BEFORE_THE_END, Installing
from bot.workflow.rotating import AFTER_OUR_FAULT, Exchange, Exchanged, Later, NotExchanged
from storage.database import Database
from storage.ledger import audit, installations
from storage.records import Installation, Secret, Tokens
from tests.storage.asking import value_of
from tests.transport.slack_server import HANG_UP, Json, ScriptedSlack, scripted
from tests.transport.test_people import Hand
from tests.unit.test_web import FINE, probes, served

AUTH: Json = {"ok": True, "bot_id": "B1", "url": "https://acme.enterprise.slack.com/"}
SECRET = Secret("marked-client-secret")


def granted(team: str = "T1", enterprise: str = "", **more: Any) -> Json:
    """Return Slack's answer to an install: of a workspace, or of an org where `team` is ""."""
    return {
        "ok": True, "access_token": f"xoxe.xoxb-marked-{team or enterprise}", "token_type": "bot",
        "scope": ",".join(BOT_SCOPES), "bot_user_id": "UBOT", "app_id": "A1",
        "team": {"id": team, "name": f"Team {team}"} if team else None,
        "enterprise": {"id": enterprise, "name": f"Org {enterprise}"} if enterprise else None,
        "is_enterprise_install": not team, "authed_user": {"id": "UALICE"}, "refresh_token": "xoxe-1-marked",
        "expires_in": 43_200,
    } | more  # fmt: skip


@dataclass
class Door:
    """The bot's pages, a browser before them, and what stands behind."""

    url: str
    slack: ScriptedSlack
    database: Database
    clients: Workspaces
    clock: Hand
    browser: aiohttp.ClientSession

    async def get(self, path: str, cookie: str = "", **query: str) -> aiohttp.ClientResponse:
        """Look at a page as a browser with this cookie."""
        headers = {"cookie": cookie} if cookie else {}
        url = f"{self.url}{path}"
        answer = await self.browser.get(url, params=query, headers=headers, allow_redirects=False)
        await answer.read()
        return answer

    async def begin(self) -> tuple[str, str]:
        """Begin an install; returns the state and the cookie."""
        answer = await self.get("/slack/install")
        assert answer.status == 302
        sent = parse_qs(urlsplit(answer.headers["location"]).query)
        return sent["state"][0], answer.headers["set-cookie"].partition(";")[0]

    async def install(self, said: Json) -> aiohttp.ClientResponse:
        """Install the app, as a person does whom Slack answers so."""
        self.slack.answers["oauth.v2.access"] = [said]
        state, cookie = await self.begin()
        return await self.get(BACK, cookie, code="c0de", state=state)

    async def kept(self, team: str, enterprise: str = "") -> Installation | None:
        """Return what serves a workspace."""
        async with self.database.reading() as session:
            return await installations.find(session, team, enterprise)


async def as_it_is(one: Installation) -> Installation:
    """Take a token as one that lives on."""
    return one


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[Door]:
    """Give the pages on a database."""
    clock = Hand()
    clock.now = datetime.now(UTC)  # noqa: TID251 - the SDK counts a token's life from the machine's clock
    async with scripted(auth_test=[AUTH], oauth_v2_access=[granted()]) as slack:
        clients = Workspaces(
            database,
            clock,
            lambda token: slack.client(token.reveal()),
            "https://bell.example/slack/install",
            as_it_is,
        )
        kept = Installations(Installing(database, clock), clients.forget)
        app = App("1.2", SECRET, "https://bell.example", slack.url)
        routes = install_routes(app, slack.client(), (kept, States(database, clock)))
        async with (
            served(probes(FINE), more=routes) as port,
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as browser,
        ):
            yield Door(f"http://127.0.0.1:{port}", slack, database, clients, clock, browser)  # fmt: skip


@pytest.fixture
async def door(database: Database) -> AsyncIterator[Door]:
    """Give the pages."""
    async with opened(database) as door:
        yield door


async def test_the_landing_page_leads_to_slack(door: Door) -> None:
    """The page offers the install by a plain link, which leads to Slack with every scope and nothing secret."""
    page = await (await door.get("/")).text()
    assert 'href="/slack/install"' in page
    assert "<script" not in page
    answer = await door.get("/slack/install")
    there = urlsplit(answer.headers["location"])
    sent = parse_qs(there.query)
    assert there.path == "/oauth/v2/authorize"
    assert sent["scope"] == [",".join(BOT_SCOPES)]
    assert sent["redirect_uri"] == [f"https://bell.example{BACK}"]
    assert SECRET.reveal() not in answer.headers["location"]
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("__host-shipbell-install=")
    for part in ("secure", "httponly", "samesite=lax", "path=/", "max-age=600"):
        assert part in cookie


async def test_an_install_is_kept(door: Door) -> None:
    """After Slack's yes the workspace's token is kept sealed, is due before its end, and the audit trail says who did it."""
    answer = await door.install(granted())
    page = await answer.text()
    assert answer.status == 200
    assert "Shipbell is in Team T1" in page
    assert "app_redirect?app=A1&amp;team=T1" in page
    (sent,) = door.slack.asked("oauth.v2.access")
    assert (sent["code"], sent["redirect_uri"]) == ("c0de", f"https://bell.example{BACK}")
    one = await door.kept("T1")
    assert one is not None
    assert (one.slack_team_id, one.installed_by, one.scopes) == ("T1", "UALICE", tuple(BOT_SCOPES))
    assert one.tokens.expires_at is not None
    async with door.database.reading() as session:
        (event,) = await audit.trail(session, one.team_id, limit=10)
        due = await value_of(session, installations.next_due(), door.clock())
        dump = str((await session.execute(text("SELECT * FROM installations"))).all())
    assert (event.action, event.actor, event.subject) == ("slack.installed", "UALICE", "T1")
    assert due == one.tokens.expires_at - BEFORE_THE_END
    for shown in (dump, str(event.detail), page, repr(one)):
        assert "marked" not in shown


@pytest.mark.parametrize(
    "odd",
    [{"team": None, "is_enterprise_install": False}, {"enterprise": None, "is_enterprise_install": True}],
)
async def test_an_install_that_does_not_say_whose_it_is_is_kept_nowhere(door: Door, odd: Json) -> None:
    """Of two answers that name no workspace, or no org, the second would take the first one's team over."""
    answer = await door.install(granted("T1", "E1") | odd)
    assert (answer.status, "no token for a bot" in await answer.text()) == (400, True)
    for names in (("T1", "E1"), ("", "E1"), ("T1", ""), ("", "")):
        assert await door.kept(*names) is None


async def test_a_state_is_good_once_for_its_browser(door: Door) -> None:
    """A replayed, a foreign browser's, an old and a made-up state install nothing, and Slack is not even asked."""
    door.slack.answers["oauth.v2.access"] = [granted()]
    state, cookie = await door.begin()
    foreign = await door.get(BACK, code="c0de", state=state)
    assert (foreign.status, "not the browser" in await foreign.text()) == (400, True)
    assert not door.slack.asked("oauth.v2.access")
    assert (await door.get(BACK, cookie, code="c0de", state=state)).status == 200
    replayed = await door.get(BACK, cookie, code="c0de", state=state)
    assert (replayed.status, "used before" in await replayed.text()) == (400, True)
    old, cookie = await door.begin()
    door.clock.now += TERM + timedelta(seconds=1)
    assert (await door.get(BACK, cookie, code="c0de", state=old)).status == 400
    made_up = await door.get(BACK, "__Host-shipbell-install=mine", code="c0de", state="mine")
    assert made_up.status == 400
    assert len(door.slack.asked("oauth.v2.access")) == 1


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"error": "access_denied"}, "said no"),
        ({"error": "invalid_scope"}, "not set up as its manifest says"),
        ({"error": "<b>odd"}, "in words that Shipbell knows"),
        ({"error": "some_new_word"}, "some_new_word"),
        ({}, "Begin again"),
        ({"state": "x" * 5_000}, "Begin again"),
    ],
)
async def test_a_no_is_told_with_the_way_on(door: Door, query: dict[str, str], told: str) -> None:
    """Whatever comes back in place of a code, the page says why, and leads back to the beginning."""
    page = await (await door.get(BACK, **query)).text()
    assert told in page
    assert "<b>" not in page
    assert 'href="/slack/install"' in page


@pytest.mark.parametrize(
    "said", [{"ok": False, "error": "invalid_code"}, HANG_UP, granted(access_token=None)]
)
async def test_what_slack_does_not_confirm_is_not_kept(
    door: Door, said: Json, caplog: pytest.LogCaptureFixture
) -> None:
    """Where Slack refuses the code, hangs up or sends no token, nothing is kept, and no code or secret is logged."""
    answer = await door.install(said)
    assert answer.status == 400
    assert await door.kept("T1") is None
    assert "c0de" not in caplog.text
    assert "marked" not in caplog.text


async def test_fewer_scopes_are_told(door: Door) -> None:
    """An install that was granted less than is needed is kept, and the page names what is missing, with the link."""
    page = await (await door.install(granted(scope="commands,chat:write"))).text()
    assert "it lacks channels:history" in page
    assert page.index("Add it again") < page.index("Open Slack")


async def test_deliveries_are_of_whom_slack_names(door: Door) -> None:
    """Each workspace's deliveries are answered with its own token, an org's workspaces' with the org's, as one team."""
    for said in (granted("T1"), granted("T2", "E1"), granted("", "E2")):
        assert (await door.install(said)).status == 200
    first = await door.clients.authorize(None, "T1")
    second = await door.clients.authorize("E1", "T2")
    some, other, none = [await door.clients.authorize("E2", team) for team in ("T8", "T9", None)]
    assert (first.bot_token, first.team_id) == ("xoxe.xoxb-marked-T1", "T1")
    assert (second.bot_token, second.team_id, second.enterprise_id) == ("xoxe.xoxb-marked-T2", "T2", "E1")
    assert {(one.bot_token, one.team_id) for one in (some, other, none)} == {("xoxe.xoxb-marked-E2", "E2")}
    for enterprise, team in (("E1", "T3"), (None, "T4"), ("E3", None), (None, None)):
        with pytest.raises(NotInstalled):
            await door.clients.authorize(enterprise, team)
    assert (await door.clients.client_for("T2")).token == "xoxe.xoxb-marked-T2"
    assert (await door.clients.client_for("E2")).token == "xoxe.xoxb-marked-E2"
    with pytest.raises(NotInstalled):
        await door.clients.client_for("T4")


async def test_what_is_known_is_not_asked_again(door: Door) -> None:
    """An installation is looked up once a minute; one that is put here counts at once, one from elsewhere within the minute."""
    await door.install(granted("T1"))
    before = await door.clients.client_for("T1")
    assert await door.clients.client_for("T1") is before
    await door.install(granted("T1", access_token="xoxe.xoxb-marked-again"))
    assert (await door.clients.client_for("T1")).token == "xoxe.xoxb-marked-again"
    one = await door.kept("T1")
    assert one is not None
    async with door.database.transaction() as session:
        await installations.remove(session, one.team_id, door.clock())
    assert (await door.clients.client_for("T1")).token == "xoxe.xoxb-marked-again"
    door.clock.now += KEPT
    with pytest.raises(NotInstalled):
        await door.clients.client_for("T1")


async def test_one_workspace_takes_all_as_its_own(door: Door) -> None:
    """With a token in the settings there is one client, and a delivery is of the team that it names."""
    client = door.slack.client("xoxb-one")
    one = OneWorkspace(client)
    assert await one.client_for("T7") is client
    result = await one.authorize("E1", "T7")
    assert (result.enterprise_id, result.team_id, result.bot_token) == ("E1", "T7", client.token)


EXCHANGED: Json = {
    "ok": True, "access_token": "xoxe.xoxb-next", "token_type": "bot", "refresh_token": "xoxe-1-next", "expires_in": 43_200,
    "scope": "commands,chat:write", "app_id": "A1", "bot_user_id": "UBOT", "team": {"id": "T1"}, "enterprise": None,
    "is_enterprise_install": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ({"ok": False, "error": "invalid_refresh_token"}, NotExchanged("invalid_refresh_token")),
        ({"ok": False, "error": "<b>odd</b>"}, NotExchanged("an answer that is not Slack's")),
        ({"ok": False, "error": "ratelimited", "status": 429, "headers": {"retry-after": "7"}}, Later(timedelta(seconds=7))),
        ({"ok": False, "error": "internal_error"}, Later()),
        ({"raw": "<html>", "status": 503}, Later()),
        (HANG_UP, Later()),
        ({"ok": False, "error": "bad_client_secret"}, Later(AFTER_OUR_FAULT)),
        (EXCHANGED | {"refresh_token": None}, Later(AFTER_OUR_FAULT)),
    ],
)  # fmt: skip
async def test_what_slack_says_to_a_refresh_token(said: Json, outcome: Exchange) -> None:
    """Only Slack's own no to this token counts as one; silence, haste and the app's own faults are tried again."""
    clock = Hand()
    async with scripted(oauth_v2_access=[said]) as slack:
        tokens = SlackTokens(slack.client(), "1.2", SECRET, clock)
        assert await tokens.exchange(Secret("xoxe-1-old")) == outcome


async def test_slack_gives_new_tokens() -> None:
    """New tokens come with their end, their scopes and what is missing of those; the refresh token is in no address."""
    clock = Hand()
    async with scripted(oauth_v2_access=[EXCHANGED]) as slack:
        found = await SlackTokens(slack.client(), "1.2", SECRET, clock).exchange(Secret("xoxe-1-old"))
        (sent,) = slack.asked("oauth.v2.access")
    assert isinstance(found, Exchanged)
    assert found.tokens == Tokens(
        Secret("xoxe.xoxb-next"), Secret("xoxe-1-next"), clock() + timedelta(hours=12)
    )
    assert found.scopes == ("commands", "chat:write")
    assert set(found.missing) == set(BOT_SCOPES) - set(found.scopes)
    assert (sent["grant_type"], sent["refresh_token"]) == ("refresh_token", "xoxe-1-old")


async def test_an_ack_waits_for_no_exchange(door: Door) -> None:
    """A token that ends is exchanged on use; a delivery does not wait long for it, and the exchange ends all the same, with what it brought kept."""
    await door.install(granted("T1"))
    one = await door.kept("T1")
    assert one is not None
    assert one.tokens.expires_at is not None
    begun, ended = asyncio.Event(), asyncio.Event()

    async def slow(found: Installation) -> Installation:
        begun.set()
        await ended.wait()
        return replace(found, tokens=replace(found.tokens, token=Secret("xoxe.xoxb-late"), expires_at=None))

    under_way: set[asyncio.Task[Installation]] = set()
    clients = replace(door.clients, usable=slow, patience=0.01, _kept={}, _exchanging=under_way)
    door.clock.now = one.tokens.expires_at - timedelta(minutes=1)
    assert (await clients.authorize(None, "T1")).bot_token == "xoxe.xoxb-marked-T1"
    assert begun.is_set()
    (task,) = under_way
    ended.set()
    assert (await task).tokens.token == Secret("xoxe.xoxb-late")
    waits = replace(clients, patience=30.0, _kept={})
    assert (await waits.authorize(None, "T1")).bot_token == "xoxe.xoxb-late"
