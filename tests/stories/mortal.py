"""A bot's process that kills itself with SIGKILL when it is about to send its database a certain statement, or others a certain request.

Knows: how the child counts. A kill from outside comes at some instant; this one comes at each point of a transaction in turn.
"""

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.stories import forked
from tests.stories.forked import Forked


def arm(log: Path, statements: int) -> None:
    """Let the process that writes this log live for so many further statements, also one that is started from now on."""
    beside = _file(log)
    beside.with_suffix(".new").write_text(str(statements))
    beside.with_suffix(".new").replace(beside)


def armed(log: Path) -> bool:
    """Whether it has not died of it yet."""
    return _file(log).exists()


def disarm(log: Path) -> None:
    """Let it live."""
    _file(log).unlink(missing_ok=True)


async def mortal(environment: Mapping[str, str], log: Path) -> Forked:
    """Start `shipbell serve` so, as `tests.stories.forked` does."""
    return forked.started(_serve, dict(environment), log)


async def poisoned(environment: Mapping[str, str], log: Path, lane: str, word: str) -> Forked:
    """Start `shipbell serve` so that it dies whenever a step of this lane is about to ask a host or the database for what has this word in it."""
    return forked.started(_sicken, dict(environment), log, lane, word)


def _sicken(environment: dict[str, str], log: Path, lane: str, word: str) -> None:
    from sqlalchemy import Engine, event
    from structlog.contextvars import get_contextvars

    from bot.transport import Transport
    from bot.wire import Request

    send = Transport.send

    def look(what: object) -> None:
        if get_contextvars().get("lane") == lane and word in str(what):
            os.kill(os.getpid(), signal.SIGKILL)

    async def sent(self: Transport, request: Request) -> Any:
        look(request.url)
        return await send(self, request)

    Transport.send = sent  # type: ignore[method-assign]
    event.listen(Engine, "before_cursor_execute", lambda *told: look(told[3]))
    forked.serve(environment, log, "serve")


def _serve(environment: dict[str, str], log: Path) -> None:
    from sqlalchemy import Engine, event

    counted, beside = 0, _file(log)

    def count(*_of_statement: Any) -> None:
        nonlocal counted
        if not beside.exists():
            counted = 0
            return
        counted += 1
        if counted > int(beside.read_text()):
            beside.unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", count)
    event.listen(Engine, "commit", count)
    forked.serve(environment, log, "serve")


def _file(log: Path) -> Path:
    return log.with_suffix(".armed")
