"""A marked secret goes through the whole story, and is found nowhere afterwards."""

import asyncio
import base64
import json
import re
from pathlib import Path
from uuid import uuid4

import aiohttp
import psycopg
from sqlalchemy import create_engine, inspect, make_url, text

from bot.demo.index import IndexStandIn
from bot.demo.slack_config import ALICE, BOB, CAROL, RELEASES
from bot.demo.world import WEBHOOK_SECRET, World, program
from storage.crypto import generate_master_key
from tests.stories.kit import (
    ADD,
    CONFIRMED,
    PATIENCE,
    PENDING,
    REPOSITORY,
    ask,
    click,
    ended,
    give_reason,
    give_token,
    in_order,
    look_at_token,
    open_credentials,
    root_saying,
    seen,
    world_on,
)
from tests.stories.relay import Relay, asked_for, give, world_with
from tests.stories.test_connect import browser, fields, press, shown
from tests.transport.real_servers import pypiserver

NARROWED = "The token for widgets on company is kept."
PAGE = re.compile(r"http://127\.0\.0\.1:\d+/credentials/enter\?state=[\w-]+")


def rows(database_url: str) -> str:
    """Return every cell of every table as text, bytes decoded as far as they can be."""
    url = make_url(database_url)
    engine = create_engine(
        url.set(drivername="sqlite" if url.get_backend_name() == "sqlite" else "postgresql+psycopg")
    )
    found = []
    with engine.connect() as connection:
        for table in inspect(connection).get_table_names():
            for row in connection.execute(text(f'SELECT * FROM "{table}"')):
                found += [cell.decode("latin-1") if isinstance(cell, bytes) else str(cell) for cell in row]
    engine.dispose()
    return "\n".join(found)


async def everything(world: World, database_url: str, folder: Path) -> dict[str, str]:
    """Return all places where a secret must not be, by name."""
    assert world.bot.process is not None
    process = Path(f"/proc/{world.bot.process.pid}")
    async with aiohttp.ClientSession() as session, session.get(f"{world.bot.url}/metrics") as answer:
        metrics = await answer.text()
    places = {
        "metrics": metrics,
        "messages": world.slack.describe()
        + json.dumps([world.slack.messages(one) for one in world.slack.channels]),
        "calls to Slack": json.dumps([call.args for call in world.gate.calls], default=str),
        "home tabs and dialogs": json.dumps([world.slack.homes, world.slack.views()]),
        "rows": rows(database_url),
    }
    return places | files(process, folder)


def files(process: Path, folder: Path) -> dict[str, str]:
    """Return what the process list shows of a process (Linux), and every file below a folder."""
    shown = [process / name for name in ("cmdline", "environ") if process.exists()]
    kept = [file for file in folder.rglob("*") if file.is_file()]
    return {
        (file.name if file in shown else str(file)): file.read_bytes().decode("latin-1")
        for file in shown + kept
    }


async def test_a_marked_secret_is_nowhere(database_url: str, tmp_path: Path) -> None:
    """After refusals, a crash and the whole story no log, row, file, message, metric or process list holds it."""
    master = generate_master_key()
    odd = f"MARK{uuid4().hex}.not-shaped-like-a-token"
    async with world_on(
        database_url, tmp_path, settings={"SHIPBELL_MASTER_KEYS": master}, launch=program
    ) as world:
        good = world.company.make_token()
        await give_token(world, odd)  # the index refuses it
        await world.slack.command(ALICE, RELEASES, "/publisher", ADD)
        await seen(world, "The trusted publisher for widgets was not registered")
        await give_token(world, good)
        await world.slack.command(ALICE, RELEASES, "/publisher", f"add {good} acme/widgets")
        await seen(world, "Revoke that secret now.")
        world.company.fail("/_/v1/publisher", method="POST", hang=True)
        await world.slack.command(ALICE, RELEASES, "/publisher", ADD)
        await world.company.until_hanging()
        await world.bot.kill()
        world.company.release()
        await world.bot.start()
        await seen(world, PENDING)
        world.company.confirm("widgets")
        await seen(world, CONFIRMED)
        wide = world.company.make_token()
        view = await look_at_token(world, {"index_choice": "company", "token": wide, "project": "widgets"})
        assert "It reaches every project of the account" in view
        assert wide[-40:] not in view
        await world.slack.submit(ALICE, {"scope": "narrow", "project": "widgets"})
        await world.slack.wait_for(lambda slack: NARROWED in slack.describe(), PATIENCE)
        await open_credentials(world)
        await world.slack.open_home(ALICE)
        await world.slack.command(ALICE, RELEASES, "/shipbell", "audit")
        await seen(world, "Audit trail")
        places = await everything(world, database_url, tmp_path)
        marks = {"the refused token": odd, "the good token": good, "a piece of the good token": good[20:60]}
        marks |= {
            "the wide token": wide,
            "its end, which no narrowed copy has": wide[-40:],
            "its id": wide[30:60],
        }
        assert not _found(marks, places)
        # The operator's own secrets are in the environment, where they were put, and nowhere else.
        own = {
            "master key": master,
            "bot token": world.slack.bot_token,
            "signing secret": world.slack.signing_secret,
        }
        assert not _found(own, {where: held for where, held in places.items() if where != "environ"})
        assert "/_hooks/response/" not in places["rows"]


