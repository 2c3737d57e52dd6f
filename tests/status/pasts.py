"""A team with a busy quarter behind it, always the same: for pictures, and for looks at every page."""

import random
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col

from storage.database import Database
from storage.ledger import releases
from storage.records import Evidence, EvidenceKind
from storage.tables import PublisherRow
from tests.storage.history_kit import NOW, Past, R, S, past, project

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FAILED = (R.RUN_FAILED, R.RUN_FAILED, R.RUN_FAILED, R.TAG_ELSEWHERE, R.FILES_MISSING, R.FORGE_REFUSED)
STOPPED = ((S.REJECTED, R.REJECTED_BY_PERSON), (S.EXPIRED, R.TERM_OVER), (S.CANCELLED, R.CANCELLED_BY_PERSON))
NAMES = {"acme-widgets": 26, "acme-gears": 14, "acme-sprockets": 9, "acme-cli": 6, "acme-docs-theme": 3}


def _one(rng: random.Random, number: int, name: str) -> Past:
    asked, wait = timedelta(minutes=rng.randrange(60 * 24 * 89)), timedelta(minutes=rng.randrange(2, 90))
    kind = rng.random()
    version = f"{1 + number // 10}.{number % 10}.0"
    if kind < 0.76:
        return Past(version, asked, wait + timedelta(minutes=rng.randrange(6, 25)), waited=wait)
    if kind < 0.9:
        values = (("detail", "publish: the tests of the built wheel failed"),)
        return Past(version, asked, wait + 9 * MINUTE, S.FAILED, rng.choice(FAILED), wait, values)
    state, reason = rng.choice(STOPPED)
    return Past(version, asked, 3 * HOUR, state, reason, None)


async def busy_quarter(database: Database, team: str) -> UUID:
    """Write it; returns the newest release, which is published and has all its evidence."""
    rng, newest = random.Random(7), dict[str, tuple[UUID, UUID]]()
    for name, count in NAMES.items():
        of = await project(database, team, name)
        made = [_one(rng, number, name) for number in range(count)]
        if name == "acme-widgets":
            made.append(
                Past("4.0.0", 55 * MINUTE, 51 * MINUTE, waited=32 * MINUTE, values=tuple(_whole().items()))
            )
        if name == "acme-gears":
            values = (("notes", "Faster start."), ("expires_at", NOW + DAY))
            made.append(Past("3.1.0", 20 * MINUTE, MINUTE, S.AWAITING_APPROVAL, R.CHECKED, None, values))
        ids = await past(database, of, made)
        newest[name] = (of.team_id, ids[-1])
        async with database.transaction() as session:
            confirmed = {
                "state": "confirmed",
                "reason": "evidence",
                "state_at": NOW - 80 * DAY,
                "next_at": None,
            }
            await session.execute(
                update(PublisherRow).where(col(PublisherRow.project) == name).values(**confirmed)
            )
    team_id, release_id = newest["acme-widgets"]
    await _prove(database, team_id, release_id)
    return release_id


def _whole() -> dict[str, Any]:
    begin = NOW - 55 * MINUTE
    files = [
        {"filename": name, "sha256": "5e" * 32, "downloaded": True, "attested": True}
        for name in ("acme_widgets-4.0.0.tar.gz", "acme_widgets-4.0.0-py3-none-any.whl")
    ]
    seen = {"accepted_at": 45, "installable_at": 47, "downloadable_at": 49, "attested_at": 50}
    done = {"tag_made": 33, "run_found": 34, "deployment_approved": 36, "built": 43, "run_ended": 44}
    progress: dict[str, Any] = {
        name: (begin + minutes * MINUTE).isoformat() for name, minutes in seen.items()
    }
    progress["at"] = {name: (begin + minutes * MINUTE).isoformat() for name, minutes in done.items()}
    notes = "- Widgets can be turned by hand\n- Python 3.11 or newer"
    run = {"run_url": "https://github.com/acme/acme-widgets/actions/runs/4711", "files": files}
    return {"notes": notes, "progress": progress | run}


async def _prove(database: Database, team_id: UUID, release_id: UUID) -> None:
    async with database.transaction() as session:
        release = await releases.get(session, team_id, release_id)
        assert release is not None
        for kind, minutes in (
            (EvidenceKind.ACCEPTED, 10),
            (EvidenceKind.INSTALLABLE, 8),
            (EvidenceKind.ATTESTED, 5),
        ):
            url = f"https://pypi.org/{kind}/acme-widgets/4.0.0"
            await releases.keep_evidence(
                session, release, Evidence(kind, url, "c4" * 32, NOW - minutes * MINUTE)
            )
