"""The audit trail as people see it: pages, and a file that comes once, whole, and to nobody else."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO
from uuid import uuid4

import pytest
from sqlalchemy import text

from bot import measuring
from bot.core import intents
from bot.core.audit_notices import AuditFile
from bot.workflow.exporting import ATTEMPTS, LEASE, Exporting
from bot.workflow.ports import Delivery, NeverSay, Placed, Said, SayLater
from bot.workflow.showing import EVENTS
from storage.database import Database
from storage.ledger import audit, teams
from storage.records import AuditEvent
from tests.releases.kit import ALICE
from tests.releases.test_gate import ADMIN, BOB, Team, team_of

TOKEN = "pypi-AgEIcHlwaS5vcmcCJGQ0ZDhm"
"""Shaped like a token; opens nothing."""


class Killed(BaseException):
    """The process is gone."""


@dataclass
class FakeFiles:
    """Fulfils `ports.Files`: keeps uploads, and who was given which."""

    uploads: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    given: list[tuple[str, str, AuditFile]] = field(default_factory=list)
    """(person, file, what was said of it)"""
    dies: str = ""
    """Where the process dies next: `placing`, `placed`, `sharing`, `shared`."""
    answers: list[Delivery] = field(default_factory=list)
    """What the next shares come to instead."""

    def _maybe_die(self, where: str) -> None:
        if self.dies == where:
            self.dies = ""
            raise Killed

    async def place(
        self, slack_team_id: str, name: str, content: tuple[BinaryIO, int]
    ) -> Placed | SayLater | NeverSay:
        """Take an upload that nobody sees yet."""
        out, size = content
        assert slack_team_id == "T1"
        self._maybe_die("placing")
        data = out.read()
        assert len(data) == size
        self.names.append(name)
        self.uploads[f"F{len(self.uploads)}"] = data.decode()
        self._maybe_die("placed")
        return Placed(f"F{len(self.uploads) - 1}")

    async def share(
        self, to: tuple[str, str], file_id: str, notice: AuditFile, since: datetime | None
    ) -> Delivery:
        """Give a file, unless it was given."""
        slack_team_id, user = to
        assert slack_team_id == "T1"
        self._maybe_die("sharing")
        if since is not None and any(file == file_id for _, file, _ in self.given):
            return Said()
        if self.answers:
            return self.answers.pop(0)
        assert file_id in self.uploads
        self.given.append((user, file_id, notice))
        self._maybe_die("shared")
        return Said()


@dataclass
class Desk:
    """A team, and what gives files."""

    team: Team
    files: FakeFiles = field(default_factory=FakeFiles)

    def lane(self) -> Exporting:
        """Return a new process."""
        return Exporting(self.team.world.database, self.files, self.team.world.clock, uuid4())

    async def work(self) -> None:
        """Do what is due, and what becomes due, until nothing is; a process that dies leaves its lease."""
        lane = self.lane()
        while (due := await lane.next_due()) is not None:
            self.team.world.clock.now = max(self.team.world.clock.now, due)
            for one in await lane.claim(9):
                try:
                    await lane.advance(one)
                except Killed:
                    self.team.world.clock.forward(LEASE * 2)
                    lane = self.lane()
        await self.team.world.rest()

    async def file(self, who: str, project: str = "", written_as: str = "json") -> str:
        """Ask for a file; returns what is in the one that was given last."""
        kind, _ = await self.team.wants(who, intents.ExportAudit(project, written_as))
        assert kind == "audit.file_coming"
        await self.work()
        return self.files.uploads[self.files.given[-1][1]]

    async def write(self, count: int, subject: str = "p on pypi", **detail: Any) -> None:
        """Let things stand in the trail."""
        assert self.team.world.team is not None
        async with self.team.world.database.transaction() as session:
            for number in range(count):
                event = AuditEvent(
                    self.team.world.team.id, self.team.world.clock(), BOB, f"test.{number}", subject, detail
                )
                await audit.append(session, event)


async def desk_of(database: Database) -> Desk:
    """Return a team with something in its trail."""
    desk = Desk(await team_of(database))
    await desk.team.policy(quorum="2")
    await desk.team.policy(ADMIN, "p", quorum="3")
    return desk


async def test_a_file_holds_the_trail_and_what_its_check_found(database: Database) -> None:
    """Whoever asked is given all of it once, with the chain's end; that it was asked for stands in it too."""
    desk = await desk_of(database)
    rows = json.loads(await desk.file(BOB))
    *events, last = rows
    assert [row["action"] for row in events if row["actor"] in {ADMIN, BOB}] == [
        "policy.set", "policy.set", "audit.exported",
    ]  # fmt: skip
    assert (last["action"], last["subject"], last["detail"]["events"]) == (
        "audit.checked",
        "whole",
        len(events),
    )
    assert last["detail"]["head"] == f"{events[-1]['number']}:{events[-1]['mac']}"
    ((user, _, notice),) = desk.files.given
    assert (user, notice.events, notice.chain.breaks) == (BOB, len(events), 0)
    assert await desk.lane().next_due() is None


