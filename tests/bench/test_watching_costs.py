"""What it costs to be watched: a step and a request, bare, counted, and traced; as ratios within one run."""

import statistics
import time
from collections.abc import Awaitable, Callable

import pytest
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from bot import otel, tracing
from bot.engine import observed
from bot.transport import Transport
from bot.transport.failures import Exchange
from bot.transport.watched import watched
from bot.wire import Request
from storage.database import Database
from tests.releases.kit import World
from tests.transport.servers import answer, serving
from tests.unit.preflight_examples import RELEASE

ROUNDS, EACH = 15, 200
Bit = Callable[[], Awaitable[object]]


async def micros(bit: Bit, times: int = EACH) -> float:
    """Return how many microseconds of CPU one takes."""
    began = time.process_time()
    for _ in range(times):
        await bit()
    return (time.process_time() - began) / times * 1e6


async def step() -> None:
    """Watch a step that does nothing."""
    with observed.step("releases of pypi", RELEASE):
        pass


async def request() -> None:
    """Watch a request that is not sent."""
    exchange = Exchange()
    with watched("forge", "GET", "api.github.com", exchange):
        exchange.began(200, {})


@pytest.mark.timeout(600)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_watching_costs(database: Database) -> None:
    """The watching alone, with traces off and on, beside the least that a step and a request do; printed, not judged."""
    world = World(database)
    spans = otel.provider(BatchSpanProcessor(InMemorySpanExporter()), "bench")
    recorder = otel.Otel(spans.get_tracer("bench"))
    taken: dict[str, list[float]] = {}
    async with serving(answer(200, b"{}")) as server, Transport(allow_private_addresses=True) as transport:
        sent = Request("GET", server.url)
        bare: dict[str, Bit] = {"step": world.life.dues, "request": lambda: transport.send(sent)}
        watching: dict[str, Bit] = {"step": step, "request": request}
        for _ in range(ROUNDS):
            for name, least in bare.items():
                taken.setdefault(name, []).append(await micros(least))
                taken.setdefault(f"{name} off", []).append(await micros(watching[name]))
                tracing.use(recorder)
                taken.setdefault(f"{name} on", []).append(await micros(watching[name]))
                tracing.use(None)
    spans.shutdown()
    cost = {name: statistics.median(found) for name, found in taken.items()}
    print(f"\nwatching, {ROUNDS * EACH} each, CPU, medians")
    for name, what in (("step", "asking what is due, three times"), ("request", "a GET on the loopback")):
        base, off, on = cost[name], cost[f"{name} off"], cost[f"{name} on"]
        print(f"  {what:32} {base:6.0f} us")
        print(f"    counted and named in the log   {off:6.1f} us, {off / base:.1%}")
        print(f"    traced besides                 {on:6.1f} us, {on / base:.1%}")
