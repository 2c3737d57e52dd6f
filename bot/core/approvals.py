"""Who may decide about a release, and whether enough have.

Knows: quorum, eligibility, expiry, freezes. Must not know: who asks, and how people are looked up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.core.people import CannotTell, Group, GroupOutcome, Person, PersonOutcome, Standing
from bot.core.roles import Holders, both
from storage.records import Approval, Verdict

MOST_SEATS = 10


class Tell(StrEnum):
    """What a channel hears of releases."""

    ALL = "all"
    FINAL = "final"
    """Releases that are no pre-releases."""
    PRE = "pre"
    FAILURES = "failures"


class Publish(StrEnum):
    """What publishes a project's releases."""

    WORKFLOW = "workflow"
    """Its own CI, through a trusted publisher."""
    BOT = "bot"
    """The bot itself, which uploads what was built with a credential of the team's."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Who decides about a team's or a project's releases, and how."""

    quorum: int = 1
    """People that must approve; 0: nobody need."""
    approvers: tuple[str, ...] = ()
    """Slack users (`U`, `W`) and user groups (`S`) whose approval counts; empty: every full member."""
    one_of_each: tuple[str, ...] = ()
    """User groups of which each must be represented by another person; replaces `quorum` where that is less."""
    deny: tuple[str, ...] = ()
    """Users and groups whose approval never counts, whatever else says so; nor may they break the glass."""
    requester_counts: bool = False
    expires_seconds: int = 86_400
    """How long a request waits for approvals."""
    break_glass: tuple[str, ...] = ()
    """Users and groups that may release without approvals; empty: workspace admins and owners."""
    rehearsal: str = ""
    """Index on which each release is rehearsed first; "" for none."""
    approve_deployments: bool = True
    """Whether the bot approves the run's waiting environment once the team has approved."""
    tell: Tell = Tell.ALL
    watch: bool = False
    """Whether a version that appears on the index without an approved release is told."""
    thank: bool = False
    """Whether those whose pull requests shipped are told on these that a release is published."""
    rights: bool = False
    """Whether whoever asks or approves must be known on the forge, and be one who may push there."""
    publish: Publish = Publish.WORKFLOW
    also_on: tuple[tuple[str, ...], ...] = ()
    """Lists of users and groups on each of which an approver must be too: of a policy that changed under a release."""
    also_glass: tuple[tuple[str, ...], ...] = ()
    """The same of who breaks the glass; an empty list stands for workspace admins and owners."""
    roles: tuple[Holders, ...] = ()
    """Whom the policy names for what; where it names nobody: `bot.core.permissions`."""
    second: bool = False
    """Whether a change of the policy waits until a second person who may make it agrees."""

    @property
    def seats(self) -> int:
        """How many people must approve."""
        return max(self.quorum, len(self.one_of_each))

    @property
    def lists(self) -> tuple[tuple[str, ...], ...]:
        """The lists on each of which an approver must be; none: every full member may approve."""
        named = (*self.approvers, *self.one_of_each)
        return tuple(dict.fromkeys(names for names in (named, *self.also_on) if names))

    @property
    def groups(self) -> tuple[str, ...]:
        """Every user group that the policy names."""
        named = (
            *self.lists,
            self.deny,
            self.break_glass,
            *self.also_glass,
            *(one.names for one in self.roles),
        )
        return tuple(dict.fromkeys(name for names in named for name in names if is_group(name)))


class Denied(StrEnum):
    """Why somebody's approval does not count."""

    OWN_RELEASE = "own_release"
    NOT_APPROVER = "not_approver"
    DENIED = "denied"
    GUEST = "guest"
    BOT = "bot"
    DEACTIVATED = "deactivated"
    STRANGER = "stranger"
    UNKNOWN = "unknown"
    CANNOT_TELL = "cannot_tell"
    NOT_LINKED = "not_linked"
    """Nobody knows who that is on the forge."""
    NO_PUSH = "no_push"
    """That account may not push to the repository."""
    RIGHTS_UNKNOWN = "rights_unknown"
    """The forge does not say what that account may do."""
    NOT_NAMED = "not_named"
    """The policy names others for it."""
    NOT_ADMIN = "not_admin"
    """It is for the workspace's admins and owners, since the policy names nobody."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """The approval counts."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The approval does not count."""

    why: Denied
    detail: str = ""


Eligibility = Allowed | Refusal
Groups = Mapping[str, GroupOutcome]


def is_group(name: str) -> bool:
    """Whether a Slack id is a user group's."""
    return name.startswith("S")


def eligible(policy: Policy, person: PersonOutcome, requester: str, groups: Groups) -> Eligibility:
    """Say whether a person's approval counts; an explicit deny wins, and what can't be told counts as no."""
    if isinstance(person, CannotTell):
        return Refusal(Denied.CANNOT_TELL, person.detail)
    if refused := _refused(policy, person, groups):
        return refused
    if person.user == requester and not policy.requester_counts:
        return Refusal(Denied.OWN_RELEASE)
    verdicts = [on_list(person, names, groups) for names in policy.lists]
    return next((verdict for verdict in verdicts if isinstance(verdict, Refusal)), Allowed())


def member(person: PersonOutcome) -> Eligibility:
    """Say whether somebody is a full member, who may cancel, retry, and ask where nobody decides after him."""
    if isinstance(person, CannotTell):
        return Refusal(Denied.CANNOT_TELL, person.detail)
    return Allowed() if person.standing is Standing.MEMBER else Refusal(Denied(person.standing.value))


