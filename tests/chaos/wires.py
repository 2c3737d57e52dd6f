"""A wire between two real processes that drops, delays and truncates what passes, on demand.

It carries bytes and knows no protocol, so that Slack, forge, index and PostgreSQL are cut off by the same means.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Self

CHUNK = 65_536
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Reach = Callable[[], Awaitable[Ends]]


def tcp(port: int) -> Reach:
    """Return how a port of this machine is reached."""
    return lambda: asyncio.open_connection("127.0.0.1", port)


def unix(path: str) -> Reach:
    """Return how a socket file is reached."""
    return lambda: asyncio.open_unix_connection(path)


@dataclass
class Weather:
    """What befalls what passes, from now on."""

    delay: float = 0.0
    """Seconds that each piece waits, at most."""
    cut: float = 0.0
    """How probable it is that a piece ends its connection instead of arriving."""
    truncate: float = 0.0
    """How probable it is that only half of a piece arrives, and then the connection ends."""
    down: bool = False
    """Whether nobody gets through at all."""


@dataclass
class Wire:
    """Listens on a port and leads to the first of its ends that can be reached, another one each time."""

    chance: Random
    reaches: Callable[[], Sequence[Reach]]
    weather: Weather = field(default_factory=Weather)
    cuts: int = 0
    port: int = 0
    _turn: int = 0
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        assert self._server is not None
        self._server.close()
        self.sever()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def sever(self) -> None:
        """Cut every connection that there is."""
        for writer in self._writers:
            writer.transport.abort()

    def heal(self) -> None:
        """Let everything pass again."""
        self.weather = Weather()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        far = await self._reached()
        if far is None:
            writer.transport.abort()
            return
        both = (writer, far[1])
        self._writers.update(both)
        try:
            await asyncio.gather(self._pass(reader, far[1]), self._pass(far[0], writer))
        finally:
            for one in both:
                one.transport.abort()
            self._writers.difference_update(both)

    async def _reached(self) -> Ends | None:
        found = () if self.weather.down else self.reaches()
        self._turn += 1
        for number in range(len(found)):
            with contextlib.suppress(OSError):
                return await found[(self._turn + number) % len(found)]()
        return None

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(CHUNK):
                if self.weather.delay:
                    await asyncio.sleep(self.weather.delay * self.chance.random())
                dice = self.chance.random()
                if dice < self.weather.cut + self.weather.truncate:
                    self.cuts += 1
                    if dice >= self.weather.cut:
                        writer.write(piece[: len(piece) // 2])
                        await writer.drain()
                    self.sever_both(writer)
                    return
                writer.write(piece)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()

    def sever_both(self, writer: asyncio.StreamWriter) -> None:
        """End one connection; the other half ends with it."""
        writer.close()
