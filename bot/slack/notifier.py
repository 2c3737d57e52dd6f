"""Sends what the outbox holds to Slack, and finds out whether it was said already.

Knows: Slack's Web API and its errors. Must not know: rules, SQL, wording (that is `blocks`).

Slack has no idempotency key. Each channel message carries its outbox id in `metadata`, and one that may have been
said is looked for in the channel's history, or in its thread, before it is said again
(https://docs.slack.dev/messaging/message-metadata). Editing may be repeated, so there nothing is looked for.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlsplit

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot import codec
from bot.core import notices
from bot.core.import_notices import ImportChoices
from bot.core.permission_notices import DialogShut
from bot.core.policy_forms import PolicyFormShown
from bot.core.publisher_forms import PublisherFormShown
from bot.core.release_notices import LinksShown, ReleaseDialog
from bot.core.setup_notices import SetupShown
from bot.errors import NotInstalled
from bot.slack.blocks import base
from bot.slack.blocks.publishers import invite_first, not_invited
from bot.slack.blocks.render import MESSAGES, VIEWS
from bot.slack.blocks.unfurls import unfurls
from bot.slack.measured import hooks
from bot.workflow.ports import Delivery, NeverSay, Said, SayLater
from storage.records import OutboxItem, Secret

log = structlog.get_logger(__name__)

EVENT = "shipbell_message"
MOST_ANSWER = 8 * 1_048_576
"""Bytes of an answer: the largest, a page of members, is a tenth of it."""
PAGES = 5
"""Pages of 100 messages that are looked through for one that may have been said."""
BEFORE = timedelta(minutes=2)
"""How far before its claim a message is looked for: Slack's clock is not ours."""

NOT_THERE = frozenset({"not_in_channel", "channel_not_found", "is_archived", "restricted_action"})
CLOSED = frozenset({"not_found", "view_not_found", "expired_trigger_id", "hash_conflict", "not_enabled"})
GONE = frozenset(
    {
        "cannot_find_message",
        "cannot_unfurl_url",
        "cannot_unfurl_message",
        "cannot_prompt",
        "cannot_auth_user",
        "not_in_channel",
        "channel_not_found",
    }
)
"""Why a link shows nothing below itself, where that is nobody's fault."""
BAD_SHAPE = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long"})
OUR_SIDE = frozenset(
    {
        "invalid_auth", "account_inactive", "token_revoked", "token_expired", "not_authed", "missing_scope",
        "team_access_not_granted", "team_not_found", "org_login_required", "ekm_access_denied", "enterprise_is_restricted",
    }
)  # fmt: skip
"""What the operator, or an admin of the workspace or of its org, can mend: nothing is given up for it."""
TOKEN_ENDED = frozenset({"token_expired"})
UNREADABLE = "unreadable_answer"
WAIT_FOR_INVITATION = frozenset({"release.shown", "import.shown", "policy.change"})
"""Kinds of messages that people press buttons on and that are answered in a thread: of no use anywhere else."""
FILLED = (notices.CredentialsShown, SetupShown, ImportChoices, ReleaseDialog, PolicyFormShown, DialogShut)
"""What fills a dialog that was opened as "loading"."""
PEOPLE = ("U", "W")
"""How the ids of people begin, to whom a message goes as a direct one that is edited."""
INVITED_SECONDS = 20.0
"""How often it is tried whether the bot has been invited."""
OPERATOR_SECONDS = 600.0
"""How long to wait where only the operator can mend it: a token revoked, a scope missing."""
LOST = frozenset({"not_in_channel", "channel_not_found", "is_archived", "is_inactive"})
"""The bot spoke there before and can't now: the channel may be unarchived, or the bot invited back. An edit hears `is_inactive`."""
LOST_SECONDS = 300.0
"""How often that is tried; Slack's word that it is back lets it be tried at once."""
WAIT = SayLater("channel lost", arrived_maybe=False, seconds=LOST_SECONDS)


