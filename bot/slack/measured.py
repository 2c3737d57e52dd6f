"""Bolt and the calls to Slack, as they are seen from outside: how long an ack took, how a call ended.

Knows: Bolt's dispatch, aiohttp's hooks, kinds of deliveries. Must not know: what is wanted, wording.

Over HTTP and over Socket Mode alike a delivery goes through `async_dispatch`, and with `process_before_response` what
that returns is the ack.
"""

import time
from types import SimpleNamespace

import aiohttp
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_bolt.response import BoltResponse
from structlog.contextvars import clear_contextvars
from yarl import URL

from bot import measuring, tracing

KINDS = {
    "block_actions": "action",
    "view_submission": "view",
    "view_closed": "view",
    "block_suggestion": "options",
    "event_callback": "event",
    "shortcut": "shortcut",
    "message_action": "shortcut",
}
"""What Slack calls a delivery's type -> what it is called in figures."""


class MeasuredApp(AsyncApp):
    """Bolt's app, whose acks are timed and counted."""

    async def async_dispatch(self, req: AsyncBoltRequest) -> BoltResponse:
        """Take one delivery."""
        began, kind, outcome = time.perf_counter(), _kind(req), "broken"
        clear_contextvars()  # over Socket Mode one task takes every delivery
        with tracing.delivery() as found:
            try:
                response = await super().async_dispatch(req)
                outcome = _outcome(response)
                return response
            finally:
                taken = time.perf_counter() - began
                measuring.ack(kind, outcome, taken)
                if found.trace is not None:
                    tracing.after("delivery", taken, found.trace, kind=kind, outcome=outcome)
                clear_contextvars()


def _kind(req: AsyncBoltRequest) -> str:
    if "command" in req.body:
        return "command"
    return KINDS.get(str(req.body.get("type")), "other")


def _outcome(response: BoltResponse | None) -> str:
    status = response.status if response is not None else 404
    return "ok" if status < 300 else "refused" if status < 500 else "broken"


def hooks() -> aiohttp.TraceConfig:
    """Return the hooks by which every call to Slack is counted and told of."""
    found = aiohttp.TraceConfig()
    found.on_request_start.append(_begun)
    found.on_request_end.append(_ended)
    found.on_request_exception.append(_broken)
    return found


async def _begun(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _params: aiohttp.TraceRequestStartParams
) -> None:
    context.began = time.perf_counter()


async def _ended(
    _session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestEndParams
) -> None:
    _called(context, params.url, measuring.answered(params.response.status))


async def _broken(
    _session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestExceptionParams
) -> None:
    _called(context, params.url, "lost")


def _called(context: SimpleNamespace, url: URL, outcome: str) -> None:
    taken = time.perf_counter() - context.began
    measuring.request("slack", outcome, taken)
    tracing.after(f"slack {_method(url)}", taken, to="slack", outcome=outcome)


def _method(url: URL) -> str:
    """Return the name of the Web API's method; any other address is a secret, such as a `response_url`."""
    return url.name if url.parent.name == "api" else "hook"
