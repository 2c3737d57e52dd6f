"""Traces by OpenTelemetry: one a release, joined by whoever knows its id; nothing that anybody wrote; nothing at all if off."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from bot import otel, tracing
from bot.engine import observed
from tests.unit.preflight_examples import RELEASE

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
Kept = InMemorySpanExporter


@pytest.fixture
def kept() -> Iterator[Kept]:
    """Record every span in memory while a test runs."""
    spans = Kept()
    made = otel.provider(SimpleSpanProcessor(spans), "test")
    tracing.use(otel.Otel(made.get_tracer("test")))
    yield spans
    tracing.use(None)
    made.shutdown()


def place(span: ReadableSpan) -> tuple[int, int, int]:
    """Return a span's trace, its own id and its parent's (0: none)."""
    assert span.context is not None
    return span.context.trace_id, span.context.span_id, span.parent.span_id if span.parent else 0


def test_pieces_of_a_trace_hang_on_its_first_span(kept: Kept) -> None:
    """Two processes that know the id alone make parts of one trace, whose first span comes last."""
    trace = uuid4()
    with tracing.during("one", trace), tracing.during("inside"):
        tracing.after("call", 0.5)
    with tracing.during("two", trace):
        pass
    tracing.whole("release", trace, (NOW, NOW + timedelta(hours=1)))
    spans = {span.name: span for span in kept.get_finished_spans()}
    assert {place(span)[0] for span in spans.values()} == {trace.int}
    first = otel.first_span(trace)
    assert place(spans["release"]) == (trace.int, first, 0)
    assert [place(spans[name])[2] for name in ("one", "two")] == [first, first]
    assert place(spans["inside"])[2] == place(spans["one"])[1]
    assert place(spans["call"])[2] == place(spans["inside"])[1]
    release, call = spans["release"], spans["call"]
    assert (release.end_time or 0) - (release.start_time or 0) == 3_600 * 10**9
    assert (call.end_time or 0) - (call.start_time or 0) == 5 * 10**8


def test_a_piece_of_another_trace_is_no_part_of_the_one_around_it(kept: Kept) -> None:
    """What names its trace is of that one, wherever it is told."""
    with tracing.during("outer", UUID(int=1 << 70 | 5)), tracing.during("inner", UUID(int=2 << 70 | 5)):
        pass
    inner, outer = kept.get_finished_spans()
    assert (place(inner)[0], place(outer)[0]) == (2 << 70 | 5, 1 << 70 | 5)


def test_of_a_fault_only_its_class_is_told(kept: Kept) -> None:
    """The text of an exception may hold anything, so no span holds it; what looks like a token is taken out anyway."""
    token = "xoxb-1234567890-abcdefghijklmnopqrstuvwx"
    with pytest.raises(ValueError, match="MARK"), tracing.during("step", None, host=token):
        raise ValueError("MARK")
    (span,) = kept.get_finished_spans()
    assert (span.status.description, list(span.events)) == ("ValueError", [])
    assert "MARK" not in span.to_json()
    assert token not in span.to_json()


def test_a_step_is_a_piece_of_its_releases_trace(kept: Kept) -> None:
    """What a lane does for a release is told under its id, and of its notes nothing."""
    with observed.step("releases of pypi", RELEASE):
        tracing.after("GET forge", 0.1)
    call, step = kept.get_finished_spans()
    assert place(call)[0] == place(step)[0] == RELEASE.id.int
    assert dict(step.attributes or {}) == {
        "lane": "releases of pypi", "release": str(RELEASE.id), "team": str(RELEASE.team_id),
    }  # fmt: skip


def test_what_comes_in_is_told_once_it_is_known_what_it_is_about(kept: Kept) -> None:
    """Whoever takes a delivery says what it concerns; outside of one that is said to nobody."""
    tracing.concerns(UUID(int=7))
    with tracing.delivery() as found:
        tracing.concerns(UUID(int=9))
    assert found.trace == UUID(int=9)
    assert kept.get_finished_spans() == ()


def test_without_a_collector_nothing_is_loaded() -> None:
    """A bot that traces nothing does not load OpenTelemetry, and telling nobody costs no object."""
    script = "import sys, bot.app; sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
    assert tracing.during("one") is tracing.during("two")
