"""Whether a release has arrived: three stages on the index, digests, attestations.

Knows: what each stage needs. Must not know: how anything was fetched, wording.

The stages come minutes apart on a real index: accepted (project JSON), installable (the simple index, which is what
pip reads), downloadable (the file itself). A slow one is "not yet", never "failed".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from packaging.utils import parse_sdist_filename, parse_wheel_filename

from bot.core.forge import BuiltFile
from bot.core.lifecycle import ReleaseEvent
from bot.core.names import normalize_project
from bot.core.outcomes import (
    Absent,
    AttestationOutcome,
    Attested,
    Downloaded,
    DownloadOutcome,
    NotAttested,
    Present,
    ProjectVersion,
    SimpleFile,
    SimpleOutcome,
    TooLarge,
    TryLater,
    VersionOutcome,
)
from bot.core.progress import FileSeen, Progress
from bot.core.release_notices import Step
from bot.core.releases import Decision, Line, Situation, again, broke, troubled
from bot.core.versions import is_version
from storage.records import Evidence, EvidenceKind, Registration, ReleaseReason

ARRIVES = 240
"""Base periods within which a release must be installable: two hours at the default of 30 s."""
ATTESTED_WITHIN = 20
"""Base periods after the download in which a file may still be attested: ten minutes at the default of 30 s."""
FEWEST_LOOKS = 10
"""Looks that a release gets however long the index was out of order in between."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the index has brought; what was not asked is None."""

    version: VersionOutcome | None = None
    simple: SimpleOutcome | None = None
    downloads: Mapping[str, DownloadOutcome] | None = None
    attestations: Mapping[str, AttestationOutcome] | None = None


def built_for(project: str, version: str, built: Sequence[BuiltFile]) -> tuple[tuple[str, str], ...]:
    """Return (name, sha256) of the built files that are this project's and version's."""
    return tuple(
        sorted({(file.filename, file.sha256) for file in built if _is_of(file.filename, project, version)})
    )


def _is_of(filename: str, project: str, version: str) -> bool:
    try:
        if filename.endswith(".whl"):
            name, found, _, _ = parse_wheel_filename(filename)
        else:
            name, found = parse_sdist_filename(filename)
    except ValueError:  # no such file name, or a version of more digits than Python reads
        return False
    return normalize_project(name) == project and is_version(str(found), version)


def files_of(situation: Situation, simple: SimpleOutcome | None) -> tuple[SimpleFile, ...]:
    """Return the release's files in the simple index."""
    if not isinstance(simple, Present):
        return ()
    version = situation.release.version
    return tuple(file for file in simple.files if file.version and is_version(file.version, version))


def listed(situation: Situation, look: Look) -> Decision | Progress:
    """Judge the first two stages: the progress where all is listed, else what to do."""
    progress = situation.progress
    files = files_of(situation, look.simple)
    for outcome in (look.simple, look.version):
        if isinstance(outcome, TryLater) and not files:
            return troubled(situation, outcome)
    # What pip can read has been accepted, also by an index without a project JSON.
    if (isinstance(look.version, ProjectVersion) or files) and progress.accepted_at is None:
        progress = replace(progress, accepted_at=situation.now)
    progress = replace(progress, paged=_paged(progress, look, files))
    before = [(file.filename, file.sha256) for file in progress.files if file.sha256]
    twice = list({file.filename: file.sha256 for file in files}.items())
    if wrong := next(
        filter(None, (_differing(files, one) for one in (progress.expected, before, twice))), ""
    ):
        return broke(situation, ReleaseReason.DIGEST_DIFFERS, wrong, progress=progress)
    missing = [name for name, _ in progress.expected if name not in {file.filename for file in files}]
    if not files or missing:
        return _not_yet(situation, progress, look, missing)
    if progress.installable_at is None:
        progress = replace(progress, installable_at=situation.now)
    seen = {file.filename: file for file in progress.files}
    kept = tuple(seen.get(file.filename) or FileSeen(file.filename, file.sha256) for file in files)
    return replace(progress, files=kept)


