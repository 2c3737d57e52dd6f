"""The very script of the proposed workflow's `confirm` job, run as a process against the index stand-in."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator

import pytest
import yaml
from aiohttp import web

from bot.core.workflow_text import Plan, write
from bot.demo.forge import ForgeStandIn
from bot.demo.index import IndexStandIn
from bot.demo.index_model import PendingPublisher, PublisherValues

TOKEN = re.compile(r"pypi-[\w-]+|eyJ[\w-]+\.[\w-]+\.[\w-]+")


@pytest.fixture
async def runner(forge: ForgeStandIn, index: IndexStandIn) -> AsyncIterator[str]:
    """Give the address where a job gets its identity, signed by the forge; gears' publisher is pending on the index."""

    async def identity(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer runner-secret"
        token = forge.id_token(
            "acme/widgets",
            workflow=request.query["workflow"],
            environment="pypi",
            aud=request.query["audience"],
        )
        return web.json_response({"count": 1, "value": token})

    values = PublisherValues("acme", "widgets", "release.yml", "pypi")
    pending = PendingPublisher(
        project="gears", values=values, owner_id=str(forge.state.accounts["acme"].id),
        added_by=index.state.user("demo"), added_at=index.state.clock(), by_api=False,
    )  # fmt: skip
    index.state.pending.append(pending)
    app = web.Application()
    app.router.add_get("/token", identity)
    served = web.AppRunner(app)
    await served.setup()
    await web.TCPSite(served, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{served.addresses[0][1]}/token?workflow="
    await served.cleanup()


async def confirm(url: str, index: IndexStandIn) -> tuple[int, str]:
    """Run the job's script as the forge's runner does; return its exit code and all that it printed."""
    file = yaml.safe_load(write(Plan("gears", "release.yml", "pypi", index.url)))
    (step,) = file["jobs"]["confirm"]["steps"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-c", step["run"], stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={**step["env"], "ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "runner-secret"},
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


async def test_it_makes_the_pending_publisher_real(runner: str, index: IndexStandIn) -> None:
    """The project is there and empty afterwards; what counts is printed, and every token only to be masked."""
    code, said = await confirm(f"{runner}release.yml", index)
    assert code == 0, said
    assert index.state.projects["gears"].files == []
    assert not index.state.pending
    assert "claim repository: acme/widgets" in said
    assert re.search(r"claim job_workflow_ref: acme/widgets/\.github/workflows/release\.yml@", said)
    shown = [line for line in said.splitlines() if TOKEN.search(line)]
    assert len(shown) == 2
    assert all(line.startswith("::add-mask::") for line in shown)


async def test_a_refusal_names_the_indexs_reason(runner: str, index: IndexStandIn) -> None:
    """Another workflow's identity fails the job, with the code that the index gives; nothing is made."""
    code, said = await confirm(f"{runner}other.yml", index)
    assert code == 1, said
    assert "::error::invalid-publisher: " in said
    assert "gears" not in index.state.projects
    assert index.state.pending


async def test_an_index_without_trusted_publishing_fails_the_job(runner: str, index: IndexStandIn) -> None:
    """Where the audience is refused the job fails and sends no identity anywhere."""
    index.fail("/_/oidc/audience", status=403)
    code, said = await confirm(f"{runner}release.yml", index)
    assert code != 0
    assert not TOKEN.search(said)
    assert not index.count("/_/oidc/mint-token")
