"""A request, as it is seen from outside: counted, timed, told to whoever records traces.

Knows: hosts and how a request ends. Must not know: addresses, headers, bodies: they can't leak.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from bot import measuring, tracing
from bot.transport.failures import Exchange, shown

OTHER = "other"
"""Whom a request is for whose host the settings do not name: an index's file host, a forge's storage."""


@contextmanager
def watched(to: str, method: str, host: str, exchange: Exchange) -> Iterator[None]:
    """Watch one request; `to` is what its host is called in figures."""
    began = time.perf_counter()
    facts: dict[str, tracing.Fact] = {"to": to, "http.request.method": method, "server.address": shown(host)}
    with tracing.during(f"{method} {to}", None, **facts) as span:
        try:
            yield
        finally:
            outcome = exchange.outcome
            measuring.request(to, outcome, time.perf_counter() - began)
            span.tell(outcome=outcome, **{"http.response.status_code": exchange.status})
