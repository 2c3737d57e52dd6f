"""Files for one person: uploaded to Slack unseen, then given by direct message.

Knows: Slack's three steps (https://docs.slack.dev/messaging/working-with-files#upload). Must not know: rules, SQL, what is in a file.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, cast
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.audit_notices import AuditFile
from bot.errors import NotInstalled
from bot.slack.blocks.audits import file
from bot.slack.notifier import BEFORE, PAGES, error_code, refused
from bot.workflow.ports import Delivery, NeverSay, Placed, Said, SayLater

SECONDS = 120.0
"""How long an upload may take."""


@dataclass(frozen=True, slots=True)
class SlackFiles:
    """The files' way to Slack. `client_for` gives the client of a Slack team."""

    client_for: Callable[[str], Awaitable[AsyncWebClient]]
    session: aiohttp.ClientSession

    async def place(
        self, slack_team_id: str, name: str, content: tuple[BinaryIO, int]
    ) -> Placed | SayLater | NeverSay:
        """Upload a file that nobody sees yet; `content` is (what it holds, its length)."""
        out, size = content
        try:
            client = await self.client_for(slack_team_id)
            answer = await client.files_getUploadURLExternal(filename=name, length=size)
            url, file_id = str(answer.get("upload_url") or ""), str(answer.get("file_id") or "")
            if not file_id or not _safe(url, client.base_url):
                return SayLater("no address to upload to", arrived_maybe=False)
            timeout = aiohttp.ClientTimeout(total=SECONDS)
            async with self.session.post(url, data=out, timeout=timeout, allow_redirects=False) as sent:
                if sent.status != 200:
                    return SayLater(f"upload: status {sent.status}", arrived_maybe=False)
        except (SlackApiError, NotInstalled, aiohttp.ClientError, TimeoutError, OSError) as error:
            return cast("SayLater | NeverSay", _refused(error))
        return Placed(file_id)

    async def share(
        self, to: tuple[str, str], file_id: str, notice: AuditFile, since: datetime | None
    ) -> Delivery:
        """Give an uploaded file to one person (Slack team, user), unless the direct message has had it `since` then."""
        said: Mapping[str, Any] = {"files": [{"id": file_id, "title": f"Audit trail ({notice.written_as})"}]}
        try:
            client = await self.client_for(to[0])
            opened = await client.conversations_open(users=to[1])
            channel = str((opened.get("channel") or {}).get("id") or "")
            if since is not None and await _given(client, channel, file_id, since - BEFORE):
                return Said()
            await client.files_completeUploadExternal(
                **said, channel_id=channel, initial_comment=file(notice).text
            )
        except (SlackApiError, NotInstalled, aiohttp.ClientError, TimeoutError, OSError) as error:
            return _refused(error)
        return Said()


async def _given(client: AsyncWebClient, channel: str, file_id: str, since: datetime) -> bool:
    """Whether the direct message has the file: looked for page by page, newest first."""
    cursor = ""
    for _page in range(PAGES):
        more: dict[str, Any] = {"cursor": cursor} if cursor else {}
        answer = await client.conversations_history(
            channel=channel, oldest=f"{since.timestamp():.6f}", limit=100, **more
        )
        messages = cast("list[dict[str, Any]]", answer.get("messages") or [])
        if any(one.get("id") == file_id for message in messages for one in message.get("files") or ()):
            return True
        cursor = (answer.get("response_metadata") or {}).get("next_cursor", "")
        if not cursor:
            return False
    return False


def _refused(error: Exception) -> Delivery:
    if isinstance(error, SlackApiError):
        # Nobody waits for a scope: whoever asked is told what to do.
        lacks = error_code(error) == "missing_scope"
        return NeverSay("missing_scope") if lacks else refused(error)
    if isinstance(error, NotInstalled):
        return NeverSay("not_installed")
    return SayLater(f"Slack did not answer: {type(error).__name__}", arrived_maybe=True)


def _safe(url: str, base: str) -> bool:
    """Whether the trail may be sent there: over TLS, unless Slack itself is a stand-in on this machine."""
    scheme, host = urlsplit(url).scheme, urlsplit(url).hostname
    return bool(host) and (scheme == "https" or (scheme == "http" == urlsplit(base).scheme))
