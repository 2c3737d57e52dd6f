"""The address guard: connects to the very addresses that it has checked.

Knows: the resolver, sockets by httpcore's backend interface. Must not know: httpx, requests.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import httpcore

from bot.core.addresses import is_public
from bot.errors import Unreachable
from bot.transport.failures import shown

CONNECT_TO_ONE = 3.0
"""Seconds for one of several addresses, before the next one is tried."""

Resolver = Callable[[str, int], Sequence[str]]
"""Blocking: gives the addresses of a host; OSError where there are none."""


def system_resolver(host: str, port: int) -> Sequence[str]:
    """Ask the system for a host's addresses, in its order of preference."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class Lookups:
    """Asks the resolver, once at a time for each host.

    A name server that hangs can't be interrupted; each host costs one thread at most, which does not keep the
    process from ending.
    """

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._open: dict[tuple[str, int], asyncio.Future[Sequence[str]]] = {}

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """Return the host's addresses; OSError where there are none."""
        key = (host, port)
        if key not in self._open:
            self._open[key] = self._start(key)
        return await asyncio.shield(self._open[key])

    def _start(self, key: tuple[str, int]) -> asyncio.Future[Sequence[str]]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Sequence[str]] = loop.create_future()

        def done(found: Sequence[str], error: OSError | None) -> None:
            self._open.pop(key, None)
            if error is None:
                answer.set_result(found)
            else:
                answer.set_exception(error)
                answer.exception()  # seen, also where nobody waits any more

        def look() -> None:
            found: Sequence[str] = ()
            failed: OSError | None = None
            try:
                found = self._resolver(*key)
            except (OSError, ValueError) as error:  # a name that can't be encoded is a ValueError
                failed = error if isinstance(error, OSError) else socket.gaierror(str(error))
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(done, found, failed)

        threading.Thread(target=look, name=f"resolve {key[0]}", daemon=True).start()
        return answer


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects to the very addresses that it has checked, so a name can't lead elsewhere a moment later."""

    def __init__(self, lookups: Lookups, *, allow_private: bool) -> None:
        self._lookups = lookups
        self._allow_private = allow_private
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a host; Unreachable where one of its addresses is not public."""
        addresses = await self._lookups.addresses(host, port)
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        if not self._allow_private and not all(map(is_public, addresses)):
            raise Unreachable(
                f"{shown(host)} leads to an address that is not public.",
                host=shown(host),
                remedy="If it is meant, set SHIPBELL_ALLOW_PRIVATE_ADDRESSES=true.",
            )
        for address in addresses[:-1]:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return await self._network.connect_tcp(
                    address, port, CONNECT_TO_ONE, local_address, socket_options
                )
        return await self._network.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - httpcore's signature
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - httpcore's signature
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002 - httpcore's signature
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: no address that we are given names a file."""
        raise Unreachable("Sockets in the file system are not used.", host="")

    async def sleep(self, seconds: float) -> None:
        """Wait between two attempts, of which httpcore makes none by itself here."""
        await asyncio.sleep(seconds)
