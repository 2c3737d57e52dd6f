"""gidgethub, sending through our transport.

Knows: what gidgethub wants of a client. Must not know: what is asked.
"""

import asyncio
from collections.abc import Mapping

from gidgethub.abc import GitHubAPI

from bot.errors import AnswerLost
from bot.forge.lines import Line
from bot.wire import Request

TIMEOUT = 15.0
_SET_BELOW = frozenset({"user-agent", "content-length"})
"""Headers that the transport sets itself."""


class Api(GitHubAPI):
    """One look at a forge over one line."""

    def __init__(self, line: Line, api_url: str) -> None:
        super().__init__("shipbell", base_url=api_url)
        self._line = line

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        sent = {name: value for name, value in headers.items() if name.lower() not in _SET_BELOW}
        if self._line.token:
            # Added here and not handed to gidgethub, which would keep it as plain text.
            sent["authorization"] = f"Bearer {self._line.token.reveal()}"
        answer = await self._line.sender.get(Request(method, url, sent, body, timeout=TIMEOUT))
        if answer.truncated:
            raise AnswerLost("The forge's answer is too long to be read.", host="")
        return answer.status, answer.headers, answer.body

    async def sleep(self, seconds: float) -> None:
        """Wait, where gidgethub wants to."""
        await asyncio.sleep(seconds)
