"""Who may do what: the one table of actions and roles, and the one function that reads it.

Knows: actions, roles, whom a policy names. Must not know: who asks, how people are looked up, wording.

Bots, deactivated people and strangers do nothing of all this, and guests only see; who can't be told does nothing, and is told so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from bot.core import approvals, intents
from bot.core.approvals import Allowed, Denied, Eligibility, Groups, Policy, Refusal, is_group, member
from bot.core.people import CannotTell, Person, PersonOutcome
from bot.core.roles import Holders, Role, lists_of


class Action(StrEnum):
    """Whatever changes something, and what is not for everybody to see."""

    SET_POLICY = "set_policy"
    FREEZE_ALL = "freeze_all"
    LOCK = "lock"
    UNLOCK = "unlock"
    ADD_PUBLISHER = "add_publisher"
    IMPORT = "import"
    KEEP_CREDENTIAL = "keep_credential"
    ASK = "ask"
    OVERRIDE = "override"
    APPROVE = "approve"
    BREAK_GLASS = "break_glass"
    YANK = "yank"
    STEER = "steer"
    TELL = "tell"
    SEE = "see"
    SEE_AUDIT = "see_audit"


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may do something: those who hold the role; where nobody is named for it, all full members or the admins."""

    role: Role | None = None
    """None: no role limits it."""
    admins_alone: bool = False
    """Whether it is for admins and owners where nobody is named."""
    admins_too: bool = False
    """Whether admins and owners may, whoever is named: a team that names people who have left locks itself out of nothing."""
    of_team: bool = False
    """Whether the workspace's policy says it, whatever the project's own."""
    guests_too: bool = False
    """Whether it is for everybody in the workspace, its guests too."""


TABLE: Mapping[Action, Rule] = MappingProxyType(
    {
        Action.SET_POLICY: Rule(Role.SETTERS, admins_alone=True, admins_too=True),
        Action.FREEZE_ALL: Rule(Role.SETTERS, admins_alone=True, admins_too=True, of_team=True),
        Action.LOCK: Rule(),
        Action.UNLOCK: Rule(Role.OVERRIDERS),
        Action.ADD_PUBLISHER: Rule(Role.PUBLISHERS),
        Action.IMPORT: Rule(Role.IMPORTERS, of_team=True),
        Action.KEEP_CREDENTIAL: Rule(Role.KEEPERS),
        Action.ASK: Rule(Role.ASKERS),
        Action.OVERRIDE: Rule(Role.OVERRIDERS),
        # Those two have lists of their own, with quorum, groups and bars: `approvals.eligible`, `may_break_glass`.
        Action.APPROVE: Rule(),
        Action.BREAK_GLASS: Rule(admins_alone=True),
        Action.YANK: Rule(Role.YANKERS),
        Action.STEER: Rule(Role.STEERERS),
        Action.TELL: Rule(),
        Action.SEE: Rule(guests_too=True),
        Action.SEE_AUDIT: Rule(Role.AUDITORS, admins_too=True, of_team=True),
    }
)
"""The closed table; a test asserts that every action is a key."""

OF_TEAM = frozenset({Role.IMPORTERS, Role.AUDITORS})
"""Roles that no project's own policy names."""

SEEN = (Action.SEE,)
"""What is shown in answer to a command or button: a channel may be shared with another workspace, whose people press buttons too."""

ACTIONS: Mapping[type[intents.Intent], tuple[Action, ...]] = MappingProxyType(
    {
        intents.AddPublisher: (Action.ADD_PUBLISHER,),
        intents.ListPublishers: SEEN,
        intents.CheckPublisher: SEEN,
        intents.RemovePublisher: (Action.ADD_PUBLISHER,),
        intents.SubmittedByHand: (Action.ADD_PUBLISHER,),
        intents.TryAgain: (Action.ADD_PUBLISHER,),
        intents.ToOrganization: (Action.ADD_PUBLISHER,),
        intents.ShowSetup: SEEN,
        intents.FillPublisherForm: (),
        intents.OpenSetupPull: (Action.ADD_PUBLISHER,),
        intents.ConfirmNow: (Action.ADD_PUBLISHER,),
        intents.TakeOver: (Action.ADD_PUBLISHER,),
        intents.ImportOwner: (Action.IMPORT,),
        intents.ShowImport: (Action.IMPORT,),
        intents.SetUpImport: (Action.IMPORT, Action.ADD_PUBLISHER),
        intents.ShowCredentials: SEEN,
        intents.AddCredential: (Action.KEEP_CREDENTIAL,),
        intents.EnterCredential: (Action.KEEP_CREDENTIAL,),
        intents.KeepCredential: (Action.KEEP_CREDENTIAL,),
        intents.OpenEntryPage: (Action.KEEP_CREDENTIAL,),
        intents.RevokeCredential: (Action.KEEP_CREDENTIAL,),
        intents.ConnectIndex: (Action.KEEP_CREDENTIAL,),
        intents.ConnectGithub: (),
        intents.DisconnectGithub: (),
        intents.AskRelease: (Action.ASK, Action.OVERRIDE),
        intents.AskYank: (Action.YANK,),
        # Decided with the release's row locked, by the policy that it was asked under too: `bot.workflow.deciding`.
        intents.Approve: (),
        intents.Reject: (),
        intents.Withdraw: (),
        intents.BreakGlass: (),
        intents.CancelRelease: (Action.STEER,),
        intents.RetryRelease: (Action.STEER,),
        intents.ShowReleases: SEEN,
        # For full members alone: `bot.workflow.home`.
        intents.ShowRelease: (),
        intents.UnfurlLinks: (),
        intents.TellChannel: (Action.TELL,),
        intents.ShowTold: SEEN,
        intents.OpenHome: (),
        # What a step wants done goes through the gate itself: `bot.workflow.intents`.
        intents.RunStep: (),
        intents.ShowAudit: (Action.SEE_AUDIT,),
        intents.ExportAudit: (Action.SEE_AUDIT,),
        intents.SetPolicy: (Action.SET_POLICY,),
        intents.ShowPolicy: SEEN,
        intents.ShowPolicyForm: (Action.SET_POLICY,),
        intents.AgreePolicy: (Action.SET_POLICY,),
        intents.RefusePolicy: (Action.SET_POLICY,),
        intents.SetFreeze: (Action.LOCK, Action.FREEZE_ALL),
        intents.LiftFreeze: (Action.UNLOCK, Action.FREEZE_ALL),
        # Slack's own word, which no person can send: `bot.slack.leaving`.
        intents.LeaveTeam: (),
        intents.PersonLeft: (),
        intents.ChannelLost: (),
        intents.ChannelBack: (),
    }
)
"""What each intent may need to be allowed; `wanted` says which of it one does. A test asserts that every kind is a key."""