async def link(world: World) -> str:
    """Press the button for the page on the Home tab, and return the link."""
    await world.slack.open_home(ALICE)
    await world.slack.wait_for(lambda slack: "credential.page" in json.dumps(slack.homes), PATIENCE)
    await world.slack.click_home(ALICE, "credential.page")
    await world.slack.wait_for(lambda slack: PAGE.search(json.dumps(slack.views())), PATIENCE)
    found = PAGE.search(json.dumps(world.slack.views()))
    assert found is not None
    await world.slack.close_view(ALICE)
    async with asyncio.timeout(PATIENCE), browser() as somebody:
        # It is written down before it is shown, and carried out right after that.
        while (await shown(somebody, found[0]))[0] != 200:  # noqa: ASYNC110 - another process gives no event
            await asyncio.sleep(0.1)
    return found[0]


async def test_what_is_entered_on_a_page_is_nowhere(database_url: str, tmp_path: Path) -> None:
    """A link takes a password once, from one browser, whatever dies; no other browser has a part in it; it is nowhere in plain."""
    password, name = f"MARK{uuid4().hex} with spaces", f"MARK{uuid4().hex}"
    world = world_on(database_url, tmp_path)
    world.settings |= {"SHIPBELL_PUBLIC_URL": world.bot.url, "SHIPBELL_SECRETS_IN_SLACK": "false"}
    async with world, browser() as hers, browser() as his:
        await open_credentials(world)
        assert "Secrets are not entered in Slack here." in json.dumps(world.slack.views())
        await world.slack.close_view(ALICE)
        url = await link(world)
        status, page = await shown(hers, url)
        assert (status, "alice" in page.lower()) == (200, True)
        form = fields(page) | {"index": "company", "token": world.forge_token}
        status, page = await press(hers, url, form)
        assert (status, "a GitHub token" in page, world.forge_token in page) == (422, True, False)
        form |= {"token": password, "username": name}
        assert (await press(his, url, form))[0] == 400  # another site's form has no cookie
        await shown(his, url)
        assert (await press(his, url, form))[0] == 400  # and one with a cookie of his lacks its check
        status, page = await press(hers, url, form)
        assert (status, "a user name and a password" in page) == (200, True)
        assert password not in page
        assert name not in page
        assert (await shown(his, url))[0] == 400
        await world.bot.kill()
        await world.bot.start()
        keep = url.replace("/enter", "/keep")
        assert (await press(his, keep, fields(page)))[0] == 400
        status, page = await press(hers, keep, fields(page))
        assert (status, "is kept, sealed" in page) == (200, True)
        await world.slack.wait_for(
            lambda slack: "The password for company is kept." in slack.describe(), PATIENCE
        )
        assert (await press(hers, keep, form))[0] == 400
        places = await everything(world, database_url, tmp_path)
        marks = {
            "password": password,
            "a piece of it": password[:20],
            "name": name,
            "state": url.partition("=")[2],
        }
        assert (
            _found(marks, {where: held for where, held in places.items() if where != "calls to Slack"}) == []
        )
        assert _found({"password": password, "name": name}, places) == []
        in_order(world)


async def test_a_releases_secrets_are_nowhere(database_url: str, tmp_path: Path) -> None:
    """After a crash, a failed run with a token in its log and a published release, no secret of anybody's is anywhere."""
    leaked = f"pypi-AgEIcHlwaS5vcmc{uuid4().hex}{uuid4().hex}"
    async with world_on(database_url, tmp_path) as world:
        index = world.company.make_token()
        await give_token(world, index)
        await world.slack.command(ALICE, RELEASES, "/publisher", ADD)
        await seen(world, PENDING)
        world.company.confirm("widgets")
        await seen(world, CONFIRMED)
        log = f"Uploading with {leaked}\n  {leaked[:40]}\n{world.forge_token}\n##[error]It broke at the end".encode()
        world.forge.fail_next(REPOSITORY, "publish", log=log)
        await world.slack.command(ALICE, RELEASES, "/release", f"widgets v1.4.0 notes={world.forge_token}")
        await seen(world, "Revoke that secret now.")
        root = await ask(world, ALICE, "widgets v1.4.0")
        await give_reason(world, CAROL, root, "release.reject", f"Use {leaked}")
        assert "kept nowhere" in (world.slack.errors or {}).get("reason", "")
        await world.slack.close_view(CAROL)
        world.forge.fail(f"/repos/{REPOSITORY}/git/", method="POST", hang=True)
        await click(world, BOB, root, "release.approve")
        await world.forge.until_hanging()
        await world.bot.kill()
        world.forge.release()
        await world.bot.start()
        root = await root_saying(world, "failed")
        await ended(world, root, "It broke at the end")
        await click(world, BOB, root, "release.retry")
        await root_saying(world, "published")
        await ended(world, root, "*Published*")
        for command, what in (("/shipbell", "audit widgets"), ("/release", "status")):
            await world.slack.command(ALICE, RELEASES, command, what)
        await seen(world, "Releases: 1")
        await seen(world, "Audit trail of widgets")
        in_order(world)
        places = await everything(world, database_url, tmp_path)
        forge = json.dumps(
            [[one.path, dict(one.query), one.body] for one in world.forge.requests], default=str
        )
        marks = {
            "log": leaked,
            "a piece of the log's": leaked[20:50],
            "index": index,
            "a piece of the index's": index[20:60],
        }
        places["what the forge was sent"] = forge
        assert _found(marks, places) == []
        # The operator's own secrets are in the environment, where they were put, and nowhere else.
        own = {"forge": world.forge_token, "webhook": WEBHOOK_SECRET, "bot": world.slack.bot_token}
        assert _found(own, {where: held for where, held in places.items() if where != "environ"}) == []


