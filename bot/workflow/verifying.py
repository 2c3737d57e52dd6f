"""A release that must arrive: looked for on the index until it is there, whole and attested.

Knows: what is asked of the index, in which order. Must not know: what an answer means.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import TypeVar

from bot.core import arriving
from bot.core.arriving import Look
from bot.core.forge import Unsure
from bot.core.outcomes import AttestationOutcome, DownloadOutcome, SimpleFile, TryLater
from bot.core.progress import Progress
from bot.core.releases import Decision, Situation, troubled
from bot.workflow.acting import expected
from bot.workflow.hands import Hands
from storage.records import Reason

EXPECTED_WITHIN = 40
"""Base periods after which what the run built counts as unknown: 20 minutes at the default of 30 s."""
AT_ONCE = 50
"""Files of a release that are looked at in one step."""
SECONDS = 240.0
"""How long one step may unpack what was built, and then read files: a slow one must not keep a place from all others,
nor outlast the claim (`bot.workflow.releases.LEASE`)."""
UNPACKING = Unsure("What the run built could not be fetched in time.")
SLOW = TryLater(Reason.TIMED_OUT, "its file host did not answer in time")

T = TypeVar("T")


async def verify(hands: Hands, seen: Situation) -> Decision:
    """Look once."""
    if not seen.progress.expected_known:
        known = await _before(_now() + SECONDS, expected(hands, seen), UNPACKING)
        if isinstance(known, Unsure):
            # Without it nothing could be compared: asked again, but not for ever.
            if not seen.since(EXPECTED_WITHIN):
                return troubled(seen, known)
            known = replace(seen.progress, expected_known=True)
        seen = replace(seen, progress=known)
    target = seen.release.target
    version, simple = await asyncio.gather(
        hands.index.version(target.index, target.project, seen.release.version),
        hands.index.simple(target.index, target.project),
    )
    look = Look(version, simple)
    judged = arriving.listed(seen, look)
    if isinstance(judged, Decision):
        return judged
    files = {file.filename: file for file in arriving.files_of(seen, simple)}
    return arriving.arrived(
        seen, judged, await _files(hands, target.index, files, judged, look, attested=not seen.report.uploads)
    )


async def _files(
    hands: Hands, index: str, files: dict[str, SimpleFile], progress: Progress, look: Look, *, attested: bool
) -> Look:
    to_download, to_attest = arriving.outstanding(progress, attested=attested)
    downloads: dict[str, DownloadOutcome] = {}
    attestations: dict[str, AttestationOutcome] = {}
    end = _now() + SECONDS
    for name in to_attest[:AT_ONCE]:
        file = files[name]
        if file.provenance_url and _now() < end:
            digest = file.sha256 or dict(progress.expected).get(name, "")
            asked = hands.index.attested(index, file.provenance_url, name, digest)
            attestations[name] = await _before(end, asked, SLOW)
    for name in to_download[:AT_ONCE]:
        if _now() < end:
            downloads[name] = await _before(end, hands.index.download(index, files[name].url), SLOW)
    return replace(look, downloads=downloads, attestations=attestations)


async def _before(end: float, call: Awaitable[T], otherwise: T) -> T:
    """Return what a call gives, or the other where it takes too long; what is left then is for the next look."""
    try:
        async with asyncio.timeout_at(end):
            return await call
    except TimeoutError:
        return otherwise


def _now() -> float:
    return asyncio.get_running_loop().time()
