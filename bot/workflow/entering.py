"""Entering a secret on a page: asked for in Slack, typed in the browser, kept once its owner has seen what it is.

Knows: what is kept of a link, the order of its steps, what is written together. Must not know: cookies, pages, wording.

Of the link's state and of the browser's own secret only hashes are kept. A link takes one secret, within ten minutes, and
from then on it is that browser's alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot import codec
from bot.core import intents, notices
from bot.core.credential_notices import EntryEnded
from bot.core.names import Problem
from bot.index import intake
from bot.index.intake import Intake
from bot.workflow import credentials as keeping
from bot.workflow.connecting import hashed
from bot.workflow.gate import Gate
from bot.workflow.ports import Clock, Index
from bot.workflow.telling import VIA
from storage.database import Database
from storage.ledger import credentials, entries, outbox, teams
from storage.ledger.outbox import Destination
from storage.records import Entry, InboxItem

KEEP, PAGE = "credential.keep", "web page"


@dataclass(frozen=True, slots=True)
class OpenEntry:
    """A link on which nothing is entered yet."""

    who: str
    """How the person is called in Slack."""
    index: str
    """The index to offer first; "" for none."""


@dataclass(frozen=True, slots=True)
class Entering:
    """Entering secrets on pages, on its concrete parts."""

    database: Database
    index: Index
    clock: Clock
    gate: Gate
    told: Callable[[], None]
    """Called after something was put into the outbox."""

    async def whose(self, state: str) -> OpenEntry | None:
        """Return whose link this is, for the page that asks; None where it can't be used."""
        async with self.database.reading() as session:
            found = await entries.whose(session, hashed(state), self.clock())
        return OpenEntry(found[0], found[1]) if found else None

    async def enter(
        self, state: str, browser: str, typed: Mapping[str, str]
    ) -> Intake | tuple[Problem, ...] | None:
        """Hold what was typed until its owner has seen what it is; problems leave the link as it was, None: it has ended."""
        now = self.clock()
        found = intake.take(typed, {name: self.index.site(name) for name in self.index.names()}, now)
        if not isinstance(found, Intake):
            return found if await self.whose(state) else None
        async with self.database.transaction() as session:
            link = await entries.whose(session, hashed(state), now)
            if link is None:
                return None
            seen = tuple(str(one.id) for one in await credentials.listed(session, link[2]))
            held = Entry(
                link[2], link[2], "", "", found.index, found.project, found.kind, seen, found.secret, found.username, None,
                found.one_time,
            )  # fmt: skip
            kept = await entries.enter(session, hashed(state), hashed(browser), held, now)
        return found if kept else None

    async def keep(self, state: str, browser: str, narrow_to: str) -> notices.Notice:
        """Keep what this browser has entered, if its owner may, and tell that person in Slack how that ended."""
        now, hashes = self.clock(), (hashed(state), hashed(browser))
        async with self.database.reading() as session:
            entry = await entries.of_browser(session, *hashes, now)
            team = await teams.get(session, entry.team_id) if entry else None
        if entry is None or team is None:
            return EntryEnded()
        # The same wish as in Slack's dialog, so the same gate.
        wish = intents.KeepCredential(str(entry.id), narrow_to)
        item = InboxItem(entry.id, entry.team_id, KEEP, entry.user, entry.channel, {}, {}, now, 1, PAGE)
        asker = await self.gate.before(item, team.slack_team_id, wish)
        async with self.database.transaction() as session:
            session.info[VIA] = PAGE
            entry = await entries.of_browser(session, *hashes, now)
            if entry is None:
                return EntryEnded()
            no = asker.refused or await self.gate.refuses(session, item, wish, asker)
            if no is not None:
                await entries.close(session, entry.team_id, entry.id)  # with the secret in it
            notice = no or await keeping.keep(session, entry, narrow_to, now)
            to = Destination(entry.channel, entry.user, entry.response_url)
            message = codec.pack(notice, notices.KINDS)
            await outbox.add(session, entry.team_id, f"entry:{entry.id}", to, message, now)
        self.told()
        return notice