def _paged(progress: Progress, look: Look, files: Sequence[SimpleFile]) -> bool | None:
    """Return whether the index has a page for each version: what has a project JSON has them, what has the files alone has not."""
    if isinstance(look.version, ProjectVersion):
        return True
    return False if files and isinstance(look.version, Absent) and progress.paged is None else progress.paged


def _differing(files: Sequence[SimpleFile], expected: Sequence[tuple[str, str]]) -> str:
    built = _built(expected)
    differing = (file.filename for file in files if not _fits(file.sha256, built.get(file.filename)))
    return next(differing, "")


def _built(expected: Sequence[tuple[str, str]]) -> dict[str, set[str]]:
    """Return the digests of each built file: jobs of a matrix may build one name with different bytes, and one is uploaded."""
    built: dict[str, set[str]] = {}
    for name, sha256 in expected:
        built.setdefault(name, set()).add(sha256)
    return built


def _fits(sha256: str, wanted: set[str] | None) -> bool:
    """Whether a digest is one of those wanted; where either is not known, nothing can be said against it."""
    return not sha256 or not wanted or sha256 in wanted


def _not_yet(situation: Situation, progress: Progress, look: Look, missing: Sequence[str]) -> Decision:
    if _late(situation):
        uploads = situation.report.uploads
        if files_of(situation, look.simple) and missing:
            some = ReleaseReason.FILES_MISSING_UPLOAD if uploads else ReleaseReason.FILES_MISSING
            return broke(situation, some, ", ".join(missing[:5]), progress=progress)
        none = ReleaseReason.NOT_ARRIVED_UPLOAD if uploads else ReleaseReason.NOT_ARRIVED
        return broke(situation, none, progress=progress)
    return again(situation, progress, told(situation, progress, look))


def _late(situation: Situation) -> bool:
    return situation.since(ARRIVES) and situation.progress.looks >= FEWEST_LOOKS


def arrived(situation: Situation, progress: Progress, look: Look) -> Decision:
    """Judge downloads and attestations of files that are all listed."""
    built = _built(progress.expected)
    listed_as = {file.filename: {file.sha256} - {""} for file in progress.files}
    for name, got in (look.downloads or {}).items():
        wanted = (built.get(name), listed_as.get(name))
        if isinstance(got, Downloaded) and not all(_fits(got.sha256, one) for one in wanted):
            return broke(situation, ReleaseReason.DIGEST_DIFFERS, name, progress=progress)
    for name, found in (look.attestations or {}).items():
        if wrong := _contradicts(situation, found):
            return broke(situation, ReleaseReason.ATTESTATION_WRONG, f"{name}: {wrong}", progress=progress)
    progress = replace(progress, files=tuple(_seen(file, look) for file in progress.files))
    now = situation.now
    if progress.downloadable_at is None and all(file.downloaded for file in progress.files):
        progress = replace(progress, downloadable_at=now)
    if progress.attested_at is None and all(file.attested for file in progress.files):
        progress = replace(progress, attested_at=now)
    return _end(situation, progress, look)


def _seen(file: FileSeen, look: Look) -> FileSeen:
    got = (look.downloads or {}).get(file.filename)
    found = (look.attestations or {}).get(file.filename)
    return replace(
        file,
        sha256=file.sha256 or (got.sha256 if isinstance(got, Downloaded) else ""),
        downloaded=file.downloaded or isinstance(got, Downloaded | TooLarge),
        too_large=file.too_large or isinstance(got, TooLarge),
        attested=file.attested or isinstance(found, Attested),
    )


def _contradicts(situation: Situation, found: AttestationOutcome) -> str:
    """Return what an attestation says that was not approved, "" where it agrees."""
    if isinstance(found, NotAttested):
        return found.detail
    if not isinstance(found, Attested):
        return ""
    release, target = situation.release, situation.release.target
    pairs = (
        ("repository", found.repository.lower(), target.slug.lower()),
        ("workflow", found.workflow, target.workflow),
        ("environment", found.environment.lower(), target.environment.lower() or found.environment.lower()),
        ("commit", found.commit, release.commit),
    )
    return next(
        (f"{what} {there!r}, approved {wanted!r}" for what, there, wanted in pairs if there != wanted), ""
    )


