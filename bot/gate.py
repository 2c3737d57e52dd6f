"""What every request passes on its way in, and every answer on its way out.

Knows: sizes, seconds, what a browser says of where a request comes from, the security headers. Must not know: routes.
"""

import asyncio
from collections.abc import Mapping

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.pages import STYLE_SOURCE
from bot.status.style import STYLE_SOURCE as STATUS_STYLE_SOURCE

MAX_BODY = 1_048_576
"""Bytes of a request that are read; Slack's largest deliveries are a tenth of it."""
BODY_SECONDS = 20.0
"""Seconds in which all of a body has to come; Slack itself gives up after three."""
POLICY = f"default-src 'none'; style-src {STYLE_SOURCE} {STATUS_STYLE_SOURCE}; frame-ancestors 'none'; base-uri 'none'"
"""What a page may load: nothing but the style that stands in it, one of two."""
HEADERS: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "content-security-policy": POLICY,
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
"""What every answer carries."""
ENCRYPTED: Mapping[str, str] = {"strict-transport-security": "max-age=31536000"}
"""And where browsers reach the bot by https. Of other names below the host's this says nothing: they are not ours."""

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_OURS = frozenset({b"same-origin", b"none", b""})


class _TooLarge(Exception):
    """More of a body has come than is read. No ValueError: nobody between the route and the gate may take it for one."""


class _TooSlow(Exception):
    """A body did not come in time."""


class Dressed:
    """Adds the security headers to every answer, those of our own faults included: it is the outermost part."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        wanted = {**HEADERS, **(ENCRYPTED if secure else {})}
        self._headers = [(name.encode(), value.encode()) for name, value in wanted.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *self._headers]
            await send(message)

        await self._app(scope, receive, dressed)


class Gate:
    """Refuses what no route should see, before anything reads it whole."""

    def __init__(self, app: ASGIApp, body_seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = _refusal(scope)
        if refusal is None:
            try:
                await self._app(scope, _limited(receive, self._body_seconds), send)
            # The routes answer only once they have the whole body, so nothing was sent yet.
            except _TooLarge:
                refusal = _too_large()
            except _TooSlow:
                refusal = _no("The request came too slowly.", 408)
        if refusal is not None:
            await refusal(scope, receive, send)


def _refusal(scope: Scope) -> PlainTextResponse | None:
    headers = dict(scope["headers"])
    # PostgreSQL holds no null in a text and fails on being asked for one; no name, state or cursor of ours has it.
    if "\0" in scope["path"] or b"%00" in scope["query_string"]:
        return _no("The address can't be read.", 400)
    if _told_too_large(headers.get(b"content-length", b"0")):
        return _too_large()
    # What a browser itself says of who makes it send this (https://www.w3.org/TR/fetch-metadata/); Slack and forges are none.
    if scope["method"] not in _READS and headers.get(b"sec-fetch-site", b"") not in _OURS:
        return _no("Another site can't send this.", 403)
    return None


def _no(why: str, status: int) -> PlainTextResponse:
    return PlainTextResponse(why, status_code=status, headers={"connection": "close"})


def _too_large() -> PlainTextResponse:
    return _no("The request is too large.", 413)


def _told_too_large(length: bytes) -> bool:
    # A length of more digits than any sane one is not even read: int() has its own limit, and raises.
    return not length.isdigit() or len(length) > 18 or int(length) > MAX_BODY


def _limited(receive: Receive, seconds: float) -> Receive:
    seen, ends, whole = 0, asyncio.get_running_loop().time() + seconds, False

    async def limited() -> Message:
        nonlocal seen, whole
        try:
            async with asyncio.timeout_at(None if whole else ends):
                message = await receive()
        except TimeoutError:
            raise _TooSlow from None
        seen += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if seen > MAX_BODY:
            raise _TooLarge  # a body sent in chunks has no length to refuse beforehand
        return message

    return limited
