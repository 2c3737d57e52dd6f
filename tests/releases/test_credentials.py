"""A credential's life on the real workflow: shown, kept, refused, reminded of; each once, whatever dies and however often."""

# ruff: noqa: ARG002 - a fake is given all that the protocol gives

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import uuid4

from bot.core import intents
from bot.core.credential_notices import CredentialOvertaken, EntryEnded
from bot.core.notices import CredentialSaved
from bot.core.outcomes import ListOutcome, NotOffered, Refused, RegisterOutcome
from bot.core.people import Person, Standing
from bot.core.permission_notices import NotAllowed
from bot.core.sites import IndexSite
from bot.index import tokens
from bot.index.intake import Intake
from bot.index.tokens import TokenFacts
from bot.workflow.connecting import hashed
from bot.workflow.credentials import NARROW, Credentials
from bot.workflow.entering import Entering, OpenEntry
from bot.workflow.gate import Gate
from bot.workflow.inlet import Wish
from bot.workflow.publishers import Publishers
from storage.database import Database
from storage.ledger import audit, credentials, entries, grants, publishers, teams
from storage.ledger.grants import Ticket
from storage.records import (
    Credential,
    CredentialKind,
    PublisherState,
    Reason,
    Registration,
    Secret,
    StartBy,
)
from tests.releases.dying import Killed, Points, around
from tests.releases.fakes import FakeIndex
from tests.releases.kit import ALICE, BASE, BOB, GUEST, Parts, World
from tests.storage.asking import value_of
from tests.unit.test_tokens import ID, made

WIDE = made([3, ID], location="pypi.example")
DAY = timedelta(days=1)


class Whisper(NamedTuple):
    """What one person hears."""

    user: str
    kind: str
    facts: dict[str, Any]


@dataclass
class Keeper:
    """A world in which people enter secrets; what they hear lies in its Slack."""

    world: World

    async def enter(
        self, who: str, token: str = WIDE, project: str = "", seen: tuple[str, ...] = (), username: str = ""
    ) -> str:
        """Enter a secret, as the dialog does; returns what the second dialog carries."""
        entry = str(uuid4())
        kind = CredentialKind.PASSWORD if username else CredentialKind.API_TOKEN
        secrets = {"secret": Secret(token)} | ({"username": Secret(username)} if username else {})
        await self.wish(who, intents.EnterCredential(entry, "pypi", project, kind, seen), secrets)
        return entry

    async def keep(self, who: str, entry: str, narrow_to: str = "") -> Whisper:
        """Agree, and return what that person hears."""
        await self.wish(who, intents.KeepCredential(entry, narrow_to))
        return self.whispers()[-1]

    async def wish(
        self, who: str, intent: intents.Intent, secrets: Mapping[str, Secret] | None = None
    ) -> None:
        """Want something, and let it be carried out."""
        wish = Wish(self.world.slack_team, "", str(uuid4()), who, "C1", intent, secrets or {})
        assert await self.world.inlet.put(wish)
        await self.world.work()

    async def live(self) -> list[tuple[Credential, str]]:
        """Return the team's credentials and their secrets."""
        async with self.world.database.reading() as session:
            team = await teams.ensure(session, self.world.slack_team, "", self.world.clock())
            found = []
            for one in await credentials.listed(session, team.id):
                opened = await credentials.find(session, team.id, one.index, one.project)
                assert opened is not None
                found.append((one, opened.secret.reveal()))
        return found

    def whispers(self) -> list[Whisper]:
        """Return what was told to one person alone, in order."""
        return [Whisper(*one) for one in self.world.slack.whispers]

    def steps(self, parts: Parts | None = None) -> Credentials:
        """Return what reminds owners, in a new process."""
        parts = parts or self.world.parts
        return Credentials(parts.database, parts.index, self.world.clock)

    def heard(self, kind: str) -> list[Whisper]:
        """Return what was told of a kind."""
        return [one for one in self.whispers() if one.kind == kind]


