"""What an approval is bound to: the digest of what was shown, and what voids it.

Knows: reports. Must not know: how one came about, wording.
"""

import hashlib
import json

from bot.core.findings import Check, Finding, Found, Report
from storage.records import Registration, ReleaseKind

_NAMED = {Found.FREEZE_OVERRIDDEN: "reason", Found.UPLOAD_ASSETS: "digest"}
"""Findings that are no hindrance but belong to what is approved, and the value by which one is told from another."""


def changed(approved: Report, now: Report) -> tuple[Finding, ...] | tuple[str, str, str]:
    """Return what voids the approvals: (tag, commit before, commit now), or new findings that weigh; () if nothing does."""
    if now.commit != approved.commit or now.tag != approved.tag:
        return now.tag, approved.commit, now.commit or "gone"
    if now.uploads != approved.uploads:
        return tuple(finding for finding in now.findings if finding.check is Check.PUBLISHER)
    before = {_mark(finding) for finding in _weighty(approved)}
    return tuple(finding for finding in _weighty(now) if _mark(finding) not in before)


def _weighty(report: Report) -> tuple[Finding, ...]:
    """Return what stands in the way, and what an approval is for by name: one that is new was shown to nobody."""
    named = (finding for finding in report.findings if finding.found in _NAMED)
    return (*report.blocking, *named)


def _mark(finding: Finding) -> tuple[Check, Found, str]:
    return finding.check, finding.found, finding.values.get(_NAMED.get(finding.found, ""), "")


def digest(
    target: Registration,
    version: str,
    notes: str,
    report: Report,
    kind: ReleaseKind = ReleaseKind.RELEASE,
) -> str:
    """Return the sha256 of what people approve: project, version, index, commit, tag, way, notes and what stood in the way.

    Of a yank, `notes` is its reason.
    """
    shown = [
        target.project, target.index, target.slug, target.workflow, target.environment, version, report.tag, report.commit,
        report.make_tag, report.start, notes, *([kind] if kind is ReleaseKind.YANK else []),
        [[finding.check, finding.level, finding.found, dict(finding.values)] for finding in report.findings],
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(shown, sort_keys=True, ensure_ascii=True).encode()).hexdigest()
