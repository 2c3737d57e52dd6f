"""A person of Slack signs in with the forge: in the browser, once, and nobody else in their place."""

import hashlib
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp

from bot.demo.slack_config import ALICE, BOB, RELEASES, User
from bot.demo.world import World
from tests.stories.kit import PATIENCE, heard, in_order, whispers, with_schema, world_on
from tests.stories.test_release_watch import until

ENDED = "This link can&#x27;t be used"
SAYS = "You are ada on GitHub."
LINK = re.compile(r"http://127\.0\.0\.1:\d+/github/connect\?state=[\w-]+")


@asynccontextmanager
async def connected(folder: Path) -> AsyncIterator[World]:
    """Give a world whose bot has a GitHub App, and look at its end that all was in order and no secret lies about."""
    world = world_on(with_schema(folder), folder)
    app = world.forge.apps.make(callbacks=[f"{world.bot.url}/github/callback"])
    world.settings |= {
        "SHIPBELL_PUBLIC_URL": world.bot.url,
        "SHIPBELL_GITHUB_CLIENT_ID": app.client_id,
        "SHIPBELL_GITHUB_CLIENT_SECRET": app.client_secret,
    }
    async with world:
        yield world
        in_order(world)
        kept = b"".join(
            (folder / name).read_bytes() for name in ("bot.log", "shipbell.db", "shipbell.db-wal")
        )
        assert app.client_secret.encode() not in kept
        assert b"ghu_" not in kept


async def link(world: World, who: User = ALICE) -> str:
    """Type the command, and return the button's address."""
    before = len(LINK.findall("\n".join(whispers(world.slack))))
    await world.slack.command(who, RELEASES, "/shipbell", "connect github")
    # What was done before may still be told meanwhile.
    links = await world.slack.wait_for(
        lambda slack: LINK.findall("\n".join(whispers(slack)))[before:], PATIENCE
    )
    state = hashlib.sha256(links[0].partition("=")[2].encode()).hexdigest()
    # It is written down before it is shown, and carried out right after that.
    await until(lambda: (state,) in rows(world.folder, "SELECT state_hash FROM oauth_states"))
    return str(links[0])


