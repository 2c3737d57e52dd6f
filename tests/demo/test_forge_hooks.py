"""The forge stand-in's webhooks and pages: what is told, in which order, and how it is signed."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web

from bot.demo.forge import ForgeStandIn
from bot.demo.standin import StandIn
from tests.demo.forge_kit import SLUG, Caller

SECRET = "shared"


@dataclass(frozen=True, slots=True)
class Told:
    """One delivery as it arrived."""

    event: str
    id: str
    signature: str
    raw: bytes

    @property
    def payload(self) -> Any:
        """The JSON."""
        return json.loads(self.raw)


class Ear(StandIn):
    """Listens to webhooks."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Told] = []

    def _routes(self, app: web.Application) -> None:
        app.router.add_post("/hook", self._hear)

    async def _hear(self, request: web.Request) -> web.Response:
        headers = request.headers
        self.told.append(
            Told(
                headers["X-GitHub-Event"],
                headers["X-GitHub-Delivery"],
                headers.get("X-Hub-Signature-256", ""),
                await request.read(),
            )
        )
        return web.Response(status=202)

    def names(self) -> list[str]:
        """Return event and action of each, in order."""
        return [f"{one.event} {one.payload.get('action', '')}".strip() for one in self.told]


@pytest.fixture
async def ear(forge: ForgeStandIn) -> AsyncIterator[Ear]:
    """Give a listener that the forge tells everything."""
    async with Ear() as running:
        forge.hook_url, forge.hook_secret = f"{running.url}/hook", SECRET
        yield running


async def test_a_run_is_told_step_by_step(forge: ForgeStandIn, ear: Ear) -> None:
    """A tag, its run, its jobs and the review that they wait for: each in its turn."""
    forge.require_review(SLUG, "pypi")
    forge.push_tag(SLUG, "v1.4.0")
    await forge.runner.settled()
    await forge.hooks.drained()
    assert ear.names() == [
        "create",
        "push",
        "workflow_run requested",
        "workflow_run in_progress",
        "workflow_job queued",
        "workflow_job in_progress",
        "workflow_job completed",
        "deployment_review requested",
        "workflow_job waiting",
    ]
    ear.told.clear()
    forge.approve_by_hand(forge.state.found(SLUG).runs[0].id)
    await forge.runner.settled()
    await forge.hooks.drained()
    assert ear.names() == [
        "deployment_review approved",
        "workflow_job queued",
        "workflow_job in_progress",
        "workflow_job completed",
        "workflow_run completed",
    ]


async def test_a_delivery_is_signed_and_unique(forge: ForgeStandIn, ear: Ear) -> None:
    """The signature is over the very bytes; a redelivery has the same id, others have others."""
    forge.push_tag(SLUG, "other", annotated=False)
    forge.hooks.again(forge.hooks.sent[0])
    await forge.hooks.drained()
    create, push, again = ear.told
    for one in ear.told:
        digest = hmac.new(SECRET.encode(), one.raw, hashlib.sha256).hexdigest()
        assert one.signature == f"sha256={digest}"
    assert (create.id, create.raw) == (again.id, again.raw)
    assert create.id != push.id
    assert (push.payload["repository"]["full_name"], push.payload["ref"]) == (SLUG, "refs/tags/other")
    assert push.payload["head_commit"]["id"] == forge.head(SLUG)


async def test_a_moved_tag_is_told_as_forced(forge: ForgeStandIn, ear: Ear) -> None:
    """Where it pointed before and after is in the payload; a deleted tag points nowhere."""
    before = forge.state.found(SLUG).history.tags["v1.0"]
    after = forge.move_tag(SLUG, "v1.0")
    forge.delete_tag(SLUG, "v1.0")
    await forge.hooks.drained()
    moved, _, deleted = (one.payload for one in ear.told if one.event in {"push", "delete"})
    assert (moved["before"], moved["after"], moved["forced"]) == (before, after, True)
    assert (deleted["after"], deleted["deleted"]) == ("0" * 40, True)


async def test_a_release_is_told(forge: ForgeStandIn, ear: Ear) -> None:
    """A published release tells that it was created, published and released."""
    await Caller(forge, forge.make_token()).post(f"/repos/{SLUG}/releases", {"tag_name": "v1.0"})
    await forge.hooks.drained()
    assert ear.names() == ["release created", "release published", "release released"]


async def test_nobody_listening_breaks_nothing(forge: ForgeStandIn, ear: Ear) -> None:
    """A delivery that nobody takes is lost, and the next one is sent all the same."""
    url, forge.hook_url = forge.hook_url, "http://127.0.0.1:9/hook"
    forge.push_tag(SLUG, "lost", annotated=False)
    await forge.hooks.drained()
    forge.hook_url = url
    forge.push_tag(SLUG, "heard", annotated=False)
    await forge.hooks.drained()
    assert {one.payload["ref"] for one in ear.told} == {"heard", "refs/tags/heard"}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "Release 1.4.0"),
        ("/commit/{head}", "pyproject.toml: modified"),
        ("/compare/v1.0...main", "Add round widgets"),
        ("/blob/v1.0/pyproject.toml", "version = &#34;1.0&#34;"),
        ("/releases/tag/v1.0", "What is &lt;new&gt;"),
        ("/releases/tag/v1.4.0", "v1.4.0, commit"),
        ("/releases/download/v1.0/notes.txt", "notes"),
        ("/actions/runs/{run}", "Approve and deploy"),
    ],
)
async def test_pages_are_for_people(forge: ForgeStandIn, path: str, words: str) -> None:
    """Each page that an answer leads to is there, with what it is about, escaped."""
    forge.require_review(SLUG, "pypi")
    forge.push_tag(SLUG, "v1.4.0")
    body = {"tag_name": "v1.0", "body": "What is <new>"}
    await Caller(forge, forge.make_token()).post(f"/repos/{SLUG}/releases", body)
    forge.add_asset(SLUG, "v1.0", "notes.txt", b"notes")
    await forge.runner.settled()
    place = path.format(head=forge.head(SLUG), run=forge.state.found(SLUG).runs[0].id)
    page = await Caller(forge).ask("GET", f"{forge.web_url}/{SLUG}{place}")
    assert page.status == 200
    assert words in page.raw.decode()


@pytest.mark.parametrize(
    "path", ["/commit/nothing", "/compare/a...b", "/blob/main/no", "/releases/tag/v0", "/actions/runs/9"]
)
async def test_pages_that_are_not_there(forge: ForgeStandIn, path: str) -> None:
    """404 for what there is none of."""
    assert (await Caller(forge).ask("GET", f"{forge.web_url}/{SLUG}{path}")).status == 404
