"""In memory: a clock that is moved by hand, an index that shows a release stage by stage, people, and Slack's channels."""

# ruff: noqa: ARG002 - a fake is given all that the protocol gives

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

from bot.core.distributions import Distribution
from bot.core.oauth1 import Grant
from bot.core.outcomes import (
    Absent,
    AttestationOutcome,
    Attested,
    ByHand,
    Downloaded,
    DownloadOutcome,
    FileThere,
    ListOutcome,
    Login,
    NotOffered,
    Present,
    ProjectVersion,
    ProvenanceOutcome,
    RegisterOutcome,
    SimpleFile,
    SimpleOutcome,
    TryLater,
    Uploaded,
    UploadOutcome,
    VersionOutcome,
)
from bot.core.people import CannotTell, Group, GroupOutcome, Person, PersonOutcome, Standing
from bot.core.sites import IndexSite, OAuth1Consumer
from bot.workflow.ports import Delivery, Said, SayLater
from storage.records import Evidence, EvidenceKind, OutboxItem, Reason, Registration, Secret
from tests.releases.fake_forge import built_at

BEGIN = datetime(2026, 11, 20, 12, tzinfo=UTC)
SHOWN = ("nothing", "accepted", "installable", "downloadable", "attested")
"""What an index shows of a version, one stage after the other."""


@dataclass
class Clock:
    """The time, moved by hand."""

    now: datetime = BEGIN

    def __call__(self) -> datetime:
        """Return the time now."""
        return self.now

    def forward(self, span: timedelta) -> None:
        """Let time pass."""
        self.now += span


@dataclass
class Upload:
    """One version on the index."""

    project: str
    slug: str
    tag: str
    sha: str
    stage: int = 0

    @property
    def version(self) -> str:
        """The version."""
        return self.tag.removeprefix("v")


@dataclass
class FakeIndex:
    """Fulfils `ports.Index`, as far as releases ask it."""

    clock: Clock
    uploads: list[Upload] = field(default_factory=list)
    down: bool = False
    taken: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    """What was uploaded: file name -> (project, version, sha256)."""
    arrived: list[tuple[str, str]] = field(default_factory=list)
    """(file name, sha256) of each upload that arrived, as often as it did."""
    uploading: list[UploadOutcome] = field(default_factory=list)
    """What the next uploads come to instead."""
    logins: list[Login | Grant] = field(default_factory=list)

    def publish(self, slug: str, tag: str, sha: str) -> None:
        """Take a version in; it is shown later."""
        self.uploads.append(Upload(slug.split("/")[1], slug, tag, sha))

    def advance(self) -> bool:
        """Show the next stage of every version; False where all is shown."""
        moving = [one for one in self.uploads if one.stage < len(SHOWN) - 1]
        for one in moving:
            one.stage += 1
        return bool(moving)

    def _at(self, project: str, stage: str) -> list[Upload]:
        return [one for one in self.uploads if one.project == project and one.stage >= SHOWN.index(stage)]

    def _out_of_order(self) -> TryLater | None:
        return TryLater(Reason.INDEX_BROKEN, "The index is out of order.") if self.down else None

    async def simple(self, index: str, project: str, etag: str = "") -> SimpleOutcome:
        """Return the files that can be installed."""
        files = [
            SimpleFile(
                file.filename, one.version, f"https://{index}/p/{file.filename}", "", file.sha256,
                f"https://{index}/f/{one.project}/{one.tag}/{file.filename}",
            )
            for one in self._at(project, "installable")
            for file in built_at(one.project, one.tag, one.sha)
        ]  # fmt: skip
        files += [
            SimpleFile(name, version, f"https://{index}/p/{name}", "", sha256, f"https://{index}/u/{name}")
            for name, (of, version, sha256) in self.taken.items()
            if of == project
        ]
        seen = Evidence(EvidenceKind.APPEARED, f"https://{index}/simple/{project}/", "0" * 64, self.clock())
        return self._out_of_order() or (Present(tuple(files), "active", "", seen) if files else Absent())

    async def version(self, index: str, project: str, version: str) -> VersionOutcome:
        """Return a version that was accepted."""
        there = any(one.version == version for one in self._at(project, "accepted")) or any(
            (of, known) == (project, version) for of, known, _ in self.taken.values()
        )
        return self._out_of_order() or (ProjectVersion(version, (), version) if there else Absent())

    async def download(self, index: str, url: str) -> DownloadOutcome:
        """Return a file's digest."""
        _, name = url.rsplit("/", 1)
        if name in self.taken:
            return self._out_of_order() or Downloaded(self.taken[name][2], 10)
        for one in self._at(url.split("/")[-3], "downloadable"):
            for file in built_at(one.project, one.tag, one.sha):
                if file.filename == name:
                    return self._out_of_order() or Downloaded(file.sha256, file.size)
        return self._out_of_order() or Absent()

    async def upload(
        self, index: str, file: Distribution, content: BinaryIO, login: Login | Grant, seconds: float
    ) -> UploadOutcome:
        """Take a file, unless something else was arranged; of another content it takes none."""
        self.logins.append(login)
        arranged = self.uploading.pop(0) if self.uploading else None
        if arranged is not None and not (isinstance(arranged, TryLater) and arranged.arrived_maybe):
            return arranged
        sha256 = hashlib.sha256(content.read()).hexdigest()
        assert sha256 == file.digests.sha256
        self.arrived.append((file.filename, sha256))
        fields = dict(file.metadata)
        known = (fields["name"], fields["version"], sha256)
        if self.taken.setdefault(file.filename, known) != known:
            return FileThere("File already exists")
        return arranged or Uploaded()

    async def attested(
        self, index: str, provenance_url: str, filename: str, sha256: str
    ) -> AttestationOutcome:
        """Return who published a file."""
        for one in self._at(filename.partition("-")[0], "attested"):
            if filename in {file.filename for file in built_at(one.project, one.tag, one.sha)}:
                said = Attested(one.slug, "release.yml", "pypi", one.sha, f"refs/tags/{one.tag}", "")
                return self._out_of_order() or said
        return self._out_of_order() or Absent()

    async def register(self, registration: Registration, token: Secret) -> RegisterOutcome:
        """Offer nothing: releases don't ask."""
        return NotOffered()

    async def publishers(self, index: str, project: str, token: Secret) -> ListOutcome:
        """Offer nothing: releases don't ask."""
        return NotOffered()

    async def provenance(self, index: str, url: str) -> ProvenanceOutcome:
        """Have none: releases don't ask."""
        return Absent()

    def names(self) -> tuple[str, ...]:
        """Return the one index."""
        return ("pypi",)

    def site(self, name: str) -> IndexSite:
        """Return where it is."""
        consumer = OAuth1Consumer("shipbell", Secret("consumer"))
        return IndexSite(
            name, f"https://{name}.example", f"https://upload.{name}.example/legacy/", oauth1=consumer
        )

    def by_hand(self, registration: Registration, *, project_exists: bool | None) -> ByHand:
        """Return a form."""
        return ByHand("", prefilled=False, fields=())


