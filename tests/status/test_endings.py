"""Teams whose token is dead, and whom no event told us of: Slack is asked itself, and believed only after half a day."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.slack.clients import Workspaces
from bot.slack.endings import DOUBTED, PAUSE, Endings
from bot.slack.notifier import SlackNotifier
from bot.workflow.inlet import Inlet
from bot.workflow.ports import Said, SayLater
from storage.database import Database
from storage.ledger import inbox, teams
from storage.records import InboxItem, Installation, OutboxItem
from tests.releases.fakes import Clock
from tests.storage.test_installations import NOW, new, put
from tests.transport.slack_server import Json, ScriptedSlack, scripted
from tests.transport.test_notifier import ROOT, refused

FINE: Json = {"ok": True}
DEAD = refused("account_inactive")


async def as_it_is(one: Installation) -> Installation:
    """Take a token as one that lives on."""
    return one


class Told:
    """What is tested: a notifier of many workspaces, on a Slack that answers as written down, half a day after something was to be said."""

    def __init__(self, database: Database, slack: ScriptedSlack, mine: Installation) -> None:
        assert slack.session
        self.database, self.slack = database, slack
        self.clock = Clock(NOW + DOUBTED)
        clients = Workspaces(database, self.clock, lambda token: slack.client(token.reveal()), "", as_it_is)
        inlet = Inlet(database, self.clock, lambda: None)
        self.endings = Endings(clients, inlet)
        self.notifier = SlackNotifier(clients.client_for, slack.session, doubt=self.endings.doubt)
        self.item: OutboxItem = replace(ROOT, team_id=mine.team_id, created_at=NOW, slack_team_id="T1")

    async def say(self) -> object:
        """Try to say it."""
        return await self.notifier.deliver(self.item, maybe_said=False)

    async def written(self) -> list[InboxItem]:
        """Return what was written down."""
        async with self.database.transaction() as session:
            return list(await inbox.claim(session, self.clock(), timedelta(minutes=1), 10))


@asynccontextmanager
async def refusing(database: Database, *post: Json, says: tuple[Json, ...] = (FINE,)) -> AsyncIterator[Told]:
    """Give an installed team to which nothing can be said, and what Slack says of its token."""
    mine = await put(database, new("T1"))
    async with scripted(chat_postMessage=list(post), auth_test=list(says)) as slack:
        yield Told(database, slack, mine)


async def test_who_is_gone_by_slacks_own_word_is_let_go(database: Database) -> None:
    """After half a day, and once `auth.test` says so too, the end is written down, as of when it was asked; the message is not given up before."""
    async with refusing(database, DEAD, says=(DEAD,)) as told:
        assert isinstance(await told.say(), SayLater)
        (item,) = await told.written()
        async with database.reading() as session:
            team = await teams.find(session, "T1", "")
        assert team is not None
        assert (item.team_id, item.kind, item.actor) == (team.id, "team.leave", "")
        assert item.payload["why"] == "account_inactive"
        assert datetime.fromisoformat(item.payload["at"]) == told.clock()


@pytest.mark.parametrize(
    "code",
    ["invalid_auth", "team_access_not_granted", "org_login_required", "missing_scope", "token_expired"],
)
async def test_what_can_be_mended_is_no_end(database: Database, code: str) -> None:
    """Nobody is asked, nothing is written down, and nothing is given up."""
    async with refusing(database, refused(code), says=(DEAD,)) as told:
        assert isinstance(await told.say(), SayLater)
        assert await told.written() == []
        assert told.slack.asked("auth.test") == []


@pytest.mark.parametrize(
    "says", [FINE, refused("invalid_auth"), refused("ratelimited"), {"ok": False, "status": 500}]
)
async def test_one_refusal_is_no_end(database: Database, says: Json) -> None:
    """Where Slack takes the token elsewhere, or can't tell, it is tried again."""
    async with refusing(database, DEAD, says=(says,)) as told:
        assert isinstance(await told.say(), SayLater)
        assert len(told.slack.asked("auth.test")) == 1
        assert await told.written() == []


async def test_an_hours_outage_of_slack_is_no_end(database: Database) -> None:
    """Until something has been unsaid for half a day nobody is even asked."""
    async with refusing(database, DEAD, says=(DEAD,)) as told:
        told.clock.now -= timedelta(seconds=1)
        await told.say()
        assert told.slack.asked("auth.test") == []
        assert await told.written() == []


async def test_slack_is_not_asked_for_each_message(database: Database) -> None:
    """However many messages are refused, a team is asked about every ten minutes, and each word is of its moment."""
    async with refusing(database, DEAD, says=(DEAD,)) as told:
        for _ in range(3):
            await told.say()
        assert len(told.slack.asked("auth.test")) == 1
        told.clock.now += PAUSE
        await told.say()
        assert len(told.slack.asked("auth.test")) == 2


async def test_who_installed_it_again_is_no_end(database: Database) -> None:
    """The token that is kept now is asked about, not the one that was refused."""
    async with refusing(database, DEAD, {"ok": True, "channel": "C1", "ts": "1.1"}, says=(FINE,)) as told:
        assert isinstance(await told.say(), SayLater)
        assert await told.written() == []
        assert await told.say() == Said("1.1")
