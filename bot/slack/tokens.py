"""Asks Slack for new tokens in exchange for a refresh token.

Knows: Slack's `oauth.v2.access` and its errors. Must not know: who asks when, where tokens are kept.
"""

from dataclasses import dataclass
from datetime import timedelta

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.slack.notifier import error_code, is_silence, retry_after
from bot.slack.scopes import missing_scopes
from bot.workflow.ports import Clock
from bot.workflow.rotating import AFTER_OUR_FAULT, Exchange, Exchanged, Later, NotExchanged
from storage.records import Secret, Tokens

log = structlog.get_logger(__name__)

OURS = frozenset(
    {"bad_client_secret", "invalid_client_id", "client_id_not_found", "invalid_client", "access_denied"}
)
"""Where Slack refuses the app itself, whosever token it is."""


@dataclass(frozen=True, slots=True)
class SlackTokens:
    """Fulfils `bot.workflow.rotating.Exchanging`."""

    client: AsyncWebClient
    client_id: str
    client_secret: Secret
    clock: Clock

    async def exchange(self, refresh_token: Secret) -> Exchange:
        """Give a refresh token for new tokens."""
        try:
            answer = await self.client.oauth_v2_access(
                client_id=self.client_id,
                client_secret=self.client_secret.reveal(),
                grant_type="refresh_token",
                refresh_token=refresh_token.reveal(),
            )
        except SlackApiError as error:
            return _refused(error)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return Later()
        return self._read(answer)

    def _read(self, answer: AsyncSlackResponse) -> Exchange:
        token, refresh, seconds = (
            answer.get("access_token"),
            answer.get("refresh_token"),
            answer.get("expires_in"),
        )
        if not isinstance(token, str) or not isinstance(refresh, str) or not isinstance(seconds, int):
            log.error("Slack's new tokens make no sense")
            return Later(AFTER_OUR_FAULT)
        ends = self.clock() + timedelta(seconds=seconds)
        granted = str(answer.get("scope") or "")
        scopes = tuple(scope.strip() for scope in granted.split(",") if scope.strip())
        return Exchanged(
            Tokens(Secret(token), Secret(refresh), ends), scopes, missing_scopes(granted) if scopes else ()
        )


def _refused(error: SlackApiError) -> Exchange:
    code = error_code(error)
    if wait := retry_after(error):
        return Later(timedelta(seconds=wait))
    if is_silence(error):
        return Later()
    if code in OURS:
        log.error("Slack refuses this app", error=code)
        return Later(AFTER_OUR_FAULT)
    return NotExchanged(code if code.isidentifier() else "an answer that is not Slack's")
