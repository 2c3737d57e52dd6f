"""What the ack is measured beside, each a server of its own: `python -m tests.bench.servers KIND PORT FOLDER`."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import uvicorn
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from sqlalchemy import insert
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from storage.database import Database
from storage.ledger.sql import table
from storage.migrations import upgrade
from storage.tables import TeamRow

SECRET = "bench-signing-secret"
KINDS = ("starlette", "bolt", "bolt-before", "bolt-insert")


async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
    """Know everybody, without asking Slack."""
    return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token="xoxb-bench")


def bolt(kind: str, database: Database | None) -> AsyncApp:
    """Return bare Bolt with one command: as it comes, acking before the response, or that plus one insert."""
    app = AsyncApp(signing_secret=SECRET, authorize=authorize, process_before_response=kind != "bolt")

    @app.command("/publisher")
    async def command(ack: AsyncAck) -> None:
        if database is not None:
            async with database.transaction() as session:
                values = {"id": uuid4(), "slack_team_id": uuid4().hex[:30], "enterprise_id": ""}
                await session.execute(insert(table(TeamRow)).values(created_at=datetime.now(UTC), **values))  # noqa: TID251 - a bench
        await ack()

    return app


async def main(kind: str, port: int, folder: Path) -> None:
    """Serve until ended."""
    database = None
    if kind == "bolt-insert":
        url = f"sqlite+aiosqlite:///{folder}/bench.db"
        await asyncio.to_thread(upgrade, url)
        database = Database(url)
        await database.open()
    handler = None if kind == "starlette" else AsyncSlackRequestHandler(bolt(kind, database))

    async def events(request: Request) -> Response:
        if handler is None:
            await request.body()
            return PlainTextResponse("")
        return await handler.handle(request)

    async def ready(_request: Request) -> Response:
        return PlainTextResponse("ok")

    async def slack(_request: Request) -> Response:
        return JSONResponse({"ok": True, "ts": "1.1"})

    routes = [Route("/slack/events", events, methods=["POST"]), Route("/readyz", ready)]
    app = Starlette(routes=[*routes, Route("/{path:path}", slack, methods=["GET", "POST"])])
    await uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, access_log=False)).serve()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])))
