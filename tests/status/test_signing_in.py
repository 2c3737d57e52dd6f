"""Signing in on the status page, and all that somebody might try: through HTTP, on both databases."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.core.people import Person, Standing
from bot.core.status_links import CALLBACK, STATUS
from bot.demo.slack_config import ALICE, BOB, ERIN, TEAM_ID
from bot.workflow.visiting import IDLE, LONGEST, TERM
from storage.database import Database
from tests.status.kit import Browser, Got, Site, browsing, site_on
from tests.storage.history_kit import Past, past, project

ASKS = "Sign in with Slack"


@pytest.fixture(autouse=True)
async def known(database: Database) -> None:
    """Let the workspace be known to the bot, with one release."""
    await past(database, await project(database, TEAM_ID), [Past("1.0", timedelta(0))])


async def sees(browser: Browser) -> bool:
    """Whether this browser sees the team's releases."""
    got = await browser.get(STATUS)
    assert ("widgets 1.0" in got.text) == (got.status == 200)
    return got.status == 200


async def test_somebody_signs_in_and_out(site: Site, browser: Browser) -> None:
    """Signed out: the button. By Slack to the page that was wanted; signed out again by the page's own button alone."""
    asked = await browser.get(f"{STATUS}/publishers")
    assert (asked.status, ASKS in asked.text, "widgets" in asked.text) == (403, True, False)
    assert f'name="page" value="{STATUS}/publishers"' in asked.text
    done = await browser.sign_in(page=f"{STATUS}/publishers")
    assert (done.status, done.goes_to) == (303, f"{STATUS}/publishers")
    shown = await browser.get(done.goes_to)
    assert (shown.status, "Alice Anderson" in shown.text) == (200, True)
    forged = await browser.post(f"{STATUS}/sign-out", {"check": "0" * 64})
    assert forged.status == 303
    assert await sees(browser)
    check = shown.text.partition('name="check" value="')[2].partition('"')[0]
    assert (await browser.post(f"{STATUS}/sign-out", {"check": check})).status == 200
    assert not await sees(browser)


async def test_cookies_are_this_hosts_alone(database: Database) -> None:
    """By https each is `__Host-`, Secure, HttpOnly and Lax, so that no other host and no script sets or reads it."""
    async with site_on(database, secure=True) as site, browsing(site) as browser:
        begun = await browser.post(f"{STATUS}/sign-in", {"page": STATUS})
    (cookie,) = begun.cookies
    assert cookie.startswith("__Host-shipbell-sign-in=")
    for part in ("Secure", "HttpOnly", "Path=/", "SameSite=lax", "Max-Age=600"):
        assert part in cookie
    assert "domain" not in cookie.lower()


async def test_a_forged_state_is_refused(site: Site, browser: Browser) -> None:
    """A state that was never made, none at all, one that is longer than any of ours: nobody is signed in."""
    good = await browser.at_slack(ALICE.id)
    for query in ("state=forged&code=x", "code=x", "", f"state={'s' * 5000}&code=x"):
        got = await browser.get(f"{CALLBACK}?{query}")
        assert (got.status, "was used before" in got.text) == (400, True)
    assert not await sees(browser)
    assert (await browser.get(good)).status == 303


async def test_a_state_is_used_once(site: Site, browser: Browser) -> None:
    """Replayed, also at the same moment, it is refused; the one session that it made stays as it is."""
    back = await browser.at_slack(ALICE.id)
    first, again = await asyncio.gather(browser.get(back), browser.get(back))
    assert sorted((first.status, again.status)) == [303, 400]
    assert (await browser.get(back)).status == 400
    assert await sees(browser)


async def test_a_state_is_its_browsers_own(site: Site, browser: Browser) -> None:
    """Crossed between browsers it signs nobody in: neither whoever was sent the link, nor in place of who began it."""
    back = await browser.at_slack(BOB.id)
    async with browsing(site) as victim:
        assert (await victim.get(back)).status == 400
        await victim.at_slack(ALICE.id)  # which has a cookie of its own, for another state
        assert (await victim.get(back)).status == 400
        assert not await sees(victim)
    assert (await browser.get(back)).status == 303


