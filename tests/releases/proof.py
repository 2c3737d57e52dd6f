"""What must hold of releases whatever happens, worked out from the audit trail alone, without the product's own rules."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.core.lifecycle import RELEASE
from storage.records import AuditEvent, ReleaseState
from tests.releases.fake_forge import Act
from tests.releases.kit import ADMIN, MEMBERS

STATES = {f"release.{state}": state for state in ReleaseState}
ACTING = {ReleaseState.TAGGING, ReleaseState.BUILDING, ReleaseState.PUBLISHING, ReleaseState.VERIFYING}
MAY_APPROVE = {*MEMBERS, ADMIN}
USUAL_QUORUM = 1


@dataclass
class Trail:
    """One release, as the audit trail tells it."""

    id: str
    requester: str
    asked_quorum: int
    tag: str
    state: ReleaseState = ReleaseState.REQUESTED
    round: int = 0
    votes: set[str] = field(default_factory=set)
    glass: bool = False
    commits: list[str] = field(default_factory=list)
    """The commit of each time that it began to act."""
    failures: int = 0
    may_approve: frozenset[str] = frozenset(MAY_APPROVE)

    def vote(self, action: str, event: AuditEvent) -> None:
        """Take a vote down."""
        assert event.detail["round"] == self.round, f"a vote of another round: {event}"
        if action == "release.glass_broken":
            assert event.actor == ADMIN, f"glass broken by somebody: {event}"
            self.glass = True
            self.votes.discard(event.actor)
        elif action == "release.vote.approved":
            assert event.actor in self.may_approve - {self.requester}, f"approved by somebody: {event}"
            self.votes.add(event.actor)
        else:
            self.votes.discard(event.actor)
            self.glass &= event.actor != ADMIN

    def move(self, after: ReleaseState, event: AuditEvent, quorum: int) -> None:
        """Go on to another state, which the table must know, and to acting only with a quorum."""
        assert after in RELEASE[self.state].values(), f"from {self.state} to {after}: {event}"
        if event.detail["round"] != self.round:
            self.round, self.votes, self.glass = event.detail["round"], set(), False
        if after is ReleaseState.VOIDED:
            self.votes, self.glass = set(), False
        if after is ReleaseState.TAGGING:
            need = max(self.asked_quorum, quorum)
            assert self.glass or len(self.votes) >= need, f"acts with {self.votes} of {need}: {event}"
            self.commits.append(event.detail["commit"])
        self.failures += after is ReleaseState.FAILED
        self.state = after


def read(events: Sequence[AuditEvent], may_approve: Iterable[str] = MAY_APPROVE) -> dict[str, Trail]:
    """Return every release of a trail, oldest event first; AssertionError where it tells of what may not be."""
    found: dict[str, Trail] = {}
    quorum = USUAL_QUORUM
    for event in events:
        name = str(event.detail.get("release", ""))
        if event.action == "policy.set":
            quorum = _changed(event.detail, quorum)
        elif event.action == "release.requested" and name not in found:
            version = event.subject.rsplit(" ", 1)[1]
            found[name] = Trail(name, event.actor, quorum, f"v{version}", may_approve=frozenset(may_approve))
        elif event.action in STATES:
            found[name].move(STATES[event.action], event, quorum)
        elif event.action.startswith(("release.vote.", "release.glass")):
            found[name].vote(event.action, event)
    return found


def _changed(detail: dict[str, Any], quorum: int) -> int:
    changes = detail["changes"].get("quorum")
    return int(changes[1]) if changes else quorum


def unfounded(acts: Sequence[Act], trails: dict[str, Trail]) -> Iterator[Act]:
    """Give the acts that no release under way had begun to act for, with this tag at this very commit."""
    for act in acts:
        begun = [one for one in trails.values() if one.tag == act.tag and act.sha in one.commits]
        if not begun:
            yield act


def repeated(acts: Sequence[Act], trails: dict[str, Trail]) -> Iterator[tuple[str, str]]:
    """Give what was done more often than releases had begun to act for it."""
    for kind, tag in {(act.kind, act.tag) for act in acts}:
        begun = sum(len(one.commits) for one in trails.values() if one.tag == tag)
        if sum(act.kind == kind and act.tag == tag for act in acts) > begun:
            yield kind, tag
