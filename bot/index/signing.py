"""Signs requests by OAuth 1.0 (RFC 5849): HMAC-SHA1, in the `Authorization` header alone.

Knows: oauthlib. Must not know: httpx, what is signed, where nonces and the time come from.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from oauthlib.oauth1 import SIGNATURE_HMAC_SHA1, SIGNATURE_TYPE_AUTH_HEADER, Client

from bot.core.oauth1 import TokenPair
from bot.core.sites import OAuth1Consumer
from bot.wire import Request

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What makes one signature unlike every other: when, and a text that is used once."""

    at: datetime
    nonce: str


def signed(request: Request, consumer: OAuth1Consumer, pair: TokenPair | None, stamp: Stamp) -> Request:
    """Return the request with its signature over method, address, query and a form; any other body is not signed."""
    is_form = request.headers.get("Content-Type") == FORM
    client = Client(
        consumer.consumer_key,
        client_secret=consumer.consumer_secret.reveal(),
        resource_owner_key=pair.token.reveal() if pair else None,
        resource_owner_secret=pair.secret.reveal() if pair else None,
        signature_method=SIGNATURE_HMAC_SHA1,
        signature_type=SIGNATURE_TYPE_AUTH_HEADER,
        nonce=stamp.nonce,
        timestamp=str(int(stamp.at.timestamp())),
    )
    _, headers, _ = client.sign(
        request.url,
        http_method="POST" if request.method == "POST" else "GET",
        body=request.body.decode("ascii") if is_form else None,
        headers={"Content-Type": FORM} if is_form else {},
    )
    return replace(request, headers={**request.headers, "Authorization": str(headers["Authorization"])})
