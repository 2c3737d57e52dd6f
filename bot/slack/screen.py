"""Shows people their Home tabs: `views.publish`, by the tab's hash, so that nothing newer is written over.

Knows: Slack's Web API and its errors. Must not know: rules, SQL, wording (that is `blocks`).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.home_notices import HomePage
from bot.errors import NotInstalled
from bot.slack.blocks import home
from bot.slack.blocks.forms import View
from bot.slack.notifier import error_code, refused
from bot.workflow.ports import Delivery, NeverSay, Overtaken, Said, SayLater

log = structlog.get_logger(__name__)

BAD_SHAPE = frozenset({"invalid_arguments", "invalid_blocks", "invalid_view", "view_too_large"})


@dataclass(frozen=True, slots=True)
class SlackScreen:
    """Slack's Home tabs. `client_for` gives the client of a Slack team."""

    client_for: Callable[[str], Awaitable[AsyncWebClient]]

    async def publish(
        self, slack_team_id: str, user: str, page: HomePage, shown: str
    ) -> Delivery | Overtaken:
        """Show a page to one person; never raises for what Slack answers or fails to answer."""
        try:
            client = await self.client_for(slack_team_id)
            return await _publish(client, user, home.view(page), shown)
        except SlackApiError as error:
            if error_code(error) == "hash_conflict":
                return Overtaken()
            if error_code(error) not in BAD_SHAPE:
                return refused(error)
            log.warning("home refused", error=error_code(error))
        except NotInstalled:
            return NeverSay("not installed")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return SayLater(f"Slack did not answer: {type(error).__name__}", arrived_maybe=True)
        return await self._plainly(slack_team_id, user)

    async def _plainly(self, slack_team_id: str, user: str) -> Delivery:
        """Our own fault, found by Slack: the person is told that much."""
        try:
            return await _publish(await self.client_for(slack_team_id), user, home.broken(), "")
        except SlackApiError as error:
            return refused(error)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return SayLater(f"Slack did not answer: {type(error).__name__}", arrived_maybe=True)


async def _publish(client: AsyncWebClient, user: str, view: View, shown: str) -> Said:
    answer = await client.views_publish(user_id=user, view=dict(view), hash=shown or None)
    now = answer.get("view")
    return Said(str(now.get("hash") or "") if isinstance(now, dict) else "")
