"""A client of the forge with a token, and the index that its runs publish to.

Knows: HTTP. Must not know: what the forge answers.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import aiohttp

from bot.demo.forge import ForgeStandIn
from bot.demo.index import IndexStandIn
from bot.demo.index_model import PublisherValues
from tests.demo.openapi import check_answer, check_request

SLUG = "acme/widgets"
REPO = f"/repos/{SLUG}"
WHEEL = "widgets-1.4.0-py3-none-any.whl"
RUNS = f"{REPO}/actions/workflows/release.yml/runs"
PUBLISHER = PublisherValues("acme", "widgets", "release.yml", "pypi")


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer: None where its body is no JSON."""

    status: int
    body: Any
    headers: dict[str, str]
    raw: bytes


class Caller:
    """Asks one forge with one token ("": without)."""

    def __init__(self, forge: ForgeStandIn, token: str = "") -> None:
        self.forge = forge
        self.token = token

    async def ask(self, method: str, path: str, body: Any = None) -> Heard:
        """Send one request; redirects are not followed. What is taken must be as GitHub describes it."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        url = path if path.startswith("http") else self.forge.url + path
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, url, json=body, headers=headers, allow_redirects=False) as answer,
        ):
            raw = await answer.read()
            value = await answer.json() if "json" in answer.headers.get("Content-Type", "") else None
            found = {name.lower(): text for name, text in answer.headers.items()}
        place = urlsplit(url)
        problems = check_answer(method, unquote(place.path), answer.status, value)
        if answer.status < 400:
            problems += check_request(method, unquote(place.path), dict(parse_qsl(place.query)), body)
        assert not problems
        return Heard(answer.status, value, found, raw)

    async def get(self, path: str) -> Any:
        """Return the JSON of something that is there."""
        heard = await self.ask("GET", path)
        assert heard.status == 200, heard
        return heard.body

    async def post(self, path: str, body: Any = None) -> Heard:
        """Send a POST."""
        return await self.ask("POST", path, {} if body is None else body)

    async def only_run(self, query: str = "") -> Any:
        """Return the one run of the release workflow."""
        found = await self.get(RUNS + query)
        assert found["total_count"] == 1, found
        return found["workflow_runs"][0]

    async def pushed(self) -> Any:
        """Push v1.4.0 and return its run, over or waiting."""
        self.forge.push_tag(SLUG, "v1.4.0")
        await self.forge.runner.settled()
        return await self.only_run()

    async def jobs(self, run: Any) -> dict[str, Any]:
        """Return the newest attempt's jobs by name."""
        found = await self.get(f"{REPO}/actions/runs/{run['id']}/jobs")
        return {job["name"]: job for job in found["jobs"]}


def publishes_to(forge: ForgeStandIn, index: IndexStandIn, project: str = "widgets") -> None:
    """Let the forge's runs publish to an index that has the publisher of `project` in force."""
    forge.runner.indexes[""] = (index.url, index.upload_url)
    found = index.state.projects[project]
    index.state.add_publisher(found, PUBLISHER, str(forge.state.accounts["acme"].id))