async def test_a_button_pressed_twice_is_one_file(database: Database) -> None:
    """Until it has come the same file is not made again for the same person; another one, or another's, is."""
    desk = await desk_of(database)
    wanted = [(BOB, "", "csv"), (BOB, "", "csv"), (BOB, "", "json"), (BOB, "p", "csv"), (ALICE, "", "csv")]
    for who, project, written_as in wanted:
        assert (await desk.team.wants(who, intents.ExportAudit(project, written_as)))[
            0
        ] == "audit.file_coming"
    await desk.work()
    assert len(desk.files.given) == len(desk.files.uploads) == len(set(wanted))
    await desk.file(BOB, "", "csv")
    assert len(desk.files.given) == len(set(wanted)) + 1


async def test_a_file_of_a_project_holds_what_is_about_it(database: Database) -> None:
    """Its policy, its locks and its releases, and of no other project, though the name begin alike."""
    desk = await desk_of(database)
    await desk.write(1, "p-2 on pypi")
    await desk.write(1, "p on pypi 1.0")
    rows = list(csv.DictReader(io.StringIO(await desk.file(BOB, "p", "csv"))))
    subjects = {row["subject"] for row in rows[:-1]}
    assert "p" in subjects
    assert all(one == "p" or one.startswith("p on ") for one in subjects)
    assert desk.files.names[0].endswith(".csv")
    kind, facts = await desk.team.wants(BOB, intents.ShowAudit("p"))
    assert kind == "audit.shown"
    assert {line["subject"] for line in facts["lines"]} == subjects


async def test_no_secret_and_no_formula_is_in_a_file(database: Database) -> None:
    """What slipped in is taken out, and no cell is a formula to a spreadsheet."""
    desk = await desk_of(database)
    for sign in "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20":
        await desk.write(1, f"{sign}cmd|'/c calc'!A1", note=f"took {TOKEN}")
    for written_as in ("csv", "json"):
        found = await desk.file(BOB, written_as=written_as)
        assert TOKEN not in found
        if written_as == "csv":
            cells = [cell for row in csv.reader(io.StringIO(found)) for cell in row]
            assert not [cell for cell in cells if cell[:1] in set("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")]
            assert "'=cmd|'/c calc'!A1" in cells


@pytest.mark.parametrize("where", ["placing", "placed", "sharing", "shared"])
async def test_it_is_given_whenever_the_process_dies(database: Database, where: str) -> None:
    """Killed anywhere, one file is given, and once."""
    desk = await desk_of(database)
    desk.files.dies = where
    await desk.file(BOB)
    assert len(desk.files.given) == 1
    assert len(desk.files.uploads) == (2 if where == "placed" else 1)


async def test_who_was_too_slow_gives_nothing(database: Database) -> None:
    """A process whose lease has run out while it uploaded gives no file: another one does."""
    desk = await desk_of(database)
    await desk.team.wants(BOB, intents.ExportAudit("", "csv"))
    slow, quick = desk.lane(), desk.lane()
    (one,) = await slow.claim(1)
    desk.team.world.clock.forward(LEASE * 2)
    (again,) = await quick.claim(1)
    await slow.advance(one)
    assert desk.files.given == []
    await quick.advance(again)
    assert len(desk.files.given) == 1


@pytest.mark.parametrize(
    ("answers", "given", "why"),
    [
        ([SayLater("rate limited", arrived_maybe=False, seconds=30)], 1, ""),
        ([NeverSay("file_not_found")], 0, "file_not_found"),
        ([NeverSay("missing_scope")], 0, "missing_scope"),
        ([SayLater("silence", arrived_maybe=True)] * ATTEMPTS, 0, "silence"),
    ],
)
async def test_refusals_are_waited_for_or_told(
    database: Database, answers: list[Delivery], given: int, why: str
) -> None:
    """What passes is tried again; what does not is told to who asked, once, with what to do."""
    desk = await desk_of(database)
    desk.files.answers = list(answers)
    await desk.team.wants(BOB, intents.ExportAudit("", "csv"))
    await desk.work()
    assert len(desk.files.given) == given
    told = [facts["why"] for who, kind, facts in desk.team.world.slack.whispers if kind == "audit.file_failed"]  # fmt: skip
    assert told == ([why] if why else [])


async def test_an_upload_that_slack_forgot_is_made_anew(database: Database) -> None:
    """Remembered from before a crash, and gone at Slack: another upload takes its place."""
    desk = await desk_of(database)
    desk.files.dies = "sharing"
    desk.files.answers = [NeverSay("file_not_found")]
    await desk.file(BOB)
    assert (len(desk.files.uploads), len(desk.files.given)) == (2, 1)