async def keeper(database: Database) -> Keeper:
    """Return a world with one team."""
    world = World(database)
    await world.project("p", StartBy.PUSH)
    return Keeper(world)


async def test_what_is_kept_waits_for_what_is_entered(database: Database) -> None:
    """Whoever claims it, the agreement is not to be had before the secret that it is about is in, and keeps it then."""
    here, entry = await keeper(database), str(uuid4())
    entered = intents.EnterCredential(entry, "pypi", "", CredentialKind.API_TOKEN, ())
    for intent, secrets in ((entered, {"secret": Secret(WIDE)}), (intents.KeepCredential(entry, ""), {})):
        wish = Wish(here.world.slack_team, "", str(uuid4()), ALICE, "C1", intent, secrets)
        assert await here.world.inlet.put(wish)
    steps = here.world.life.intents
    (first,) = await steps.claim(16)
    assert not await here.world.born(here.world.parts).intents.claim(16)
    await steps.carry_out(first)
    await here.world.work()
    assert [one.kind for one in here.whispers()] == ["credential.saved"]
    assert [secret for _, secret in await here.live()] == [WIDE]


async def test_credentials_are_not_a_guest_s_to_change(database: Database) -> None:
    """A guest's secret is not kept, by dialog or page, nor is the team's revoked; a member's is, and one whom Slack does not tell is none."""
    here = await keeper(database)
    await here.keep(ALICE, await here.enter(ALICE))
    (team_s, _), *_ = before = await here.live()
    for who, why in ((GUEST, "guest"), ("U-nobody", "unknown")):
        told = await here.keep(who, await here.enter(who, seen=(str(team_s.id),)))
        assert (told.kind, told.facts["why"]) == ("not_allowed", why)
        await here.wish(who, intents.RevokeCredential(str(team_s.id)))
        await here.wish(who, intents.OpenEntryPage(hashed(f"state of {who}"), "pypi", "@guest"))
        await here.wish(who, intents.ConnectIndex("pypi", hashed(f"grant of {who}"), "@guest"))
    assert [one.kind for one in here.whispers()].count("not_allowed") == 8
    assert [(one.id, secret) for one, secret in await here.live()] == [
        (one.id, secret) for one, secret in before
    ]
    async with here.world.database.reading() as session:
        assert await value_of(session, entries.next_end()) is None
        ticket = Ticket("pypi", hashed("grant of U8"))
        assert await grants.whose(session, ticket, here.world.clock()) is None


async def test_what_was_shown_is_kept_once(database: Database) -> None:
    """Nothing is kept before its owner agrees, nobody else can agree, and it is kept once, within ten minutes."""
    one = await keeper(database)
    entry = await one.enter(ALICE)
    assert await one.live() == []
    assert (await one.keep(BOB, entry)).kind == "credential.entry_ended"
    assert (await one.keep(ALICE, entry)).kind == "credential.saved"
    ((kept, secret),) = await one.live()
    assert (kept.added_by, kept.account_wide, secret) == (ALICE, True, WIDE)
    assert (await one.keep(ALICE, entry)).kind == "credential.entry_ended"
    late = await one.enter(ALICE, project="q")
    one.world.clock.forward(timedelta(minutes=10))
    assert (await one.keep(ALICE, late)).kind == "credential.entry_ended"
    assert len(await one.live()) == 1


async def test_a_narrowed_copy_replaces_the_wide_one(database: Database) -> None:
    """Who chooses so keeps a copy bound to one project; the wide token is nowhere any more. A password is kept with its name."""
    one = await keeper(database)
    said = await one.keep(ALICE, await one.enter(ALICE), "acme-widgets")
    assert (said.facts["narrowed"], said.facts["project"]) == (True, "acme-widgets")
    ((kept, secret),) = await one.live()
    read = tokens.read(Secret(secret))
    assert isinstance(read, TokenFacts)
    assert (kept.project, kept.account_wide, read.projects, secret == WIDE) == (
        "acme-widgets", False, ("acme-widgets",), False,
    )  # fmt: skip
    await one.keep(ALICE, await one.enter(ALICE, "correct horse", username="ada"))
    assert {kept.kind for kept, _ in await one.live()} == {CredentialKind.API_TOKEN, CredentialKind.PASSWORD}