@dataclass
class FakePeople:
    """Fulfils `ports.People`."""

    known: dict[str, Person]
    groups: dict[str, frozenset[str]] = field(default_factory=dict)
    silent: bool = False
    says: str = "token_revoked"
    """What Slack says of the team's token, once somebody asks."""

    async def person(self, slack_team_id: str, user: str) -> PersonOutcome:
        """Return who somebody is."""
        if self.silent:
            return CannotTell("Slack is out of order.")
        return self.known.get(user, Person(user, Standing.UNKNOWN))

    async def person_now(self, slack_team_id: str, user: str) -> PersonOutcome:
        """Return who somebody is."""
        return await self.person(slack_team_id, user)

    async def group(self, slack_team_id: str, group: str) -> GroupOutcome:
        """Return a group's members."""
        if self.silent:
            return CannotTell("Slack is out of order.")
        return Group(group, self.groups.get(group, frozenset()))

    async def handles(self, slack_team_id: str) -> Mapping[str, str]:
        """Return the groups, called by their ids."""
        return {} if self.silent else {group: group.lower() for group in self.groups}

    async def token(self, slack_team_id: str) -> str:
        """Return what Slack says of the token."""
        return self.says


@dataclass
class Message:
    """One message in a channel."""

    ts: str
    outbox_id: str
    channel: str
    thread: str
    broadcast: bool
    kind: str
    facts: dict[str, Any]


@dataclass
class FakeSlack:
    """Fulfils `ports.Notifier`: channels with threads, which keep every message that comes, twice if it comes twice."""

    messages: list[Message] = field(default_factory=list)
    whispers: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    """(person, kind, facts)"""
    lost: list[bool] = field(default_factory=list)
    """Whether the next messages arrive whose answers are lost."""
    closed: set[str] = field(default_factory=set)
    """Channels that were archived: what was begun there waits."""

    async def deliver(self, item: OutboxItem, *, maybe_said: bool) -> Delivery:
        """Say, or edit, unless the history shows that it was said."""
        if item.channel in self.closed and (item.ts or item.thread_ts):
            return SayLater("channel lost", arrived_maybe=False, seconds=300)
        arrives = self.lost.pop() if self.lost else None
        if arrives is False:
            return SayLater("Slack did not answer.", arrived_maybe=True)
        said = self._said(item, maybe_said=maybe_said)
        return said if arrives is None else SayLater("Slack did not answer.", arrived_maybe=True)

    def _said(self, item: OutboxItem, *, maybe_said: bool) -> Said:
        if item.user:
            self.whispers.append((item.user, item.kind, item.facts))
            return Said()
        found = self._find(lambda one: one.outbox_id == str(item.id)) if maybe_said and not item.ts else None
        if found is not None:
            return Said(found.ts)
        if item.ts:
            edited = self._find(lambda one: one.ts == item.ts)
            assert edited is not None, "a message is edited that nobody has said"
            edited.facts = item.facts
            return Said(item.ts)
        ts = str(len(self.messages) + 1)
        self.messages.append(
            Message(ts, str(item.id), item.channel, item.thread_ts, item.broadcast, item.kind, item.facts)
        )
        return Said(ts)

    def _find(self, which: Callable[[Message], bool]) -> Message | None:
        return next((one for one in self.messages if which(one)), None)

    def roots(self, release_id: str) -> list[Message]:
        """Return the root messages of a release."""
        return [one for one in self.messages if one.facts.get("release_id") == release_id]

    def lines(self, root: Message) -> list[dict[str, Any]]:
        """Return the lines of a release's timeline, as they were said."""
        below = [one for one in self.messages if one.thread == root.ts]
        return [line for one in below for line in one.facts.get("steps", [one.facts])]

    def doubled(self) -> list[str]:
        """Return the ids of outbox rows that were said more than once."""
        ids = [one.outbox_id for one in self.messages]
        return sorted({name for name in ids if ids.count(name) > 1})
