"""What people look at: lists and states, read from the ledger.

Knows: which facts a view is made of. Must not know: wording, Slack.
"""

import difflib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from bot import codec
from bot.core import intents, notices
from bot.core.audit_notices import AuditLine, AuditShown, ChainFound
from bot.core.credential_notices import TokenUnneeded
from bot.core.health import State
from bot.core.health_notices import Fares, HealthShown
from bot.core.release_notices import ReleaseLine, ReleaseList
from bot.core.setup import SetupReport
from bot.core.sites import take_codes
from bot.workflow.ports import Index
from bot.workflow.telling import VIA
from storage.ledger import audit
from storage.ledger import credentials as credential_ledger
from storage.ledger import health as health_ledger
from storage.ledger import publishers as ledger
from storage.ledger import releases as release_ledger
from storage.records import AuditEvent, Credential, Health, Publisher

PAGE = 40
EVENTS = 25
"""Events of the audit trail on a page."""
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "release.requested": "override", "release.vote.rejected": "reason", "release.glass_broken": "reason",
        "freeze.set": "reason",
    }
)  # fmt: skip
"""Actions of the audit trail -> where their detail has the reason that a person gave."""
"""Lines of a list; a message takes 50 blocks."""


def line(publisher: Publisher, health: Health | None = None) -> notices.PublisherLine:
    """Return a publisher as a line of a list."""
    return notices.PublisherLine(
        publisher.registration, publisher.state, publisher.state_at, publisher.channel, fares(health)
    )


def fares(health: Health | None) -> Fares | None:
    """Return how a publisher fares, at a glance; None where nobody looks."""
    if health is None:
        return None
    if health.looked_at is None:
        return Fares.NOT_LOOKED
    return Fares.ATTENTION if health.seen.get("troubles") else Fares.OK


async def status(
    session: AsyncSession,
    publisher: Publisher,
    index_url: str,
    setup: SetupReport | None = None,
    unneeded: TokenUnneeded | None = None,
) -> notices.PublisherStatus:
    """Return how one publisher stands, with its evidence, and how its project is set up."""
    facts = await ledger.evidence(session, publisher)
    health = await health_ledger.get(session, publisher.team_id, publisher.id)
    return notices.PublisherStatus(
        line=line(publisher, health),
        index_url=index_url,
        reason=publisher.reason,
        detail=publisher.detail,
        looks=publisher.polls,
        next_at=publisher.next_at,
        expires_at=publisher.expires_at,
        evidence=tuple(notices.EvidenceLine(fact.kind, fact.url, fact.seen_at) for fact in facts),
        publisher_id=str(publisher.id),
        setup=setup,
        unneeded=unneeded,
        health=_health(health) if health is not None else None,
    )


def _health(health: Health) -> HealthShown:
    state: State = codec.unpack("", health.seen, {"": State})
    return HealthShown(state.troubles, health.looked_at)


def suggestion(name: str, names: Sequence[str]) -> str:
    """Return the name that was meant, "" where none is near."""
    close = difflib.get_close_matches(name, names, n=1)
    return close[0] if close else ""


async def releases(session: AsyncSession, team_id: UUID, project: str) -> notices.Notice:
    """Return the team's newest releases, or a project's."""
    found, total = await release_ledger.listed(session, team_id, PAGE, project)
    lines = tuple(
        ReleaseLine(
            one.target.project, one.version, one.target.index, one.state, one.state_at, one.requested_by, one.channel,
            one.kind,
        )
        for one in found
    )  # fmt: skip
    return ReleaseList(lines, total, project)


Shown = intents.ShowReleases | intents.ShowCredentials | intents.ListPublishers


async def show(
    session: AsyncSession, team_id: UUID, intent: Shown, index: Index, *, typed: bool = True
) -> notices.Notice:
    """Return what a person asked to see: credentials dialog, or a list."""
    if isinstance(intent, intents.ShowReleases):
        return await releases(session, team_id, intent.project)
    if isinstance(intent, intents.ShowCredentials):
        found = tuple(map(credential, await credential_ledger.listed(session, team_id)))
        codes = take_codes(index)
        return notices.CredentialsShown(intent.view_id, found, index.names(), intent.index, typed, codes)
    publishers, total = await ledger.listed(session, team_id, PAGE)
    fares = await health_ledger.of_publishers(session, team_id, [one.id for one in publishers])
    shown = tuple(line(one, fares.get(one.id)) for one in publishers)
    return notices.PublisherList(shown, total)


async def trail(
    session: AsyncSession, team_id: UUID, intent: intents.ShowAudit, chain: ChainFound | None = None
) -> AuditShown:
    """Return a page of who did what; `chain` is what was found along it."""
    found = await audit.page(session, team_id, limit=EVENTS + 1, project=intent.project, before=intent.before)
    shown = found[:EVENTS]
    lines = tuple(
        AuditLine(
            event.at, event.actor, event.action, event.subject, _why(event), str(event.detail.get(VIA) or ""),
            _rests_on(event),
        )
        for _, event in shown
    )  # fmt: skip
    older = shown[-1][0] if len(found) > EVENTS else 0
    return AuditShown(lines, intent.project, chain, older, page=bool(intent.before))


def _rests_on(event: AuditEvent) -> dict[str, str]:
    """Return what an event rests on: what was approved, and what was seen outside."""
    said = {name: str(event.detail.get(name) or "") for name in ("commit", "digest", "url")}
    evidence = event.detail.get("evidence")
    first = next(iter(evidence), None) if isinstance(evidence, list) else None
    if isinstance(first, dict) and not said["url"]:
        said["url"] = str(first.get("url") or "")
    return {name: value for name, value in said.items() if value}


def _why(event: AuditEvent) -> str:
    """Return the reason that a person gave; those that the bot has for itself are in the action already."""
    name = REASONS.get(event.action)
    return str(event.detail.get(name) or "") if name else ""


def credential(kept: Credential) -> notices.CredentialLine:
    """Return a credential as a line of a list."""
    return notices.CredentialLine(
        credential_id=str(kept.id),
        index=kept.index,
        hint=kept.hint,
        added_by=kept.added_by,
        added_at=kept.added_at,
        last_used_at=kept.last_used_at,
        uses=kept.uses,
        refused_at=kept.refused_at,
        kind=kept.kind,
        project=kept.project,
        last_purpose=kept.last_purpose,
        expires_at=kept.expires_at,
        account_wide=kept.account_wide,
    )