async def through_trouble(world: World, relay: Relay, typed: dict[str, str]) -> list[dict[str, str]]:
    """Upload a release past a kill -9 and a refusal that quotes what was sent; returns all places, then and at the end."""
    url, places = world.settings["SHIPBELL_DATABASE_URL"], []
    await give(world, typed)
    root = await asked_for(world)
    relay.fail("/", method="POST", hang=True)
    await click(world, BOB, root, "release.approve")
    await relay.until_hanging()
    places.append(await everything(world, url, world.folder))
    await world.bot.kill()
    places.append({"rows": rows(url)} | files(Path("/nowhere"), world.folder))
    relay.refusals = 1
    relay.release()
    await world.bot.start()
    root = await root_saying(world, "failed")
    await ended(world, root, "*Failed*")
    await world.slack.wait_for(lambda slack: "refused a credential of yours" in slack.describe(), PATIENCE)
    places.append(await everything(world, url, world.folder))
    await give(world, typed)
    await click(world, BOB, root, "release.retry")
    await root_saying(world, "published")
    await ended(world, root, "*Published*")
    await world.slack.command(ALICE, RELEASES, "/shipbell", "audit widgets")
    await seen(world, "Audit trail of widgets")
    await open_credentials(world)
    in_order(world)
    return [*places, await everything(world, url, world.folder)]


async def test_an_uploads_token_is_nowhere(database_url: str, tmp_path: Path) -> None:
    """Neither the kept token nor any copy that was sent is anywhere: while it is sent, after a kill, refused, at the end."""
    async with IndexStandIn(name="shelf") as shelf, Relay() as relay:
        token = shelf.make_token()
        async with world_with(
            database_url, tmp_path, relay, shelf.url, upload_path="/legacy/", searched=True
        ) as world:
            found = await through_trouble(world, relay, {"token": token})
        codes = {one: one for one in relay.secrets()}
        pieces = {f"a piece of {one}": piece for one in codes for piece in (one[30:70], one[-40:])}
        assert (
            len(relay.sent) >= 3
        )  # died with, refused, taken; copies that are made in the same second are equal
        assert codes
        assert token not in "".join(codes)
        marks = {"token": token, "a piece of it": token[20:60], "its end": token[-40:]} | codes | pieces
        assert [_found(marks, places) for places in found] == [[]] * 4


async def test_an_uploads_password_is_nowhere(tmp_path: Path) -> None:
    """Neither name nor password, nor both as they are sent, are anywhere, whatever the index quotes when it refuses them."""
    name, password = f"MARK{uuid4().hex}", f"MARK{uuid4().hex} with spaces"
    (tmp_path / "index").mkdir()
    with pypiserver(tmp_path / "index", name, password) as url:
        home = tmp_path / "bot"
        home.mkdir()
        async with (
            Relay() as relay,
            world_with(f"sqlite:///{home}/shipbell.db", home, relay, url, searched=True) as world,
        ):
            found = await through_trouble(world, relay, {"username": name, "token": password})
    pair = base64.b64encode(f"{name}:{password}".encode()).decode()
    assert set(relay.sent) == {f"Basic {pair}"}
    marks = {
        "name": name,
        "password": password,
        "a piece of it": password[:20],
        "both": pair,
        "a piece": pair[20:60],
    }
    assert [_found(marks, places) for places in found] == [[]] * 4


def _found(marks: dict[str, str], places: dict[str, str]) -> list[tuple[str, str]]:
    return [(what, where) for what, mark in marks.items() for where, held in places.items() if mark in held]


def test_the_search_would_find_it(database_url: str) -> None:
    """The search is no check that can't fail: a planted mark is found in the tables."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url.set(drivername="sqlite"))
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = 'planted'"))
        engine.dispose()
    else:
        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as connection_:
            connection_.execute("UPDATE alembic_version SET version_num = 'planted'")
    assert "planted" in rows(database_url)
