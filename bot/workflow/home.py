"""The Home tab: shown to those who look, anew when what they see has changed, and to nobody else.

Knows: which facts a tab is made of, when it is shown. Must not know: wording, Slack.

A row says whose tab is to be shown, so a tab that was not shown in time is shown later; showing it twice changes nothing.
Whoever has not looked lately is not shown anything, nor is anybody for whom the page would be the same.
"""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, assert_never
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot import measuring
from bot.core import approvals as rules
from bot.core import homes as decide
from bot.core import intents, permissions
from bot.core.approvals import Allowed, Groups, Policy, Refusal
from bot.core.credentials import OLD
from bot.core.home_notices import AgingLine, HomePage, HomeProject, HomeSettings, OpenLine, Viewer
from bot.core.people import PersonOutcome
from bot.core.permissions import Action
from bot.core.release_notices import FreezeLine, LinksShown, ReleaseDialog, ReleaseShown
from bot.core.releases import have
from bot.pacing import Paces
from bot.workflow.hands import Hands, packed, shown, situation, unpacked
from bot.workflow.ports import HomeScreen, NeverSay, Overtaken, Said, SayLater
from bot.workflow.showing import credential, fares
from storage.ledger import credentials, freezes, homes, overview
from storage.ledger import releases as ledger
from storage.ledger.overview import Laid
from storage.records import (
    Approval,
    Credential,
    Freeze,
    Home,
    InboxItem,
    ProjectAtGlance,
    Release,
)

log = structlog.get_logger(__name__)

Lacks = Callable[[str], Awaitable[tuple[str, ...]]]
"""Slack team -> scopes that the bot needs and was not granted there."""
LEASE = timedelta(seconds=60)
AFTER_A_FAULT = timedelta(minutes=1)
PACE = timedelta(seconds=0.7)
"""Slack takes about a hundred a minute in a workspace (`views.publish` is of tier 4)."""
LATER = timedelta(seconds=30)
"""How long to wait where Slack did not answer."""
ASKED = 30
"""Releases that wait for approvals and are looked through for one person."""
LINKS = 5
"""Links of one message that are shown."""
LINES, PROJECTS, AGING, FREEZES = 10, 20, 5, 5
"""What is listed at most: a tab takes 100 blocks."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What one tab is made of, read in one transaction with a fixed number of questions."""

    asked: tuple[Sequence[Release], int]
    votes: Mapping[UUID, tuple[Approval, ...]]
    laid: Laid
    going: tuple[Sequence[Release], int]
    projects: tuple[Sequence[ProjectAtGlance], int]
    page: int
    aging: tuple[Sequence[Credential], int]
    freezes: Sequence[Freeze]


async def gather(session: AsyncSession, team_id: UUID, page: int, now: datetime) -> Facts:
    """Read what a tab of a team is made of."""
    asked = await overview.under_way(session, team_id, ASKED, asked=True)
    found = await overview.projects(session, team_id, ((page - 1) * PROJECTS, PROJECTS))
    last = decide.pages(found[1], PROJECTS)
    if page > last:  # projects have gone since
        page, found = last, await overview.projects(session, team_id, ((last - 1) * PROJECTS, PROJECTS))
    return Facts(
        asked=asked,
        votes=await overview.votes(session, team_id, asked[0]),
        laid=await overview.policies(session, team_id, {one.project_id for one in asked[0]}),
        going=await overview.under_way(session, team_id, LINES, asked=False),
        projects=found,
        page=page,
        aging=await credentials.aging(session, team_id, (now + decide.ENDING, now - OLD), AGING),
        freezes=await freezes.standing(session, team_id, None, now),
    )


def policy_of(laid: Laid, release: Release) -> Policy:
    """Return what holds for a release now: the stricter of what it was asked under and what was laid down since."""
    own = laid.own.get(release.project_id)
    now = rules.merged(
        None if laid.team is None else unpacked(Policy, laid.team),
        None if own is None else unpacked(Policy, own),
    )
    for other in laid.others.get(release.project_id, ()):
        now = rules.stricter(unpacked(Policy, other), now)
    return rules.stricter(unpacked(Policy, release.policy), now)


