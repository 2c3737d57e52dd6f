"""What the stand-ins share: a server on the loopback, a log of what was asked, faults on demand.

Knows: aiohttp's server. Must not know: which service is stood in for.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from aiohttp import web

from bot.demo.faults import DEFAULT_BODY, Fault, Gate

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
MAX_UPLOAD_BYTES = 512 * 1024 * 1024
SECRET = re.compile(r"(?:gh[a-z]_|github_pat_|pypi-|xox[a-z]-|eyJ)[\w.=-]+")


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """One request as it arrived. Of `Authorization` only the scheme is kept, of cookies nothing."""

    method: str
    path: str
    query: Mapping[str, str]
    scheme: str
    """`Token`, `Basic`, `Bearer`, ...; "" where there was no `Authorization`."""
    headers: Mapping[str, str]
    """Lower-case names."""
    body: Any = None
    """The JSON that was sent, secrets taken out, where the stand-in keeps such; else None."""


class StandIn:
    """A service on 127.0.0.1 that tests and the demo can count, break and stop."""

    keeps_json: ClassVar[bool] = False
    """Whether the JSON of requests is kept, for tests to look at."""

    def __init__(self) -> None:
        self.requests: list[SeenRequest] = []
        """Everything that was asked, in the order of arrival, failed ones too."""
        self._faults: list[Fault] = []
        self._gate = Gate()
        self._news = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._url = ""

    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1; 0 takes a free port. OSError if the port is taken."""
        runner = web.AppRunner(
            self._application(), access_log=None, shutdown_timeout=1.0, handler_cancellation=True
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._url = f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Let hanging answers go and stop listening; harmless where nothing was started."""
        self.heal()
        self.release()
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end; RuntimeError before `start`."""
        if not self._url:
            raise RuntimeError("not started yet: the port is known only then")
        return self._url

    def fail(  # noqa: PLR0913 - each way to fail is one keyword, and tests read best so
        self,
        path_prefix: str,
        *,
        method: str = "",
        status: int = 500,
        reason: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = DEFAULT_BODY,
        times: int = 1,
        hang: bool = False,
        close: bool = False,
        after: bool = False,
        megabytes: int = 0,
    ) -> None:
        """Let the next `times` requests under `path_prefix` fail (negative: all, until `heal`).

        Without more: the given status, reason, headers and body. `megabytes` streams so much after the body.
        `close` cuts the connection without an answer. `hang` does and answers nothing until `release`;
        who gives up before is dropped, the others then get the true answer. `after` first does what was asked and only then
        fails, so that the answer is lost but not the deed. Of several faults the earliest that fits strikes.
        """
        self._faults.append(
            Fault(
                path_prefix=path_prefix,
                method=method,
                status=status,
                reason=reason,
                headers=headers or {},
                body=body,
                times=times,
                hang=hang,
                close=close,
                after=after,
                megabytes=megabytes,
            )
        )

    def heal(self) -> None:
        """Forget every fault; what hangs already goes on hanging until `release`."""
        self._faults.clear()

    def release(self) -> None:
        """Let every answer go that hangs now."""
        self._gate.release()

    async def arrived(self, path_prefix: str, *, count: int = 1, method: str = "") -> None:
        """Wait until so many requests under `path_prefix` have come in since the start."""
        while self.count(path_prefix, method=method) < count:
            await self._news.wait()

    async def until_hanging(self, count: int = 1) -> None:
        """Wait until so many answers hang at the same time."""
        await self._gate.until(lambda waiting: waiting >= count)

    async def until_none_hangs(self) -> None:
        """Wait until no answer hangs any more, be it let go or given up by who asked."""
        await self._gate.until(lambda waiting: waiting == 0)

    def count(self, path_prefix: str, *, method: str = "") -> int:
        """Return how many requests under `path_prefix` have come in since the start."""
        return sum(
            seen.path.startswith(path_prefix) and method in {"", seen.method} for seen in self.requests
        )

    def _routes(self, app: web.Application) -> None:
        """Add the service's routes; each stand-in's own."""
        raise NotImplementedError

    async def _missing(self, request: web.Request, status: int) -> web.StreamResponse | None:  # noqa: ARG002
        """Return what the service says where it has no such route or method (404, 405); None: the bare status."""
        return None

    def _application(self) -> web.Application:
        @web.middleware
        async def watched(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._note(request, await self._sent_json(request))
            fault = next((fault for fault in self._faults if fault.strikes(request)), None)
            if fault is None:
                return await self._true_answer(request, handler)
            return await self._broken_answer(request, handler, fault)

        app = web.Application(middlewares=[watched], client_max_size=MAX_UPLOAD_BYTES)
        self._routes(app)
        return app

    async def _true_answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        # What was begun is finished, as on most servers; only what hangs ends with its connection.
        task = asyncio.ensure_future(handler(request))
        try:
            return await asyncio.shield(task)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as refusal:
            own = await self._missing(request, refusal.status)
            if own is None:
                raise
            own.headers.update(
                {name: refusal.headers[name] for name in ("Allow",) if name in refusal.headers}
            )
            return own

    async def _broken_answer(
        self, request: web.Request, handler: Handler, fault: Fault
    ) -> web.StreamResponse:
        answer = await self._true_answer(request, handler) if fault.after else None
        if not fault.hang:
            return await fault.answer(request)
        # Cancelled here where the asker goes away: a request that never got through must not be done late.
        await self._gate.wait()
        return answer or await self._true_answer(request, handler)

    async def _sent_json(self, request: web.Request) -> Any:
        if not self.keeps_json or request.content_type != "application/json":
            return None
        try:
            return json.loads(SECRET.sub("(secret)", (await request.read()).decode()))
        except ValueError:
            return None

    def _note(self, request: web.Request, body: Any) -> None:
        scheme, space, _ = request.headers.get("Authorization", "").partition(" ")
        # Without a space it is no scheme, but maybe a bare token.
        scheme = scheme if space else scheme and "(malformed)"
        headers = {name.lower(): value for name, value in request.headers.items()}
        headers.pop("cookie", None)
        if scheme:
            headers["authorization"] = scheme
        self.requests.append(
            SeenRequest(request.method, request.path, dict(request.query), scheme, headers, body)
        )
        self._news.set()
        self._news = asyncio.Event()
