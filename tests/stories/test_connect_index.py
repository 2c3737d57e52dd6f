"""A person of Slack lets the bot upload to an index in their name: in the browser, once, and nobody else in their place."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from bot.demo.forge_seed import WORKFLOW_PATH
from bot.demo.slack_config import ALICE, BOB, RELEASES, User
from bot.demo.world import World
from tests.stories.kit import (
    ADD,
    PATIENCE,
    click,
    commit_version,
    faults,
    files_of,
    heard,
    in_order,
    policy,
    root_saying,
    seen,
    whispers,
    with_schema,
    world_on,
)
from tests.stories.test_connect import ENDED, browser, fields, press, rows, shown
from tests.stories.test_release_upload import BUILDS, SDIST, WHEEL
from tests.stories.test_release_watch import until

SAYS = "company is connected"
LINK = re.compile(r"http://127\.0\.0\.1:\d+/indexes/company/connect\?state=[\w-]+")


@asynccontextmanager
async def granting(folder: Path) -> AsyncIterator[World]:
    """Give a world whose bot knows the index's OAuth facility, and look at its end that no secret lies about."""
    world = world_on(with_schema(folder), folder)
    world.consumer = world.company.add_consumer("Shipbell of ACME")
    world.settings["SHIPBELL_PUBLIC_URL"] = world.bot.url
    async with world:
        yield world
        assert not world.gate.violations
        tokens = (
            *world.company.consumers.request_tokens.values(),
            *world.company.consumers.access_tokens.values(),
        )
        kept = b"".join(
            (folder / name).read_bytes() for name in ("bot.log", "shipbell.db", "shipbell.db-wal")
        )
        kept += world.slack.describe().encode()
        assert tokens
        for secret in (world.consumer.secret, *(token.secret for token in tokens)):
            assert secret.encode() not in kept
        assert not any(token.key.encode() in kept for token in world.company.consumers.access_tokens.values())


async def link(world: World, who: User = ALICE) -> str:
    """Type the command, and return the button's address."""
    before = len(LINK.findall("\n".join(whispers(world.slack))))
    begun = rows(world.folder, "SELECT id FROM index_grants")
    await world.slack.command(who, RELEASES, "/shipbell", "connect company")
    # What was done before may still be told meanwhile.
    links = await world.slack.wait_for(
        lambda slack: LINK.findall("\n".join(whispers(slack)))[before:], PATIENCE
    )
    # It is written down before it is shown, and carried out right after that.
    await until(lambda: rows(world.folder, "SELECT id FROM index_grants") != begun)
    return str(links[0])


async def sent_to(world: World, session: aiohttp.ClientSession, who: User = ALICE, user: str = "demo") -> str:
    """Do everything up to the index's own page, signed in there; returns its address."""
    url = await link(world, who)
    status, page = await shown(session, url)
    assert (status, who.name in page.lower()) == (200, True)
    status, location = await press(session, url, fields(page))
    assert (status, location.startswith(f"{world.company.url}/oauth/authorise?")) == (303, True)
    await session.post(f"{world.company.url}/account/login/", data={"user": user})
    return location


async def answered(session: aiohttp.ClientSession, page: str, button: str = "ok") -> str:
    """Press a button of the index's page; returns the callback's address."""
    place = page.partition("?")[0]
    async with session.get(page) as answer:
        form = fields(await answer.text())
    sent = {name: form[name] for name in ("oauth_token", "oauth_callback", button)}
    async with session.get(place, params=sent, allow_redirects=False) as answer:
        assert answer.status == 307
        return answer.headers["Location"]


def kept(world: World) -> list[tuple[object, ...]]:
    """Return the grants that the bot holds."""
    return rows(world.folder, "SELECT hint FROM credentials WHERE kind = 'oauth1' AND sealed IS NOT NULL")


