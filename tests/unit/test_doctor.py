"""The doctor: one line a check, whatever the other side does."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot import doctor
from bot.doctor import Check
from bot.errors import SettingsError
from bot.settings import Settings, load
from bot.slack.scopes import BOT_SCOPES
from storage.crypto import KeyRing, Vault, generate_master_key
from storage.database import Database
from storage.ledger import teams
from storage.migrations import upgrade
from storage.records import Secret

MARK = "marked-7d1e44"


@dataclass
class World:
    """A fake of Slack, forge and index on one local server, whose answers a test may change."""

    scopes: str | None = ",".join(BOT_SCOPES)
    slack: dict[str, object] = field(default_factory=lambda: {"ok": True, "user": "shipbell", "team": "Acme"})
    slack_text: str | None = None
    index_status: int = 200
    hang: asyncio.Event | None = None
    """Set: every request waits for it."""
    base: str = ""

    async def wait(self) -> None:
        """Hold the request back where the test wants that."""
        if self.hang is not None:
            await self.hang.wait()

    async def on_slack(self, _request: web.Request) -> web.Response:
        """Answer a method of Slack's Web API."""
        await self.wait()
        if self.slack_text is not None:
            return web.Response(text=self.slack_text, content_type="text/html")
        headers = {} if self.scopes is None else {"x-oauth-scopes": self.scopes}
        return web.json_response(self.slack, headers=headers)

    async def on_index(self, _request: web.Request) -> web.Response:
        """Answer for the index."""
        await self.wait()
        return web.json_response({"audience": "x"}, status=self.index_status)

    async def on_forge(self, _request: web.Request) -> web.Response:
        """Answer for the forge."""
        await self.wait()
        return web.json_response({"resources": {}, "rate": {"limit": 60, "remaining": 59, "reset": 0}})

    def settings(self, folder: Path, **more: str) -> Settings:
        """Return settings that lead here."""
        environ = {
            "SHIPBELL_DATA_DIR": str(folder),
            "SHIPBELL_SLACK_API_URL": f"{self.base}/api/",
            "SHIPBELL_GITHUB_API_URL": f"{self.base}/forge",
            "SHIPBELL_GITHUB_WEB_URL": f"{self.base}/forge",
            "SHIPBELL_INDEXES": json.dumps(
                {name: {"url": f"{self.base}/index"} for name in ("pypi", "testpypi")}
            ),
            "SHIPBELL_ALLOW_PRIVATE_ADDRESSES": "true",
            "SHIPBELL_SLACK_BOT_TOKEN": f"xoxb-{MARK}",
            "SHIPBELL_SLACK_SIGNING_SECRET": MARK,
        }
        return load(environ | {f"SHIPBELL_{name}": value for name, value in more.items()})


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Give a world in which all is well."""
    there = World()
    app = web.Application()
    app.router.add_route("*", "/api/{method}", there.on_slack)
    app.router.add_route("*", "/index/{rest:.*}", there.on_index)
    app.router.add_route("*", "/forge/{rest:.*}", there.on_forge)
    app.router.add_route("*", "/forge", there.on_forge)
    async with TestServer(app) as server:
        there.base = str(server.make_url("")).rstrip("/")
        yield there
        if there.hang is not None:
            there.hang.set()


async def examine(world: World, folder: Path, *, seconds: float = 20.0, **more: str) -> dict[str, Check]:
    """Run the doctor and return its checks by name."""
    checks = await doctor.examine(world.settings(folder, **more), seconds=seconds)
    shown = doctor.as_lines(checks) + doctor.as_json(checks) + repr(checks)
    assert MARK not in shown
    assert len(doctor.as_lines(checks).splitlines()) == len(checks)
    return {check.name: check for check in checks}


async def test_all_is_well(world: World, tmp_path: Path) -> None:
    """With everything in place no check fails, and each names what it saw."""
    upgrade(f"sqlite:///{tmp_path}/shipbell.db")
    checks = await examine(world, tmp_path, SLACK_APP_TOKEN=f"xapp-{MARK}")
    assert {name: check for name, check in checks.items() if check.outcome == "FAIL"} == {}
    assert checks["slack auth"].detail == "shipbell in Acme, with every scope"
    assert checks["slack socket"].outcome == "ok"
    assert checks["database"].outcome == "ok"
    assert checks["index pypi"].outcome == "ok"
    assert checks["forge"].outcome == "ok"


async def test_a_trust_root_that_is_none_fails(world: World, tmp_path: Path) -> None:
    """A file that is no trust root is told with the setting to mend; the one that comes along is fine."""
    upgrade(f"sqlite:///{tmp_path}/shipbell.db")
    assert (await examine(world, tmp_path))["attestations"].outcome == "ok"
    wrong = tmp_path / "root.json"
    wrong.write_text("{}")
    found = (await examine(world, tmp_path, SIGSTORE_TRUST_ROOT=str(wrong)))["attestations"]
    assert found.outcome == "FAIL"
    assert "SHIPBELL_SIGSTORE_TRUST_ROOT" in found.remedy


async def test_what_is_not_set_is_skipped(world: World, tmp_path: Path) -> None:
    """No app-level token and no database file yet are no failures; no file is made by looking."""
    checks = await examine(world, tmp_path / "data")
    assert checks["slack socket"].outcome == "skip"
    assert checks["database"].outcome == "skip"
    assert not (tmp_path / "data").exists()


async def test_a_database_without_schema_fails(world: World, tmp_path: Path) -> None:
    """An empty database is named with the command that mends it."""
    (tmp_path / "shipbell.db").touch()
    assert "shipbell db upgrade" in (await examine(world, tmp_path))["database"].remedy


async def test_master_keys_are_tried_on_the_database(world: World, tmp_path: Path) -> None:
    """The key that wrapped a team's data key passes, another one fails, and so does none, where one was used."""
    right, wrong = generate_master_key(), generate_master_key()
    upgrade(f"sqlite:///{tmp_path}/shipbell.db")
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/shipbell.db", Vault(KeyRing([Secret(right)])))
    await database.open()
    async with database.transaction() as session:
        await teams.ensure(
            session, slack_team_id="T1", enterprise_id="", now=datetime(2026, 1, 1, tzinfo=UTC)
        )
    await database.close()
    assert (await examine(world, tmp_path))["master keys"].outcome == "FAIL"
    assert (await examine(world, tmp_path, MASTER_KEYS=right.rstrip("=")))["master keys"].outcome == "ok"
    check = (await examine(world, tmp_path, MASTER_KEYS=wrong))["master keys"]
    assert (check.outcome, wrong in repr(check)) == ("FAIL", False)


