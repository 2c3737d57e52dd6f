"""A local Slack workspace with its web page, and people in it who act as told.

Knows: local-slack's control API and its `/ui` websocket. Must not know: what the bot does.

The program is npm's `local-slack`, one binary a platform. It binds all interfaces and can't be told
otherwise (`slack_process.py`). What it lacks against the real Slack, `slack_gate.py` adds in front of it.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any, Self, TypeVar

import aiohttp

from bot.demo.slack_config import (
    ALICE,
    APP_ID,
    BOB,
    BOT_USER_ID,
    CAROL,
    CHANNELS,
    DAVE,
    ERIN,
    GENERAL,
    GROUPS,
    MAINTAINERS,
    RELEASES,
    SECURITY,
    TEAM_ID,
    USERS,
    Channel,
    Keys,
    Mode,
    User,
    UserGroup,
    config_text,
)
from bot.demo.slack_mirror import Json, Mirror, chosen, filled, find_action
from bot.demo.slack_process import LocalSlack

__all__ = [
    "ALICE", "APP_ID", "BOB", "BOT_USER_ID", "CAROL", "CHANNELS", "DAVE", "ERIN", "GENERAL", "GROUPS",
    "MAINTAINERS", "RELEASES", "SECURITY", "TEAM_ID", "USERS", "Channel", "SlackWorkspace", "User", "UserGroup",
]  # fmt: skip

Found = TypeVar("Found")
PATIENCE_SECONDS = 10.0


class SlackWorkspace:
    """One local workspace: a process, what it shows, and hands to act in it.

    Where a user or channel is wanted, take the object or its id. `messages`, `views`, `errors` and `homes` show
    what the workspace has pushed; after each act they are as fresh as the workspace itself.
    """

    def __init__(
        self,
        *,
        mode: Mode = "events",
        request_url: str = "",
        port: int = 0,
        users: Sequence[User] = USERS,
        channels: Sequence[Channel] = CHANNELS,
        keys: Keys | None = None,
    ) -> None:
        self.mode = mode
        self.request_url = request_url
        """Where deliveries go in mode `events`; may be set until `start`."""
        self.users = tuple(users)
        """May be replaced while it runs, by the same people as something else: a guest, an admin, deactivated."""
        self.groups: tuple[UserGroup, ...] = GROUPS
        """May be replaced while it runs."""
        self.channels = tuple(channels)
        self.team_id = TEAM_ID
        self.app_id = APP_ID
        self.bot_user_id = BOT_USER_ID
        keys = keys or Keys()
        self._keys = keys
        self.bot_token = keys.bot_token
        self.app_token = keys.app_token
        self.signing_secret = keys.signing_secret
        self._port = port
        self._program = LocalSlack()
        self._mirror = Mirror()
        self._session: aiohttp.ClientSession | None = None
        self._page: aiohttp.ClientWebSocketResponse | None = None
        self._reading: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._pings = 0
        self._pongs: dict[bytes, asyncio.Future[None]] = {}
        self._ended = False

    @property
    def url(self) -> str:
        """The web page, without a slash at the end; RuntimeError before `start`."""
        if not self._program.url:
            raise RuntimeError("not started yet: the port is known only then")
        return self._program.url

    @property
    def api_url(self) -> str:
        """Return the Web API's base, straight and unchecked (the gate's is the checked one)."""
        return f"{self.url}/api/"

    async def start(self) -> Self:
        """Start the program and look at its page. ShipbellError where it is missing or the port is taken."""
        if self.mode == "events" and not self.request_url:
            raise ValueError("mode `events` needs a request_url (a started SlackGate gives its own)")
        text = config_text(
            self._keys,
            mode=self.mode,
            request_url=self.request_url,
            users=self.users,
            channels=self.channels,
        )
        await self._program.start(text, self._port)
        try:
            self._session = aiohttp.ClientSession(base_url=self.url)
            self._page = await self._session.ws_connect("/ui", autoping=False, max_msg_size=0)
            self._mirror = Mirror()
            self._mirror.take(await self._page.receive_json())
        except BaseException:
            await self.stop()
            raise
        self._ended = False
        self._reading = asyncio.create_task(self._read(self._page))
        return self

    async def stop(self) -> None:
        """End the program and remove its files; harmless where nothing runs."""
        if self._page is not None:
            await self._page.close()
        if self._reading is not None:
            await self._reading
        if self._session is not None:
            await self._session.close()
        self._page = self._reading = self._session = None
        await self._program.stop()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    def messages(self, channel: Channel | str = RELEASES, *, thread: str = "") -> list[Json]:
        """Return what a channel shows, oldest first: bots', people's, threads' and ephemeral messages.

        With `thread` (a root's ts) only that root and its replies.
        """
        found = self._mirror.messages.get(str(channel), [])
        return [one for one in found if not thread or thread in {one["ts"], one.get("thread_ts")}]

    def has_channel(self, channel: str) -> bool:
        """Whether there is such a channel or direct conversation, by id."""
        return channel in self._mirror.messages

    def views(self) -> list[Json]:
        """Return the open modals, the top one last. There is one stack for everybody."""
        return list(self._mirror.stack)

    @property
    def errors(self) -> dict[str, str] | None:
        """What is wrong by the bot's last answer, by block id; None where nothing is."""
        return self._mirror.errors

    @property
    def homes(self) -> dict[str, Json]:
        """The published home tab of each user id."""
        return self._mirror.homes

    @property
    def bot_connected(self) -> bool:
        """Whether a bot is connected by Socket Mode."""
        return self._mirror.connected

    async def command(self, user: User | str, channel: Channel | str, command: str, text: str = "") -> None:
        """Type a slash command and wait until the bot has answered (or can't be reached)."""
        await self._control(
            "command", {"user": str(user), "channel": str(channel), "command": command, "text": text}
        )

    async def say(self, user: User | str, channel: Channel | str, text: str, *, thread: str = "") -> str:
        """Post a message, wait until the bot has answered its event; returns the message's ts."""
        told = {"user": str(user), "channel": str(channel), "text": text}
        answer = await self._control("message", told | ({"thread_ts": thread} if thread else {}))
        return str(answer["message"]["ts"])

    async def click(
        self,
        user: User | str,
        channel: Channel | str,
        message_ts: str,
        action: str,
        *,
        option: str = "",
        shown: Sequence[Json] = (),
    ) -> None:
        """Click what has that action id or label (in a menu: take that option); wait for the bot's answer.

        `shown` are the blocks of the message as the person still sees it, where it has changed since.
        LookupError where there is no such message, action or option.
        """
        found = [one for one in self.messages(channel) if one["ts"] == message_ts]
        if not found:
            raise LookupError(f"no message {message_ts} in {channel}")
        await self._control(
            "interact",
            {
                "user": str(user),
                "channel": str(channel),
                "messageTs": message_ts,
                "action": _clicked(list(shown) or found[0].get("blocks") or [], action, option),
            },
        )

    async def submit(
        self,
        user: User | str,
        values: dict[str, Any] | None = None,
        timeout: float = PATIENCE_SECONDS,  # noqa: ASYNC109 - the caller says how patient a person is
    ) -> None:
        """Fill in the top modal, submit it and wait until the answer shows.

        `values` as `slack_mirror.filled` takes it. LookupError without a modal; TimeoutError.
        """
        if not self._mirror.stack:
            raise LookupError("no modal is open")
        states = filled(self._mirror.stack[-1], values or {})
        before = self._mirror.answers
        await self._send({"t": "view_submit", "user": str(user), "values": states})
        await self.wait_for(lambda _: self._mirror.answers > before, timeout)

    async def close_view(self, user: User | str) -> None:
        """Close the modals by their cross; the bot hears of it only if it asked to (`notify_on_close`)."""
        if not self._mirror.stack:
            raise LookupError("no modal is open")
        await self._send({"t": "view_close", "user": str(user)})
        await self.wait_for(lambda _: not self._mirror.stack)

    async def open_home(self, user: User | str) -> None:
        """Open the app's home tab and wait until the bot has answered the event."""
        await self._control("open-home", {"user": str(user)})

    async def click_home(self, user: User | str, action: str, *, option: str = "") -> None:
        """Click something in the user's home tab; does not wait for the bot."""
        view = self.homes.get(str(user))
        if view is None:
            raise LookupError(f"{user} has no home tab yet")
        told = {"t": "block_action", "channel": "", "messageTs": "", "user": str(user), "appId": APP_ID}
        await self._send(told | {"action": _clicked(view["blocks"], action, option)})

    async def wait_for(
        self,
        predicate: Callable[["SlackWorkspace"], Found],
        timeout: float = PATIENCE_SECONDS,  # noqa: ASYNC109 - part of what is promised to tests
    ) -> Found:
        """Wait until `predicate(workspace)` is true and return what it gave; looks at each push, never at a clock.

        TimeoutError, which tells what the workspace shows instead; ConnectionError if it ended.
        """
        try:
            async with asyncio.timeout(timeout):
                while not (found := predicate(self)):
                    if self._ended:
                        raise ConnectionError("the local Slack workspace has ended")
                    await self._news.wait()
                return found
        except TimeoutError:
            raise TimeoutError(f"not within {timeout:g} s; {self.describe()}") from None

    async def settled(self) -> None:
        """Wait until everything that the workspace has pushed so far is taken in."""
        # Pushes and the pong come in order on one connection, so the pong is the last of them.
        self._pings += 1
        name = b"%d" % self._pings
        pong = self._pongs[name] = asyncio.get_running_loop().create_future()
        await self._open_page().ping(name)
        # Shielded, so that the reader finds a pong that it can resolve even if we are cancelled here.
        await asyncio.shield(pong)
        del self._pongs[name]

    async def log(self) -> list[Json]:
        """Return the traffic to and from the bot as local-slack logged it, oldest first, at most 1,000."""
        assert self._session
        async with self._session.get("/_control/log") as answer:
            entries: list[Json] = (await answer.json())["log"]
            return entries

    async def reset(self) -> None:
        """Bring the workspace back to its beginning: no messages, modals, home tabs, log."""
        await self._control("reset", {})

    def describe(self) -> str:
        """Tell in a few lines what the workspace shows, for a failed test."""
        lines = ["the workspace shows:"]
        for channel, found in self._mirror.messages.items():
            lines += [f"  {channel} {one['ts']} {one.get('user')}: {one.get('text', '')!r}" for one in found]
        for view in self._mirror.stack:
            lines.append(f"  modal {view.get('title', {}).get('text')!r} {view.get('callback_id', '')!r}")
        return "\n".join([*lines, f"  errors {self._mirror.errors}"])

    async def _control(self, verb: str, told: Json) -> Json:
        assert self._session, "not started"
        async with self._session.post(f"/_control/{verb}", json=told) as answer:
            answer.raise_for_status()
            said: Json = await answer.json()
        await self.settled()
        return said

    async def _send(self, told: Json) -> None:
        await self._open_page().send_json(told)

    def _open_page(self) -> aiohttp.ClientWebSocketResponse:
        if self._page is None or self._ended:
            raise ConnectionError("the local Slack workspace is not running")
        return self._page

    async def _read(self, page: aiohttp.ClientWebSocketResponse) -> None:
        async for frame in page:
            if frame.type is aiohttp.WSMsgType.TEXT:
                self._mirror.take(json.loads(frame.data))
            elif frame.type is aiohttp.WSMsgType.PING:
                await page.pong(frame.data)
            elif frame.type is aiohttp.WSMsgType.PONG:
                self._pongs[bytes(frame.data)].set_result(None)
            self._tell()
        self._ended = True
        for waiting in self._pongs.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError("the local Slack workspace has ended"))
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def _clicked(blocks: list[Json], action: str, option: str) -> Json:
    block, element = find_action(blocks, action)
    told = {"type": element["type"], "action_id": element["action_id"], "block_id": block.get("block_id")}
    if option:
        return told | {"selected_option": chosen(element, option)}
    return told | {key: element[key] for key in ("value", "text") if key in element}
