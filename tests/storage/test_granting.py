"""Getting a grant, on both databases: each way it can end, die, run twice or be crossed, and nothing half-made left behind."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from sqlalchemy import text

from bot.core import oauth1
from bot.core.connect_notices import IndexConnected
from bot.core.credentials import OLD
from bot.core.intents import ConnectIndex
from bot.core.oauth1 import AccessOutcome, Allowed, Denied, Fault, TokenOutcome, TokenPair
from bot.core.outcomes import TryLater
from bot.core.people import Person, Standing
from bot.core.sites import IndexSite
from bot.workflow.connecting import carry_out, hashed
from bot.workflow.credentials import Credentials
from bot.workflow.gate import Gate
from bot.workflow.granting import Granting, NotGranted, Why
from bot.workflow.ports import Index
from storage.database import Database
from storage.ledger import audit, credentials, outbox, teams
from storage.records import CredentialKind, InboxItem, Reason, Secret
from tests.releases.fakes import FakePeople

NOW = datetime(2026, 11, 27, 1, tzinfo=UTC)
STATE, BROWSER = "the-state", "the-browser"
ASKED, GIVEN = (
    TokenPair(Secret(f"marked-{what}"), Secret(f"marked-{what}-secret")) for what in ("asked", "given")
)
TOKEN = "marked-asked"
LATER = TryLater(Reason.TIMED_OUT, "no answer")
ENDED = NotGranted(Why.ENDED)


class Killed(BaseException):
    """The process ends here."""


@dataclass
class FakeIndex:
    """An index's facility that answers what it is told, or ends the process before or after the deed."""

    answers: dict[str, Any] = field(default_factory=dict)
    dies_at: str = ""
    calls: list[str] = field(default_factory=list)

    def page(self, index: str, pair: TokenPair, callback: str) -> str:
        """Return the page."""
        return f"https://{index}.example/oauth/authorise?oauth_token={pair.token.reveal()}&oauth_callback={callback}"

    async def request_token(self, index: str) -> TokenOutcome:
        """Give a request token, each time another."""
        assert index == "company"
        number = self.calls.count("request_token")
        fresh = TokenPair(Secret(TOKEN if not number else f"{TOKEN}{number}"), ASKED.secret)
        return await self._answer("request_token", fresh)  # type: ignore[no-any-return]

    async def access_token(self, index: str, pair: TokenPair) -> TokenOutcome:
        """Give the access token."""
        assert (index, pair.secret) == ("company", ASKED.secret)
        return await self._answer("access_token", GIVEN)  # type: ignore[no-any-return]

    async def whose(self, index: str, pair: TokenPair) -> AccessOutcome:
        """Say whose it is."""
        assert (index, pair) == ("company", GIVEN)
        return await self._answer("whose", Allowed("demo"))  # type: ignore[no-any-return]

    async def _answer(self, name: str, usual: Any) -> Any:
        self.calls.append(name)
        await asyncio.sleep(0)
        if name == self.dies_at:
            raise Killed
        return self.answers.get(name, usual)


def granting(database: Database, index: FakeIndex, standing: Standing = Standing.MEMBER) -> Granting:
    """Return what gets grants of `company`, for a bot at https://bot.example; whoever asks is of that standing."""
    people = FakePeople({name: Person(name, standing) for name in ("U1", "U2")})
    gate = Gate(database, people, lambda: NOW)
    return Granting(database, index, ("company",), lambda: NOW, gate, "https://bot.example", lambda: None)


async def asked(database: Database, user: str = "U1", state: str = STATE) -> UUID:
    """Write down that somebody was shown the link; returns the team."""
    async with database.transaction() as session:
        team = (await teams.ensure(session, "T1", "", NOW)).id
        url = {"response_url": Secret("https://hooks.example/marked")}
        item = InboxItem(UUID(int=7), team, "index.connect", user, "C1", {}, url, NOW, 1)
        await carry_out(session, item, ConnectIndex("company", hashed(state), "ada (acme)"), lambda: NOW)
    return team


