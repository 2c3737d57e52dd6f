"""Servers on the loopback that send exactly the bytes a test wants, and note what they got."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Script = Callable[["Server", asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """One server; `script` answers each request in turn."""

    script: Script
    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    """Heads and bodies as they came."""
    connections: int = 0
    written: int = 0
    """Bytes of bodies that the other side has taken."""
    busy: int = 0
    busiest: int = 0
    """Most requests that were open at once."""
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    """What hangs ends when this is set."""
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def has(self, count: int) -> None:
        """Wait until so many requests are open."""
        async with self.arrived:
            await self.arrived.wait_for(lambda: self.busy >= count)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                await self._one(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        self.requests.append(head + await reader.readexactly(length))
        self.busy += 1
        self.busiest = max(self.busy, self.busiest)
        async with self.arrived:
            self.arrived.notify_all()
        try:
            await self.script(self, writer)
            await writer.drain()
        finally:
            self.busy -= 1


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[Server]:
    """Run a server."""
    server = Server(script)
    listener = await asyncio.start_server(server._serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        server.let_go.set()
        listener.close()


def raw(*parts: bytes) -> Script:
    """Send these bytes."""

    async def script(_server: Server, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)

    return script


def answer(
    status: int = 200, body: bytes = b"", *, reason: str = "X", headers: dict[str, str] | None = None
) -> Script:
    """Send one complete answer."""
    lines = {"Content-Length": str(len(body)), **(headers or {})}
    head = f"HTTP/1.1 {status} {reason}\r\n" + "".join(
        f"{name}: {value}\r\n" for name, value in lines.items()
    )
    return raw(head.encode("latin-1") + b"\r\n" + body)


async def hang(server: Server, _writer: asyncio.StreamWriter) -> None:
    """Answer nothing until the server lets go, then cut."""
    await server.let_go.wait()
    raise ConnectionResetError


async def cut(_server: Server, writer: asyncio.StreamWriter) -> None:
    """Cut the connection without an answer."""
    writer.transport.abort()
    raise ConnectionResetError


def flood(head: bytes, chunk: bytes, times: int) -> Script:
    """Send a head and a body without end, as fast as it is taken, counting what was."""

    async def script(server: Server, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        for _ in range(times):
            writer.write(chunk)
            await writer.drain()
            server.written += len(chunk)

    return script


def leading_to(*addresses: str) -> Callable[[str, int], Sequence[str]]:
    """Return a resolver that gives every host these addresses."""

    def resolver(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolver
