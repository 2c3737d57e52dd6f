"""Every await of the engine at which its process can die: found by standing around all that it awaits, not by hand.

Each call of the outside world and each transaction is a point twice: before it, and once it is done but nobody has
heard of it.
"""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy.ext.asyncio import AsyncSession

from bot.workflow.ports import Forge, Index, Notifier, People
from storage.database import Database
from storage.records import OutboxItem
from tests.conftest import part
from tests.releases.kit import Parts


class Killed(BaseException):
    """The process has died."""


@dataclass
class Points:
    """Every point at which the process can die, numbered as it comes to them."""

    fatal: int = -1
    names: list[str] = field(default_factory=list)
    dead: bool = False

    def reach(self, name: str) -> None:
        """Come to a point; whoever is dead comes no further."""
        if self.dead or len(self.names) == self.fatal:
            self.dead = True
            raise Killed(name)
        self.names.append(name)


async def killed_at_a_part(play: Callable[[Points], Awaitable[None]], every: int) -> None:
    """Play something whole, and again dying at every so-many-th of its points; `play` checks what has come of it."""
    points = Points()
    await play(points)
    assert len(points.names) > 4
    for fatal in part(range(len(points.names)), every):
        dying = Points(fatal)
        await play(dying)
        assert dying.dead


class Around:
    """Stands around a fake, with a point before and after each of its calls."""

    def __init__(self, name: str, inner: object, points: Points) -> None:
        self._name, self._inner, self._points = name, inner, points

    def __getattr__(self, method: str) -> Any:
        """Return the method with its points."""
        found = getattr(self._inner, method)
        if not inspect.iscoroutinefunction(found):
            return found

        async def call(*args: Any, **more: Any) -> Any:
            of = _kind(args[0]) if isinstance(args[0], OutboxItem) else ""
            self._points.reach(f"before {self._name}.{method}{of}")
            answer = await found(*args, **more)
            self._points.reach(f"after {self._name}.{method}{of}")
            return answer

        return call


def _kind(item: OutboxItem) -> str:
    return f" {item.kind}{' edited' * bool(item.ts)}{' in the channel too' * item.broadcast}"


class AroundDatabase(Database):
    """A database with a point before and after each commit."""

    def __init__(self, inner: Database, points: Points) -> None:
        super().__init__(inner.url.render_as_string(hide_password=False))
        self._inner, self._points = inner, points

    @asynccontextmanager
    async def transaction(self, *, urgent: bool = False) -> AsyncIterator[AsyncSession]:
        """Open a transaction; killed in it, nothing of it is kept."""
        self._points.reach("before database.begin")
        async with self._inner.transaction(urgent=urgent) as session:
            yield session
            self._points.reach("before database.commit")
        self._points.reach("after database.commit")

    @asynccontextmanager
    async def reading(self, *, steady: bool = False) -> AsyncIterator[AsyncSession]:
        """Open a reading transaction."""
        self._points.reach("before database.read")
        async with self._inner.reading(steady=steady) as session:
            yield session
        self._points.reach("after database.read")


def around(parts: Parts, points: Points, *, speech: bool) -> Parts:
    """Return the parts, each with its points; without `speech` nothing is said, and all of it left for a later life."""
    slack = cast("Notifier", Around("slack", parts.notifier, points)) if speech else None
    return Parts(
        database=AroundDatabase(parts.database, points),
        index=cast("Index", Around("index", parts.index, points)),
        forge=cast("Forge", Around("forge", parts.forge, points)),
        people=cast("People", Around("people", parts.people, points)),
        notifier=slack,
    )