def page_of(
    facts: Facts, person: PersonOutcome, groups: Groups, now: datetime, status_url: str = ""
) -> HomePage:
    """Return what one person sees."""
    viewer = decide.viewer(person)
    if viewer is Viewer.OUTSIDER:
        return HomePage(viewer)
    lines: list[tuple[bool, OpenLine]] = []
    for release in facts.asked[0]:
        policy, votes = policy_of(facts.laid, release), facts.votes.get(release.id, ())
        mine = decide.waits_for(person, release, policy, votes, groups)
        lines.append((mine, _line(release, have=have(votes), need=policy.seats)))
    waiting = [line for mine, line in lines if mine]
    others = [*(line for mine, line in lines if not mine), *map(_line, facts.going[0])]
    inside = viewer in {Viewer.MEMBER, Viewer.ADMIN}
    return HomePage(
        viewer,
        waiting=tuple(waiting[:LINES]), waiting_total=len(waiting),
        open=tuple(others[:LINES]), open_total=facts.asked[1] + facts.going[1] - len(waiting),
        projects=tuple(map(_project, facts.projects[0])), projects_total=facts.projects[1],
        page=facts.page, pages=decide.pages(facts.projects[1], PROJECTS),
        credentials=_aging(facts, now) if inside else (), credentials_total=facts.aging[1] if inside else 0,
        settings=_settings(facts) if _sets_policy(facts, person, groups) else None,
        status_url=status_url if inside else "",
    )  # fmt: skip


def _line(release: Release, *, have: int = 0, need: int = 0) -> OpenLine:
    return OpenLine(
        str(release.id), release.target.project, release.version, release.target.index, release.state, release.state_at,
        release.requested_by, release.channel, have, need, release.expires_at if need else None, release.kind,
    )  # fmt: skip


def _project(one: ProjectAtGlance) -> HomeProject:
    target, release = one.project.registration, one.published
    return HomeProject(
        target.project,
        target.index,
        target.slug,
        one.publisher.state if one.publisher else None,
        fares(one.health),
        release.version if release else "",
        release.state_at if release else None,
    )


def _aging(facts: Facts, now: datetime) -> tuple[AgingLine, ...]:
    found = ((one, decide.aging(one, now)) for one in facts.aging[0])
    return tuple(AgingLine(credential(one), why) for one, why in found if why is not None)


def _sets_policy(facts: Facts, person: PersonOutcome, groups: Groups) -> bool:
    """Say whether somebody may set the workspace's policy: admins, and whom it names."""
    policy = permissions.holding(Action.SET_POLICY, _policy(facts), None)
    return isinstance(permissions.may(Action.SET_POLICY, policy, person, groups), Allowed)


def _policy(facts: Facts) -> Policy:
    return Policy() if facts.laid.team is None else unpacked(Policy, facts.laid.team)


def _settings(facts: Facts) -> HomeSettings:
    policy = _policy(facts)
    standing = (
        FreezeLine(one.project, one.starts_at, one.ends_at, one.reason, one.set_by)
        for one in facts.freezes[:FREEZES]
    )
    return HomeSettings(policy, tuple(standing))


async def look(session: AsyncSession, item: InboxItem, intent: intents.OpenHome, now: datetime) -> None:
    """Let whoever opened the tab, or turned its page, see it."""
    page = None if intent.page is None else max(1, min(intent.page, 100_000))
    await homes.look(session, item.team_id, item.actor, (page, intent.hash), now)


async def dialog(
    session: AsyncSession, hands: Hands, item: InboxItem, intent: intents.ShowRelease, person: PersonOutcome
) -> ReleaseDialog:
    """Return the dialog with one release of the team, for a full member."""
    outside = isinstance(rules.member(person), Refusal)
    release = None if outside else await ledger.get(session, item.team_id, UUID(intent.release_id))
    if release is None or release.target.index not in hands.index.names():
        return ReleaseDialog(intent.view_id, None)
    seen = await situation(session, release, hands.clock(), hands.base)
    return ReleaseDialog(intent.view_id, shown(hands, seen))


async def unfold(
    session: AsyncSession, hands: Hands, item: InboxItem, intent: intents.UnfurlLinks, person: PersonOutcome
) -> LinksShown | None:
    """Return what links show that a full member has posted; None where none is of a release of the team."""
    found: list[tuple[str, ReleaseShown]] = []
    for url, release_id in () if isinstance(rules.member(person), Refusal) else intent.links[:LINKS]:
        release = await ledger.get(session, item.team_id, UUID(release_id))
        if release is not None and release.target.index in hands.index.names():
            seen = await situation(session, release, hands.clock(), hands.base)
            found.append((url, shown(hands, seen)))
    if not found:
        return None
    return LinksShown(tuple(found), intent.unfurl_id, intent.source, item.channel, intent.ts)