async def test_a_state_ends(site: Site, browser: Browser) -> None:
    """After ten minutes it is of no use, though the browser has it still."""
    back = await browser.at_slack(ALICE.id)
    site.clock.forward(TERM)
    assert (await browser.get(back)).status == 400
    assert not await sees(browser)


async def test_a_sign_in_that_dies_half_way_is_begun_anew(
    database: Database, site: Site, browser: Browser
) -> None:
    """Where the process ended after the state was used up, nothing is left of it, and a new sign-in works."""
    back = await browser.at_slack(ALICE.id)
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM status_sign_ins"))
    assert (await browser.get(back)).status == 400
    assert (await browser.sign_in()).status == 303
    assert await sees(browser)


async def test_who_declines_is_told_so(site: Site, browser: Browser) -> None:
    """Cancel at Slack's desk: a page that says so, with the button."""
    got = await browser.sign_in("")
    assert (got.status, "did not sign in" in got.text, ASKS in got.text) == (400, True, True)


async def test_a_code_of_another_sign_in_is_refused(site: Site, browser: Browser) -> None:
    """Somebody's own state with a code that Slack gave for another sign-in: the nonce is another's."""
    stolen = (await browser.at_slack(ALICE.id)).partition("code=")[2].partition("&")[0]
    async with browsing(site) as thief:
        own = await thief.at_slack(BOB.id)
        state = own.partition("state=")[2].partition("&")[0]
        got = await thief.get(f"{CALLBACK}?state={state}&code={stolen}")
        assert (got.status, "another sign-in" in got.text) == (400, True)
        assert not await sees(thief)


async def test_a_new_session_is_a_new_secret(site: Site, browser: Browser, database: Database) -> None:
    """No fixation: a session that was planted before is ended by signing in, and the new one has another secret."""
    first = await browser.sign_in(BOB.id)
    second = await browser.sign_in(ALICE.id)
    assert first.cookies[0] != second.cookies[0]
    planted = first.cookies[0].partition(";")[0]
    async with browsing(site) as other:
        assert (await other.get(STATUS, Cookie=planted)).status == 403
    async with database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM status_sessions")) == 1


async def test_secrets_lie_nowhere(site: Site, browser: Browser, database: Database) -> None:
    """Of a state, of the browser's secret and of the session's only hashes are in the database."""
    back = await browser.at_slack(ALICE.id)
    state = back.partition("state=")[2].partition("&")[0]
    async with database.reading() as session:
        rows = str((await session.execute(text("SELECT * FROM status_sign_ins"))).all())
    done = await browser.get(back)
    secret = done.cookies[0].partition("=")[2].partition(";")[0]
    async with database.reading() as session:
        rows += str((await session.execute(text("SELECT * FROM status_sessions"))).all())
    assert state not in rows
    assert secret not in rows
    assert len(secret) > 40


async def test_a_session_ends_unused_and_at_last(site: Site, browser: Browser) -> None:
    """Two hours after the last look, twelve after signing in, whatever is looked at meanwhile."""
    await browser.sign_in()
    begun = site.clock()
    while await sees(browser):
        site.clock.forward(IDLE * 0.7)
    assert LONGEST <= site.clock() - begun < LONGEST + IDLE
    await browser.sign_in()
    assert await sees(browser)
    site.clock.forward(IDLE)
    assert not await sees(browser)


async def test_guests_see_nothing(site: Site, browser: Browser) -> None:
    """A guest of the workspace is told why, and no session is begun."""
    got = await browser.sign_in(ERIN.id)
    assert (got.status, "for members" in got.text, got.cookies) == (403, True, ())


