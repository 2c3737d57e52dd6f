"""A GitHub App, made by the operator in the browser and used in place of a token for everything."""

import re
import stat
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from bot.demo.slack_config import ALICE, BOB
from bot.demo.world import World
from bot.forge.app_auth import PERMISSIONS
from tests.stories.kit import (
    ask,
    click,
    confirmed,
    in_order,
    policy,
    root_saying,
    thread_saying,
    with_schema,
    world_on,
)
from tests.stories.test_connect import authorize, browser, fields, link, press, shown

ADDRESS = re.compile(r"http://[^\s\"]+/github/setup\?once=[\w-]+")


def address(world: World) -> str:
    """Return the newest address that the bot has logged."""
    return str(ADDRESS.findall(world.bot.log.read_text())[-1])


async def manifest_sent(session: aiohttp.ClientSession, page: str) -> str:
    """Press the page's button and the forge's; returns the callback's address."""
    target = unescape(re.findall(r'action="([^"]+)"', page)[0])
    async with session.post(target, data=fields(page), allow_redirects=False) as answer:
        return answer.headers["location"]


async def test_an_app_is_made_once_and_serves(tmp_path: Path) -> None:
    """The operator makes it in the browser, its secrets lie in one file for the bot alone, and the pages are gone."""
    async with world_on(with_schema(tmp_path), tmp_path) as world, browser() as session:
        world.settings["SHIPBELL_PUBLIC_URL"] = world.bot.url
        world.bot.environment = world.environment()
        await world.bot.stop()
        await world.bot.start()
        first = address(world)
        back = await manifest_sent(session, (await shown(session, first))[1])
        status, page = await shown(session, back)
        assert status == 200
        kept = tmp_path / "data" / "github-app.toml"
        assert str(kept) in page
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        (app,) = world.forge.apps.apps.values()
        marked = (app.client_secret, app.webhook_secret, app.pem.splitlines()[5])
        log = world.bot.log.read_text()
        assert not any(secret in page + log for secret in marked)
        assert (await shown(session, first))[0] == (await shown(session, back))[0] == 404
        world.settings |= {
            "SHIPBELL_CONFIG": str(kept),
            "SHIPBELL_GITHUB_TOKEN": "",
            "SHIPBELL_GITHUB_WEBHOOK_SECRET": "",
        }
        world.bot.environment = world.environment()
        await world.bot.stop()
        await world.bot.start()
        assert (await shown(session, first))[0] == 404
        assert urlsplit(await link(world)).path == "/github/connect"
        in_order(world)


async def test_a_stranger_makes_no_app(tmp_path: Path) -> None:
    """Without the logged secret there is no page; another browser's answer, and a used one, make nothing."""
    async with (
        world_on(with_schema(tmp_path), tmp_path) as world,
        browser() as hers,
        browser() as his,
    ):
        here = urlsplit(address(world)).query
        setup = f"{world.bot.url}/github/setup"
        assert (await shown(his, setup))[0] == 404
        assert (await shown(his, f"{setup}?once=guess"))[0] == 404
        page = (await shown(hers, f"{setup}?{here}"))[1]
        back = (await manifest_sent(hers, page)).partition("?")[2]
        assert (await shown(his, f"{setup}/callback?{back}"))[0] == 404
        assert (await shown(hers, f"{setup}/callback?{back}"))[0] == 404
        assert not list((tmp_path / "data").glob("*.toml"))
        odd = f"{setup}?{here}&organization=a/../b"
        assert (await shown(hers, odd))[0] == 400
        assert "/organizations/acme/settings" in (await shown(hers, f"{setup}?{here}&organization=acme"))[1]


async def test_what_can_not_be_kept_is_not_made(tmp_path: Path) -> None:
    """Where a file is there already nothing is written over, and the forge's code is not used up; its refusal leaves none."""
    async with world_on(with_schema(tmp_path), tmp_path) as world, browser() as session:
        setup = f"{world.bot.url}/github/setup"
        kept = tmp_path / "data" / "github-app.toml"
        kept.parent.mkdir(exist_ok=True)
        kept.write_text("mine")
        page = (await shown(session, f"{setup}?{urlsplit(address(world)).query}"))[1]
        back = (await manifest_sent(session, page)).partition("?")[2]
        status, said = await shown(session, f"{setup}/callback?{back}")
        assert (status, "can&#x27;t be kept" in said) == (400, True)
        assert kept.read_text() == "mine"
        assert not world.forge.apps.apps
        kept.unlink()
        page = (await shown(session, f"{setup}?{urlsplit(address(world)).query}"))[1]
        back = (await manifest_sent(session, page)).partition("?")[2]
        wrong = re.sub(r"code=\w+", "code=x", back)
        status, _ = await shown(session, f"{setup}/callback?{wrong}")
        assert status == 400
        assert not kept.exists()


async def test_a_release_with_nothing_but_the_app(tmp_path: Path) -> None:
    """From preflight to the end every request has a token of that repository; who may not push stops nobody else."""
    world = world_on(with_schema(tmp_path), tmp_path)
    app = world.forge.apps.make(permissions=PERMISSIONS, callbacks=[f"{world.bot.url}/github/callback"])
    world.forge.apps.install(app, "acme/widgets")
    world.settings |= {
        "SHIPBELL_PUBLIC_URL": world.bot.url,
        "SHIPBELL_GITHUB_TOKEN": "",
        "SHIPBELL_GITHUB_APP_ID": str(app.id),
        "SHIPBELL_GITHUB_APP_PRIVATE_KEY": app.pem,
        "SHIPBELL_GITHUB_CLIENT_ID": app.client_id,
        "SHIPBELL_GITHUB_CLIENT_SECRET": app.client_secret,
    }
    async with world:
        await confirmed(world)
        await policy(world, "rights=yes")
        for person, login in ((ALICE, "ada"), (BOB, "grace")):
            world.forge.apps.person = login
            async with browser() as session:
                url = await link(world, person)
                page = (await shown(session, url))[1]
                _, target = await press(session, url, fields(page))
                assert (await shown(session, await authorize(session, target)))[0] == 200
        root = await ask(world, ALICE, "widgets v1.4.0")
        await click(world, BOB, root, "release.approve")
        await root_saying(world, "published")
        await thread_saying(world, root, "*Published*")
        assert {frozenset(one.repositories) for one in world.forge.apps.tokens.values()} == {
            frozenset({"acme/widgets"})
        }
        written = [
            {name for name, word in one.permissions.items() if word == "write"}
            for one in world.forge.apps.tokens.values()
        ]
        assert all(len(names) <= 1 for names in written)
        assert {"contents"} in written
        assert "administration" not in set().union(*written)
        log = world.bot.log.read_text()
        assert not any(token in log for token in world.forge.apps.tokens)
        in_order(world)