@dataclass(frozen=True, slots=True)
class SlackNotifier:
    """The outbox's way to Slack. `client_for` gives the client of a Slack team."""

    client_for: Callable[[str], Awaitable[AsyncWebClient]]
    session: aiohttp.ClientSession
    keeper: Callable[[str], Awaitable[str]] | None = None
    """Who has installed the app in a Slack team: hears what no channel can be told and nobody has asked for."""
    doubt: Callable[[OutboxItem, str], Awaitable[None]] | None = None
    """Takes what Slack refuses, and by which word: the team may have left."""

    async def deliver(self, item: OutboxItem, *, maybe_said: bool) -> Delivery:
        """Send one message; never raises for what Slack answers or fails to answer."""
        try:
            return await self._deliver(await self.client_for(item.slack_team_id), item, maybe_said=maybe_said)
        except SlackApiError as error:
            if self.doubt is not None:
                await self.doubt(item, error_code(error))
            return refused(error)
        except NotInstalled:
            return SayLater("not installed", arrived_maybe=False, seconds=OPERATOR_SECONDS)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return SayLater(f"Slack did not answer: {type(error).__name__}", arrived_maybe=True)

    async def _deliver(self, client: AsyncWebClient, item: OutboxItem, *, maybe_said: bool) -> Delivery:
        notice = codec.unpack(item.kind, item.facts, notices.KINDS)
        if isinstance(notice, LinksShown):
            return await _unfold(client, notice)
        if type(notice) in VIEWS or isinstance(notice, notices.HomeShown):
            return await _show(client, notice)
        if item.user:
            return await self._whisper(client, item, MESSAGES[type(notice)](notice))
        if item.channel.startswith(PEOPLE):
            # Slack edits and finds messages by the conversation's name alone; opening it twice changes nothing.
            there = str((await client.conversations_open(users=item.channel))["channel"]["id"])
            said = await self._deliver(client, replace(item, channel=there), maybe_said=maybe_said)
            return replace(said, channel=there) if isinstance(said, Said) else said
        if maybe_said and not item.ts and (ts := await _find(client, item)):
            log.info("already said", message=str(item.id))
            return Said(ts)
        tell = _edit if item.ts else self._post
        return await tell(client, item, MESSAGES[type(notice)](notice), getattr(notice, "asked_by", ""))

    async def _whisper(self, client: AsyncWebClient, item: OutboxItem, said: base.Message) -> Delivery:
        """Answer one person: where the command was typed, else in a direct message."""
        if item.response_url and await self._respond(client.base_url, item.response_url, said):
            return Said()
        content = _content(said)
        if item.channel:
            try:
                await client.chat_postEphemeral(channel=item.channel, user=item.user, **content)
            except SlackApiError as error:
                if error_code(error) not in NOT_THERE | {"user_not_in_channel"}:
                    raise
            else:
                return Said()
        await client.chat_postMessage(channel=item.user, **content)
        return Said()

    async def _respond(self, api_url: str, url: Secret, said: base.Message) -> bool:
        """Use Slack's `response_url`: five times in 30 minutes; False where that is over, or it is not Slack's."""
        if not is_slacks(api_url, url.reveal()):
            # Whoever has stolen the signing secret must not choose whom the bot asks.
            log.warning("response_url of somebody else")
            return False
        body = {"response_type": "ephemeral", "replace_original": False, **_content(said)}
        timeout = aiohttp.ClientTimeout(total=10)
        async with self.session.post(
            url.reveal(), json=body, timeout=timeout, allow_redirects=False
        ) as answer:
            return answer.status == 200

    async def _post(
        self, client: AsyncWebClient, item: OutboxItem, said: base.Message, asker: str
    ) -> Delivery:
        metadata = _metadata(item)
        thread: dict[str, Any] = {}
        if item.thread_ts:
            thread = {"thread_ts": item.thread_ts, "reply_broadcast": item.broadcast}
        place = {"channel": item.channel, "metadata": metadata, **thread}
        try:
            answer = await client.chat_postMessage(**place, unfurl_links=False, **_content(said))
        except SlackApiError as error:
            hearer = await self._hearer(item, asker) if error_code(error) in NOT_THERE else ""
            if hearer:
                return await self._tell_asker(client, item, said, hearer)
            if item.thread_ts and error_code(error) in LOST:
                return WAIT
            if error_code(error) not in BAD_SHAPE:
                raise
            # Our own fault, found by Slack: the bare text still tells what happened.
            log.warning("blocks refused", kind=item.kind, error=error_code(error))
            answer = await client.chat_postMessage(**place, text=said.text)
        return Said(str(answer.get("ts", "")))

    async def _hearer(self, item: OutboxItem, asker: str) -> str:
        """Return who is told instead of the channel: who has asked, else who installed the app; "" for nobody.

        What belongs into a thread is the rest of what that person has heard already.
        """
        if asker or item.thread_ts or self.keeper is None:
            return asker
        return await self.keeper(item.slack_team_id)

    async def _tell_asker(
        self, client: AsyncWebClient, item: OutboxItem, said: base.Message, asker: str
    ) -> Delivery:
        """Tell who asked, since the bot is not in the channel; a message that is answered there waits until it is."""
        waits = item.kind in WAIT_FOR_INVITATION
        told = invite_first(said, item.channel) if waits else not_invited(said, item.channel)
        if not item.asker_told:
            await client.chat_postMessage(channel=asker, metadata=_metadata(item), **_content(told))
        if not waits:
            return Said()  # its ts is of another conversation, where nobody edits or answers it
        return SayLater("not invited", arrived_maybe=False, seconds=INVITED_SECONDS, asker_told=True)


