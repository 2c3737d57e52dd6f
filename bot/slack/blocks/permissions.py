"""Who may do what, in words: to whom something is not allowed, and whom a policy names.

Knows: every action and role. Must not know: Bolt, network, rules.
"""

from collections.abc import Mapping
from types import MappingProxyType

from bot.core.approvals import Denied, Policy
from bot.core.permission_notices import NotAllowed
from bot.core.permissions import OF_TEAM, TABLE, Action
from bot.core.roles import Role, lists_of
from bot.slack.blocks.base import Message, message, section
from bot.slack.blocks.pieces import called, tidy

ACTIONS: Mapping[Action, str] = MappingProxyType(
    {
        Action.SET_POLICY: "change the policy",
        Action.FREEZE_ALL: "freeze or unfreeze every project",
        Action.LOCK: "lock a project",
        Action.UNLOCK: "unlock a project",
        Action.ADD_PUBLISHER: "add, set up or remove publishers",
        Action.IMPORT: "set up many packages at once",
        Action.KEEP_CREDENTIAL: "keep or revoke credentials",
        Action.ASK: "ask for releases",
        Action.OVERRIDE: "ask for a release in spite of a freeze",
        Action.APPROVE: "approve releases",
        Action.BREAK_GLASS: "release without the approvals",
        Action.YANK: "ask for yanks",
        Action.STEER: "cancel or retry what somebody else asked for",
        Action.TELL: "set what a channel hears",
        Action.SEE: "see what this workspace has here",
        Action.SEE_AUDIT: "see the audit trail",
    }
)
ROLES: Mapping[Role, str] = MappingProxyType(
    {
        Role.SETTERS: "Set this policy",
        Role.PUBLISHERS: "Add publishers",
        Role.IMPORTERS: "Import many packages",
        Role.KEEPERS: "Store and revoke credentials",
        Role.ASKERS: "Ask for releases",
        Role.YANKERS: "Ask for yanks",
        Role.STEERERS: "Cancel and retry other people's releases",
        Role.OVERRIDERS: "Release during a freeze, unlock projects",
        Role.AUDITORS: "See the audit trail",
    }
)
_MEMBERS, _ADMINS = "every full member", "workspace admins and owners"
_RETRY = "Try again in a minute; if it stays so, tell whoever runs Shipbell (`shipbell doctor` names what is missing)."
_WHY: Mapping[Denied, str] = MappingProxyType(
    {
        Denied.GUEST: "guests of this workspace may not",
        Denied.BOT: "bots may not",
        Denied.DEACTIVATED: "this account is deactivated",
        Denied.STRANGER: "people of another workspace may not",
        Denied.UNKNOWN: "Slack knows no such person here",
        Denied.NOT_NAMED: "the policy names others for it",
        Denied.NOT_ADMIN: "it is for those whom the policy names, and for workspace admins and owners",
        Denied.CANNOT_TELL: "Slack did not tell me who you are or who is in a group, so I did nothing",
    }
)


def not_allowed(notice: NotAllowed) -> Message:
    """Say what somebody may not do, why, and who may."""
    what = ACTIONS[notice.action]
    of = f" of *{tidy(notice.project, 60)}*" if notice.project else ""
    cause = _WHY.get(notice.why, "the policy does not allow it")
    detail = f" ({tidy(notice.detail, 200)})" if notice.detail else ""
    remedy = _RETRY if notice.why is Denied.CANNOT_TELL else f"Ask one of those who may: {_who(notice)}."
    return message(
        f"You may not {what}, and nothing was done.",
        [
            section(f":no_entry_sign: You may not {what}{of}, and nothing was done."),
            section(f"*Cause:* {cause}{detail}.\n*Remedy:* {remedy}"),
        ],
    )


def _who(notice: NotAllowed) -> str:
    rule = TABLE[notice.action]
    if rule.guests_too:
        return "everybody in the workspace whose bot this is"
    if not notice.who:
        return _ADMINS if rule.admins_alone else _MEMBERS
    return f"{called(notice.who)}{f', and {_ADMINS}' if rule.admins_too else ''}"


def roles(policy: Policy, project: str) -> str:
    """Return whom a policy names for what, a line for each role with the word that sets it."""
    return "*Who may*\n" + "\n".join(f"{name}: {text}" for name, text in held(policy, project))


def held(policy: Policy, project: str) -> list[tuple[str, str]]:
    """Return each role, with the word that sets it, and whom a policy names for it."""
    return [
        (f"{ROLES[role]} ({role})", _holders(policy, role))
        for role in Role
        if not (project and role in OF_TEAM)
    ]


def _holders(policy: Policy, role: Role) -> str:
    named = " who is also ".join(called(names) for names in lists_of(policy.roles, role))
    admins = role in {Role.SETTERS, Role.AUDITORS}
    if named:
        return f"{named}, and {_ADMINS}" if admins else named
    return _ADMINS if role is Role.SETTERS else _MEMBERS