async def test_of_two_people_one_wins_and_the_other_hears_it(database: Database) -> None:
    """Whoever has not seen what is there now changes nothing, and is told who was faster; looked at again, it works."""
    one = await keeper(database)
    hers, his = await one.enter(ALICE), await one.enter(BOB, made([3, ID], [9], location="pypi.example"))
    assert (await one.keep(ALICE, hers)).kind == "credential.saved"
    said = await one.keep(BOB, his)
    assert (said.kind, said.facts["added_by"], said.user) == ("credential.overtaken", ALICE, BOB)
    ((kept, secret),) = await one.live()
    assert (kept.added_by, secret) == (ALICE, WIDE)
    again = await one.enter(BOB, "opaque", seen=(str(kept.id),))
    assert (await one.keep(BOB, again)).facts["replaced"] is True
    assert [kept.added_by for kept, _ in await one.live()] == [BOB]


async def test_a_page_keeps_what_its_browser_entered(database: Database) -> None:
    """A link is its person's and one browser's; what others changed in between stands; the end is told in Slack each time."""
    one = await keeper(database)
    gate = Gate(database, one.world.people, one.world.clock)
    pages = Entering(database, one.world.index, one.world.clock, gate, lambda: None)

    async def link(state: str) -> None:
        await one.wish(ALICE, intents.OpenEntryPage(hashed(state), "", "@ada"))
        assert await pages.whose(state) == OpenEntry("@ada", "")

    await link("first")
    found = await pages.enter("first", "hers", {"index": "pypi", "token": WIDE[:-4]})
    assert isinstance(found, tuple)
    assert isinstance(await pages.enter("first", "hers", {"index": "pypi", "token": WIDE}), Intake)
    assert await pages.enter("first", "his", {"index": "pypi", "token": WIDE}) is None
    assert await pages.keep("first", "his", "") == EntryEnded()
    await one.keep(BOB, await one.enter(BOB, "opaque"))
    assert isinstance(await pages.keep("first", "hers", ""), CredentialOvertaken)
    assert await pages.keep("first", "hers", "") == EntryEnded()
    await link("second")
    await pages.enter("second", "hers", {"index": "pypi", "token": WIDE})
    assert isinstance(await pages.keep("second", "hers", "p"), CredentialSaved)
    await one.world.work()
    assert [(user, kind) for user, kind, _ in one.whispers()] == [
        (BOB, "credential.saved"), (ALICE, "credential.overtaken"), (ALICE, "credential.saved"),
    ]  # fmt: skip
    assert {(kept.added_by, kept.project, kept.account_wide) for kept, _ in await one.live()} == {
        (BOB, "", None), (ALICE, "p", False),
    }  # fmt: skip
    await link("third")
    one.world.clock.forward(timedelta(minutes=10))
    assert await pages.whose("third") is None
    assert await pages.enter("third", "hers", {"index": "pypi", "token": WIDE[:-4]}) is None


