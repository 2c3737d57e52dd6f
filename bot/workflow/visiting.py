"""Looking at a team's pages in the browser: signing in with Slack, and the session that comes of it.

Knows: what is kept of a sign-in and a session, how long they last, who may look. Must not know: cookies, pages, wording.

Of the state, of the browser's own secret and of the session's only hashes are kept. A state is used once, by the browser
that began it, within ten minutes; the nonce follows from both, so that it lies nowhere. Whoever looks is asked for in
Slack each time (the answer is kept for a minute): who is deactivated, or becomes a guest, sees nothing any more.
"""

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from bot.core.identity import NotProven
from bot.core.people import CannotTell, Person, Standing
from bot.core.status_links import own_path
from bot.workflow.connecting import hashed
from bot.workflow.ports import Clock, OpenId, People
from storage.database import Database
from storage.ledger import history, sessions
from storage.records import Team

TERM = timedelta(minutes=10)
"""How long a sign-in may take."""
IDLE = timedelta(hours=2)
"""How long a session lasts in which nobody looks at anything."""
LONGEST = timedelta(hours=12)
"""How long a session lasts at most."""
TOUCH = timedelta(minutes=5)
"""How often a session is told to be in use: not every look writes."""


class Why(StrEnum):
    """Why somebody sees nothing."""

    ENDED = "ended"
    """The sign-in was never begun, has ended, was used before, or is another browser's: nobody is told which."""
    DECLINED = "declined"
    UNPROVEN = "unproven"
    NO_TEAM = "no_team"
    """Of a workspace that the bot does not know."""
    NOT_MEMBER = "not_member"
    UNSURE = "unsure"
    """Slack does not say what the person is."""


Named = Callable[[str], Awaitable[str]]
"""Slack team -> how Slack calls it, "" where it does not say."""
Serves = Callable[[str, str], Awaitable[tuple[str, str] | None]]
"""(workspace, org) -> those of the installation that serves them; None where the bot is not installed there."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Somebody sees nothing."""

    why: Why
    cause: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Welcome:
    """Somebody has signed in."""

    secret: str
    """What the browser brings from now on."""
    goes_to: str


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks."""

    team_id: UUID
    slack_team_id: str
    user: str
    name: str
    workspace: str = ""
    """How Slack calls the workspace, or the org; "" where it does not say."""


@dataclass(frozen=True, slots=True)
class Visiting:
    """Signing in and looking, on concrete parts."""

    database: Database
    openid: OpenId
    people: People
    clock: Clock
    serves: Serves
    named: Named | None = None
    """None: nobody knows how workspaces are called."""

    async def begin(self, browser: str, goes_to: str) -> str:
        """Begin a sign-in of a browser that wants a page of ours; returns where it goes on."""
        state, now = secrets.token_urlsafe(32), self.clock()
        async with self.database.transaction() as session:
            pair = (hashed(state), hashed(browser))
            await sessions.begin(session, pair, own_path(goes_to), (now, now + TERM))
        return self.openid.page(state, _nonce(browser, state))

    async def finish(self, state: str, browser: str, code: str, old: str = "") -> Welcome | Refused:
        """Use a sign-in up and start a session of whom it was; without a code the person has declined.

        The session that this browser had before (`old`) ends: nothing that anybody gave it beforehand is of use afterwards.
        """
        async with self.database.transaction() as session:
            pair = (hashed(state), hashed(browser))
            goes_to = await sessions.take(session, pair, self.clock()) if browser else None
        if goes_to is None:
            return Refused(Why.ENDED)
        if not code:
            return Refused(Why.DECLINED)
        person = await self.openid.who(code, _nonce(browser, state))
        if isinstance(person, NotProven):
            return Refused(Why.UNPROVEN, person.cause, person.remedy)
        served = await self.serves(person.slack_team_id, person.enterprise_id)
        async with self.database.reading() as session:
            team = await history.team_of(session, *served) if served else None
        if team is None:
            return Refused(Why.NO_TEAM)
        seen = await self._member(team.slack_team_id, person.user)
        return seen if isinstance(seen, Refused) else await self._start(team, person.user, (goes_to, old))

    async def _start(self, team: Team, user: str, pages: tuple[str, str]) -> Welcome:
        secret, now, (goes_to, old) = secrets.token_urlsafe(32), self.clock(), pages
        async with self.database.transaction() as session:
            if old:
                await sessions.end(session, hashed(old))
            await sessions.start(session, (team.id, user), hashed(secret), (now, now + LONGEST))
        return Welcome(secret, goes_to)

    async def viewer(self, secret: str) -> Viewer | Refused | None:
        """Return who looks; None where nobody has signed in, Refused where that person may look no more."""
        if not secret:
            return None
        now = self.clock()
        async with self.database.reading() as session:
            found = await sessions.find(session, hashed(secret), now, now - IDLE)
        if found is None:
            return None
        served = await self.serves(found.slack_team_id, "")
        if served is None or served[0] != found.slack_team_id:
            return await self._end(Why.NO_TEAM, found.team_id)
        seen = await self._member(found.slack_team_id, found.user)
        if isinstance(seen, Refused):
            return (
                await self._end(seen.why, found.team_id, found.user) if seen.why is Why.NOT_MEMBER else seen
            )
        if now - found.seen_at >= TOUCH:
            async with self.database.transaction() as session:
                await sessions.touch(session, hashed(secret), now)
        workspace = await self.named(found.slack_team_id) if self.named else ""
        return Viewer(found.team_id, found.slack_team_id, found.user, seen.name or found.user, workspace)

    async def _end(self, why: Why, team_id: UUID, user: str = "") -> Refused:
        async with self.database.transaction() as session:
            await sessions.end_all(session, team_id, user)
        return Refused(why)

    async def leave(self, secret: str) -> None:
        """End a session."""
        async with self.database.transaction() as session:
            await sessions.end(session, hashed(secret))

    async def _member(self, slack_team_id: str, user: str) -> Person | Refused:
        person = await self.people.person(slack_team_id, user)
        if isinstance(person, CannotTell):
            return Refused(Why.UNSURE, person.detail)
        return person if person.standing is Standing.MEMBER else Refused(Why.NOT_MEMBER)


def _nonce(browser: str, state: str) -> str:
    return hashlib.sha256(f"nonce:{browser}:{state}".encode()).hexdigest()
