"""How the status page says times, spans, states and evidence.

Knows: words. Must not know: HTML, what is asked of the database.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from bot.core.figures import Outcome
from bot.core.release_notices import Step as Done
from bot.slack.blocks.release_reasons import STATES, About, explain
from bot.slack.blocks.yank_reasons import YANK_STATES, explain_yank
from storage.records import (
    EvidenceKind,
    PublisherState,
    Release,
    ReleaseKind,
    ReleaseReason,
    ReleaseState,
    Verdict,
)

OUTCOMES: Mapping[Outcome, tuple[str, str]] = MappingProxyType(
    {
        Outcome.DONE: ("●", "published"),
        Outcome.FAILED: ("✕", "failed"),
        Outcome.STOPPED: ("□", "rejected, cancelled or expired"),
        Outcome.UNDER_WAY: ("○", "under way"),
    }
)
"""A sign and a word for each way to end; the pictures draw the same signs."""
SPANS: Mapping[str, str] = MappingProxyType(
    {
        "look": "of checks by the bot",
        "approval": "waiting for approval",
        "work": "to tag, build and publish",
        "verify": "to verify on the index",
    }
)
EVIDENCE: Mapping[EvidenceKind, str] = MappingProxyType(
    {
        EvidenceKind.INDEX: "The index's own list says that the publisher is active",
        EvidenceKind.PROVENANCE: "A published file's provenance names this repository, workflow and environment",
        EvidenceKind.EXCHANGED: "The index accepted the identity of a run of this workflow",
        EvidenceKind.APPEARED: "The project, which was not there before, has appeared on the index",
        EvidenceKind.ACCEPTED: "The index lists a file of this version",
        EvidenceKind.INSTALLABLE: "The index offers every file of this version",
        EvidenceKind.DOWNLOADED: "A file read from the index has the digest of the one that was built",
        EvidenceKind.ATTESTED: "A file's attestation names the approved repository, workflow and commit",
        EvidenceKind.YANKED: "The index shows every file of this version as yanked",
        EvidenceKind.RUN: "What the forge says about the run that built and published",
    }
)
PUBLISHERS: Mapping[PublisherState, tuple[str, str, Outcome]] = MappingProxyType(
    {
        PublisherState.REQUESTED: ("○", "requested", Outcome.UNDER_WAY),
        PublisherState.PENDING: ("○", "pending", Outcome.UNDER_WAY),
        PublisherState.CONFIRMED: ("●", "confirmed", Outcome.DONE),
        PublisherState.FAILED: ("✕", "failed", Outcome.FAILED),
        PublisherState.CONFLICT: ("✕", "in conflict", Outcome.FAILED),
        PublisherState.EXPIRED: ("□", "expired", Outcome.STOPPED),
        PublisherState.REMOVED: ("□", "removed", Outcome.STOPPED),
    }
)
VERDICTS: Mapping[Verdict, str] = MappingProxyType(
    {Verdict.APPROVED: "approved", Verdict.REJECTED: "rejected", Verdict.BREAK_GLASS: "broke the glass"}
)


DONE: Mapping[str, str] = MappingProxyType(
    {
        Done.TAG_MADE: "Tag made at the approved commit",
        Done.TAG_USED: "Tag found at the approved commit",
        Done.RELEASE_MADE: "Release made on the forge",
        Done.DISPATCHED: "Workflow started",
        Done.RUN_FOUND: "Run started",
        Done.DEPLOYMENT_APPROVED: "The run's environment approved by Shipbell",
        Done.BUILT: "Built",
        Done.RUN_ENDED: "Run ended well",
    }
)
"""What was done and seen on the forge; all that `bot.workflow.hands.DATED` names."""


def span(value: timedelta) -> str:
    """Return a span in the two largest units that matter."""
    seconds = int(value.total_seconds())
    for size, unit, next_size, next_unit in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min")):
        if seconds >= size:
            rest = seconds % size // next_size
            return f"{seconds // size} {unit}" + (f" {rest} {next_unit}" if rest else "")
    return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"


def moment(value: datetime) -> str:
    """Return a time with its zone, in words."""
    at = value.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def day(value: datetime) -> str:
    """Return a day in words."""
    at = value.astimezone(UTC)
    return f"{at.day} {at:%b}"


def machine(value: datetime) -> str:
    """Return a time as machines read it (HTML's `datetime`)."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def state(kind: ReleaseKind, value: ReleaseState) -> str:
    """Return the word for where a release stands."""
    return (YANK_STATES if kind is ReleaseKind.YANK else STATES)[value][1]


def cause(value: ReleaseReason) -> str:
    """Return what made a release fail, as a picture's label."""
    return value.replace("_", " ")


def why(release: Release) -> tuple[str, str]:
    """Return cause and remedy of where a release stands, whole sentences."""
    target = release.target
    about = About(target.project, release.version, target.index, target.workflow)
    telling = explain_yank if release.kind is ReleaseKind.YANK else explain
    return telling(release.reason, about, release.detail)


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def short(text: str, limit: int = 34) -> str:
    """Return a text that fits into a picture on a phone."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
