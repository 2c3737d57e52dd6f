"""How a warehouse words an answer: the reason in the status line, bodies, tags, who is asking.

Knows: HTTP, as recorded from a running warehouse. Must not know: any route's rules.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiohttp import web

from bot.demo.index_model import ActivePublisher, User
from bot.demo.index_state import IndexState
from bot.demo.index_tokens import IssuedToken, TokenUse, Verdict

STATE: web.AppKey[IndexState] = web.AppKey("state", IndexState)
TEXT = "text/plain; charset=UTF-8"
HTML = "text/html; charset=UTF-8"
EXPLANATIONS = {
    400: "The server could not comply with the request since it is either malformed or otherwise incorrect.",
    403: "Access was denied to this resource.",
}
"""What Pyramid puts between the reason and the detail."""


class Refusal(Exception):
    """An upload's no: a status and the reason that goes into the status line."""

    def __init__(self, status: int, reason: str, *, detail: str | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.detail = reason if detail is None else detail


@dataclass(frozen=True, slots=True)
class Asker:
    """Whose token came with a request; nothing is verified yet."""

    issued: IssuedToken
    verify: Callable[[TokenUse], Verdict]

    @property
    def user(self) -> User | None:
        """The user, where it isn't a publisher."""
        return self.issued.holder if isinstance(self.issued.holder, User) else None

    @property
    def publisher(self) -> ActivePublisher | None:
        """The trusted publisher, where it isn't a user."""
        return self.issued.holder if isinstance(self.issued.holder, ActivePublisher) else None


def one_line(reason: str) -> str:
    """Return a reason that fits a status line, whatever a client put into it."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in reason).split())[:1000]


def pyramid_text(status: int, reason: str, detail: str) -> web.Response:
    """Answer as Pyramid does in plain text, with the reason in the status line too."""
    body = f"{status} {reason}\n\n{EXPLANATIONS.get(status, '')}\n\n\n{detail}\n\n"
    return web.Response(status=status, reason=reason, headers={"Content-Type": TEXT}, body=body.encode())


def refuse(refusal: Refusal) -> web.Response:
    """Answer an upload's no."""
    return pyramid_text(refusal.status, one_line(refusal.reason), one_line(refusal.detail))


def plain(status: int, text: str = "") -> web.Response:
    """Answer a short text, by default the status itself."""
    phrase = text or f"{status} {HTTPStatus(status).phrase}"
    return web.Response(status=status, headers={"Content-Type": TEXT}, body=phrase.encode())


def see_other(url: str) -> web.Response:
    """Send the browser elsewhere, with GET."""
    body = (
        f"303 See Other\n\nThe resource has been moved to {url}; you should be redirected automatically.\n\n"
    )
    headers = {"Content-Type": TEXT, "Location": url}
    return web.Response(status=303, headers=headers, body=body.encode())


def json_answer(
    value: Any,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    content_type: str = "application/json",
) -> web.Response:
    """Answer JSON."""
    return web.Response(
        status=status,
        headers={"Content-Type": content_type, **(headers or {})},
        body=json.dumps(value, sort_keys=True).encode(),
    )


def tagged(request: web.Request, answer: web.Response) -> web.Response:
    """Give an answer its ETag, or turn it into 304 where the client has it already."""
    body = answer.body if isinstance(answer.body, bytes) else b""
    digest = hashlib.md5(body, usedforsecurity=False).digest()
    etag = f'"{base64.b64encode(digest).decode().rstrip("=")}"'
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")}
    answer.headers["ETag"] = etag
    if not known & {etag, "*"}:
        return answer
    kept = {name: value for name, value in answer.headers.items() if name.lower() != "content-type"}
    return web.Response(status=304, headers=kept)


def token_text(request: web.Request) -> str | None:
    """Return the token a request carries by any scheme that uploads take; None where there is none."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() in {"token", "bearer"}:
        return credentials.strip()
    if scheme.lower() != "basic":
        return None
    user, password = basic_credentials(credentials)
    return password.strip() if user == "__token__" else None


def basic_credentials(credentials: str) -> tuple[str, str]:
    """Return user name and password; both empty where they can't be read."""
    try:
        user, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return user, password


def asker(request: web.Request, text: str | None) -> Asker | None:
    """Return who a token says is asking; None for no token, or one that this index never made."""
    tokens = request.app[STATE].tokens
    found = tokens.find(text) if text else None
    if found is None:
        return None
    macaroon, issued = found
    return Asker(issued, lambda use: tokens.verify(macaroon, issued, use))