async def kept(database: Database, team: UUID) -> tuple[TokenPair | None, int, int, int]:
    """Return the credential, and how many credentials, messages and grants on their way there are."""
    async with database.reading() as session:
        found = await credentials.opened(session, team, CredentialKind.OAUTH1, "company")
        counts = [
            int((await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar() or 0)
            for table in ("credentials", "outbox", "index_grants")
        ]
    return (oauth1.unpacked(found[1]) if found else None, counts[0], counts[1], counts[2])


NOTHING = (None, 0, 0, 0)


async def test_the_whole_way(database: Database) -> None:
    """The page names the person, the browser goes to the index and comes back, and the grant is sealed, tried and told once."""
    team, index = await asked(database), FakeIndex()
    getting = granting(database, index)
    assert await getting.whose("company", STATE) == "ada (acme)"
    page = await getting.begin("company", STATE, BROWSER)
    assert isinstance(page, str)
    assert parse_qs(urlsplit(page).query)["oauth_callback"] == [
        f"https://bot.example/indexes/company/callback/{STATE}"
    ]
    done = await getting.finish("company", STATE, BROWSER, TOKEN)
    assert done == IndexConnected("company", "demo")
    assert await kept(database, team) == (GIVEN, 1, 1, 0)
    assert index.calls == ["request_token", "access_token", "whose"]
    async with database.transaction() as session:
        (line,) = await credentials.listed(session, team)
        (event,) = await audit.trail(session, team, limit=5)
        (message,) = await outbox.claim(session, NOW, timedelta(minutes=1), 5)
        rows = [
            (await session.execute(text(f"SELECT * FROM {table}"))).all()
            for table in ("credentials", "outbox", "audit_events")
        ]
    assert (line.hint, line.added_by, line.kind) == ("OAuth grant of demo", "U1", CredentialKind.OAUTH1)
    assert (line.account_wide, line.expires_at) == (True, None)
    assert (event.action, event.subject) == ("credential.added", "company")
    assert (message.user, message.channel, message.kind) == ("U1", "C1", "index.connected")
    assert "marked" not in repr(rows) + repr(message)


async def test_a_new_grant_replaces_the_old(database: Database) -> None:
    """The grant that was kept before is destroyed here, and the person is told so."""
    team, index = await asked(database), FakeIndex()
    getting = granting(database, index)
    for replaced in (False, True):
        await asked(database)
        index.calls.clear()
        await getting.begin("company", STATE, BROWSER)
        assert await getting.finish("company", STATE, BROWSER, TOKEN) == IndexConnected(
            "company", "demo", replaced
        )
    async with database.reading() as session:
        sealed = (
            await session.execute(text("SELECT count(*) FROM credentials WHERE sealed IS NOT NULL"))
        ).scalar()
        assert (sealed, len(await credentials.listed(session, team))) == (1, 1)


@dataclass
class Sites:
    """What is known of the indexes."""

    def names(self) -> tuple[str, ...]:
        """Return their names."""
        return ("company",)

    def site(self, name: str) -> IndexSite:
        """Return one."""
        return IndexSite(name, "https://company.example")


async def test_its_age_is_told_to_who_gave_it(database: Database) -> None:
    """A grant has no end, so whoever gave it hears twice a year that it is still there; looked at twice, it is told once."""
    await asked(database)
    getting = granting(database, FakeIndex())
    await getting.begin("company", STATE, BROWSER)
    await getting.finish("company", STATE, BROWSER, TOKEN)
    for rounds in (1, 2):
        life = Credentials(database, cast("Index", Sites()), partial(NOW.__add__, OLD * rounds))
        assert await life.next_due() == NOW + OLD * rounds
        assert [len(await life.claim(5)) for _ in range(2)] == [1, 0]
    told, later = list[Any](), NOW + OLD * 3
    async with database.transaction() as session:
        while due := await outbox.claim(session, later, timedelta(days=999), 9):
            for item in due:
                told.append(item.facts)
                await outbox.sent(session, item, "1.0", later)
    old = [one for one in told if "reminder" in one]
    assert [(one["reminder"], one["days"], one["granted"]) for one in old] == [
        ("old", 180, True), ("old", 360, True),
    ]  # fmt: skip
    assert old[0]["token_page"] == "https://company.example"


async def test_what_is_not_given_is_not_kept(database: Database) -> None:
    """Refused or unanswered, at the exchange or at the try: nothing is kept, cause and remedy are said."""
    for step in ("access_token", "whose"):
        for no, why in ((Denied(Fault.ACCESS_TOKEN), Why.DENIED), (LATER, Why.UNSURE)):
            team = await asked(database)
            getting = granting(database, FakeIndex({step: no}))
            await getting.begin("company", STATE, BROWSER)
            found = await getting.finish("company", STATE, BROWSER, TOKEN)
            assert isinstance(found, NotGranted)
            assert (found.why, bool(found.cause)) == (why, True)
            assert await kept(database, team) == NOTHING


async def test_without_a_request_token_nobody_leaves(database: Database) -> None:
    """The index refuses its consumer, or is away: the page says so, and the same button works once it is better."""
    await asked(database)
    index = FakeIndex()
    getting = granting(database, index)
    for no, why in ((Denied(Fault.CONSUMER), Why.DENIED), (LATER, Why.UNSURE)):
        index.answers = {"request_token": no}
        found = await getting.begin("company", STATE, BROWSER)
        assert isinstance(found, NotGranted)
        assert found.why is why
    index.answers.clear()
    assert isinstance(await getting.begin("company", STATE, BROWSER), str)


async def test_who_says_no_is_forgotten(database: Database) -> None:
    """Back without a token: nothing is asked, nothing kept, and the same state is worth nothing any more."""
    team, index = await asked(database), FakeIndex()
    getting = granting(database, index)
    await getting.begin("company", STATE, BROWSER)
    assert await getting.finish("company", STATE, BROWSER, "") == NotGranted(Why.DECLINED)
    assert await getting.finish("company", STATE, BROWSER, TOKEN) == ENDED
    assert (await kept(database, team), index.calls) == (NOTHING, ["request_token"])


async def test_forged_and_crossed_answers_are_refused(database: Database) -> None:
    """Another state, browser, index or request token gives nothing, and the index is not asked for anything."""
    team, index = await asked(database), FakeIndex()
    getting = granting(database, index)
    for name, state, browser, token in (
        ("company", "forged", BROWSER, TOKEN),
        ("company", STATE, "another", TOKEN),
        ("company", STATE, "", TOKEN),
        ("other", STATE, BROWSER, TOKEN),
        ("company", STATE, BROWSER, "another's"),
        ("company", STATE, BROWSER, "ä"),
    ):
        await asked(database)
        await getting.begin("company", STATE, BROWSER)
        index.calls.clear()
        assert await getting.finish(name, state, browser, token) == ENDED
        assert index.calls == []
        assert (await kept(database, team))[:3] == NOTHING[:3]


async def test_another_persons_link_is_another_grant(database: Database) -> None:
    """Two people of a team ask at the same time: each one's answer fits that one's own state and browser alone."""
    team, index = await asked(database), FakeIndex()
    await asked(database, "U2", "other-state")
    getting = granting(database, index)
    await getting.begin("company", STATE, BROWSER)
    await getting.begin("company", "other-state", "other-browser")
    assert await getting.finish("company", "other-state", BROWSER, TOKEN) == ENDED
    assert await getting.finish("company", "other-state", "other-browser", TOKEN) == ENDED
    assert await getting.finish("company", STATE, BROWSER, TOKEN) == IndexConnected("company", "demo")
    async with database.reading() as session:
        assert [one.added_by for one in await credentials.listed(session, team)] == ["U1"]


async def test_pressed_or_answered_twice(database: Database) -> None:
    """Two presses at the same time lead to one page; two answers at the same time keep one grant and tell it once."""
    team, index = await asked(database), FakeIndex()
    getting = granting(database, index)
    pages = await asyncio.gather(*(getting.begin("company", STATE, BROWSER) for _ in range(2)))
    assert pages[0] == pages[1] == await getting.begin("company", STATE, BROWSER)
    token = parse_qs(urlsplit(str(pages[0])).query)["oauth_token"][0]
    done = await asyncio.gather(*(getting.finish("company", STATE, BROWSER, token) for _ in range(3)))
    assert sorted(map(repr, done)) == sorted(map(repr, [IndexConnected("company", "demo"), ENDED, ENDED]))
    assert await kept(database, team) == (GIVEN, 1, 1, 0)


async def test_killed_at_any_call(database: Database) -> None:
    """Where the process dies, nothing half-made is left: the button works again, or a new command leads to the same grant."""
    team, index = await asked(database), FakeIndex(dies_at="request_token")
    getting = granting(database, index)
    with pytest.raises(Killed):
        await getting.begin("company", STATE, BROWSER)
    for index.dies_at in ("access_token", "whose"):
        index.calls.clear()
        await asked(database)
        await getting.begin("company", STATE, BROWSER)
        with pytest.raises(Killed):
            await getting.finish("company", STATE, BROWSER, TOKEN)
        assert await kept(database, team) == NOTHING
        assert await getting.finish("company", STATE, BROWSER, TOKEN) == ENDED
    index.dies_at = ""
    index.calls.clear()
    await asked(database)
    await getting.begin("company", STATE, BROWSER)
    assert await getting.finish("company", STATE, BROWSER, TOKEN) == IndexConnected("company", "demo")
    assert await kept(database, team) == (GIVEN, 1, 1, 0)


async def test_an_index_without_the_facility(database: Database) -> None:
    """An index that the settings give no consumer for any more is never asked."""
    await asked(database)
    getting = replace(granting(database, FakeIndex()), indexes=())
    assert await getting.whose("company", STATE) == ENDED
    assert await getting.begin("company", STATE, BROWSER) == ENDED
    assert await getting.finish("company", STATE, BROWSER, TOKEN) == ENDED


@pytest.mark.parametrize("standing", [Standing.DEACTIVATED, Standing.GUEST])
async def test_who_may_no_longer_keep_one_keeps_none(database: Database, standing: Standing) -> None:
    """Whoever was deactivated or made a guest between the link and the way back gets nothing kept, and is told so."""
    team = await asked(database)
    getting = granting(database, FakeIndex(), standing)
    assert isinstance(await getting.begin("company", STATE, BROWSER), str)
    assert await getting.finish("company", STATE, BROWSER, TOKEN) == NotGranted(Why.NOT_ALLOWED)
    assert await kept(database, team) == (None, 0, 1, 0)
