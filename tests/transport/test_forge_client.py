"""The forge client against the forge stand-in."""

from collections.abc import AsyncIterator

import pytest

from bot.core.repositories import WorkflowFacts
from bot.demo.forge import ForgeStandIn
from bot.errors import ShipbellError
from bot.forge.client import ForgeClient
from bot.transport import Transport
from storage.records import Secret
from tests.transport.servers import answer, cut, raw, serving


@pytest.fixture
async def forge() -> AsyncIterator[ForgeStandIn]:
    """Give a running forge."""
    async with ForgeStandIn() as running:
        yield running


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    """Give a transport that may talk to the loopback."""
    async with Transport(allow_private_addresses=True) as there:
        yield there


def client(transport: Transport, forge: ForgeStandIn, token: str = "") -> ForgeClient:
    """Return a client, with a token if there is one."""
    return ForgeClient(transport, forge.url, forge.web_url, Secret(token) if token else None)


async def test_a_repository_with_a_good_workflow(transport: Transport, forge: ForgeStandIn) -> None:
    """Everything that publishing needs is seen, in the forge's own spelling."""
    facts = await client(transport, forge).look("ACME", "Widgets", "release.yml")
    assert (facts.exists, facts.full_name, facts.detail) == (True, "acme/widgets", "")
    assert facts.url == f"{forge.web_url}/acme/widgets"
    workflow = facts.workflow
    assert workflow is not None
    assert (workflow.readable, workflow.has_id_token_write, workflow.environments) == (True, True, ("pypi",))
    assert workflow.triggers == ("push", "workflow_dispatch")


async def test_a_repository_without_the_workflow(transport: Transport, forge: ForgeStandIn) -> None:
    """A missing file is a fact."""
    facts = await client(transport, forge).look("acme", "gadgets", "release.yml")
    assert (facts.exists, facts.workflow) == (True, WorkflowFacts(found=False))


async def test_a_repository_that_is_not_shown(transport: Transport, forge: ForgeStandIn) -> None:
    """Without a token it may be private, so nobody can say; with one it is not there."""
    unseen = await client(transport, forge).look("acme", "nothing", "release.yml")
    assert (unseen.exists, unseen.workflow) == (None, None)
    assert "private one needs a token" in unseen.detail
    missing = await client(transport, forge, forge.make_token()).look("acme", "nothing", "release.yml")
    assert missing.exists is False


async def test_a_token_that_is_refused(transport: Transport, forge: ForgeStandIn) -> None:
    """401 is told with its remedy, and the token is not in it."""
    facts = await client(transport, forge, "ghp_marked9931").look("acme", "widgets", "release.yml")
    assert facts.exists is None
    assert "does not accept the token" in facts.detail
    assert "marked9931" not in facts.detail
    with pytest.raises(ShipbellError, match="does not accept the token"):
        await client(transport, forge, "ghp_marked9931").ping()


async def test_a_used_up_rate_limit(transport: Transport, forge: ForgeStandIn) -> None:
    """403 with no requests left says until when."""
    forge.use_up_limit()
    facts = await client(transport, forge).look("acme", "widgets", "release.yml")
    assert facts.exists is None
    assert "rate limit is used up until" in facts.detail
    assert "SHIPBELL_GITHUB_TOKEN" in facts.detail


@pytest.mark.parametrize(
    ("status", "said"),
    [(403, "no more requests"), (429, "no more requests"), (500, "out of order"), (502, "out of order"), (301, "renamed"),
     (418, "418"), (422, "422"), (999, "not GitHub's"), (520, "not GitHub's")],
)  # fmt: skip
@pytest.mark.parametrize("body", [b'{"message": "so"}', b"<html>", b"", b"[]", b"7"])
async def test_every_other_status_is_told(transport: Transport, status: int, said: str, body: bytes) -> None:
    """No status and no body breaks a look; facts say why nothing was seen."""
    for kind in ("application/json", "text/html", "application/json; charset=nonsense"):
        async with serving(answer(status, body, headers={"Content-Type": kind})) as server:
            facts = await ForgeClient(transport, server.url, server.url).look(
                "acme", "widgets", "release.yml"
            )
            assert facts.exists is None
            assert said in facts.detail or "not GitHub's" in facts.detail


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"7", b'{"full_name": 7}', b"not json", b"[" * 100_000, b"\xff"]
)
async def test_no_answer_breaks_a_look(transport: Transport, body: bytes) -> None:
    """A forge that lies is told from one that shows nothing."""
    async with serving(answer(200, body, headers={"Content-Type": "application/json"})) as server:
        facts = await ForgeClient(transport, server.url, server.url).look("acme", "widgets", "release.yml")
        assert facts.full_name == ""


@pytest.mark.parametrize(
    ("names", "asked"),
    [
        (("..", "user", "r.yml"), []), (("a", "..", "r.yml"), []), (("a", "b", ".."), []), ((".", "b", "r.yml"), []),
        (("", "b", "r.yml"), []),
        (("a?x", "b#y", "../c d.yml"), [
            b"GET /api/v3/repos/a%3Fx/b%23y HTTP/1.1",
            b"GET /api/v3/repos/a%3Fx/b%23y/contents/.github/workflows/..%2Fc%20d.yml HTTP/1.1",
        ]),
    ],
)  # fmt: skip
async def test_names_stay_inside_their_address(
    transport: Transport, names: tuple[str, str, str], asked: list[bytes]
) -> None:
    """No name makes another address of the one asked for, which would get the token; what can't be sent isn't."""
    async with serving(answer(200, b"{}", headers={"Content-Type": "application/json"})) as server:
        there = ForgeClient(transport, f"{server.url}/api/v3/", server.url, Secret("ghp_marked9931"))
        facts = await there.look(*names)
        assert [request.partition(b"\r\n")[0] for request in server.requests] == asked
        assert (facts.exists is None, bool(facts.detail)) == ((True, True) if not asked else (False, False))


@pytest.mark.parametrize("status", [200, 403, 429])
@pytest.mark.parametrize("reset", ["1e300", "inf", "nan", "-1e300", "soon", ""])
async def test_a_senseless_limit_breaks_nothing(transport: Transport, status: int, reset: str) -> None:
    """Whatever a forge says of its limits is a fact or a ShipbellError."""
    headers = {
        "Content-Type": "application/json", "x-ratelimit-limit": "60", "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": reset,
    }  # fmt: skip
    async with serving(answer(status, b'{"message": "so"}', headers=headers)) as server:
        there = ForgeClient(transport, server.url, server.url)
        assert (await there.look("acme", "widgets", "release.yml")).detail
        with pytest.raises(ShipbellError):
            await there.ping()


@pytest.mark.parametrize("script", [cut, raw(b"SSH-2.0\r\n\r\n")])
async def test_a_lost_answer_is_told(transport: Transport, script: object) -> None:
    """Without an answer, facts say so."""
    async with serving(script) as server:  # type: ignore[arg-type]
        facts = await ForgeClient(transport, server.url, server.url).look("acme", "widgets", "release.yml")
        assert facts.exists is None
        assert "127.0.0.1" in facts.detail


async def test_a_ping_says_what_is_left(transport: Transport, forge: ForgeStandIn) -> None:
    """The doctor learns how the forge answers, and with what."""
    assert (
        await client(transport, forge).ping()
        == f"{forge.url} answers without a token, 60 of 60 requests left"
    )
    said = await client(transport, forge, forge.make_token()).ping()
    assert said == f"{forge.url} answers with the token, 5000 of 5000 requests left"
