"""What each way to get no answer is called, with cause and remedy.

Knows: the errors of httpx, httpcore, TLS and sockets. Must not know: requests, headers, bodies: they can't leak.
"""

import errno
import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpcore
import httpx  # noqa: TID251 - this is its room

from bot.core.secrets import redact
from bot.errors import AnswerLost, TransportError, Unreachable
from bot.measuring import answered

AGAIN_IN = 0.2
"""Seconds after which a cut or refused connection is worth another try at once."""


def shown(host: str) -> str:
    """Return a host as an error may name it."""
    return redact("".join(sign for sign in host[:253] if sign.isprintable()))


@dataclass(slots=True)
class Exchange:
    """How far one exchange has come, and so what its failure means."""

    sent: bool = False
    status: int = 0
    """Of the answer; 0 where none has begun."""
    asks_for_time: bool = False
    """Whether the answer refuses because of a limit, in the forge's way: 403 with the time to wait."""

    def began(self, status: int, headers: Mapping[str, str]) -> None:
        """Take note of the answer's head."""
        self.status = status
        self.asks_for_time = status == 403 and "retry-after" in headers

    @property
    def outcome(self) -> str:
        """How it ended, for figures."""
        if self.status:
            return answered(self.status, asks_for_time=self.asks_for_time)
        return "lost" if self.sent else "unreachable"

    async def trace(self, event: str, _info: Mapping[str, Any]) -> None:
        """Take note of the first byte sent (httpcore's `trace` extension)."""
        if event == "http11.send_request_headers.started":
            self.sent = True

    def timed_out(self, host: str, seconds: float) -> TransportError:
        """Return the error for a time-out."""
        if self.sent:
            return AnswerLost(f"{host} gave no answer within {seconds:g} s.", host=host)
        return Unreachable(
            f"No connection to {host} within {seconds:g} s.",
            host=host,
            remedy="Is it up, and no firewall between?",
        )

    def broken(self, host: str, error: BaseException) -> TransportError:
        """Return the error for everything else that is not an answer."""
        if self.sent:
            retry_in = (
                AGAIN_IN if isinstance(error, httpcore.NetworkError | httpcore.RemoteProtocolError) else None
            )
            return AnswerLost(f"{host} {_broke_off(error)}.", host=host, retry_in=retry_in)
        cause, remedy, retry_in = _no_connection(_root(error))
        return Unreachable(f"No connection to {host}: {cause}.", host=host, remedy=remedy, retry_in=retry_in)


def _broke_off(error: BaseException) -> str:
    if isinstance(error, httpx.DecodingError):
        return "sent an answer that can't be unpacked"
    if isinstance(error, httpcore.RemoteProtocolError) and "disconnected" not in str(error):
        return "sent something that is not HTTP, or broke off in the middle"
    return "cut the connection before its answer was complete"


def _root(error: BaseException) -> BaseException:
    """Return the system's error deepest below the libraries' ones."""
    found, seen = error, {id(error)}
    at = error.__cause__ or error.__context__
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        found = at if isinstance(at, OSError) else found
        at = at.__cause__ or at.__context__
    return found


def _no_connection(error: BaseException) -> tuple[str, str, float | None]:
    """Return cause, remedy and when to try again at once."""
    trust = "Is the address right? For an authority of your own name its file in SSL_CERT_FILE."
    match error:
        case socket.gaierror():
            return "there is no such host, or no name server answers", "Is the address right?", None
        case ssl.SSLCertVerificationError():
            return f"its certificate does not verify ({error.verify_message})", trust, None
        case ssl.SSLError():
            return (
                f"TLS failed ({error.reason or 'no reason given'})",
                "Does it speak https on this port?",
                None,
            )
        case ConnectionRefusedError():
            return "it refuses connections", "Is it up, and is the port right?", AGAIN_IN
        case OSError(errno=int() as number) if number in errno.errorcode:
            return os.strerror(number).lower(), "Is it up, and no firewall between?", AGAIN_IN
        case _:
            return "the connection was cut", "Does it speak HTTP on this port?", AGAIN_IN
