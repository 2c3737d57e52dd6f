"""`publisher register`: what is printed where, and with which exit code."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from bot.core.sites import IndexSite
from bot.demo.index import IndexStandIn
from bot.index.publisher_api import PATH
from bot.register import RegisterOptions, register, run
from bot.transport import Transport
from storage.records import Secret
from tests.transport.servers import cut, serving

OPTIONS = RegisterOptions("Widgets", "acme", "widgets", index="company")
PAYLOAD = {
    "name": "widgets", "owner": "acme", "repository": "widgets", "workflow_filename": "release.yml",
    "environment": "pypi",
}  # fmt: skip


@dataclass
class Done:
    """What a run printed and returned."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one line of JSON."""
        assert self.out.count("\n") == 1
        return json.loads(self.out)


async def go(options: RegisterOptions, url: str, *, api: bool | None = None) -> Done:
    """Run against an index at an address."""
    out, err = io.StringIO(), io.StringIO()
    sites = {"company": IndexSite("company", url, publisher_api=api)}
    code = await register(options, sites, lambda: Transport(allow_private_addresses=True), out=out, err=err)
    return Done(code, out.getvalue(), err.getvalue())


@pytest.fixture
async def index() -> AsyncIterator[IndexStandIn]:
    """Give a running index with the project `widgets`."""
    async with IndexStandIn() as running:
        running.add_project("widgets")
        yield running


def options(token: str, *, as_json: bool = False, **changes: Any) -> RegisterOptions:
    """Return what was asked for, with a token."""
    return replace(OPTIONS, api_token=Secret(token), as_json=as_json, **changes)


async def test_a_registration_that_is_taken(index: IndexStandIn) -> None:
    """Exit 0, what to do next on standard output, nothing else."""
    done = await go(options(index.make_token()), index.url)
    assert (done.code, done.err) == (0, "")
    assert "confirmation link" in done.out
    assert [one.owner for one in index.registrations] == ["acme"]


async def test_the_same_for_scripts(index: IndexStandIn) -> None:
    """`--json` is exactly one line, with what was registered."""
    done = await go(options(index.make_token(), as_json=True), index.url)
    assert (done.code, done.err) == (0, "")
    assert done.json["ok"] is True
    assert done.json["payload"] == PAYLOAD


@pytest.mark.parametrize("api", [True, False, None])
async def test_a_dry_run_calls_nobody(index: IndexStandIn, api: bool | None) -> None:
    """The payload is printed, no token is needed and nothing is sent."""
    for as_json in (True, False):
        done = await go(replace(OPTIONS, dry_run=True, as_json=as_json), index.url, api=api)
        assert done.code == 0
        shown = done.json["payload"] if as_json else json.loads(done.out.partition("\n")[2])
        assert shown == PAYLOAD
    assert index.requests == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 422, 429, 500, 503, 307, 200])
async def test_every_refusal_is_1_with_the_way_by_hand(index: IndexStandIn, status: int) -> None:
    """Cause, remedy and the form with the same fields go to standard error; for scripts the same as JSON."""
    index.fail(PATH, status=status, times=-1, body=b'{"message": "because"}')
    token = index.make_token()
    done = await go(options(token), index.url)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: ")
    assert f"{index.url}/manage/" in done.err
    for value in ("acme", "widgets", "release.yml", "pypi"):
        assert value in done.err
    told = (await go(options(token, as_json=True), index.url)).json
    assert told["ok"] is False
    assert told["cause"] in done.err
    assert told["remedy"] in done.err
    assert told["by_hand"]["url"] in done.err
    assert told["payload"] == PAYLOAD


async def test_an_existing_project_gets_a_filled_in_form(index: IndexStandIn) -> None:
    """Where the project is there, the link takes every value; where not, each is given to be typed."""
    index.fail(PATH, status=404, times=-1)
    told = (await go(options("x", as_json=True), index.url)).json
    assert told["by_hand"]["prefilled"] is True
    told = (await go(options("x", as_json=True, project="gadgets"), index.url)).json
    assert told["by_hand"]["prefilled"] is False
    assert told["by_hand"]["fields"]["PyPI Project Name"] == "gadgets"


async def test_no_answer_is_1(index: IndexStandIn) -> None:
    """A time-out and a refused connection are told, each with its cause."""
    index.fail(PATH, hang=True, times=-1)
    done = await go(options("x", timeout=2), index.url)
    assert done.code == 1
    assert "gave no answer within 2 s" in done.err
    async with serving(cut) as server:
        url = server.url
    done = await go(options("x"), url)
    assert done.code == 1
    assert "refuses connections" in done.err


async def test_misuse_is_2_with_all_problems(index: IndexStandIn) -> None:
    """Every wrong value is told at once, and nobody is asked."""
    wrong = RegisterOptions("json", "-", "a b", workflow="x", environment=" ", index="compny")
    done = await go(wrong, index.url)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n  - ") == 7
    assert "Did you mean company?" in done.err
    told = (await go(replace(wrong, as_json=True), index.url)).json
    assert [one["field"] for one in told["problems"]] == [
        "index", "api_token", "project", "owner", "repository", "workflow", "environment",
    ]  # fmt: skip
    assert index.requests == []


@pytest.mark.parametrize("repo", ["acme/widgets", "https://github.com/acme/widgets.git"])
async def test_a_pasted_repository_is_understood(index: IndexStandIn, repo: str) -> None:
    """`--repo` may name the owner again."""
    done = await go(replace(OPTIONS, repo=repo, dry_run=True, as_json=True), index.url)
    assert done.json["payload"] == PAYLOAD


@pytest.mark.parametrize("token", ["marked-4410ab", "pypi-AgEIcHlwaS5vcmcCJDU0ZTJmYzA3"])
@pytest.mark.parametrize("status", [400, 422, 500])
async def test_the_token_is_nowhere(index: IndexStandIn, token: str, status: int) -> None:
    """An index that repeats the token does not get it onto the screen, whatever the token looks like."""
    echo = json.dumps(
        {"message": f"token {token} is bad", "errors": [{"field": token, "description": token}]}
    )
    index.fail(PATH, status=status, body=echo.encode(), times=-1)
    for as_json in (True, False):
        wanted = options(token, as_json=as_json)
        done = await go(wanted, index.url)
        assert token not in done.out + done.err + repr(wanted)


def test_it_runs_by_itself() -> None:
    """`run` brings its own event loop and transport, guarded as the settings say."""
    out, err = io.StringIO(), io.StringIO()
    sites = {"company": IndexSite("company", "https://127.0.0.1:1")}
    code = run(options("x"), sites, allow_private_addresses=False, out=out, err=err)
    assert code == 1
    assert "not public" in err.getvalue()
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()
