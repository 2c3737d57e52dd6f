"""What Slack says of teams that take the app away, of people who leave, and of channels that are closed to the bot.

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
        app.event("channel_archive")(self.on_channel_lost)
        app.event("channel_deleted")(self.on_channel_lost)
        app.event("channel_left")(self.on_channel_lost)
        app.event("channel_unarchive")(self.on_channel_back)
        app.event("group_archive")(self.on_channel_lost)
        app.event("group_deleted")(self.on_channel_lost)
        app.event("group_left")(self.on_channel_lost)
        app.event("group_unarchive")(self.on_channel_back)
        app.event("member_joined_channel")(self.on_joined)

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

    async def on_channel_lost(
        self, ack: AsyncAck, body: Body, context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Take word that the bot can't speak in a channel any more."""
        event = body["event"]
        if channel := str(event.get("channel") or "")[:32]:
            word = intents.ChannelLost(channel, self._at(body), str(event["type"]))
            await self._of_channel(Visit(body, context, client), word)
        await ack()

    async def on_channel_back(
        self, ack: AsyncAck, body: Body, context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Take word that a channel is there again."""
        if channel := str(body["event"].get("channel") or "")[:32]:
            await self._of_channel(Visit(body, context, client), intents.ChannelBack(channel, self._at(body)))
        await ack()

    async def on_joined(
        self, ack: AsyncAck, body: Body, context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Take word that the bot was invited; that others join is nothing to us."""
        if body["event"].get("user") and body["event"]["user"] == context.bot_user_id:
            await self.on_channel_back(ack, body, context, client)
        else:
            await ack()

    async def _of_channel(self, visit: Visit, word: intents.ChannelLost | intents.ChannelBack) -> None:
        await self.inlet.put_of_known(replace(visit.wish(word), actor="", origin=""))

    def _at(self, body: Body) -> datetime:
        return datetime.fromtimestamp(int(body.get("event_time") or self.inlet.clock().timestamp()), UTC)

    async def _left(self, body: Body, context: AsyncBoltContext, why: str) -> None:
        team, org = whose(body, context)
        at = self._at(body)
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
