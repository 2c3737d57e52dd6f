"""Teams whose token is dead, and whom no event told us of: Slack is asked itself, and believed only once it has said so for half a day."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.core.leaving import DOUBT_GAP as GAP
from bot.slack.clients import Workspaces
from bot.slack.endings import DOUBTED, PAUSE, Endings
from bot.slack.notifier import SlackNotifier
from bot.workflow.inlet import Inlet
from bot.workflow.ports import Said, SayLater
from storage.database import Database
from storage.ledger import inbox, installations, teams
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
    """What is tested: a notifier of many workspaces, on a Slack that answers as written down, and a message that is days old."""

    def __init__(self, database: Database, slack: ScriptedSlack, mine: Installation) -> None:
        assert slack.session
        self.database, self.slack, self.mine = database, slack, mine
        self.clock = Clock(NOW)
        self.item: OutboxItem = replace(
            ROOT, team_id=mine.team_id, created_at=NOW - timedelta(days=3), slack_team_id="T1"
        )
        self.start()

    def start(self) -> None:
        """Begin as a process that has just started."""
        assert self.slack.session
        clients = Workspaces(
            self.database, self.clock, lambda token: self.slack.client(token.reveal()), "", as_it_is
        )
        endings = Endings(clients, Inlet(self.database, self.clock, lambda: None))
        self.notifier = SlackNotifier(clients.client_for, self.slack.session, doubt=endings.doubt)

    async def half_a_day(self, *, step: timedelta = timedelta(hours=1)) -> None:
        """Try to say it again and again, until half a day after now; each process that tries has just started."""
        until = self.clock.now + DOUBTED
        while self.clock.now < until:
            assert isinstance(await self.say(), SayLater)
            self.clock.now = min(self.clock.now + step, until)
            self.start()

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
    """Once `auth.test` has said so for half a day the end is written down, as of when it began to; no message is given up before.

    How old the message is does not count: that of a bot which was away for days is older than Slack's first word.
    """
    async with refusing(database, DEAD, says=(DEAD,)) as told:
        await told.half_a_day()
        assert await told.written() == []
        assert isinstance(await told.say(), SayLater)
        (item,) = await told.written()
        async with database.reading() as session:
            team = await teams.find(session, "T1", "")
        assert team is not None
        assert (item.team_id, item.kind, item.actor) == (team.id, "team.leave", "")
        assert item.payload["why"] == "account_inactive"
        assert datetime.fromisoformat(item.payload["at"]) == NOW


async def test_however_many_processes_say_it_one_word_is_written(database: Database) -> None:
    """It is as of one moment, whoever writes it down, and however often."""
    async with refusing(database, DEAD, says=(DEAD,)) as told:
        await told.half_a_day()
        for _ in range(3):
            await told.say()
            told.start()
            told.clock.now += PAUSE
        assert len(await told.written()) == 1


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
async def test_one_word_of_life_begins_the_half_day_anew(database: Database, says: Json) -> None:
    """Where Slack takes the token elsewhere, or can't tell, it is tried again."""
    dead = [DEAD] * 12
    async with refusing(database, DEAD, says=(*dead, says)) as told:
        await told.half_a_day()
        assert isinstance(await told.say(), SayLater)
        assert len(told.slack.asked("auth.test")) == 13
        assert await told.written() == []


async def test_what_lives_is_not_remembered_as_dead(database: Database) -> None:
    """After one answer that the token is good, half a day must pass again."""
    dead = [DEAD] * 12
    async with refusing(database, DEAD, says=(*dead, FINE, DEAD)) as told:
        await told.half_a_day()
        await told.say()
        told.start()
        await told.half_a_day()
        assert await told.written() == []
        await told.say()
        (item,) = await told.written()
        assert datetime.fromisoformat(item.payload["at"]) > NOW


async def test_of_hours_without_a_word_nobody_knows(database: Database) -> None:
    """Two outages of Slack's, half a day apart, are not one."""
    async with refusing(database, DEAD, says=(DEAD,)) as told:
        await told.say()
        told.clock.now += DOUBTED
        told.start()
        await told.say()
        assert await told.written() == []
        told.start()
        await told.half_a_day(step=GAP)
        await told.say()
        assert len(await told.written()) == 1


async def test_new_tokens_begin_it_anew(database: Database) -> None:
    """Whoever installs the app again is not taken for gone by what was said of the tokens before."""
    async with refusing(database, DEAD, says=(DEAD,)) as told:
        await told.half_a_day()
        async with database.transaction() as session:
            await installations.put(session, new("T1", mark="again"), None, told.clock())
        await told.say()
        assert await told.written() == []
        async with database.transaction() as session:
            # What another process still knew of the tokens before.
            assert await installations.doubt(session, told.mine, told.clock(), GAP) is None


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
