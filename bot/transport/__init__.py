"""Outgoing HTTP: the one room that knows httpx.

Knows: time-outs, limits, retries, the address guard, what each way to fail is called. Must not know: which service
is asked, what an answer means.

Redirects are answers, not followed. Cookies are neither kept nor sent. Proxies named by the environment are not used,
since the guard could not see what they reach. Certificates are verified against the system's authorities, or those
that `SSL_CERT_FILE` names (OpenSSL reads it).
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar
from weakref import WeakValueDictionary

import httpcore
import httpx  # noqa: TID251 - this is its room
import stamina

from bot import __version__, measuring
from bot.errors import TransportError, Unreachable
from bot.transport.bodies import digest, read
from bot.transport.breaker import Breaker
from bot.transport.failures import AGAIN_IN, Exchange, shown
from bot.transport.guard import GuardedBackend, Lookups, Resolver, system_resolver
from bot.transport.watched import OTHER, watched
from bot.wire import Answer, Hashed, Request

USER_AGENT = f"shipbell/{__version__}"
IN_FLIGHT = 20
"""Requests at once, whatever the hosts: httpx's pool gets slow with many waiters."""
PER_HOST = 4
"""Requests at once to one host, so that a slow one does not use up all the others' places."""
ATTEMPTS = 3
"""Times that a request which changes nothing is sent at most."""
RESTS = (5.0, 60.0)
"""Seconds that a host is left alone which has failed again and again: at first, and at most."""
WAITED = 2.0
"""Seconds after which a request that its asker gave up counts against the host."""
MOST_HOSTS = 1_000
_AWAY = frozenset({502, 503, 504})
"""Statuses that say that who would answer is not there."""
KEEP_IDLE = 15.0
"""Seconds that an unused connection is kept."""

_METHOD = re.compile(r"[A-Z]{1,16}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]{0,16384}")
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})
"""Headers that say how a request is sent; what is asked for must not set them."""
_BROKEN = (
    httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol,
    httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError,
)  # fmt: skip
"""Whatever the libraries raise where no answer was read."""

Got = TypeVar("Got")
_Take = Callable[[httpx.Response], Awaitable[Got]]
"""Reads an answer that has begun."""

# By itself stamina writes each retry to whatever structlog points at, which without a set-up is standard output.
stamina.instrumentation.set_on_retry_hooks(())


def user_agent(contact: str = "") -> str:
    """Return the `User-Agent`, with the address where an index's operator can reach ours."""
    return f"{USER_AGENT} ({contact})" if contact else USER_AGENT


