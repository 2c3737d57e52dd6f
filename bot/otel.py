"""Traces by OpenTelemetry: what `bot.tracing` tells, sent to a collector. Loaded only where traces are wanted.

Knows: OpenTelemetry's SDK. Must not know: what is told of, settings.

A trace's id is the UUID of what it is about, and the span that all others of it hang on has an id that follows from that.
So a process that has never heard of a trace, or has forgotten it in a restart, joins it.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags, Tracer

from bot import __version__
from bot.core.secrets import redact
from bot.tracing import Fact, Piece

SECONDS = 3.0
"""How long a collector may take for an answer, at the end of the process too."""
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_whole: ContextVar[UUID | None] = ContextVar("whole", default=None)
"""Of which trace the span is that begins now: the one that all others hang on."""


def exporter(url: str) -> SpanProcessor:
    """Return what sends spans to a collector, many together, from a thread of its own; what finds no place is dropped."""
    return BatchSpanProcessor(OTLPSpanExporter(endpoint=url, timeout=SECONDS), schedule_delay_millis=1_000)


def provider(processor: SpanProcessor, instance: str) -> TracerProvider:
    """Return where spans are made; `instance` tells this process from others."""
    about = {"service.name": "shipbell", "service.version": __version__, "service.instance.id": instance}
    # The SDK's own variables hold too (OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS, ...): docs/metrics.md.
    made = TracerProvider(resource=Resource.create(about), id_generator=_Ids(), shutdown_on_exit=False)
    made.add_span_processor(processor)
    return made


@dataclass(frozen=True, slots=True)
class Otel:
    """A recorder for `bot.tracing`."""

    tracer: Tracer

    @contextmanager
    def during(self, piece: Piece) -> Iterator["_Span"]:
        """Record a piece while it goes on; of what is raised through it only the name of its class."""
        with self.tracer.start_as_current_span(
            redact(piece.name), _place(piece.trace), attributes=_told(piece.facts),
            record_exception=False, set_status_on_exception=False,
        ) as span:  # fmt: skip
            try:
                yield _Span(span)
            except BaseException as error:
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise

    def after(self, piece: Piece, seconds: float) -> None:
        """Record a piece that has just ended."""
        ended = time.time_ns()
        began = ended - int(seconds * 1e9)
        name, facts = redact(piece.name), _told(piece.facts)
        self.tracer.start_span(name, _place(piece.trace), attributes=facts, start_time=began).end(ended)

    def whole(self, piece: Piece, times: tuple[datetime, datetime]) -> None:
        """Record the span that all others of a trace hang on."""
        began, ended = (int(one.timestamp() * 1e9) for one in times)
        token = _whole.set(piece.trace)
        try:
            span = self.tracer.start_span(
                piece.name, Context(), attributes=_told(piece.facts), start_time=began
            )
        finally:
            _whole.reset(token)
        span.end(ended)


@dataclass(frozen=True, slots=True)
class _Span:
    span: trace.Span

    def tell(self, **facts: Fact) -> None:
        """Add what is known by now."""
        self.span.set_attributes(_told(facts))


class _Ids(RandomIdGenerator):
    """Ids at random, but for the one span of a trace that all others hang on."""

    def generate_span_id(self) -> int:
        """Return a new span's id."""
        found = _whole.get()
        return first_span(found) if found else super().generate_span_id()

    def generate_trace_id(self) -> int:
        """Return a new trace's id."""
        found = _whole.get()
        return found.int if found else super().generate_trace_id()


def first_span(found: UUID) -> int:
    """Return the id of the span that all others of a trace hang on."""
    return found.int & (2**64 - 1)  # the lower half of a random UUID: never 0, for it has the variant's bits


def _place(wanted: UUID | None) -> Context | None:
    """Return where a piece goes: below the piece around it, if that is of the same trace; else below the first span."""
    around = trace.get_current_span().get_span_context()
    if wanted is None or around.trace_id == wanted.int:
        return None
    first = SpanContext(wanted.int, first_span(wanted), is_remote=True, trace_flags=_SAMPLED)
    return trace.set_span_in_context(NonRecordingSpan(first), Context())


def _told(facts: dict[str, Fact]) -> dict[str, Fact]:
    return {name: redact(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
