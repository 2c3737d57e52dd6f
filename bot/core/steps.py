"""Steps of workflows: when one has ended, and how; Slack is told of it in these facts.

Knows: the ends, which state is one. Must not know: Slack, wording, time.
Written words are forever: these lie in the table of steps, so a kind keeps its fields, and new fields get defaults.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from bot.core.names import Problem
from storage.records import (
    Publisher,
    PublisherState,
    Reason,
    Registration,
    Release,
    ReleaseKind,
    ReleaseReason,
    ReleaseState,
)


@dataclass(frozen=True, slots=True)
class StepDone:
    """It ended well; the outputs are what the steps after it can use."""

    outputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StepMisused:
    """What it was given can't be used: all problems at once."""

    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class StepRefused:
    """What it wanted was not done, as a person would hear it: a notice's kind and facts."""

    kind: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StepReleaseEnded:
    """The release that it waited for did not come to a good end."""

    target: Registration
    version: str
    state: ReleaseState
    reason: ReleaseReason
    detail: str
    kind: ReleaseKind


@dataclass(frozen=True, slots=True)
class StepPublisherEnded:
    """The publisher that it set up did not come to a good end."""

    registration: Registration
    index_url: str
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class StepUnknown:
    """This workspace has no such release."""

    named: str


@dataclass(frozen=True, slots=True)
class StepTooLong:
    """It waited for as long as a step waits."""

    days: int


Ending = (
    StepDone | StepMisused | StepRefused | StepReleaseEnded | StepPublisherEnded | StepUnknown | StepTooLong
)
ENDINGS: Mapping[str, type[Ending]] = MappingProxyType(
    {
        "done": StepDone,
        "misused": StepMisused,
        "refused": StepRefused,
        "release.ended": StepReleaseEnded,
        "publisher.ended": StepPublisherEnded,
        "unknown": StepUnknown,
        "too_long": StepTooLong,
    }
)
_WELL = frozenset({ReleaseState.PUBLISHED, ReleaseState.YANKED})
_BADLY = frozenset({ReleaseState.FAILED, ReleaseState.REJECTED, ReleaseState.CANCELLED, ReleaseState.EXPIRED})


def of_release(release: Release, url: str) -> Ending | None:
    """Return how a step ends that waits for a release; None while it is under way. `url` is where the index shows it.

    A release that failed may be tried again, and a workflow is run again then: it must not hang until somebody decides.
    """
    if release.state in _WELL:
        target = release.target
        return StepDone(
            {"project": target.project, "version": release.version, "index": target.index, "url": url}
        )
    if release.state in _BADLY:
        return StepReleaseEnded(
            release.target, release.version, release.state, release.reason, release.detail, release.kind
        )
    return None


def of_publisher(publisher: Publisher, url: str) -> Ending | None:
    """Return how a step ends that sets publishing up; None until the index, or a person with its form, has it. `url` is the index's."""
    target = publisher.registration
    outputs = {"project": target.project, "index": target.index}
    match publisher.state:
        case PublisherState.CONFIRMED | PublisherState.PENDING:
            return StepDone({**outputs, "state": publisher.state.value})
        case PublisherState.REQUESTED if publisher.handed_at is not None or publisher.queued_at is not None:
            return StepDone({**outputs, "state": "waits_for_person"})
        case PublisherState.REQUESTED:
            return None
        case _:
            return StepPublisherEnded(target, url, publisher.reason, publisher.detail)
