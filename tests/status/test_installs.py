"""Who sees what where many workspaces have installed the app, and what is shown where nobody can sign in."""

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot import web
from bot.core.status_links import CALLBACK, STATUS
from bot.demo.slack_config import TEAM_ID
from bot.slack.clients import OneWorkspace, Workspaces
from bot.visiting import absent
from storage.database import Database
from storage.ledger import installations, teams
from storage.records import Installation
from tests.releases.fakes import BEGIN, Clock
from tests.status.kit import Browser, Site, browsing
from tests.storage.test_installations import new, put
from tests.unit.test_web import FINE, listened, probes


async def as_it_is(one: Installation) -> Installation:
    """Take a token as one that lives on."""
    return one


@pytest.fixture
def workspaces(site: Site) -> Workspaces:
    """Let the site serve whoever has installed the app."""
    found = Workspaces(
        site.database, Clock(), lambda _token: AsyncWebClient(), "http://bot.test/slack/install", as_it_is
    )
    site.serving = found.serves
    return found


async def test_a_workspace_sees_its_own_install(site: Site, browser: Browser, workspaces: Workspaces) -> None:
    """Its own team where it has installed the app itself; nothing before, and nothing from the moment that it is taken away."""
    assert (await browser.sign_in()).status == 403
    mine = await put(site.database, new(TEAM_ID))
    await put(site.database, new("T2OTHERS"))
    assert (await browser.sign_in()).status == 303
    assert (await browser.get(STATUS)).status == 200
    async with site.database.transaction() as session:
        await installations.remove(session, mine.team_id, BEGIN)
    got = await browser.get(STATUS)
    assert (got.status, "add Shipbell" in got.text) == (403, True)
    await put(site.database, new(TEAM_ID))
    assert (await browser.get(STATUS)).status == 403  # the session is over, for good
    assert (await browser.sign_in()).status == 303


async def test_a_workspace_of_an_org_sees_the_orgs(
    site: Site, browser: Browser, workspaces: Workspaces
) -> None:
    """Without an install of its own it sees the org's team; once it has one, its own, and the old session is over."""
    org = await put(site.database, new("", "E1ORG"))
    async with site.database.transaction() as session:
        await teams.ensure(session, TEAM_ID, "E1ORG", BEGIN)
    assert await workspaces.serves(TEAM_ID, "") == ("E1ORG", "E1ORG")
    done = await browser.sign_in()
    assert done.status == 303
    viewer = await site.visiting().viewer(done.cookies[0].partition("=")[2].partition(";")[0])
    assert getattr(viewer, "team_id", None) == org.team_id
    own = await put(site.database, new(TEAM_ID, "E1ORG"))
    second = await browser.sign_in()
    viewer = await site.visiting().viewer(second.cookies[0].partition("=")[2].partition(";")[0])
    assert getattr(viewer, "team_id", None) == own.team_id


async def test_one_workspace_is_its_own(database: Database) -> None:
    """With the one token of the settings nobody is looked up: who has proven another workspace finds no team."""
    assert await OneWorkspace(AsyncWebClient()).serves("T1", "E1") == ("T1", "E1")


async def test_where_nobody_can_sign_in_the_pages_say_so(site: Site, browser: Browser) -> None:
    """Without client id and secret each page is 404, with cause and remedy for the operator."""
    async with listened(web.routes(None, probes(FINE), pages=absent())) as port, browsing(site) as other:
        for path in (STATUS, f"{STATUS}/publishers", f"{STATUS}/releases/x", f"{CALLBACK}?state=x"):
            got = await other.get(f"http://127.0.0.1:{port}{path}")
            assert (got.status, "SHIPBELL_SLACK_CLIENT_SECRET" in got.text) == (404, True)
