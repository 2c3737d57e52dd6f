"""The gate that every intent goes through: whether whoever wants something may, by the policy that holds.

Knows: which rows say what an intent is about, whom to look up. Must not know: Slack, wording, what an intent does.

People are looked up before the transaction; the policies are read, and the rule is asked, before it and in it: what got
stricter in between holds, and a user group that nobody looked up counts as one that can't be told.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from bot.core import approvals, intents, permissions
from bot.core.approvals import Policy, Refusal
from bot.core.importing import Candidate
from bot.core.people import CannotTell, GroupOutcome, PersonOutcome
from bot.core.permission_notices import NotAllowed
from bot.core.permissions import Action
from bot.core.versions import read
from bot.workflow.hands import unpacked
from bot.workflow.ports import Clock, People
from storage.database import Database
from storage.ledger import credentials, entries, imports, policies, policy_changes, publishers, releases
from storage.records import InboxItem, Release

NOBODY = CannotTell("Nobody was looked up.")
Named = intents.CancelRelease | intents.RetryRelease


@dataclass(frozen=True, slots=True)
class Asker:
    """Who wants something, and the user groups that say whether that person may."""

    person: PersonOutcome = NOBODY
    groups: Mapping[str, GroupOutcome] = field(default_factory=dict)
    refused: NotAllowed | None = None
    """Why nothing is even looked at."""


@dataclass(frozen=True, slots=True)
class About:
    """What an intent is about, as the rows say."""

    projects: tuple[str, ...] = ("",)
    """"" is the team itself."""
    release: Release | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate on its concrete parts."""

    database: Database
    people: People
    clock: Clock

    async def before(self, item: InboxItem, slack_team_id: str, intent: intents.Intent) -> Asker:
        """Look up who wants something, and whether that person may as things stand; it may run twice."""
        if not permissions.ACTIONS[type(intent)]:
            return Asker()
        async with self.database.reading() as session:
            rules = [rule async for rule in self._rules(session, item, intent)]
        names = tuple(
            dict.fromkeys(
                name for action, _, policy in rules for name in permissions.groups_of(action, policy)
            )
        )
        person, found = await asyncio.gather(
            self.people.person(slack_team_id, item.actor),
            asyncio.gather(*(self.people.group(slack_team_id, name) for name in names)),
        )
        groups = dict(zip(names, found, strict=True))
        return Asker(person, groups, _judged(rules, person, groups))

    async def refuses(
        self, session: AsyncSession, item: InboxItem, intent: intents.Intent, asker: Asker
    ) -> NotAllowed | None:
        """Return why somebody may not, in the transaction that would do it; None where that person may."""
        if not permissions.ACTIONS[type(intent)]:
            return None
        rules = [rule async for rule in self._rules(session, item, intent)]
        return _judged(rules, asker.person, asker.groups)

    async def _rules(
        self, session: AsyncSession, item: InboxItem, intent: intents.Intent
    ) -> AsyncIterator[tuple[Action, str, Policy]]:
        """Give what must be allowed, of which project, and the policy that says to whom."""
        if permissions.ACTIONS[type(intent)] == permissions.SEEN:
            yield Action.SEE, "", Policy()  # no policy says who may look, so none is read
            return
        about = await self._about(session, item, intent)
        requester = about.release.requested_by if about.release else ""
        for project in about.projects:
            team, own = await read_policies(session, item.team_id, project)
            for action in permissions.wanted(intent, item.actor, requester):
                policy = permissions.holding(action, team, own)
                if about.release is not None:
                    policy = approvals.stricter(unpacked(Policy, about.release.policy), policy)
                yield action, project, policy

    async def _about(self, session: AsyncSession, item: InboxItem, intent: intents.Intent) -> About:
        match intent:
            case intents.CancelRelease() | intents.RetryRelease():
                release = await _release(session, item, intent)
                return About((release.target.project if release else intent.project,), release)
            case intents.AddPublisher():
                return About((intent.registration.project,))
            case intents.SetUpImport():
                return About(("", *await _with_own(session, item, intent)))
            case intents.KeepCredential() | intents.RevokeCredential():
                return await _of_credential(session, item, intent, self.clock())
            case intents.AgreePolicy() | intents.RefusePolicy():
                change = await policy_changes.get(session, item.team_id, UUID(intent.change_id))
                return About((change.project if change else "",))
            case _:
                return await _of_publisher(session, item, intent)


async def _of_credential(
    session: AsyncSession,
    item: InboxItem,
    intent: intents.KeepCredential | intents.RevokeCredential,
    now: datetime,
) -> About:
    if isinstance(intent, intents.RevokeCredential):
        kept = await credentials.get(session, item.team_id, UUID(intent.credential_id))
        return About((kept.project if kept else "",))
    entry = await entries.get(session, item.team_id, UUID(intent.entry_id), now)
    return About((intent.narrow_to or (entry.project if entry else ""),))


async def _of_publisher(session: AsyncSession, item: InboxItem, intent: intents.Intent) -> About:
    """Return the project that an intent names, itself or by its publisher."""
    if publisher_id := getattr(intent, "publisher_id", ""):
        publisher = await publishers.get(session, item.team_id, UUID(publisher_id))
        return About((publisher.registration.project if publisher else "",))
    return About((str(getattr(intent, "project", "")),))


async def _release(session: AsyncSession, item: InboxItem, intent: Named) -> Release | None:
    if intent.release_id:
        return await releases.get(session, item.team_id, UUID(intent.release_id))
    version = read(intent.version, intent.project).version
    return await releases.newest(session, item.team_id, intent.project, version)


async def _with_own(session: AsyncSession, item: InboxItem, intent: intents.SetUpImport) -> list[str]:
    """Return the projects of an import that have a policy of their own: each says itself who may set it up."""
    one = await imports.get(session, item.team_id, UUID(intent.import_id))
    own = set(await policies.projects(session, item.team_id)) if one else set()
    if one is None or not own:
        return []
    rows = [row for row in await imports.items(session, one) if row.number in set(intent.chosen)]
    return sorted(own & {unpacked(Candidate, row.facts).registration.project for row in rows})


async def read_policies(
    session: AsyncSession, team_id: UUID, project: str
) -> tuple[Policy | None, Policy | None]:
    """Return the team's own policy and the project's; None where none is set."""
    team, own = await policies.read(session, team_id, project)
    return (
        unpacked(Policy, team) if team is not None else None,
        unpacked(Policy, own) if own is not None else None,
    )


def _judged(
    rules: list[tuple[Action, str, Policy]], person: PersonOutcome, groups: Mapping[str, GroupOutcome]
) -> NotAllowed | None:
    for action, project, policy in rules:
        verdict = permissions.may(action, policy, person, groups)
        if isinstance(verdict, Refusal):
            who = permissions.who_may(action, policy)
            return NotAllowed(action, project, verdict.why, verdict.detail, who)
    return None