def _refused(policy: Policy, person: Person, groups: Groups) -> Refusal | None:
    """Return why a person decides nothing at all: not a full member, or denied."""
    if isinstance(no := member(person), Refusal):
        return no
    denied = _among(person, policy.deny, groups)
    if denied is False:
        return None
    return denied if isinstance(denied, Refusal) else Refusal(Denied.DENIED)


def may_break_glass(policy: Policy, person: PersonOutcome, groups: Groups) -> Eligibility:
    """Say whether a person may release without approvals."""
    if isinstance(person, CannotTell):
        return Refusal(Denied.CANNOT_TELL, person.detail)
    if refused := _refused(policy, person, groups):
        return refused
    verdicts = [_on_glass(person, names, groups) for names in (policy.break_glass, *policy.also_glass)]
    return next((verdict for verdict in verdicts if isinstance(verdict, Refusal)), Allowed())


def _on_glass(person: Person, names: Sequence[str], groups: Groups) -> Eligibility:
    if not names:
        return Allowed() if person.admin else Refusal(Denied.NOT_APPROVER)
    return on_list(person, names, groups)


def on_list(
    person: Person, names: Sequence[str], groups: Groups, no: Denied = Denied.NOT_APPROVER
) -> Eligibility:
    """Say whether a person is on a list; a group that can't be read may hold anybody, and counts as no."""
    found = _among(person, names, groups)
    if isinstance(found, Refusal):
        return found
    return Allowed() if found else Refusal(no)


def _among(person: Person, named: Sequence[str], groups: Groups) -> bool | Refusal:
    """Say whether a person is named; a group that can't be read may hold anybody, so it is a Refusal unless named otherwise."""
    if person.user in named:
        return True
    unread = ""
    for name in named:
        members = groups.get(name) if is_group(name) else None
        if isinstance(members, Group) and person.user in members.members:
            return True
        if isinstance(members, CannotTell) or (is_group(name) and members is None):
            unread = name
    return Refusal(Denied.CANNOT_TELL, unread) if unread else False


def enough(policy: Policy, votes: Sequence[Approval], groups: Groups) -> bool:
    """Say whether the live votes of a round meet the policy: so many people, and another one for each group."""
    approvers = [vote.user for vote in votes if vote.verdict is Verdict.APPROVED]
    return len(set(approvers)) >= policy.quorum and seated(policy.one_of_each, approvers, groups)


def seated(wanted: Sequence[str], people: Sequence[str], groups: Groups) -> bool:
    """Say whether each group can be represented by another person: a matching, found by augmenting paths (Kuhn)."""
    seats: dict[str, str] = {}

    def seat(group: str, tried: set[str]) -> bool:
        members = groups.get(group)
        if not isinstance(members, Group):
            return False
        for person in dict.fromkeys(people):
            if person in members.members and person not in tried:
                tried.add(person)
                holder = next((name for name, by in seats.items() if by == person), None)
                if holder is None or seat(holder, tried):
                    seats[group] = person
                    return True
        return False

    return all(seat(group, set()) for group in dict.fromkeys(wanted))


def reminders(asked_at: datetime, expires_at: datetime) -> tuple[datetime, ...]:
    """Return when people are reminded before a request expires: with growing gaps, the last well before the end."""
    term = expires_at - asked_at
    return tuple(asked_at + term * share for share in (0.125, 0.375, 0.875))


def stricter(asked: Policy, now: Policy) -> Policy:
    """Return the policy that a release under way follows: what it allows, either allows.

    Field by field: the larger quorum, both lists, all groups, all bars, the shorter term; what either forbids stays
    forbidden. What allows nothing (`tell`, `watch`) is as it is now; where it is rehearsed and what publishes, as asked.
    """
    approvers = tuple(dict.fromkeys((*asked.approvers, *now.approvers)))
    one_of_each = tuple(dict.fromkeys((*asked.one_of_each, *now.one_of_each)))
    named = {*approvers, *one_of_each}
    also_on = tuple(names for names in dict.fromkeys((*asked.lists, *now.lists)) if set(names) != named)
    return Policy(
        quorum=max(asked.quorum, now.quorum),
        approvers=approvers,
        one_of_each=one_of_each,
        deny=tuple(dict.fromkeys((*asked.deny, *now.deny))),
        requester_counts=asked.requester_counts and now.requester_counts,
        expires_seconds=min(asked.expires_seconds, now.expires_seconds),
        break_glass=asked.break_glass,
        rehearsal=asked.rehearsal,
        approve_deployments=asked.approve_deployments and now.approve_deployments,
        tell=now.tell,
        watch=now.watch,
        thank=asked.thank and now.thank,
        rights=asked.rights or now.rights,
        publish=asked.publish,
        also_on=also_on,
        also_glass=tuple(
            names
            for names in dict.fromkeys((*asked.also_glass, now.break_glass, *now.also_glass))
            if set(names) != set(asked.break_glass)
        ),
        roles=both(asked.roles, now.roles),
        second=asked.second or now.second,
    )


def merged(team: Policy | None, project: Policy | None) -> Policy:
    """Return what holds for a project: its own policy, else the team's, else the default."""
    return project or team or Policy()


def ends(asked_at: datetime, expires_at: datetime, policy: Policy) -> datetime:
    """Return when a request's time is over: as it was asked for, or sooner where the policy has become stricter."""
    return min(expires_at, asked_at + term(policy))


def term(policy: Policy) -> timedelta:
    """Return how long a request waits for approvals."""
    return timedelta(seconds=policy.expires_seconds)