async def _edit(client: AsyncWebClient, item: OutboxItem, said: base.Message, _asker: str) -> Delivery:
    """Let a message that was said before say this; doing it twice changes nothing."""
    place: dict[str, Any] = {"channel": item.channel, "ts": item.ts, "metadata": _metadata(item)}
    try:
        await client.chat_update(**place, **_content(said))
    except SlackApiError as error:
        if error_code(error) in LOST:
            return WAIT
        if error_code(error) not in BAD_SHAPE:
            raise
        log.warning("blocks refused", kind=item.kind, error=error_code(error))
        await client.chat_update(**place, text=said.text, blocks=[])
    return Said(item.ts)


async def _find(client: AsyncWebClient, item: OutboxItem) -> str:
    """Return the ts of a message that was said already, "" where there is none."""
    cursor = ""
    for _page in range(PAGES):
        try:
            answer = await _page_of(client, item, cursor)
        except SlackApiError as error:
            if error_code(error) in NOT_THERE | {"thread_not_found"}:
                return ""  # we were not there to say it
            raise
        for message in cast("list[dict[str, Any]]", answer.get("messages") or []):
            metadata = message.get("metadata") or {}
            if (metadata.get("event_payload") or {}).get("id") == str(item.id):
                return str(message["ts"])
        cursor = (answer.get("response_metadata") or {}).get("next_cursor", "")
        if not cursor:
            break
    return ""


async def _page_of(client: AsyncWebClient, item: OutboxItem, cursor: str) -> AsyncSlackResponse:
    """Read a page of where the message would be: its thread, else the channel."""
    since = (item.claimed_at or item.created_at) - BEFORE
    wanted: dict[str, Any] = {
        "channel": item.channel,
        "oldest": f"{since.timestamp():.6f}",
        "limit": 100,
        "include_all_metadata": True,
    }
    wanted |= {"cursor": cursor} if cursor else {}
    if item.thread_ts:
        return await client.conversations_replies(ts=item.thread_ts, **wanted)
    return await client.conversations_history(**wanted)


async def _unfold(client: AsyncWebClient, notice: LinksShown) -> Delivery:
    """Show what links lead to; a message that is gone has nothing below it."""
    place: dict[str, Any] = {"channel": notice.channel, "ts": notice.ts}
    if notice.unfurl_id:
        place = {"unfurl_id": notice.unfurl_id, "source": notice.source}
    try:
        await client.api_call("chat.unfurl", json={**place, "unfurls": unfurls(notice)})
    except SlackApiError as error:
        if error_code(error) not in GONE:
            raise
    return Said()