async def test_a_page_keeps_nothing_for_who_may_not(database: Database) -> None:
    """The policy of the project that a secret is for is asked when it is kept, on a page as in a dialog; what was entered is gone."""
    one = await keeper(database)
    one.world.people.known["U0A"] = Person("U0A", Standing.MEMBER, admin=True)
    pages = Entering(
        database, one.world.index, one.world.clock, Gate(database, one.world.people, one.world.clock), lambda: None
    )  # fmt: skip
    await one.wish(ALICE, intents.OpenEntryPage(hashed("first"), "", "@ada"))
    await pages.enter("first", "hers", {"index": "pypi", "token": WIDE})
    await one.wish("U0A", intents.SetPolicy("p", {"keepers": "<@U0B>"}))
    no = await pages.keep("first", "hers", "p")
    assert isinstance(no, NotAllowed)
    assert (no.project, no.who) == ("p", ("U0B",))
    assert await pages.keep("first", "hers", "") == EntryEnded()
    assert (await one.keep(ALICE, await one.enter(ALICE), "p")).kind == "not_allowed"
    assert await one.live() == []


async def test_owners_are_reminded_once_wherever_it_dies(database: Database) -> None:
    """At each await the process may die: the owner hears of the end a week before and at the end, once each."""
    one = await keeper(database)
    ends = int((one.world.clock() + 30 * DAY).timestamp())
    await one.keep(ALICE, await one.enter(ALICE, made([3, ID], [0, ends, 0], location="pypi.example")))
    for days, word in ((23, "soon"), (7, "expired"), (400, "")):
        one.world.clock.forward(days * DAY)
        await killed_everywhere(one)
        await one.world.work()
        told = [(each.facts["reminder"], each.user) for each in one.heard("credential.reminder")]
        assert told == [("soon", ALICE), ("expired", ALICE)][: 1 if word == "soon" else 2]
    assert await one.steps().next_due() is None


async def killed_everywhere(one: Keeper) -> None:
    """Let the reminders' look die at each of its points, then come to its end."""
    for fatal in range(99):
        try:
            await one.steps(around(one.world.parts, Points(fatal), speech=True)).claim(5)
        except Killed:
            continue
        return
    raise AssertionError("it never comes to its end")


@dataclass
class Refusing(FakeIndex):
    """An index that has the publisher API and refuses every token, and notes what it was sent."""

    sent: list[str] = field(default_factory=list)
    outcome: RegisterOutcome = field(
        default_factory=lambda: Refused(Reason.TOKEN_INVALID, "no such token", blames_token=True)
    )
    listing: ListOutcome = field(default_factory=NotOffered)

    async def register(self, registration: Registration, token: Secret) -> RegisterOutcome:
        """Note the token."""
        self.sent.append(token.reveal())
        return self.outcome

    async def publishers(self, index: str, project: str, token: Secret) -> ListOutcome:
        """Note the token."""
        self.sent.append(token.reveal())
        return self.listing

    def site(self, name: str) -> IndexSite:
        """Say that it has the API."""
        return IndexSite(name, f"https://{name}.example", publisher_api=True)


async def test_a_refused_token_is_told_once_and_not_sent_again(database: Database) -> None:
    """The index sees a copy for minutes alone; its 401 is told to the owner once, and the token is not sent again."""
    one = await keeper(database)
    await one.keep(ALICE, await one.enter(ALICE))
    index = Refusing(one.world.clock)
    steps = Publishers(database, index, one.world.clock, BASE, uuid4())
    await advance(steps)
    (sent,) = index.sent
    read = tokens.read(Secret(sent))
    assert isinstance(read, TokenFacts)
    assert (read.account_wide, read.expires_at) == (True, one.world.clock() + NARROW)
    await one.wish(BOB, intents.AddPublisher(Registration("pypi", "q", "acme", "q", "release.yml", ""), "C1"))
    await advance(steps)
    await one.world.work()
    assert len(index.sent) == 1
    assert [(said.user, said.facts["detail"]) for said in one.heard("credential.refused")] == [
        (ALICE, "no such token")
    ]
    assert [kept.refused_at is not None for kept, _ in await listed(one)] == [True]


