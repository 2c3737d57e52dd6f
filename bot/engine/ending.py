"""Tasks, ended for good.

Knows: that a cancellation may be lost. Must not know: what a task does.

A task is asked once to stop, and a library that was in the midst of a question may answer with the question's own error: psycopg
raises what the server said last, its caller takes that for an answer (a job that is in the queue already), and goes on.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

PATIENCE = 1.0
"""Seconds after which one that goes on is asked again; long enough for what it does last."""


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks, as often as it takes, until all have ended; what they raise is nobody's any more."""
    wanted = set(tasks)
    left = {task for task in wanted if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=PATIENCE)
    await asyncio.gather(*wanted, return_exceptions=True)  # looked at, or asyncio would complain of them