async def _show(client: AsyncWebClient, notice: notices.Notice) -> Delivery:
    if isinstance(notice, notices.HomeShown):
        return Said()  # left behind by an older version: the tab has a lane of its own now
    view = VIEWS[type(notice)](notice)
    try:
        if isinstance(notice, FILLED):
            await client.views_update(external_id=notice.view_id, view=dict(view))
        elif isinstance(notice, PublisherFormShown):
            place = {"external_id": notice.form.view_id, "hash": notice.hash or None}
            await client.views_update(view=dict(view), **place)
    except SlackApiError as error:
        if error_code(error) in CLOSED:
            return Said()  # the person has closed it: there is nobody to show it to
        raise
    return Said()


def _metadata(item: OutboxItem) -> dict[str, Any]:
    return {"event_type": EVENT, "event_payload": {"id": str(item.id)}}


def _content(said: base.Message) -> dict[str, Any]:
    return {"text": said.text, "blocks": [dict(block) for block in said.blocks]}


def refused(error: SlackApiError) -> SayLater | NeverSay:
    """Return what Slack's refusal means for whether to try again."""
    code = error_code(error)
    if wait := retry_after(error):
        return SayLater("rate limited", arrived_maybe=False, seconds=wait, limited=True)
    if is_silence(error):
        return SayLater(code, arrived_maybe=True)
    if code in TOKEN_ENDED:
        # By now another process may have exchanged it, or somebody has installed the app again.
        return SayLater(code, arrived_maybe=False)
    if code in OUR_SIDE:
        log.error("Slack refuses this bot", error=code)
        return SayLater(code, arrived_maybe=False, seconds=OPERATOR_SECONDS)
    return NeverSay(code)


def retry_after(error: SlackApiError) -> float:
    """Return for how many seconds Slack wants to be left alone; 0: it did not say so."""
    if error_code(error) != "ratelimited" and getattr(error.response, "status_code", 0) != 429:
        return 0
    return _retry_after(error.response.headers)


def is_silence(error: SlackApiError) -> bool:
    """Whether Slack's error leaves open what became of the request."""
    code, status = error_code(error), getattr(error.response, "status_code", 0)
    broken = {"internal_error", "fatal_error", "service_unavailable", "request_timeout"}
    return code == UNREADABLE or status >= 500 or code in broken


def _retry_after(headers: Mapping[str, str]) -> float:
    text = {name.lower(): value for name, value in headers.items()}.get("retry-after", "")
    return min(float(text), 3_600.0) if text.isascii() and text.isdigit() else 30.0


def error_code(error: SlackApiError) -> str:
    """Return Slack's word for what is wrong; UNREADABLE where the answer was no JSON object of Slack's."""
    answer = error.response
    try:
        return str(answer.get("error") or UNREADABLE)
    except (AttributeError, ValueError):  # the SDK hands on the bare HTTP answer, or one without a body
        return UNREADABLE


def is_slacks(api_url: str, url: str) -> bool:
    """Say whether an address is of the host that serves Slack's API, or below it, and as safe."""
    try:
        api, other = urlsplit(api_url), urlsplit(url)
        host, found = api.hostname or "", other.hostname or ""
    except ValueError:
        return False
    below = found == host or found.endswith(f".{host}")
    return bool(host) and below and other.scheme == api.scheme and "@" not in other.netloc


def shared_session() -> aiohttp.ClientSession:
    """Return the one HTTP session for all calls to Slack; needs a running loop."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=10),
        connector=aiohttp.TCPConnector(limit=50),
        response_class=_Bounded,
        trust_env=False,
        trace_configs=[hooks()],
    )


class _Bounded(aiohttp.ClientResponse):
    """An answer of Slack's that is read, counted after unpacking, as far as any sane one goes."""

    async def read(self) -> bytes:
        """Read the body; ClientPayloadError where there is more, which counts as an answer that did not come."""
        if self._body is None:
            body = bytearray()
            async for chunk in self.content.iter_any():
                body += chunk
                if len(body) > MOST_ANSWER:
                    self.close()
                    raise aiohttp.ClientPayloadError("more than any answer of Slack's")
            self._body = bytes(body)
        return await super().read()