@pytest.mark.parametrize("missing", list(BOT_SCOPES))
async def test_a_missing_scope_is_named(world: World, tmp_path: Path, missing: str) -> None:
    """A token without one of the scopes fails, and the scope is named."""
    world.scopes = ", ".join(scope for scope in BOT_SCOPES if scope != missing)
    check = (await examine(world, tmp_path))["slack auth"]
    assert check.outcome == "FAIL"
    assert f" {missing}." in check.detail


async def test_scopes_that_are_not_told_are_not_invented(world: World, tmp_path: Path) -> None:
    """A stand-in that sends no scopes is neither blamed nor praised for them."""
    world.scopes = None
    check = (await examine(world, tmp_path))["slack auth"]
    assert (check.outcome, "not told" in check.detail) == ("ok", True)


@pytest.mark.parametrize("code", ["invalid_auth", "account_inactive", "token_revoked", "something_new"])
async def test_slacks_refusal_is_told_with_a_remedy(world: World, tmp_path: Path, code: str) -> None:
    """Slack's own word is in the line, and what to do about it."""
    world.slack = {"ok": False, "error": code}
    check = (await examine(world, tmp_path))["slack auth"]
    assert check.outcome == "FAIL"
    assert code in check.detail
    assert check.remedy


@pytest.mark.parametrize("text", ["<html>x</html>", "", f"xoxb-{MARK}" * 1000])
async def test_an_answer_that_is_not_slacks_fails(world: World, tmp_path: Path, text: str) -> None:
    """A page in place of Slack's JSON is a failure, and nothing of it is shown."""
    world.slack_text = text
    assert (await examine(world, tmp_path))["slack auth"].outcome == "FAIL"