def wanted(intent: intents.Intent, actor: str, requester: str = "") -> tuple[Action, ...]:
    """Return what somebody must be allowed for an intent; `requester` is who asked for the release that it is about."""
    match intent:
        case intents.AskRelease():
            return (Action.ASK, Action.OVERRIDE) if intent.override else (Action.ASK,)
        case intents.SetFreeze():
            return (Action.LOCK,) if intent.project else (Action.FREEZE_ALL,)
        case intents.LiftFreeze():
            return (Action.UNLOCK,) if intent.project else (Action.FREEZE_ALL,)
        case intents.CancelRelease() if actor == requester:
            return ()  # whoever asked may take it back, whatever has become of him
        case _:
            return ACTIONS[type(intent)]


def holding(action: Action, team: Policy | None, own: Policy | None) -> Policy:
    """Return the policy that says who may do something; `own` is the project's, None where it has none or none is meant."""
    rule = TABLE[action]
    if rule.of_team:
        return team or Policy()
    if rule.role is Role.SETTERS:
        # The workspace's may set each project's: a project names more of them, never others.
        lists = [names for one in (team, own) if one for names in lists_of(one.roles, Role.SETTERS)]
        everybody = tuple(dict.fromkeys(name for names in lists for name in names))
        return Policy(roles=(Holders(Role.SETTERS, everybody),) if everybody else ())
    return approvals.merged(team, own)


def may(action: Action, policy: Policy, person: PersonOutcome, groups: Groups) -> Eligibility:
    """Say whether somebody may do something under a policy; what can't be told counts as no."""
    if isinstance(person, CannotTell):
        return Refusal(Denied.CANNOT_TELL, person.detail)
    if isinstance(no := member(person), Refusal):
        guest = TABLE[action].guests_too and no.why is Denied.GUEST
        return Allowed() if guest else no
    match action:
        case Action.APPROVE:
            return approvals.eligible(policy, person, "", groups)
        case Action.BREAK_GLASS:
            return approvals.may_break_glass(policy, person, groups)
        case _:
            return _by_role(TABLE[action], policy, person, groups)


def _by_role(rule: Rule, policy: Policy, person: Person, groups: Groups) -> Eligibility:
    if rule.admins_too and person.admin:
        return Allowed()
    lists = lists_of(policy.roles, rule.role) if rule.role else ()
    if not lists:
        return Refusal(Denied.NOT_ADMIN) if rule.admins_alone else Allowed()
    verdicts = [approvals.on_list(person, names, groups, Denied.NOT_NAMED) for names in lists]
    return next((verdict for verdict in verdicts if isinstance(verdict, Refusal)), Allowed())


def who_may(action: Action, policy: Policy) -> tuple[str, ...]:
    """Return whom a policy names for something, people and user groups; none: see `TABLE`. With several lists, who is on each."""
    rule = TABLE[action]
    first, *others = (lists_of(policy.roles, rule.role) if rule.role else ()) or ((),)
    # A group may hold anybody, so it is told though the other list does not name it.
    return tuple(name for name in first if is_group(name) or all(name in names for names in others))


def groups_of(action: Action, policy: Policy) -> tuple[str, ...]:
    """Return the user groups that must be read to say who may do something."""
    role = TABLE[action].role
    lists = lists_of(policy.roles, role) if role else ()
    return tuple(dict.fromkeys(name for names in lists for name in names if is_group(name)))
