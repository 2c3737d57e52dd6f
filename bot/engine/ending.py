"""Tasks, ended for good.

Knows: that a cancellation may be lost. Must not know: what a task does.

A task is asked once to stop, and a library that was in the midst of a question may answer with the question's own error: psycopg
raises what the server said last, its caller takes that for an answer (a job that is in the queue already), and goes on.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

import structlog

log = structlog.get_logger(__name__)

PATIENCE = 2.0
"""Seconds after which one that goes on is asked again; long enough for what it does last."""
ROUNDS = 3
"""How often one is asked; one that still goes on then would not let the process end."""


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks, more than once if need be, until all have ended; what they raise is nobody's any more."""
    wanted = set(tasks)
    left = {task for task in wanted if not task.done()}
    for _ in range(ROUNDS):
        if not left:
            break
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=PATIENCE)
    if left:
        log.error("tasks did not end", tasks=len(left))
    await asyncio.gather(
        *wanted - left, return_exceptions=True
    )  # looked at, or asyncio would complain of them
