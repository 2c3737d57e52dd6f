"""Tells Slack how steps of workflows ended: `functions.completeSuccess` and `functions.completeError`.

Knows: Slack's Web API and its errors. Must not know: rules, SQL, wording (that is `blocks`).

Slack takes the end of a run once; where it knows an end already, it says so, and that is as good as having been told
(https://docs.slack.dev/reference/methods/functions.completeSuccess).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.steps import Ending, StepDone
from bot.errors import NotInstalled
from bot.slack.blocks import steps
from bot.slack.notifier import error_code, refused
from bot.workflow.ports import Delivery, NeverSay, Said, SayLater

ENDED = frozenset({"execution_not_in_running_state", "function_execution_not_found"})
"""The run has ended: by us, by the person who stopped the workflow, or long ago."""


@dataclass(frozen=True, slots=True)
class SlackCompleter:
    """Slack's side of the steps. `client_for` gives the client of a Slack team."""

    client_for: Callable[[str], Awaitable[AsyncWebClient]]

    async def complete(self, slack_team_id: str, execution_id: str, ending: Ending) -> Delivery:
        """Tell it; never raises for what Slack answers or fails to answer."""
        try:
            client = await self.client_for(slack_team_id)
            if isinstance(ending, StepDone):
                outputs = dict(ending.outputs)
                await client.functions_completeSuccess(function_execution_id=execution_id, outputs=outputs)
            else:
                await client.functions_completeError(
                    function_execution_id=execution_id, error=steps.error(ending)
                )
        except SlackApiError as error:
            return Said() if error_code(error) in ENDED else refused(error)
        except NotInstalled:
            return NeverSay("not installed")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return SayLater(f"Slack did not answer: {type(error).__name__}", arrived_maybe=True)
        return Said()
