"""What is counted while the bot works: requests, steps, acks, ends. One process counts its own, from its start.

Knows: names, labels, buckets. Must not know: what is counted, who reads it.

Counting is like logging: one place for the whole process, since passing a counter through every constructor would tell
nothing. Every label is of a closed set: hosts that the settings name, lanes, kinds, outcomes, states and reasons.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

# When a series began is no figure of ours, and would double the number of series.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it untyped

REGISTRY = CollectorRegistry()
"""All that this process counts."""
QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0)
"""Bounds of what Slack waits for: three seconds at most (https://docs.slack.dev/interactivity/handling-user-interaction)."""
USUAL = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
LONG = (
    60.0,
    120.0,
    300.0,
    600.0,
    1_200.0,
    1_800.0,
    3_600.0,
    7_200.0,
    14_400.0,
    28_800.0,
    86_400.0,
    259_200.0,
)


@dataclass(frozen=True, slots=True)
class Counted:
    """What is told of one thing that is counted."""

    help: str
    labels: tuple[str, ...]
    bounds: tuple[float, ...] = ()
    """Seconds, of what is measured; none: it is only counted."""
    falls: bool = False
    """Whether it goes down, too."""


METRICS: Mapping[str, Counted] = {
    "shipbell_requests_total": Counted("Outgoing requests by whom they were for and how they ended", ("to", "outcome")),
    "shipbell_request_seconds": Counted("How long outgoing requests took", ("to",), USUAL),
    "shipbell_ack_seconds": Counted("How long a delivery of Slack's waited for its ack", ("kind", "outcome"), QUICK),
    "shipbell_step_seconds": Counted("How long a step took", ("lane",), USUAL),
    "shipbell_step_faults_total": Counted("Steps that ended with a fault of ours", ("lane",)),
    "shipbell_breaker_trips_total": Counted("Times that a host was left alone, since it had failed again and again", ("to",)),
    "shipbell_breakers_open": Counted("Hosts that are left alone now", ("to",), falls=True),
    "shipbell_claims_lost_total": Counted("Steps whose result counted for nothing: somebody was faster", ("of",)),
    "shipbell_releases_ended_total": Counted("Releases that ended", ("kind", "state", "reason")),
    "shipbell_release_seconds": Counted("From the request to published", ("kind",), LONG),
    "shipbell_log_lines_total": Counted("Lines that were logged, from warnings up", ("level",)),
}  # fmt: skip
"""Everything that is counted: name -> what it is."""


def _made(name: str, what: Counted) -> Counter | Gauge | Histogram:
    if what.bounds:
        return Histogram(name, what.help, what.labels, buckets=what.bounds, registry=REGISTRY)
    return (Gauge if what.falls else Counter)(name, what.help, what.labels, registry=REGISTRY)


_METERS = {name: _made(name, what) for name, what in METRICS.items()}


def _count(name: str, *labels: str) -> None:
    meter = _METERS[name].labels(*labels)
    assert isinstance(meter, Counter)
    meter.inc()


def _observe(name: str, seconds: float, *labels: str) -> None:
    meter = _METERS[name].labels(*labels)
    assert isinstance(meter, Histogram)
    meter.observe(seconds)


def breaker(to: str, *, opened: bool) -> None:
    """Count that a host is left alone from now on, or is asked again."""
    if opened:
        _count("shipbell_breaker_trips_total", to)
    meter = _METERS["shipbell_breakers_open"].labels(to)
    assert isinstance(meter, Gauge)
    (meter.inc if opened else meter.dec)()


def request(to: str, outcome: str, seconds: float) -> None:
    """Count a request that has ended."""
    _count("shipbell_requests_total", to, outcome)
    _observe("shipbell_request_seconds", seconds, to)


def ack(kind: str, outcome: str, seconds: float) -> None:
    """Count a delivery of Slack's that was answered."""
    _observe("shipbell_ack_seconds", seconds, kind, outcome)


def step(lane: str, seconds: float) -> None:
    """Count a step that has ended, however it did."""
    _observe("shipbell_step_seconds", seconds, lane)


def fault(lane: str) -> None:
    """Count a step that ended with a fault of ours."""
    _count("shipbell_step_faults_total", lane)


def held(of: str, won: bool) -> bool:  # noqa: FBT001 - what the ledger has said, passed through
    """Return whether the claim held under which a step wrote; where not, its result counts for nothing, and that is counted."""
    if not won:
        _count("shipbell_claims_lost_total", of)
    return won


def ended(kind: str, state: str, reason: str) -> None:
    """Count a release that has ended."""
    _count("shipbell_releases_ended_total", kind, state, reason)


def published(kind: str, taken: timedelta) -> None:
    """Count how long a release took from the request on."""
    _observe("shipbell_release_seconds", taken.total_seconds(), kind)


def logged(level: str) -> None:
    """Count a line that was logged."""
    _count("shipbell_log_lines_total", level)


def answered(status: int, *, asks_for_time: bool = False) -> str:
    """Return the outcome of a request by its answer's status: `limited` where the other side asks for time."""
    if status == 429 or asks_for_time:
        return "limited"
    return f"{status // 100}xx" if 100 <= status < 600 else "odd"
