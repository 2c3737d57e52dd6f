"""Questions of one value, asked of the database in one statement by all who ask in the same moment.

Knows: who asks together. Must not know: what is asked.

After each step half a dozen lanes want to know when they have work. Each of those questions is answered in a moment by an index, and costs
ten times as much on the way there and back.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.columns import UTCDateTime

T = TypeVar("T")
Question = Select[T]
NOW = bindparam("asked_at", type_=UTCDateTime())
"""What stands for the time now in a question, so that it is made once."""


def at(now: datetime) -> dict[str, datetime]:
    """Return what a question is sent with."""
    return {"asked_at": now}


@dataclass(eq=False, slots=True)
class _Round:
    """The questions of one moment, and their answers, in the same order."""

    now: datetime
    questions: list[Question[Any]] = field(default_factory=list)
    answers: "asyncio.Task[Sequence[Any]] | None" = None


class Questions:
    """Answers questions, many at a time. Of one event loop."""

    def __init__(self, reading: Callable[[], AbstractAsyncContextManager[AsyncSession]]) -> None:
        self._reading = reading
        self._open: _Round | None = None
        self._tasks: set[asyncio.Task[Sequence[Any]]] = set()

    async def ask(self, question: Question[T], now: datetime) -> T:
        """Return the one value of a question, as it is at some time after this is called."""
        mine = self._open
        if mine is None:
            mine = self._open = _Round(now)
            mine.answers = asyncio.create_task(self._answer(mine))
            self._tasks.add(mine.answers)
            mine.answers.add_done_callback(self._ended)
        place = len(mine.questions)
        mine.questions.append(question)
        assert mine.answers is not None
        # Whoever is cancelled takes nobody else's answer along.
        answer: T = (await asyncio.shield(mine.answers))[place]
        return answer

    async def close(self) -> None:
        """End what is being asked; whoever asks from now on is asked anew."""
        self._open = None
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, asked: _Round) -> Sequence[Any]:
        await asyncio.sleep(0)  # whoever was woken in the same moment asks, too
        self._open = None
        async with self._reading() as session:
            # In one order, so that those who often ask together have one statement.
            order = sorted(range(len(asked.questions)), key=lambda place: id(asked.questions[place]))
            together = _together(tuple(asked.questions[place] for place in order))
            found = (await session.execute(together, at(asked.now))).one()
        return [value for _, value in sorted(zip(order, found, strict=True))]

    def _ended(self, task: asyncio.Task[Sequence[Any]]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # those who asked have it, if they are still there


@lru_cache(maxsize=512)
def _together(questions: tuple[Question[Any], ...]) -> Select[Any]:
    """Return one question for many; making it takes longer than asking it."""
    if len(questions) == 1:
        return questions[0]
    return select(*(one.scalar_subquery() for one in questions))
