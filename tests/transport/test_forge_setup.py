"""The forge client's questions and orders of setting up, against the forge stand-in."""

import json
from collections.abc import AsyncIterator

import pytest

from bot.core.forge import (
    AccountFacts,
    Done,
    EnvironmentFacts,
    Exists,
    FileChange,
    Forbidden,
    Invalid,
    Nothing,
    PullDraft,
    Repo,
    Unsure,
)
from bot.core.workflow_text import blob
from bot.demo.forge import ForgeStandIn
from bot.demo.forge_state import GOOD_WORKFLOW
from bot.forge.client import ForgeClient
from bot.transport import Transport
from storage.records import Secret
from tests.demo.openapi import check_seen
from tests.transport.servers import answer, serving

WIDGETS = Repo("acme", "widgets")
NOWHERE = Repo("acme", "nothing")
BRANCH = "shipbell/publish-widgets"
PATH = ".github/workflows/release.yml"
DRAFT = PullDraft(BRANCH, "main", "Publish widgets", "So.")


@pytest.fixture
async def forge() -> AsyncIterator[ForgeStandIn]:
    """Give a running forge, and look at the end that it was asked as GitHub describes."""
    async with ForgeStandIn() as running:
        yield running
        assert not check_seen(running.requests)


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    """Give a transport that may talk to the loopback."""
    async with Transport(allow_private_addresses=True) as there:
        yield there


def client(transport: Transport, forge: ForgeStandIn, *rights: str) -> ForgeClient:
    """Return a client whose token has these permissions; all where none is named."""
    token = Secret(forge.make_token(rights or None))
    return ForgeClient(transport, forge.url, forge.web_url, token, write_gap=0.0)


async def test_what_is_looked_at(transport: Transport, forge: ForgeStandIn) -> None:
    """Folders, environments with their reviewers, and accounts are read; what is not there is Nothing."""
    hands = client(transport, forge)
    forge.require_review("acme/widgets", "pypi", ["ada", "grace"])
    forge.restrict("acme/widgets", "live", ["v*"])
    assert await hands.files(WIDGETS, ".github/workflows", "main") == ("release.yml",)
    assert await hands.files(WIDGETS, ".github/nothing", "main") == Nothing()
    assert await hands.environments(WIDGETS) == (
        EnvironmentFacts("pypi", ("ada", "grace")),
        EnvironmentFacts("live", (), restricted=True),
    )
    assert await hands.environments(NOWHERE) == Nothing()
    acme = forge.state.accounts["acme"].id
    assert await hands.account("ACME") == AccountFacts("acme", acme, "Organization")
    assert await hands.account("nobody") == Nothing()
    assert await hands.account("..") == Nothing()
    facts = await hands.look("acme", "widgets", "release.yml")
    assert (facts.branch, facts.archived, facts.private, facts.moved) == ("main", False, False, False)


async def test_a_pull_request_is_opened_step_by_step(transport: Transport, forge: ForgeStandIn) -> None:
    """Branch, file and pull request are made once; each said again is told from a failure."""
    hands, before = client(transport, forge), forge.head("acme/widgets")
    assert isinstance(await hands.make_branch(WIDGETS, BRANCH, before), Done)
    assert isinstance(await hands.make_branch(WIDGETS, BRANCH, before), Exists)
    assert isinstance(await hands.open_pull(WIDGETS, DRAFT), Invalid)
    change = FileChange(BRANCH, PATH, "on: push\n", "Mend it", blob(GOOD_WORKFLOW.decode()))
    assert isinstance(await hands.put_file(WIDGETS, change), Done)
    assert isinstance(await hands.put_file(WIDGETS, change), Invalid)
    assert await hands.text(WIDGETS, PATH, BRANCH) == "on: push\n"
    opened = await hands.open_pull(WIDGETS, DRAFT)
    assert opened == Done(f"{forge.web_url}/acme/widgets/pull/1")
    assert isinstance(await hands.open_pull(WIDGETS, DRAFT), Exists)
    pulls = await hands.open_pulls(WIDGETS, BRANCH)
    assert isinstance(pulls, tuple)
    assert [(pull.number, pull.url) for pull in pulls] == [(1, opened.url)]
    assert await hands.open_pulls(WIDGETS, "other") == ()
    assert forge.head("acme/widgets") == before


async def test_an_environment_is_made(transport: Transport, forge: ForgeStandIn) -> None:
    """It is there with its reviewers afterwards; one who may not make it is told so."""
    ada = forge.state.accounts["ada"].id
    assert isinstance(await client(transport, forge).make_environment(WIDGETS, "live it", (ada,)), Done)
    assert forge.state.found("acme/widgets").environments["live it"].reviewers == ["ada"]
    lesser = client(transport, forge, "contents:write")
    assert isinstance(await lesser.make_environment(WIDGETS, "more", ()), Forbidden)
    change = FileChange("main", PATH, "", "", "")
    assert isinstance(await lesser.put_file(WIDGETS, change), Forbidden)


async def test_names_that_would_be_another_address_are_not_asked_for(
    transport: Transport, forge: ForgeStandIn
) -> None:
    """Neither dots nor what is no branch leads to a request."""
    hands = client(transport, forge)
    odd = Repo("..", "widgets")
    assert await hands.environments(odd) == Nothing()
    assert await hands.files(WIDGETS, "a/../b", "main") == Nothing()
    assert await hands.open_pulls(WIDGETS, "a..b") == Nothing()
    for order in (
        hands.make_branch(WIDGETS, "a b", "0" * 40),
        hands.put_file(WIDGETS, FileChange("", "a", "", "")),
        hands.put_file(WIDGETS, FileChange("main", "a/../b", "", "")),
        hands.open_pull(WIDGETS, PullDraft("-x", "main", "", "")),
        hands.make_environment(WIDGETS, "..", ()),
    ):
        assert isinstance(await order, Invalid)
    assert not forge.requests


@pytest.mark.parametrize(
    "body", [b"", b"7", b"[7]", b"{}", b'{"environments": 7}', b'{"id": "x", "login": 3}', b"\xff"]
)
async def test_no_answer_breaks_a_look(transport: Transport, body: bytes) -> None:
    """A forge that lies gives Unsure, whatever is asked."""
    async with serving(answer(200, body, headers={"Content-Type": "application/json"})) as server:
        hands = ForgeClient(transport, server.url, server.url)
        for asked in (
            hands.environments(WIDGETS),
            hands.account("acme"),
            hands.files(WIDGETS, "a", "main"),
            hands.open_pulls(WIDGETS, "main"),
        ):
            assert isinstance(await asked, Unsure)


@pytest.mark.parametrize(
    ("location", "name"),
    [("/repositories/7", "acme/wheels"), ("https://elsewhere.example/repositories/7", ""), ("/login", ""), ("", "")],
)  # fmt: skip
async def test_a_moved_repository_is_told_by_its_present_name(
    transport: Transport, forge: ForgeStandIn, location: str, name: str
) -> None:
    """Where GitHub leads inside its API the present name is asked for, and the token goes nowhere else."""
    there = f"{forge.url}{location}" if location.startswith("/") else location
    forge.fail("/repos/acme/widgets", status=301, headers={"Location": there}, times=2)
    body = json.dumps({"full_name": "acme/wheels"}).encode()
    forge.fail("/repositories/7", status=200, headers={"Content-Type": "application/json"}, body=body)
    facts = await client(transport, forge).look("acme", "widgets", "release.yml")
    assert (facts.exists, facts.moved, facts.full_name) == (None, True, name)
    assert "renamed" in facts.detail
    forge.requests.clear()  # the address by number is in no description