@pytest.mark.parametrize("error", [f"xoxb-{MARK} no word", 7, None, {"a": 1}])
async def test_a_lying_slack_is_not_quoted(world: World, tmp_path: Path, error: object) -> None:
    """An `error` that is no word of Slack's is not shown."""
    world.slack = {"ok": False, "error": error}
    assert (await examine(world, tmp_path))["slack auth"].outcome == "FAIL"


async def test_an_index_out_of_order_fails_alone(world: World, tmp_path: Path) -> None:
    """A 500 of the index is its own line; the others stand."""
    world.index_status = 503
    checks = await examine(world, tmp_path)
    assert checks["index pypi"].outcome == checks["index testpypi"].outcome == "FAIL"
    assert checks["slack auth"].outcome == "ok"


@pytest.mark.parametrize("status", [403, 404])
async def test_an_index_without_trusted_publishing_is_reachable(
    world: World, tmp_path: Path, status: int
) -> None:
    """Any answer that is not a server's failure shows that the index is there."""
    world.index_status = status
    assert (await examine(world, tmp_path))["index pypi"].outcome == "ok"


async def test_servers_that_never_answer_do_not_hold_it(world: World, tmp_path: Path) -> None:
    """When nobody answers, every remote check fails after its own time-out and the doctor ends."""
    world.hang = asyncio.Event()
    checks = await examine(world, tmp_path, seconds=0.3)
    remote = ["slack auth", "forge", "index pypi", "index testpypi"]
    assert [checks[name].outcome for name in remote] == ["FAIL"] * 4


async def test_servers_that_are_not_there_fail(tmp_path: Path) -> None:
    """Refused connections are failures with a remedy, one line each."""
    nowhere = World(base="http://127.0.0.1:1")
    checks = await examine(nowhere, tmp_path)
    for name in ("slack auth", "forge", "index pypi"):
        assert (checks[name].outcome, bool(checks[name].remedy)) == ("FAIL", True), checks[name]


async def test_a_public_address_that_slack_cannot_reach_fails(world: World, tmp_path: Path) -> None:
    """Over HTTP with the real Slack, the public address must be https and public; elsewhere it need not be."""
    assert (await examine(world, tmp_path))["public url"].outcome == "ok"
    real = load({"SHIPBELL_SLACK_BOT_TOKEN": "xoxb-1", "SHIPBELL_SLACK_SIGNING_SECRET": "s"}, home=tmp_path)
    with pytest.raises(doctor.Failed, match="https"):
        await doctor.public_url(real)


async def test_a_check_that_breaks_is_one_line(world: World, tmp_path: Path) -> None:
    """A file that is no database breaks its own check only."""
    (tmp_path / "shipbell.db").write_bytes(b"no database at all" * 100)
    checks = await examine(world, tmp_path)
    assert checks["database"].outcome == "FAIL"
    assert checks["slack auth"].outcome == "ok"


def test_settings_that_cannot_be_used_are_its_lines() -> None:
    """Every problem of the settings is a line of its own, and the whole has failed."""
    checks = doctor.unusable(SettingsError(["one.", "two."]))
    assert [check.detail for check in checks] == ["one.", "two."]
    assert doctor.failed(checks)
    assert json.loads(doctor.as_json(checks))["ok"] is False