def browser() -> aiohttp.ClientSession:
    """Return a browser without a past, which keeps cookies and follows no redirect by itself."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))


async def shown(session: aiohttp.ClientSession, url: str) -> tuple[int, str]:
    """Open a page."""
    async with session.get(url, allow_redirects=False) as answer:
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        return answer.status, await answer.text()


def fields(page: str) -> dict[str, str]:
    """Return a page's form."""
    return {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', page)}


async def agree(session: aiohttp.ClientSession, url: str) -> tuple[int, str]:
    """Open the link and press the page's button; returns where that leads."""
    status, page = await shown(session, url)
    assert status == 200
    return await press(session, url, fields(page))


async def press(session: aiohttp.ClientSession, url: str, form: dict[str, str]) -> tuple[int, str]:
    """Send the page's form; returns where that leads, or what is said instead."""
    target = url.partition("?")[0]
    async with session.post(target, data=form, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("location") or await answer.text()


async def authorize(session: aiohttp.ClientSession, page: str) -> str:
    """Agree on the forge's page; returns the callback's address."""
    async with session.get(page) as answer:
        found = re.search(r'href="([^"]+)"', await answer.text())
    assert found is not None
    return unescape(found[1])


async def callback(world: World, session: aiohttp.ClientSession, who: User = ALICE) -> str:
    """Do everything up to the callback's address."""
    status, page = await agree(session, await link(world, who))
    assert status == 303
    return await authorize(session, page)


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    """Return what the bot has written."""
    with sqlite3.connect(f"file:{folder}/shipbell.db?mode=ro", uri=True) as connection:
        return list(connection.execute(query))


def links(folder: Path) -> list[tuple[Any, ...]]:
    """Return who is known as whom."""
    return rows(folder, "SELECT user, login FROM github_links ORDER BY user")


async def test_somebody_signs_in_and_out(tmp_path: Path) -> None:
    """The page names the Slack person, the forge's page is left with a code, Slack tells it; and it can be forgotten."""
    async with connected(tmp_path) as world, browser() as session:
        url = await link(world)
        status, page = await shown(session, url)
        assert (status, "alice" in page.lower()) == (200, True)
        status, location = await press(session, url, fields(page))
        assert status == 303
        assert "code_challenge_method=S256" in location
        status, page = await shown(session, await authorize(session, location))
        assert (status, SAYS in page) == (200, True)
        await heard(world, SAYS)
        assert links(tmp_path) == [(ALICE.id, "ada")]
        await world.slack.command(ALICE, RELEASES, "/shipbell", "audit")
        await heard(world, "connected the GitHub account")
        await world.slack.command(ALICE, RELEASES, "/shipbell", "disconnect github")
        await heard(world, "is not linked any more")
        assert links(tmp_path) == []


async def test_forged_and_replayed_states_are_refused(tmp_path: Path) -> None:
    """A state of one's own making, one that was used, and one of an earlier command link nobody."""
    async with connected(tmp_path) as world, browser() as session:
        forged = f"{world.bot.url}/github/connect?state=forged"
        assert await shown(session, forged) == (400, (await shown(session, forged))[1])
        assert ENDED in (await shown(session, forged))[1]
        old = await link(world)
        back = await callback(world, session)
        assert ENDED in (await shown(session, old))[1]
        query = urlencode({"code": "forged", "state": "forged"})
        assert ENDED in (await shown(session, f"{world.bot.url}/github/callback?{query}"))[1]
        # The cookie is gone with the first answer from the forge, so that one was the only try.
        assert ENDED in (await shown(session, back))[1]
        assert links(tmp_path) == []
        back = await callback(world, session)
        assert SAYS in (await shown(session, back))[1]
        assert ENDED in (await shown(session, back))[1]
        assert links(tmp_path) == [(ALICE.id, "ada")]


async def test_another_browser_is_refused(tmp_path: Path) -> None:
    """What one browser has begun no other one ends, nor begins again, nor is anybody's browser made to begin it."""
    async with connected(tmp_path) as world, browser() as hers, browser() as his:
        url = await link(world)
        status, page = await agree(hers, url)
        assert status == 303
        back = await authorize(hers, page)
        assert ENDED in (await shown(his, back))[1]
        status, said = await agree(his, url)
        assert (status, ENDED in said) == (400, True)
        # A form that another site sends for him lacks the cookie; one with a cookie of his lacks its check.
        async with browser() as fresh:
            form = fields((await shown(hers, url))[1])
            assert (await press(fresh, url, form))[0] == 400
            await shown(fresh, url)
            assert (await press(fresh, url, form))[0] == 400
        assert links(tmp_path) == []


async def test_crossed_and_expired_states_are_refused(tmp_path: Path) -> None:
    """One person's code with another's state, and the other way round, link neither; past its term a state does nothing."""
    async with connected(tmp_path) as world, browser() as hers, browser() as his:
        back, other = await callback(world, hers), await callback(world, his, BOB)
        assert ENDED in (await shown(hers, crossed(back, other)))[1]
        assert ENDED in (await shown(his, crossed(other, back)))[1]
        assert links(tmp_path) == []
        back, unopened = await callback(world, hers), await link(world, BOB)
        with sqlite3.connect(tmp_path / "shipbell.db") as connection:
            connection.execute("UPDATE oauth_states SET expires_at = '2026-01-01 00:00:00.000000'")
        assert ENDED in (await shown(hers, back))[1]
        assert ENDED in (await shown(his, unopened))[1]
        assert links(tmp_path) == []


def crossed(back: str, other: str) -> str:
    """Return a callback's address with another one's state."""
    ours, theirs = (parse_qs(urlsplit(one).query)["state"][0] for one in (back, other))
    return back.replace(ours, theirs)


async def test_nobody_is_linked_who_declines_or_is_taken(tmp_path: Path) -> None:
    """Without a code, or with one that the forge refuses, nothing is linked; an account is one person's."""
    async with connected(tmp_path) as world, browser() as session:
        back = await callback(world, session)
        declined = re.sub(r"code=\w+", "error=access_denied", back)
        assert "You did not sign in." in (await shown(session, declined))[1]
        back = await callback(world, session)
        assert "did not take the code" in (await shown(session, re.sub(r"code=\w+", "code=x", back)))[1]
        assert SAYS in (await shown(session, await callback(world, session)))[1]
        taken = await shown(session, await callback(world, session, BOB))
        assert "linked with another person" in taken[1]
        assert links(tmp_path) == [(ALICE.id, "ada")]
