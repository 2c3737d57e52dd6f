"""A release that the bot uploads itself: fetched and looked through as a whole, then sent file after file.

Knows: the order of steps; what is written down before the index is asked. Must not know: what an answer means.

The index is looked at before each file is sent: killed at any await, the next look finds out whether it has arrived.
Whatever was sent is written down before the next file, under the same claim.
"""

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime

from bot import measuring
from bot.core import oauth1, uploading
from bot.core.distributions import Flaw, Unfit
from bot.core.lifecycle import ReleaseEvent
from bot.core.oauth1 import Grant
from bot.core.outcomes import FileThere, Login, UploadOutcome, UploadRefused
from bot.core.releases import Decision, Situation
from bot.index import one_time
from bot.index.one_time import Codes
from bot.index.upload import TOKEN_USER, timeout
from bot.workflow import credentials as keeping
from bot.workflow.hands import Hands, subject
from bot.workflow.parcels import Parcel, Parcels, fetch
from storage.ledger import credentials
from storage.ledger import releases as ledger
from storage.records import CredentialKind, OpenCredential, Secret

SECONDS = 420.0
"""How long one step may fetch and send; with the longest that is under way then, it does not outlast the claim
(`bot.workflow.releases.LEASE`)."""
LAST = 90.0
"""Seconds that a file has at least, however late it is begun."""


@dataclass
class _Trip:
    """One step's files, fetched when they are wanted first."""

    hands: Hands
    end: float
    into: ExitStack
    parcels: Parcels | None = None

    async def all(self, seen: Situation) -> Parcels:
        """Return every file of the release."""
        if self.parcels is None:
            self.parcels = await fetch(self.hands, seen, self.into, self.end)
        return self.parcels

    @property
    def over(self) -> bool:
        """Whether what is left is for the next step."""
        return _now() > self.end - LAST


async def publish(hands: Hands, seen: Situation) -> Decision | None:
    """Send what is wanting, file after file; None where the claim was lost."""
    with ExitStack() as into:
        trip = _Trip(hands, _now() + SECONDS, into)
        while True:
            decision = await _next(trip, seen)
            if decision is None or trip.over or not _goes_on(seen, decision):
                return decision
            fresh = await hands.go_on(seen, decision)
            if fresh is None:
                return None
            seen = fresh


def _goes_on(seen: Situation, decision: Decision) -> bool:
    return decision.event is ReleaseEvent.WAITED and decision.values.get("next_at") == seen.now


async def _next(trip: _Trip, seen: Situation) -> Decision | None:
    """Do the next thing: fetch and check all, or look and send one."""
    if not seen.progress.expected_known:
        found = await trip.all(seen)
        return uploading.fetched(seen, [one.file for one in found] if isinstance(found, tuple) else found)
    target = seen.release.target
    name = uploading.looked(seen, await trip.hands.index.simple(target.index, target.project))
    if isinstance(name, Decision):
        return name
    found = await trip.all(seen)
    if not isinstance(found, tuple):
        return uploading.fetched(seen, found)
    parcel = next((one for one in found if one.file.filename == name), None)
    if parcel is None or parcel.file.digests.sha256 != dict(seen.progress.expected)[name]:
        return uploading.unfit(seen, Unfit(Flaw.CHANGED, name))
    return await _send(trip, seen, parcel)


async def _send(trip: _Trip, seen: Situation, parcel: Parcel) -> Decision | None:
    hands, release, name = trip.hands, seen.release, parcel.file.filename
    before = release.begun == uploading.ACT
    now = hands.clock()
    async with hands.database.transaction() as session:
        found = await credentials.find(session, release.team_id, release.target.index, release.target.project)
        codes = one_time.read(found.one_time) if found and found.one_time else None
        if found is not None:
            use = (f"upload of {subject(release)}", now)
            since = codes.since(now) if codes else None
            if not await credentials.used(session, release.team_id, found.credential.id, use, since):
                return uploading.next_code(seen, codes.until(now) if codes else now)
        if not measuring.held(
            "releases", await ledger.begin(session, release, hands.owner, uploading.ACT, seen.now)
        ):
            return None
    if found is None:
        return uploading.no_credential(seen)
    login = await asyncio.to_thread(_login, found, seen, now, codes)
    seconds = min(timeout(parcel.file.digests.size), max(trip.end - _now(), LAST))
    outcome = await hands.index.upload(release.target.index, parcel.file, parcel.content, login, seconds)
    if isinstance(outcome, UploadRefused) and outcome.blames_token:
        await _blame(hands, found, outcome)
    return await _answered(
        hands, replace(seen, release=replace(release, begun=uploading.ACT * before)), name, outcome
    )


async def _answered(hands: Hands, seen: Situation, name: str, outcome: UploadOutcome) -> Decision:
    """Decide; a name that is taken is looked at once more, since it may be by the very same file."""
    target = seen.release.target
    taken = isinstance(outcome, FileThere)
    simple = await hands.index.simple(target.index, target.project) if taken else None
    return uploading.answered(seen, name, outcome, simple)


async def _blame(hands: Hands, found: OpenCredential, outcome: UploadRefused) -> None:
    """Mark a credential that is good for nothing, so that it is not sent again, and tell who added it."""
    async with hands.database.transaction() as session:
        await keeping.refused(session, found.credential, hands.index, outcome.detail, hands.clock())


def _login(found: OpenCredential, seen: Situation, now: datetime, codes: Codes | None) -> Login | Grant:
    """Return what is sent: of a token a copy for this project and a quarter of an hour; a password or a grant as it is."""
    project = seen.release.target.project
    if found.credential.kind is CredentialKind.OAUTH1:
        # The index knows of the release since its first file; killed before that was written, it is told again.
        return Grant(oauth1.unpacked(found.secret), told=bool(seen.progress.sent))
    if found.username is not None:
        return Login(found.username, found.secret, codes.code(now) if codes else None)
    return Login(Secret(TOKEN_USER), keeping.sendable(found.secret, now, project).secret)


def _now() -> float:
    return asyncio.get_running_loop().time()
