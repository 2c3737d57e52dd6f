"""What Slack says of teams that take the app away.

Knows: Bolt, payloads, ids. Must not know: rules, SQL, wording (that is `blocks`).

Bolt asks nobody whose these deliveries are: the token that would answer them is dead.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from bot.core import intents
from bot.slack.visits import Body, Visit
from bot.workflow.inlet import Inlet, Wish


@dataclass(frozen=True, slots=True)
class Leaving:
    """The listeners on their concrete parts."""

    inlet: Inlet

    def attach(self, app: AsyncApp) -> None:
        """Register with Bolt."""
        app.event("app_uninstalled")(self.on_left)
        app.event("tokens_revoked")(self.on_revoked)
        app.event("user_change")(self.on_person)

    async def on_left(self, ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
        """Take word that the app was taken away."""
        await self._left(body, context, "app_uninstalled")
        await ack()

    async def on_revoked(self, ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
        """Take word that tokens were revoked: the bot's is the app's end, a person's own is none."""
        if (body["event"].get("tokens") or {}).get("bot"):
            await self._left(body, context, "tokens_revoked")
        await ack()

    async def on_person(
        self, ack: AsyncAck, body: Body, context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Take word that somebody was deactivated; whatever else changes about people is nothing to us."""
        user = body["event"].get("user") or {}
        if user.get("deleted") and user.get("id"):
            visit = Visit(body, context, client)
            wish = replace(visit.wish(intents.PersonLeft(str(user["id"])[:32])), actor="", origin="")
            await self.inlet.put_of_known(wish)
        await ack()

    async def _left(self, body: Body, context: AsyncBoltContext, why: str) -> None:
        team, org = whose(body, context)
        at = datetime.fromtimestamp(int(body.get("event_time") or self.inlet.clock().timestamp()), UTC)
        # Both events are told of one end, with an id each: the second one finds nothing left to do.
        await self.inlet.put_of_known(
            Wish(
                team,
                org,
                str(body.get("event_id") or f"{why}:{at.isoformat()}"),
                "",
                "",
                intents.LeaveTeam(at, why),
            )
        )


def whose(body: Body, context: AsyncBoltContext) -> tuple[str, str]:
    """Return (team, org) of the very install that has ended: an org's own id for an org-wide one, or the workspace's alone."""
    team = str(body.get("team_id") or context.team_id or "")
    org = str(body.get("enterprise_id") or context.enterprise_id or "")
    whole = bool(context.is_enterprise_install) or not team or team.startswith("E")
    return (org or team, org or team) if whole else (team, org)