async def test_nobody_sees_another_teams_trail(database: Database) -> None:
    """A file and a page hold one team's events alone; who may not see it gets neither."""
    desk = await desk_of(database)
    async with database.transaction() as session:
        other = await teams.ensure(session, "T9", "", desk.team.world.clock())
        event = AuditEvent(other.id, desk.team.world.clock(), "U9", "secret.done", "p on theirs", {})
        await audit.append(session, event)
    assert "theirs" not in await desk.file(BOB)
    _, facts = await desk.team.wants(BOB, intents.ShowAudit("p"))
    assert "theirs" not in json.dumps(facts)
    await desk.team.policy(auditors=f"<@{BOB}>")
    for intent in (intents.ShowAudit(""), intents.ExportAudit("", "csv")):
        assert (await desk.team.wants(ALICE, intent))[0] == "not_allowed"
    assert len(desk.files.given) == 1


async def test_a_page_leads_to_the_next(database: Database) -> None:
    """Page by page everything is shown once, newest first; each says whether the chain is whole."""
    desk = await desk_of(database)
    await desk.write(EVENTS * 2)
    seen: list[str] = []
    before, pages = 0, 0
    while True:
        _, facts = await desk.team.wants(BOB, intents.ShowAudit("", before))
        assert facts["chain"]["breaks"] == 0
        seen += [f"{line['action']} {line['subject']}" for line in facts["lines"]]
        before, pages = facts["older"], pages + 1
        if not before:
            break
    assert pages == 3
    assert [one for one in seen if one.startswith("test.")] == [
        f"test.{number} p on pypi" for number in reversed(range(EVENTS * 2))
    ]


def changed(statement: str) -> Callable[[Database], Any]:
    """Return what spoils a trail."""

    async def spoil(database: Database) -> None:
        async with database.transaction() as session:
            await session.execute(text(statement))

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        changed("UPDATE audit_events SET actor = 'U0' WHERE number = 1"),
        changed("DELETE FROM audit_events WHERE number = 1"),
    ],
)
async def test_a_broken_chain_stands_in_page_and_file(database: Database, spoil: Callable[[Database], Any]) -> None:  # fmt: skip
    """What was changed or taken out behind the bot's back is told wherever the trail is shown."""
    desk = await desk_of(database)
    await spoil(database)
    _, facts = await desk.team.wants(BOB, intents.ShowAudit(""))
    assert facts["chain"]["breaks"] >= 1
    last = json.loads(await desk.file(BOB))[-1]
    assert last["subject"] == "broken"
    assert desk.files.given[-1][2].chain.breaks >= 1


async def test_a_spoilt_row_is_told_and_no_file_is_given(database: Database) -> None:
    """A trail that can't be read is no file: who asked is told whom to tell. Where the database keeps it readable, it is broken."""
    desk = await desk_of(database)
    detail = "'not json'" if database.is_sqlite else "'5'::jsonb"
    await changed(f"UPDATE audit_events SET detail = {detail} WHERE number = 1")(database)
    await desk.team.wants(BOB, intents.ExportAudit("", "csv"))
    await desk.work()
    told = [facts["why"] for _, kind, facts in desk.team.world.slack.whispers if kind == "audit.file_failed"]
    assert told == (["unreadable"] if database.is_sqlite else [])
    assert [notice.chain.breaks for _, _, notice in desk.files.given] == ([] if database.is_sqlite else [1])


async def test_an_event_says_what_it_rests_on(database: Database) -> None:
    """By what it was asked, the commit, and the first evidence stand in the line."""
    desk = await desk_of(database)
    evidence = [{"kind": "appeared", "url": "https://pypi.example/simple/p/", "digest": "0" * 64}]
    await desk.write(1, commit="a" * 40, evidence=evidence, via="button")
    _, facts = await desk.team.wants(BOB, intents.ShowAudit("p"))
    line = facts["lines"][0]
    assert line["via"] == "button"
    assert line["evidence"] == {"commit": "a" * 40, "url": "https://pypi.example/simple/p/"}


async def test_a_lane_that_lost_its_claim_counts_that(database: Database) -> None:
    """A process that was too slow writes nothing over another's work, gives nothing a second time, and its loss is counted."""

    def lost() -> float:
        return measuring.REGISTRY.get_sample_value("shipbell_claims_lost_total", {"of": "exports"}) or 0.0

    desk = await desk_of(database)
    await desk.team.wants(BOB, intents.ExportAudit("", "csv"))
    slow, quick = desk.lane(), desk.lane()
    (one,) = await slow.claim(1)
    desk.team.world.clock.forward(LEASE * 2)
    (same,) = await quick.claim(1)
    before = lost()
    await quick.advance(same)
    assert lost() == before
    await slow.advance(one)
    assert lost() > before
    assert len(desk.files.given) == 1
