"""Finds out who has signed in with Slack, by the code that a browser brought back.

Knows: what is asked in which order, how long keys are kept. Must not know: httpx, what an answer means.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import jwt
import structlog

from bot.core.identity import IdentityOutcome, NotProven
from bot.errors import TransportError
from bot.slack import openid
from bot.slack.openid import App
from bot.wire import Answer, Request
from bot.workflow.ports import Clock

log = structlog.get_logger(__name__)

KEPT = timedelta(hours=1)
"""How long Slack's keys are kept."""
PAUSE = timedelta(seconds=30)
"""How long nobody asks for them again, whatever key a token names."""
_SILENT = NotProven("Slack did not answer.", "Sign in once more in a minute.")


@dataclass(slots=True)
class _Keys:
    known: Mapping[str, jwt.PyJWK] = field(default_factory=dict)
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SlackSignIn:
    """Signing in with one Slack app. It fulfils `bot.workflow.ports.OpenId`."""

    send: Callable[[Request], Awaitable[Answer]]
    app: App
    clock: Clock
    _keys: _Keys = field(default_factory=_Keys)

    def page(self, state: str, nonce: str) -> str:
        """Return the page on which somebody signs in."""
        return openid.authorize_page(self.app, state, nonce)

    async def who(self, code: str, nonce: str) -> IdentityOutcome:
        """Return whose the code is."""
        try:
            token = openid.read_exchange(await self.send(openid.exchange(self.app, code)))
            if isinstance(token, NotProven):
                log.warning("sign-in refused", cause=token.cause)
                return token
            key = await self._key(openid.key_name(token))
        except TransportError as error:
            log.warning("sign-in not answered", error=type(error).__name__)
            return _SILENT
        if key is None:
            return NotProven(
                "Slack's answer is signed by a key that Slack does not name.", "Sign in once more."
            )
        return openid.read_identity(token, key, self.app, nonce, self.clock())

    async def _key(self, name: str) -> jwt.PyJWK | None:
        kept, now = self._keys, self.clock()
        age = None if kept.read_at is None else now - kept.read_at
        if age is None or age > KEPT or (name not in kept.known and age > PAUSE):
            found = openid.read_keys(await self.send(openid.keys(self.app)))
            if found is not None:
                kept.known, kept.read_at = found, now
        return kept.known.get(name)
