"""How the bot listens: whoever is slow, endless or too many is put off before anything of it is understood.

Knows: uvicorn, connections, seconds and bytes. Must not know: routes, what a request means.

uvicorn limits neither how long nor how large a request's head may be (with httptools), nor how slowly an answer may be taken:
a proxy in front does, and the bot does not rely on one (ADR 0021).
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
STOPS_WITHIN = 5
"""Seconds that requests have to end in when asked to stop; the steps' own come after (`bot.engine`)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one who connects is given."""

    head_seconds: float = 10.0
    """For all of a request's head, and for the wait between two requests."""
    head_bytes: int = 65_536
    """For a head; browsers and proxies stay below 16 KiB."""
    write_seconds: float = 30.0
    """Without one byte of an answer being taken that does not fit into the system's memory."""
    life_seconds: float = 600.0
    """For a connection, however well it behaves; a proxy opens the next one."""
    requests: int = 800
    """Connections beyond which a request is answered 503; below the 1,024 open files that systems give by default."""
    connections: int = 900
    """Connections beyond which one more is cut at once."""


LIMITS = Limits()


def config(app: ASGIApp, host: str, port: int, limits: Limits = LIMITS) -> uvicorn.Config:
    """Return how to serve an application."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=listener(limits),
        ws="none",  # nothing here speaks WebSocket
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing here asks for the client's address or scheme
        limit_concurrency=limits.requests,
        timeout_graceful_shutdown=STOPS_WITHIN,
    )


def listener(limits: Limits) -> type[asyncio.Protocol]:
    """Return uvicorn's protocol, held to these limits."""

    class Listener(_Listener):
        pass

    Listener.limits = limits
    return Listener


class _Listener(HttpToolsProtocol):
    """One connection."""

    limits: Limits

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._head_bytes = 0
        self._head: asyncio.TimerHandle | None = None
        self._write: asyncio.TimerHandle | None = None
        self._life: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to count."""
        if len(self.connections) >= self.limits.connections:
            transport.abort()
        super().connection_made(transport)
        self._head = self.loop.call_later(self.limits.head_seconds, self._too_slow)
        self._life = self.loop.call_later(self.limits.life_seconds, self._too_old)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop counting."""
        for timer in (self._head, self._write, self._life):
            if timer is not None:
                timer.cancel()
        self._head = self._write = self._life = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head, empty lines before it included."""
        if self._between() and self._head is None:
            self._head = self.loop.call_later(self.limits.head_seconds, self._too_slow)
        self._head_bytes += len(data) if self._head is not None else 0
        super().data_received(data)
        if self._head is not None and self._head_bytes > self.limits.head_bytes:
            self._put_off(_LONG)

    def on_headers_complete(self) -> None:
        """Stop counting until the next head."""
        if self._head is not None:
            self._head.cancel()
        self._head, self._head_bytes = None, 0
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """Wait for the other side to take what it asked for, but not for ever."""
        super().pause_writing()
        self._write = self.loop.call_later(self.limits.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on."""
        if self._write is not None:
            self._write.cancel()
        self._write = None
        super().resume_writing()

    def _between(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _too_slow(self) -> None:
        self._put_off(_SLOW)

    def _put_off(self, answer: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._between():
            self.transport.write(answer)
        self.transport.close()

    def _too_old(self) -> None:
        """Let the request that is under way be the last one; what is not over then is cut."""
        self.shutdown()
        self._life = self.loop.call_later(self.limits.write_seconds, self.transport.abort)
