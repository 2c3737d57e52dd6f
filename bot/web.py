"""The HTTP routes: Slack's deliveries, health, metrics.

Knows: routes. Must not know: rules, wording.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from bot import measuring
from bot.gate import BODY_SECONDS, Dressed, Gate

log = structlog.get_logger(__name__)

METRICS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "shipbell_publishers": ("Publishers by state", ("state",)),
    "shipbell_health": ("Publishers by how they fare", ("state",)),
    "shipbell_releases": ("Releases under way by state", ("state",)),
    "shipbell_outbox_waiting": ("Messages that are not said yet", ()),
    "shipbell_inbox_waiting": ("Intents that are not carried out yet", ()),
    "shipbell_inbox_dead": ("Intents that were set aside after a fault of ours", ()),
    "shipbell_set_aside": (
        "Rows that nobody tries any more, since their steps broke again and again",
        ("kind",),
    ),
    "shipbell_outbox_dead": ("Messages that were given up", ()),
    "shipbell_queue_due": ("Rows that could be taken now", ("queue",)),
    "shipbell_queue_oldest_seconds": ("Since when the row is due that waits longest", ("queue",)),
    "shipbell_queue_leases_run_out": ("Due rows whose last taker let its lease run out", ("queue",)),
}
"""Every metric that is read from the database: name -> help and labels, all bounded. What a process counts: `bot.measuring`."""


LONGEST_STAMP = 12
"""Digits of a delivery's time in seconds, with centuries to spare."""


@dataclass(frozen=True, slots=True)
class Probes:
    """What the health pages ask."""

    ready: Callable[[], Awaitable[Mapping[str, str]]]
    """Part -> "ok" or what is wrong with it."""
    figures: Callable[[], Awaitable[Mapping[str, Mapping[str, float]]]]
    """Metric -> value by label ("" for none)."""


@dataclass(frozen=True, slots=True)
class Hook:
    """Where the forge's webhooks come in. They only nudge: a lost one costs delay, nothing else."""

    genuine: Callable[[bytes, str], bool]
    """Whether a body has this signature."""
    nudge: Callable[[str, bytes], Awaitable[None]]
    """Takes an event's name and body."""


def routes(
    bolt: AsyncApp | None,
    probes: Probes,
    hook: Hook | None = None,
    pages: Sequence[Route] = (),
    *,
    secure: bool = False,
    body_seconds: float = BODY_SECONDS,
) -> ASGIApp:
    """Return the web application; `bolt` is None in Socket Mode without a signing secret, `hook` without its secret.

    `secure` says whether browsers reach it by https.
    """
    slack = AsyncSlackRequestHandler(bolt) if bolt else None

    async def events(request: Request) -> Response:
        if slack is None:
            return PlainTextResponse("This bot is reached over Socket Mode.", status_code=404)
        stamp = request.headers.get("x-slack-request-timestamp", "")
        if stamp and not (stamp.isascii() and stamp.isdigit() and len(stamp) <= LONGEST_STAMP):
            return PlainTextResponse("The request's timestamp can't be read.", status_code=400)
        try:
            return await slack.handle(request)
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError, OverflowError) as error:
            # Bolt reads the body before it looks at the signature; listeners have an error handler of their own.
            log.warning("unreadable delivery", error=type(error).__name__)
            return PlainTextResponse("The body can't be read.", status_code=400)

    app = Starlette(
        routes=[
            Route("/slack/events", events, methods=["POST"]),
            Route("/github/webhooks", _webhooks(hook), methods=["POST"]),
            *_probing(probes),
            *pages,
        ],
        middleware=[Middleware(Gate, body_seconds)],
    )
    # The redirect would lead to whatever host the request names.
    app.router.redirect_slashes = False
    return Dressed(app, secure=secure)


def health(probes: Probes) -> ASGIApp:
    """Return the web application of a worker: what supervisors and Prometheus ask, and nothing else."""
    app = Starlette(routes=_probing(probes), middleware=[Middleware(Gate)])
    app.router.redirect_slashes = False
    return Dressed(app, secure=False)


def _probing(probes: Probes) -> list[Route]:
    async def ready(_request: Request) -> Response:
        found = await probes.ready()
        fine = all(word == "ok" for word in found.values())
        return JSONResponse(dict(found), status_code=200 if fine else 503)

    async def metrics(_request: Request) -> Response:
        text = exposition(await probes.figures())
        return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return [
        Route("/healthz", lambda _request: PlainTextResponse("ok"), methods=["GET"]),
        Route("/readyz", ready, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
    ]


def _webhooks(hook: Hook | None) -> Callable[[Request], Awaitable[Response]]:
    async def webhooks(request: Request) -> Response:
        if hook is None:
            return PlainTextResponse("SHIPBELL_GITHUB_WEBHOOK_SECRET is not set.", status_code=404)
        body = await request.body()
        if not hook.genuine(body, request.headers.get("x-hub-signature-256", "")):
            return PlainTextResponse("The signature is wrong.", status_code=401)
        await hook.nudge(request.headers.get("x-github-event", ""), body)
        return PlainTextResponse("ok")

    return webhooks


def exposition(figures: Mapping[str, Mapping[str, float]]) -> bytes:
    """Return the metrics in Prometheus's text format."""
    registry = CollectorRegistry()
    for name, (text, labels) in METRICS.items():
        gauge = Gauge(name, text, labels, registry=registry)
        for label, value in figures.get(name, {}).items():
            (gauge.labels(label) if labels else gauge).set(value)
    return generate_latest(registry) + generate_latest(measuring.REGISTRY)
