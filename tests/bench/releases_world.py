"""Forge, index, many Slack workspaces and the real bot, with many projects whose publishers are confirmed."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from sqlalchemy import insert

from bot.demo.forge import ForgeStandIn
from bot.demo.forge_seed import WORKFLOW_PATH, pyproject
from bot.demo.forge_state import GOOD_WORKFLOW, Quota
from bot.demo.index import IndexStandIn
from bot.demo.index_model import PublisherValues
from bot.demo.sigstore_signer import Signer
from bot.demo.world import WEBHOOK_SECRET, BotProcess
from storage.crypto import KeyRing, Vault, generate_master_key
from storage.database import Database
from storage.ledger import teams
from storage.ledger.sql import table
from storage.migrations import upgrade
from storage.records import PublisherState, Reason, Secret
from storage.tables import ProjectRow, PublisherRow
from tests.bench.slack_server import SECRET, SlackServer

PLENTY = 10_000_000
"""Requests that the forge allows: the limit is not what is measured, but what is left of it tells the 304s."""
LATE = 4_102_444_800


@dataclass(frozen=True, slots=True)
class Place:
    """Where a project is told of."""

    project: str
    channel: str

    @property
    def user(self) -> str:
        """Return somebody of its workspace, by number."""
        return f"{self.channel.partition('C')[0]}U"


def places(projects: int, teams_: int, channels: int) -> list[Place]:
    """Spread projects over workspaces, and over the channels of each."""
    return [
        Place(f"p{number}", f"T{number % teams_}C{number // teams_ % channels}") for number in range(projects)
    ]


class Bench:
    """All of it."""

    def __init__(self, folder: Path, *, webhooks: bool, poll_seconds: float) -> None:
        self.folder = folder
        self.webhooks = webhooks
        self.poll_seconds = poll_seconds
        self.forge = ForgeStandIn()
        self.forge.keeps_json = False  # type: ignore[misc]  # nobody looks, and it would be measured
        self.token = self.forge.make_token()
        self.index = IndexStandIn(name="company")
        self.slack = SlackServer()
        self.bot = BotProcess({}, folder / "bot.log")
        self.master = generate_master_key()
        self.database_url = f"sqlite+aiosqlite:///{folder}/data/shipbell.db"

    async def fill(self, found: list[Place]) -> None:
        """Write down the projects and their publishers, and make them on forge and index."""
        (self.folder / "data").mkdir()
        await asyncio.to_thread(upgrade, self.database_url)
        database = Database(self.database_url, Vault(KeyRing([Secret(self.master)])))
        await database.open()
        now = datetime.now(UTC)  # noqa: TID251 - a bench
        async with database.transaction() as session:
            for at in found:
                team = await teams.ensure(session, at.channel.partition("C")[0], "", now)
                shared = {
                    "team_id": team.id, "index_name": "company", "owner": "acme", "repository": at.project,
                    "workflow": "release.yml", "environment": "pypi", "channel": at.channel,
                }  # fmt: skip
                project = {"id": uuid4(), "name": at.project, "created_by": "U1", "created_at": now, **shared}
                publisher = {
                    "id": uuid4(), "project_id": project["id"], "project": at.project, "requested_by": "U1",
                    "state": PublisherState.CONFIRMED, "reason": Reason.REGISTERED, "detail": "", "attempts": 1,
                    "unanswered": False, "polls": 1, "etag": "", "requested_at": now, "state_at": now, **shared,
                }  # fmt: skip
                await session.execute(insert(table(ProjectRow)), [project])
                await session.execute(insert(table(PublisherRow)), [publisher])
        await database.close()
        for at in found:
            self._add(at.project)

    def _add(self, name: str) -> None:
        files = {WORKFLOW_PATH: GOOD_WORKFLOW, "pyproject.toml": pyproject(name, "1.0.0")}
        repository = self.forge.add_repository(f"acme/{name}", files, ["pypi"])
        self.index.add_project(name, [f"{name}-0.9.tar.gz"])
        project = self.index.state.project(name)
        assert project is not None
        values = PublisherValues("acme", name, "release.yml", "pypi")
        self.index.state.add_publisher(project, values, str(repository.owner.id))

    async def start(self, stack: AsyncExitStack, found: list[Place]) -> None:
        """Start everything, the bot last."""
        await self._stand_ins(stack)
        await self.fill(found)
        self.bot.environment = self.environment()
        self.slack.bot_url = self.bot.url
        if self.webhooks:
            self.forge.hook_url, self.forge.hook_secret = f"{self.bot.url}/github/webhooks", WEBHOOK_SECRET
        await self.bot.start()
        stack.push_async_callback(self.bot.stop)

    async def _stand_ins(self, stack: AsyncExitStack) -> None:
        for server in (self.forge, self.index, self.slack):
            await server.start()
            stack.push_async_callback(server.stop)
        self.index.trust_issuer(self.forge.issuer, self.forge.jwks)
        signer = Signer()
        signer.write_trusted_root(self.folder / "trusted_root.json")
        self.forge.runner.indexes[""] = (self.index.url, self.index.upload_url)
        self.forge.runner.attest = signer.attest_file
        self.forge.runner.pace = 0.3
        self.forge.state._quotas[self.token] = Quota(PLENTY, PLENTY, LATE)

    def environment(self) -> dict[str, str]:
        """Return the bot's settings."""
        return {
            "SHIPBELL_DATA_DIR": str(self.folder / "data"), "SHIPBELL_MASTER_KEYS": self.master, "SHIPBELL_SLACK_SIGNING_SECRET": SECRET,
            "SHIPBELL_SLACK_BOT_TOKEN": "xoxb-bench", "SHIPBELL_SLACK_API_URL": f"{self.slack.url}/api/",
            "SHIPBELL_GITHUB_API_URL": self.forge.url, "SHIPBELL_GITHUB_WEB_URL": self.forge.web_url,
            "SHIPBELL_GITHUB_TOKEN": self.token, "SHIPBELL_GITHUB_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "SHIPBELL_SIGSTORE_TRUST_ROOT": str(self.folder / "trusted_root.json"),
            "SHIPBELL_INDEXES": json.dumps({"company": {"url": self.index.url, "upload_url": self.index.upload_url}}),
            "SHIPBELL_POLL_SECONDS": str(self.poll_seconds), "SHIPBELL_ALLOW_PRIVATE_ADDRESSES": "true",
        }  # fmt: skip

    def finished(self, project: str) -> float:
        """Return when the project's run was over, in seconds since 1970."""
        (run,) = self.forge.state.repositories[f"acme/{project}"].runs
        assert run.status == "completed"
        return run.changed_at.timestamp()

    def asked_of_forge(self) -> tuple[Counter[str], int]:
        """Return the bot's requests to the forge by kind, and how many of them were answered 304."""
        ours = [seen for seen in self.forge.requests if seen.scheme]
        unchanged = len(ours) - self.forge.state.quota(self.token).used
        return Counter(f"{seen.method} {_kind(seen.path)}" for seen in ours), unchanged

    def asked_of_index(self) -> Counter[str]:
        """Return the bot's requests to the index by kind; what the runs ask for is below `/_/`, or uploaded."""
        ours = [
            seen.path
            for seen in self.index.requests
            if seen.method == "GET" and not seen.path.startswith("/_/")
        ]
        return Counter(f"GET /{path.split('/')[1]}" for path in ours)


def _kind(path: str) -> str:
    """Return a path without names and numbers."""
    inside = re.sub(r"^/repos/[^/]+/[^/]+", "", path)
    inside = re.sub(r"/(\d+|[0-9a-f]{40}|v\d[^/]*)(?=/|$)", "/*", inside)
    return re.sub(r"(/contents|/compare)/.*", r"\1", inside) or "/"


@asynccontextmanager
async def running(
    folder: Path, found: list[Place], *, webhooks: bool = True, poll_seconds: float = 30.0
) -> AsyncIterator[Bench]:
    """Run all of it."""
    bench = Bench(folder, webhooks=webhooks, poll_seconds=poll_seconds)
    async with AsyncExitStack() as stack:
        await bench.start(stack, found)
        yield bench
