"""Every outgoing request is counted by whom it was for and how it ended, and by nothing else."""

import contextlib

import pytest
from prometheus_client import generate_latest

from bot import measuring
from bot.errors import TransportError
from bot.transport import Transport
from bot.wire import Request
from tests.transport.servers import Script, answer, cut, serving


def counted(to: str, outcome: str) -> float:
    """Return how many requests were counted so, by this process."""
    labels = {"to": to, "outcome": outcome}
    return measuring.REGISTRY.get_sample_value("shipbell_requests_total", labels) or 0.0


def timed(to: str) -> float:
    """Return how many requests were timed so."""
    return measuring.REGISTRY.get_sample_value("shipbell_request_seconds_count", {"to": to}) or 0.0


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        (answer(200), "2xx"),
        (answer(404), "4xx"),
        (answer(503), "5xx"),
        (answer(429), "limited"),
        (answer(403, headers={"Retry-After": "60"}), "limited"),
        (answer(403), "4xx"),
        (cut, "lost"),
    ],
    ids=["ok", "missing", "broken", "429", "403 with a time", "403", "cut"],
)
async def test_a_request_is_counted_by_how_it_ended(script: Script, outcome: str) -> None:
    """One request is one count and one measured time, under the name that its host was given."""
    to = f"index:test-{outcome}"
    before = counted(to, outcome), timed(to)
    async with (
        serving(script) as server,
        Transport(allow_private_addresses=True, names={server.url.removeprefix("http://"): to}) as transport,
    ):
        with contextlib.suppress(TransportError):
            await transport.send(Request("POST", server.url))
    assert (counted(to, outcome), timed(to)) == (before[0] + 1, before[1] + 1)


async def test_what_was_never_sent_is_counted_as_such() -> None:
    """Where nobody listens nothing was sent; a host without a name is one of the others, and no label names it."""
    before = counted("other", "unreachable")
    async with Transport(allow_private_addresses=True) as transport:
        with pytest.raises(TransportError):
            await transport.send(Request("POST", "http://127.0.0.1:9/"))
    assert counted("other", "unreachable") == before + 1
    assert b"127.0.0.1" not in generate_latest(measuring.REGISTRY)