@dataclass(frozen=True, slots=True)
class Homes:
    """The Home tabs on their concrete parts."""

    hands: Hands
    screen: HomeScreen
    paces: Paces
    """When tabs of a workspace may be shown again."""
    status_url: str = ""
    lacks: Lacks | None = None
    """None: nobody knows what was granted."""
    install_url: str = ""

    async def claim(self, limit: int) -> Sequence[Home]:
        """Take tabs that are to be shown."""
        return await self.hands.take(homes.claim, LEASE, limit)

    async def next_due(self) -> datetime | None:
        """Return when the next tab is to be shown."""
        return await self.hands.due(homes.next_due())

    async def show(self, home: Home) -> None:
        """Show a claimed tab. A fault costs this person a minute, never the others anything."""
        try:
            await self._show(home)
        except Exception:
            log.exception("home not shown", team=str(home.team_id))
            await self._rest(home, self.hands.clock() + AFTER_A_FAULT)

    async def page(self, home: Home) -> HomePage:
        """Return what a person is to see now."""
        hands, now = self.hands, self.hands.clock()
        person = await hands.people.person(home.slack_team_id, home.user)
        async with hands.database.reading() as session:
            facts = await gather(session, home.team_id, home.page, now)
        named = (policy_of(facts.laid, one).groups for one in facts.asked[0])
        setters = permissions.groups_of(
            Action.SET_POLICY, permissions.holding(Action.SET_POLICY, _policy(facts), None)
        )
        names = sorted({*setters, *(name for groups in named for name in groups)})
        found = await asyncio.gather(*(hands.people.group(home.slack_team_id, name) for name in names))
        page = page_of(facts, person, dict(zip(names, found, strict=True)), now, self.status_url)
        if page.settings is None or self.lacks is None:
            return page
        lacks = await self.lacks(home.slack_team_id)
        return replace(page, settings=replace(page.settings, lacks=lacks, install_url=self.install_url))

    async def _show(self, home: Home) -> None:
        page = await self.page(home)
        digest = hashlib.sha256(json.dumps(packed(page), sort_keys=True).encode()).hexdigest()
        if digest == home.digest:
            await self._shown(home, (home.hash, digest, page.page))
            return
        turn = await self._turn(home)
        if turn > self.hands.clock():
            await self._rest(home, turn, turn_at=turn)
            return
        answer = await self.screen.publish(home.slack_team_id, home.user, page, home.hash)
        now = self.hands.clock()
        match answer:
            case Said():
                await self._shown(home, (answer.ts, digest, page.page))
            case Overtaken():
                # What Slack has is not what was written down: by a dead process, or by one that was slow.
                await self._rest(home, now, hash="", digest="")
            case SayLater():
                wait = LATER if answer.seconds is None else timedelta(seconds=answer.seconds)
                if answer.seconds is not None:
                    await self.paces.hold(_limit(home), now + wait)
                await self._rest(home, now + wait)
            case NeverSay():
                log.warning("home given up", team=str(home.team_id), error=answer.error)
                async with self.hands.database.transaction() as session:
                    measuring.held("homes", await homes.leave(session, home, self.hands.owner))
            case _:
                assert_never(answer)

    async def _turn(self, home: Home) -> datetime:
        """Return when a tab may be shown, and keep that moment free for it."""
        now = self.hands.clock()
        if home.turn_at is not None and home.turn_at <= now:
            return now
        return await self.paces.take(_limit(home), PACE)

    async def _shown(self, home: Home, state: tuple[str, str, int]) -> None:
        async with self.hands.database.transaction() as session:
            measuring.held(
                "homes", await homes.shown(session, home, self.hands.owner, state, self.hands.clock())
            )

    async def _rest(self, home: Home, until: datetime, **values: Any) -> None:
        async with self.hands.database.transaction() as session:
            measuring.held("homes", await homes.rest(session, home, self.hands.owner, until, **values))


def _limit(home: Home) -> str:
    return f"slack homes {home.slack_team_id}"