@pytest.mark.parametrize(
    "standing", [Standing.DEACTIVATED, Standing.GUEST, Standing.UNKNOWN, Standing.STRANGER]
)
async def test_who_is_no_member_any_more_sees_nothing_any_more(
    site: Site, browser: Browser, standing: Standing
) -> None:
    """At the next look; and the sessions in every browser of theirs are over, for good."""
    await browser.sign_in()
    async with browsing(site) as other:
        await other.sign_in()
        site.people.known[ALICE.id] = Person(ALICE.id, standing)
        got = await browser.get(STATUS)
        assert (got.status, "widgets" in got.text) == (403, False)
        site.people.known[ALICE.id] = Person(ALICE.id, Standing.MEMBER)
        assert not await sees(browser)
        assert not await sees(other)


async def test_nothing_is_shown_while_slack_is_silent(site: Site, browser: Browser) -> None:
    """Where Slack does not say who somebody is, nothing is shown; the session outlives that."""
    await browser.sign_in()
    site.people.silent = True
    got = await browser.get(STATUS)
    assert (got.status, "widgets" in got.text) == (503, False)
    site.people.silent = False
    assert await sees(browser)


async def test_a_workspace_without_the_bot_sees_a_friendly_page(site: Site, browser: Browser) -> None:
    """Somebody of a workspace in which the bot is not, or was never used: no session, and what to do."""
    for served in ({}, {TEAM_ID: ("T9NEVER", "")}):
        site.installed = served
        got = await browser.sign_in()
        assert (got.status, "add Shipbell" in got.text, got.cookies) == (403, True, ())


async def test_a_team_that_leaves_sees_nothing_any_more(site: Site, browser: Browser) -> None:
    """Where the app is taken away, or another install serves the workspace by now, its sessions are over."""
    for later in ({}, {TEAM_ID: ("E1ORG", "E1ORG")}):
        await browser.sign_in()
        assert await sees(browser)
        before, site.installed = site.installed, later
        assert (await browser.get(STATUS)).status == 403
        site.installed = before
        assert not await sees(browser)


async def test_slack_that_is_out_of_order_signs_nobody_in(site: Site, browser: Browser) -> None:
    """Another client secret, a code that Slack has forgotten: cause and remedy, and nothing is kept."""
    right = site.desk.client
    site.desk.client = (right[0], "another")
    got = await browser.sign_in()
    assert (got.status, "SHIPBELL_SLACK_CLIENT_SECRET" in got.text) == (400, True)
    site.desk.client = right
    back = await browser.at_slack(ALICE.id)
    got = await browser.get(back.replace("code=", "code=x"))
    assert (got.status, "invalid_code" in got.text) == (400, True)
    assert not await sees(browser)


async def test_a_sign_in_leads_to_our_own_pages_alone(site: Site, browser: Browser) -> None:
    """No open redirect: whatever page a form names, the browser goes to one of ours, without a host."""
    for page in ("//evil.example", "https://evil.example", "/github/connect", "/status/../x"):
        assert (await browser.sign_in(page=page)).goes_to == STATUS


async def test_the_host_of_a_request_is_not_believed(site: Site, browser: Browser) -> None:
    """A forged `Host` gets into no address: neither where Slack sends people back, nor on any page."""
    begun = await browser.ask("POST", f"{STATUS}/sign-in", {"page": STATUS}, {"Host": "evil.example"})
    assert "evil.example" not in begun.goes_to
    assert "bot.test" in begun.goes_to
    await browser.sign_in()
    for path in (STATUS, f"{STATUS}/", f"{STATUS}/publishers", f"{STATUS}/nothing"):
        got: Got = await browser.get(path, Host="evil.example")
        assert "evil.example" not in got.text + got.goes_to


async def test_only_what_is_offered_is_answered(site: Site, browser: Browser) -> None:
    """`HEAD` has no body; another method than a page's own is refused; both say nothing to who is signed out."""
    paths = (STATUS, f"{STATUS}/publishers", f"{STATUS}/projects/widgets", f"{STATUS}/releases/x", CALLBACK)
    for path in paths:
        assert (await browser.ask("HEAD", path)).text == ""
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
            got = await browser.ask(method, path)
            assert (got.status, "widgets" in got.text) == (405, False), (method, path)
    for path in (f"{STATUS}/sign-in", f"{STATUS}/sign-out"):
        assert (await browser.get(path)).status == 405