async def test_a_token_refused_while_waiting_is_told_too(database: Database) -> None:
    """A token that is revoked on the index while its list is polled is marked and told, and the looking goes on without it."""
    one = await keeper(database)
    await one.keep(ALICE, await one.enter(ALICE))
    index = Refusing(one.world.clock, listing=Refused(Reason.TOKEN_INVALID, "revoked", blames_token=True))
    steps = Publishers(database, index, one.world.clock, BASE, uuid4())
    async with database.transaction() as session:
        team = await teams.ensure(session, one.world.slack_team, "", one.world.clock())
        publisher = await publishers.newest(session, team.id, "p", None)
        assert publisher is not None
        now, until = one.world.clock(), one.world.clock() + 30 * DAY
        assert await publishers.move(
            session,
            publisher,
            None,
            state=PublisherState.PENDING,
            pending_at=now,
            expires_at=until,
            next_at=now,
        )
    for _ in range(3):
        await advance(steps)
        one.world.clock.forward(timedelta(hours=3))
    await one.world.work()
    assert (len(index.sent), len(one.heard("credential.refused"))) == (1, 1)


async def test_a_token_of_projects_is_not_sent_to_register(database: Database) -> None:
    """Who registers needs the entire account: a token that is bound to projects is not sent, nor marked, and the cause is told."""
    one = await keeper(database)
    await one.keep(ALICE, await one.enter(ALICE, made([1, ["p"]], location="pypi.example")))
    index = Refusing(one.world.clock)
    await advance(Publishers(database, index, one.world.clock, BASE, uuid4()))
    await one.world.work()
    assert index.sent == []
    assert [kept.refused_at for kept, _ in await one.live()] == [None]
    (said,) = [each for each in one.world.slack.messages if each.kind == "publisher.ended"]
    assert said.facts["reason"] == Reason.TOKEN_SCOPE


async def test_an_owner_is_offered_once_to_revoke_what_nobody_needs(database: Database) -> None:
    """Once a project publishes without a token, who added one hears it once, and a check of the project shows it."""
    one = await keeper(database)
    await one.keep(ALICE, await one.enter(ALICE, project="p"))
    index = Refusing(one.world.clock)
    steps = Publishers(database, index, one.world.clock, BASE, uuid4())
    async with database.transaction() as session:
        team = await teams.ensure(session, one.world.slack_team, "", one.world.clock())
        publisher = await publishers.newest(session, team.id, "p", None)
        assert publisher is not None
        now, until = one.world.clock(), one.world.clock() + 30 * DAY
        assert await publishers.move(
            session, publisher, None, state=PublisherState.PENDING, existed_before=False, pending_at=now,
            expires_at=until, next_at=now,
        )  # fmt: skip
    index.publish("acme/p", "v1", "a" * 40)
    while index.advance():
        pass
    for _ in range(2):
        await advance(steps)
        one.world.clock.forward(timedelta(hours=3))
    await one.world.work()
    ((user, _kind, facts),) = one.heard("credential.unneeded")
    assert (user, facts["project"], facts["whole_team"]) == (ALICE, "p", False)
    await one.wish(BOB, intents.CheckPublisher("p", ""))
    assert one.heard("publisher.status")[-1].facts["unneeded"]["credential_id"] == facts["credential_id"]
    await one.wish(ALICE, intents.RevokeCredential(facts["credential_id"]))
    await one.wish(BOB, intents.CheckPublisher("p", ""))
    assert one.heard("publisher.status")[-1].facts["unneeded"] is None


async def advance(steps: Publishers) -> None:
    """Do what is due of publishers."""
    for publisher in await steps.claim("pypi", 9):
        await steps.advance(publisher)


async def listed(one: Keeper) -> list[tuple[Credential, str]]:
    """Return the team's credentials, without opening them."""
    async with one.world.database.reading() as session:
        team = await teams.ensure(session, one.world.slack_team, "", one.world.clock())
        assert [event.action for event in await audit.trail(session, team.id, limit=9)].count(
            "credential.added"
        ) == 1
        return [(each, "") for each in await credentials.listed(session, team.id)]
