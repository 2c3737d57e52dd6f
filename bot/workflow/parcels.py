"""A release's files on their way from the forge to the index, on disk and nowhere else.

Knows: where they are fetched from, in which order they are looked at. Must not know: what an answer means, formats.

A file has no name on disk: whenever the process dies, nothing of it is left.
"""

import asyncio
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO

from bot import archives
from bot.core.distributions import Distribution, Flaw, Unfit, together
from bot.core.forge import Asset, Fetched, Invalid, Nothing, Unsure
from bot.core.releases import Situation
from bot.core.uploads import attached, named
from bot.workflow.gathering import SILENT, within
from bot.workflow.hands import Hands, repo

SLOW = Unsure("What is to be uploaded could not be fetched in time.")


@dataclass(frozen=True, slots=True)
class Parcel:
    """One file, looked through and ready to be sent; good as long as what it was fetched into is open."""

    file: Distribution
    content: BinaryIO


Parcels = tuple[Parcel, ...] | Unfit | Invalid | Nothing | Unsure
_Files = list[tuple[str, BinaryIO]] | Unfit | Invalid | Nothing | Unsure


async def fetch(hands: Hands, seen: Situation, into: ExitStack, end: float) -> Parcels:
    """Fetch a release's files and look through each; `end` by the loop's clock. All are fit, or none is given."""
    try:
        async with asyncio.timeout_at(end):
            files = await _files(hands, seen, into)
            return files if not isinstance(files, list) else await _looked_through(seen, files)
    except TimeoutError:
        return SLOW


async def _files(hands: Hands, seen: Situation, into: ExitStack) -> _Files:
    """Return the run's distributions, else those of the forge's release: what was approved, where it was approved."""
    if seen.release.run_id is not None and not seen.report.assets:
        found = await _of_run(hands, seen, seen.release.run_id, into)
        if not (isinstance(found, list) and not found):
            return found
    return await _of_release(hands, seen, into)


async def _of_run(hands: Hands, seen: Situation, run_id: int, into: ExitStack) -> _Files:
    where = repo(seen.release)
    artifacts = await within(hands.forge.artifacts(where, run_id), SILENT)
    if not isinstance(artifacts, tuple):
        return [] if isinstance(artifacts, Nothing) else artifacts
    kept = [one for one in artifacts if not one.expired]
    if kept and (flaw := together([(one.name, one.size) for one in kept])):
        return flaw
    files: list[tuple[str, BinaryIO]] = []
    for artifact in kept:
        packed = into.enter_context(archives.nameless())
        got = await hands.forge.save_artifact(where, artifact.id, packed)
        if not isinstance(got, Fetched):
            return got
        if artifact.digest and artifact.digest != got.sha256:
            return Unfit(Flaw.CHANGED, artifact.name)
        found = await asyncio.to_thread(archives.unpacked, packed, got.size, into)
        if isinstance(found, Unfit):
            return found
        files += found
    return files


async def _of_release(hands: Hands, seen: Situation, into: ExitStack) -> _Files:
    where = repo(seen.release)
    there = await within(hands.forge.release(where, seen.release.tag), SILENT)
    if isinstance(there, Unsure):
        return there
    assets = attached(there)
    approved, now = dict(seen.report.assets), dict(named(assets))
    if approved and approved != now:
        return Unfit(Flaw.CHANGED, ", ".join(sorted(approved.keys() ^ now.keys())))
    if flaw := together([(one.name, one.size) for one in assets]):
        return Nothing() if flaw.flaw is Flaw.NO_FILES else flaw
    files: list[tuple[str, BinaryIO]] = []
    for asset in assets:
        got = await _asset(hands, seen, asset, into)
        if not isinstance(got, tuple):
            return got
        files.append(got)
    return files


async def _asset(
    hands: Hands, seen: Situation, asset: Asset, into: ExitStack
) -> tuple[str, BinaryIO] | Unfit | Invalid | Nothing | Unsure:
    content = into.enter_context(archives.nameless())
    got = await hands.forge.save_asset(repo(seen.release), asset.id, content)
    if not isinstance(got, Fetched):
        return got
    if asset.sha256 and asset.sha256 != got.sha256:
        return Unfit(Flaw.CHANGED, asset.name)
    return asset.name, content


async def _looked_through(seen: Situation, files: Iterable[tuple[str, BinaryIO]]) -> Parcels:
    release = seen.release
    found: dict[str, Parcel] = {}
    for name, content in files:
        looked = await asyncio.to_thread(
            archives.look_through, content, name, release.target.project, release.version
        )
        if isinstance(looked, Unfit):
            return looked
        if name in found and found[name].file.digests != looked.digests:
            return Unfit(Flaw.CLASH, name)
        found.setdefault(name, Parcel(looked, content))
    if flaw := together([(one.file.filename, one.file.digests.size) for one in found.values()]):
        return flaw
    return tuple(found.values())