async def test_somebody_connects_an_index_and_revokes_it(tmp_path: Path) -> None:
    """The page names the Slack person, the index's page asks, the grant is tried, kept, told, shown as what it is, and revoked."""
    async with granting(tmp_path) as world, browser() as session:
        back = await answered(session, await sent_to(world, session))
        status, page = await shown(session, back)
        assert (status, SAYS in page, "in the name of demo" in page) == (200, True, True)
        await heard(world, SAYS)
        assert kept(world) == [("OAuth grant of demo",)]
        assert world.company.count("/oauth/test") == 1
        await world.slack.command(ALICE, RELEASES, "/shipbell", "credentials")
        await world.slack.wait_for(lambda slack: "OAuth grant of demo" in repr(slack.views()), PATIENCE)
        await world.slack.command(ALICE, RELEASES, "/shipbell", "audit")
        await heard(world, "kept a credential for")
        # The same person, once more: the index gives the same grant, and the one that was kept gives way to it.
        page = await sent_to(world, session)
        assert SAYS in (await shown(session, await answered(session, page)))[1]
        await heard(world, "was kept before is destroyed here")
        assert len(kept(world)) == 1
        in_order(world)


async def test_no_one_else_in_their_place(tmp_path: Path) -> None:
    """Saying no, another browser, another person's answer, a replay and a kill -9 in the middle leave nothing behind."""
    async with granting(tmp_path) as world, browser() as hers, browser() as his:
        cancelled = await answered(hers, await sent_to(world, hers), "cancel")
        assert "oauth_token" not in cancelled
        assert "You did not allow it" in (await shown(hers, cancelled))[1]
        assert ENDED in (await shown(hers, cancelled))[1]
        alices = await answered(hers, await sent_to(world, hers))
        bobs = await answered(his, await sent_to(world, his, BOB, "alice"))
        assert ENDED in (await shown(his, alices))[1]
        crossed = alices.partition("?")[0] + "?" + bobs.partition("?")[2]
        assert ENDED in (await shown(hers, crossed))[1]
        assert ENDED in (await shown(hers, alices))[1]
        forged = f"{world.bot.url}/indexes/company/callback?oauth_token=forged"
        assert ENDED in (await shown(hers, forged))[1]
        assert kept(world) == []
        assert world.company.count("/oauth/access_token") == 0
        page = await sent_to(world, hers)
        world.company.fail("/oauth/access_token", hang=True)
        dying = asyncio.ensure_future(shown(hers, await answered(hers, page)))
        await world.company.until_hanging()
        await world.bot.kill()
        assert isinstance((await asyncio.gather(dying, return_exceptions=True))[0], aiohttp.ClientError)
        world.company.heal()
        await world.bot.start()
        assert kept(world) == []
        assert ENDED in (await shown(hers, alices))[1]
        page = await sent_to(world, hers)
        assert SAYS in (await shown(hers, await answered(hers, page)))[1]
        await heard(world, SAYS)
        assert kept(world) == [("OAuth grant of demo",)]
        assert not faults(world)


async def test_a_project_goes_from_tag_to_verified_by_a_grant(tmp_path: Path) -> None:
    """Connected in the browser, asked for with the exception named, built by the run, uploaded through OAuth 1.0a, verified."""
    async with granting(tmp_path) as world, browser() as session:
        assert SAYS in (await shown(session, await answered(session, await sent_to(world, session))))[1]
        await policy(world, "publish=bot")
        await world.slack.command(ALICE, RELEASES, "/publisher", ADD)
        await seen(world, "widgets is known now; I upload it to company myself.")
        commit_version(world, "1.4.0", **{WORKFLOW_PATH: BUILDS})
        await world.slack.command(ALICE, RELEASES, "/release", "widgets v1.4.0")
        root = await root_saying(world, "waiting for")
        assert "OAuth grant" in repr(root["blocks"])
        await click(world, BOB, root, "release.approve")
        await root_saying(world, "published")
        assert files_of(world, "1.4.0") == {WHEEL, SDIST}
        assert (world.company.count("/oauth/upload"), world.company.count("/legacy/")) == (2, 0)
        assert world.company.state.projects["widgets"].releases["1.4.0"].fields["metadata_version"] == "1.2"
        in_order(world)