class Transport:
    """Sends requests; close it with `aclose()`, or use it as an async context manager."""

    def __init__(
        self,
        *,
        allow_private_addresses: bool = False,
        user_agent: str = USER_AGENT,
        places: tuple[int, int] = (IN_FLIGHT, PER_HOST),
        resolver: Resolver = system_resolver,
        names: Mapping[str, str] | None = None,
        rests: tuple[float, float] = RESTS,
    ) -> None:
        """Make one; `places` are how many requests there are at once, in all and to one host; `rests` is for how many seconds a host that fails is left alone at first, and at most; `names` is what hosts are called in figures: host, with its port where it is not the usual one -> word of a closed set."""
        self._allow_private = allow_private_addresses
        self._headers = {"User-Agent": user_agent, "Accept-Encoding": "gzip"}
        self._in_flight, self._per_host = places
        self._names = dict(names or {})
        self._rests = rests
        self._breakers: dict[str, Breaker] = {}
        self._places = asyncio.Semaphore(self._in_flight)
        self._host_places: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._backend = GuardedBackend(Lookups(resolver), allow_private=allow_private_addresses)
        self._opening = asyncio.Lock()
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.aclose()

    async def send(self, request: Request) -> Answer:
        """Send a request and read its answer, whatever the status; GET is repeated where that may help at once, unless the request says otherwise.

        Raises Unreachable where nothing was sent, AnswerLost where it may have arrived. Their text names the host and
        the cause, never a header, the body, the query or the userinfo.
        """

        async def take(response: httpx.Response) -> Answer:
            body, truncated = await read(response, request.max_bytes)
            return _answer(response, body, truncated=truncated)

        return await self._asked(request, take, {})

    async def hash(self, request: Request) -> Hashed:
        """Send a request and hash the body of its answer, which is kept nowhere; otherwise as `send` does.

        The bytes are asked for as they are, and only those of a 200 are read.
        """
        return await self._hashed(request, None)

    async def save(self, request: Request, into: BinaryIO) -> Hashed:
        """Send a request and write the body of its answer into a file from its beginning, hashed; otherwise as `hash` does.

        Writing blocks for as long as the system's own memory takes it.
        """
        return await self._hashed(request, into)

    async def _hashed(self, request: Request, into: BinaryIO | None) -> Hashed:
        async def take(response: httpx.Response) -> Hashed:
            limit = request.max_bytes if response.status_code == httpx.codes.OK else 0
            if into is not None:
                into.seek(0)
                into.truncate()
            sha256, size, truncated = await digest(response, limit, into)
            return Hashed(_answer(response, b"", truncated=truncated), sha256, size)

        return await self._asked(request, take, {"Accept-Encoding": "identity"})

    async def _asked(self, request: Request, take: _Take[Got], ours: Mapping[str, str]) -> Got:
        """Send a request as often as may help; `ours` are headers that only the transport may set."""
        url = self._checked(request)
        asked = replace(request, headers={**request.headers, **ours})
        if request.method != "GET" or request.once:
            return await self._send(asked, url, take)
        async for attempt in stamina.retry_context(
            on=_again, attempts=ATTEMPTS, timeout=request.timeout, wait_max=2 * AGAIN_IN
        ):
            with attempt:
                return await self._send(asked, url, take)
        raise AssertionError("stamina gives an attempt or raises")

    def _checked(self, request: Request) -> httpx.URL:
        """Return the address, where it and all that goes with it may be sent."""
        try:
            url = httpx.URL(request.url)
            host = shown(url.host)
        except (
            httpx.InvalidURL,
            UnicodeError,
        ) as error:  # `host` decodes what claims to be an international name
            raise Unreachable("The address can't be read.", host="", remedy="Correct it.") from error
        if not url.host or url.userinfo:
            raise Unreachable(
                f"The address of {host or 'nobody'} has no host, or a user name in it.",
                host=host,
                remedy="Correct it.",
            )
        if url.scheme != "https" and not (url.scheme == "http" and self._allow_private):
            raise Unreachable(
                f"The address of {host} is not https.",
                host=host,
                remedy="Use https; plain http is for private networks, with SHIPBELL_ALLOW_PRIVATE_ADDRESSES=true.",
            )
        if not _METHOD.fullmatch(request.method) or not all(map(_is_header, *_columns(request.headers))):
            raise Unreachable(
                f"A header for {host} holds characters that can't be sent.",
                host=host,
                remedy="A token that was pasted with a line break does that; enter it anew.",
            )
        return url

    async def _send(self, request: Request, url: httpx.URL, take: _Take[Got]) -> Got:
        host, to = shown(url.host), self._names.get(url.netloc.decode("ascii"), OTHER)
        exchange = Exchange()
        async with self._place(url.host, request.timeout), self._tried(url, to, exchange):
            try:
                async with asyncio.timeout(request.timeout):
                    with watched(to, request.method, url.host, exchange):
                        return await self._exchange(request, url, exchange, take)
            except TimeoutError as error:
                raise exchange.timed_out(host, request.timeout) from error
            except _BROKEN as error:
                raise exchange.broken(host, error) from error

    @asynccontextmanager
    async def _tried(self, url: httpx.URL, to: str, exchange: Exchange) -> AsyncIterator[None]:
        """Let a request pass unless its host has failed again and again, and learn from how it ends.

        A host that answers is there, whatever it says but that something behind it is not; what was waited for in vain counts
        as failed, whoever gave up.
        """
        host, now = shown(url.host), asyncio.get_running_loop().time
        breaker = self._breaker(url.netloc.decode("ascii"))
        if left := breaker.left(now()):
            raise Unreachable(
                f"{host} has failed {breaker.failures} times in a row, and is left alone for another {left:.0f} s.",
                host=host,
                remedy="Ask again later.",
            )
        began, trial = now(), breaker.open_until is not None
        failed: bool | None = True
        try:
            yield
            failed = exchange.status in _AWAY
        except asyncio.CancelledError:
            failed = None if now() - began < WAITED else True
            raise
        finally:
            self._learn(breaker, to, trial, failed)

    @staticmethod
    def _learn(breaker: Breaker, to: str, trial: bool, failed: bool | None) -> None:  # noqa: FBT001 - by place, once
        if failed is None:
            breaker.unsure(trial=trial)
        elif failed and breaker.bad(asyncio.get_running_loop().time(), trial=trial):
            measuring.breaker(to, opened=True)
        elif not failed and breaker.good():
            measuring.breaker(to, opened=False)

    def _breaker(self, host: str) -> Breaker:
        if host not in self._breakers and len(self._breakers) >= MOST_HOSTS:
            self._breakers = {name: one for name, one in self._breakers.items() if one.open_until is not None}
        return self._breakers.setdefault(host, Breaker(*self._rests))

    @asynccontextmanager
    async def _place(self, host: str, seconds: float) -> AsyncIterator[None]:
        """Wait for a place, the host's first: whoever waits for a slow host must not hold a place of all."""
        of_host = self._host_places.setdefault(host, asyncio.Semaphore(self._per_host))
        waiting = asyncio.timeout(seconds)
        try:
            async with waiting, of_host, self._places:
                waiting.reschedule(None)
                yield
        except TimeoutError as error:
            if not waiting.expired():
                raise
            raise Unreachable(
                f"{shown(host)} is so slow that this request waited {seconds:g} s for its turn.",
                host=shown(host),
                remedy="Ask again later.",
            ) from error

    async def _exchange(self, request: Request, url: httpx.URL, exchange: Exchange, take: _Take[Got]) -> Got:
        client = await self._opened()
        built = client.build_request(
            request.method, url, headers=dict(request.headers), extensions={"trace": exchange.trace}, **_body(request),
        )  # fmt: skip
        response = await client.send(built, stream=True)
        exchange.began(response.status_code, response.headers)
        try:
            return await take(response)
        finally:
            await response.aclose()

    async def _opened(self) -> httpx.AsyncClient:
        """Return the client, made at the first request: reading all authorities takes a while."""
        async with self._opening:
            if self._client is None:
                context = await asyncio.to_thread(ssl.create_default_context)
                pool = httpcore.AsyncConnectionPool(
                    ssl_context=context,
                    max_connections=self._in_flight,
                    max_keepalive_connections=self._in_flight,
                    keepalive_expiry=KEEP_IDLE,
                    network_backend=self._backend,
                )
                self._client = httpx.AsyncClient(
                    transport=_PoolTransport(pool),
                    headers=self._headers,
                    # One team's session with a service must not become another's.
                    cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                    timeout=None,  # noqa: S113 - `asyncio.timeout` holds over everything, the body included
                    trust_env=False,
                    follow_redirects=False,
                )
        return self._client


