"""A collector of traces: takes what OpenTelemetry's exporter sends over HTTP, and keeps it."""

import asyncio
import gzip
from dataclasses import dataclass, field
from typing import Self

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True, slots=True)
class Told:
    """A span as it came."""

    name: str
    trace: str
    own: str
    parent: str
    """"" where it has none."""
    process: str
    facts: dict[str, str]


@dataclass
class Collector:
    """The collector, an async context manager."""

    spans: list[Told] = field(default_factory=list)
    raw: bytes = b""
    """All that came."""
    url: str = ""
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/v1/traces", self._take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}/v1/traces"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def has(self, name: str, trace: str) -> None:
        """Wait until a span of this name and trace has come."""
        async with self.changed:
            await self.changed.wait_for(
                lambda: any((one.name, one.trace) == (name, trace) for one in self.spans)
            )

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if request.headers.get("Content-Encoding") == "gzip" and body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        async with self.changed:
            self.raw += body
            for of_process in ExportTraceServiceRequest.FromString(body).resource_spans:
                about = {one.key: one.value.string_value for one in of_process.resource.attributes}
                for scope in of_process.scope_spans:
                    self.spans += [
                        Told(
                            span.name, span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(),
                            about["service.instance.id"],
                            {one.key: one.value.string_value or str(one.value.int_value) for one in span.attributes},
                        )
                        for span in scope.spans
                    ]  # fmt: skip
            self.changed.notify_all()
        return web.Response()