def _end(situation: Situation, progress: Progress, look: Look) -> Decision:
    # By each file and not by the stages: one that was listed later must not come in their shadow.
    there = progress.downloadable_at if all(file.downloaded for file in progress.files) else None
    uploaded = situation.report.uploads
    done = there is not None and (uploaded or all(file.attested for file in progress.files))
    unread = sum(file.too_large for file in progress.files)
    if unread:
        progress = replace(progress, not_verified=f"{unread} of the files too large to be read")
    lines = told(situation, progress, look)
    evidence = _evidence(look)
    if done:
        return _published(progress, lines, evidence, uploaded=uploaded)
    trouble = next(
        (
            one
            for one in [*(look.downloads or {}).values(), *(look.attestations or {}).values()]
            if isinstance(one, TryLater)
        ),
        None,
    )
    if there is not None and situation.now - there > situation.base * ATTESTED_WITHIN and trouble is None:
        unattested = sum(not file.attested for file in progress.files)
        missing = (
            "no attestation"
            if unattested == len(progress.files)
            else f"{unattested} files without attestation"
        )
        return _published(replace(progress, not_verified=missing), lines, evidence)
    if _late(situation):
        away = trouble.detail if trouble else "not every file can be downloaded"
        return _published(replace(progress, not_verified=away), lines, evidence)
    return again(situation, progress, lines, evidence)


def _published(
    progress: Progress, lines: tuple[Line, ...], evidence: tuple[Evidence, ...], *, uploaded: bool = False
) -> Decision:
    well = ReleaseReason.VERIFIED_UPLOAD if uploaded else ReleaseReason.VERIFIED
    reason = ReleaseReason.NOT_VERIFIED if progress.not_verified else well
    values = {"reason": reason, "detail": progress.not_verified, "next_at": None, "faults": 0}
    told = {"files": str(len(progress.files)), "not_verified": progress.not_verified}
    end = Line(Step.PUBLISHED, {**told, **({"uploaded": "yes"} if uploaded else {})})
    return Decision(ReleaseEvent.VERIFIED, values, replace(progress, trouble=""), (*lines, end), evidence)


def told(situation: Situation, progress: Progress, look: Look) -> tuple[Line, ...]:
    """Return a line for each stage that is reached now and was not before."""
    before, target = situation.progress, situation.release.target
    count = str(len(progress.files))
    read = str(sum(not file.too_large for file in progress.files))
    compared = sum(not file.too_large and file.filename in dict(progress.expected) for file in progress.files)
    stages = (
        (before.accepted_at, progress.accepted_at, _accepted(look)),
        (before.installable_at, progress.installable_at, Line(Step.INSTALLABLE, {"files": count})),
        (
            before.downloadable_at,
            progress.downloadable_at,
            Line(Step.DOWNLOADABLE, {"files": read, "compared": str(compared)}),
        ),
        (before.attested_at, progress.attested_at, _attested(target, situation, count)),
    )
    return tuple(line for was, now, line in stages if was is None and now is not None)


def _accepted(look: Look) -> Line:
    # Said, since only PyPI and what is made like it have one: pypiserver and devpi answer 404, and serve all the same.
    return Line(Step.ACCEPTED, {"simple": "yes"} if isinstance(look.version, Absent) else {})


def _attested(target: Registration, situation: Situation, count: str) -> Line:
    values = {
        "files": count, "repository": target.slug, "workflow": target.workflow, "commit": situation.release.commit,
    }  # fmt: skip
    return Line(Step.ATTESTED, values)


def _evidence(look: Look) -> tuple[Evidence, ...]:
    simple = look.simple
    kept = [replace(simple.evidence, kind=EvidenceKind.INSTALLABLE)] if isinstance(simple, Present) else []
    return tuple(kept)


def outstanding(progress: Progress, *, attested: bool = True) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the files that are still to be downloaded, and of those still to be found attested.

    What the bot uploads with a credential of the team's is not `attested` by anybody.
    """
    return (
        tuple(file.filename for file in progress.files if not file.downloaded),
        tuple(file.filename for file in progress.files if attested and not file.attested),
    )