def _again(error: Exception) -> float | bool:
    """Return in how many seconds to repeat, which our own error knows."""
    return error.retry_in if isinstance(error, TransportError) and error.retry_in is not None else False


def _answer(response: httpx.Response, body: bytes, *, truncated: bool) -> Answer:
    return Answer(
        status=response.status_code,
        reason=_reason(response),
        headers={name.lower(): value for name, value in response.headers.items()},
        body=body,
        truncated=truncated,
    )


def _body(request: Request) -> dict[str, Any]:
    form = request.form
    if form is None:
        return {"content": request.body or None}
    fields: dict[str, list[str]] = {}
    for name, value in form.fields:
        fields.setdefault(name, []).append(value)
    part = (form.filename, form.content, "application/octet-stream")
    return {"data": fields, "files": {form.part: part}}


def _columns(headers: Mapping[str, str]) -> tuple[Iterable[str], Iterable[str]]:
    return headers.keys(), headers.values()


def _is_header(name: str, value: str) -> bool:
    known = _HEADER_NAME.fullmatch(name) and name.lower() not in _OURS
    return bool(known and _HEADER_VALUE.fullmatch(value))


def _reason(response: httpx.Response) -> str:
    """Return the status line's reason on one line: some services say there why they refuse."""
    raw: bytes = response.extensions.get("reason_phrase", b"")
    text = raw[:2000].decode("latin-1")
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:1000]


class _PoolTransport(httpx.AsyncBaseTransport):
    """httpx on a connection pool of our own; httpcore's errors pass as they are."""

    def __init__(self, pool: httpcore.AsyncConnectionPool) -> None:
        self._pool = pool

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        url = request.url
        response = await self._pool.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close the pool."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    """An answer's body as it comes."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._response.aiter_stream():
            yield chunk

    async def aclose(self) -> None:
        """Give the connection back, or close it where the body was not read to its end."""
        await self._response.aclose()
