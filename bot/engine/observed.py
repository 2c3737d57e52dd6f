"""A step, as it is seen from outside: its log lines are named, its time is taken, its piece of the trace is told.

Knows: log, counters, traces. Must not know: what a step means.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from structlog.contextvars import bound_contextvars

from bot import measuring, tracing
from bot.core.tracks import track


@contextmanager
def step(lane: str, item: object) -> Iterator[None]:
    """Watch one step of a lane."""
    found, began = track(item), time.perf_counter()
    names = found.ids | ({"trace": found.trace.hex} if found.trace else {})
    with (
        bound_contextvars(lane=lane, **names),
        tracing.during(f"step {lane}", found.trace, lane=lane, **found.ids),
    ):
        try:
            yield
        except Exception:
            measuring.fault(lane)
            raise
        finally:
            measuring.step(lane, time.perf_counter() - began)
