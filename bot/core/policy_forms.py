"""The dialogs in which a policy is seen and changed, as facts: which words each of them holds, what was entered in it.

Knows: the policy's words. Must not know: Slack's payloads, wording, who may change it.
Written words are forever: the notice lies in the outbox, so it keeps its fields, and new ones get defaults.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from bot.core.approvals import Policy, is_group
from bot.core.intents import PolicyPart
from bot.core.names import Problem
from bot.core.permissions import OF_TEAM
from bot.core.policies import changed, of_project, too_few
from bot.core.release_notices import FreezeLine
from bot.core.roles import Role

MOST_PROJECTS = 99
"""Projects that can be chosen in the dialog, beside the workspace itself; the others are named in the command."""


LONGEST_CHOICE = 150
"""Characters of a name that Slack takes in a menu; a longer one is named in the command."""
PARTS: Mapping[PolicyPart, tuple[str, ...]] = MappingProxyType(
    {
        PolicyPart.OVERVIEW: (),
        PolicyPart.DECIDING: (
            "quorum",
            "approvers",
            "groups",
            "deny",
            "requester",
            "rights",
            "expires",
            "glass",
        ),
        PolicyPart.ROLES: (*Role, "second"),
        PolicyPart.ACTING: ("publish", "rehearsal", "deployments", "tell", "watch", "thank"),
    }
)
"""Which words of `policies.FIELDS` each dialog sets; a test asserts that each word is in one."""
PEOPLE = frozenset({"approvers", "deny", "glass", *Role})
"""Words whose value names people and user groups."""
GROUPS = frozenset({"groups"})
"""Words whose value names user groups alone."""


@dataclass(frozen=True, slots=True)
class PolicyFormShown:
    """What one of a policy's dialogs is filled with."""

    view_id: str
    project: str
    """"" for the workspace's own policy."""
    part: PolicyPart
    policy: Policy
    """What holds now."""
    of_project: bool
    """Whether the project has a policy of its own."""
    second: bool
    """Whether a change waits for a second person as things stand."""
    freezes: tuple[FreezeLine, ...] = ()
    waiting_by: str = ""
    """Who asked for a change that waits; "" where none does."""
    projects: tuple[str, ...] = ()
    """Projects to choose from."""
    more: bool = False
    """Whether there are further projects, which are named in the command."""
    indexes: tuple[str, ...] = ()
    channel: str = ""
    """Where the dialog was opened; "" where that is not known."""
    handles: Mapping[str, str] = field(default_factory=dict)
    """User groups by id, with their handles."""


def words_of(part: PolicyPart, project: str) -> tuple[str, ...]:
    """Return the words that a dialog sets; some are the workspace's alone to say."""
    return tuple(word for word in PARTS[part] if not (project and word in OF_TEAM))


def value_of(policy: Policy, word: str) -> tuple[str, ...]:
    """Return a word's value as the dialog holds it: the names of a list, else the one value."""
    if word in set(Role):
        return tuple(name for one in policy.roles if one.role == word for name in one.names)
    if word in _LISTS:
        return tuple(getattr(policy, _LISTS[word]))
    found = getattr(policy, _FIELDS.get(word, word))
    if isinstance(found, bool):
        return ("yes" if found else "no",)
    return (f"{found}s" if word == "expires" else str(found) or "none",)


def shown_as(names: Iterable[str]) -> str:
    """Return what a word of a dialog showed, to be compared: the names in order."""
    return " ".join(sorted(set(names)))


def held_now(policy: Policy, project: str, *, own: bool) -> Policy:
    """Return a policy as a dialog shows it: a project without its own names nobody for what the workspace says, which holds beside it."""
    return policy if own or not project else replace(policy, roles=of_project(policy.roles))


_LISTS = {"approvers": "approvers", "groups": "one_of_each", "deny": "deny", "glass": "break_glass"}
_FIELDS = {
    "requester": "requester_counts",
    "expires": "expires_seconds",
    "deployments": "approve_deployments",
}


@dataclass(frozen=True, slots=True)
class Entered:
    """One word of a dialog: what it was filled with, and what stands there now."""

    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def text(self) -> str:
        """The value as it is typed in a command."""
        names = [f"<!subteam^{name}>" if is_group(name) else f"<@{name}>" for name in self.after]
        return ",".join(names)


def differing(entered: Mapping[str, Entered]) -> dict[str, str]:
    """Return what was changed, as it is typed in a command: nothing else of the policy is touched."""
    return {
        word: one.text if word in PEOPLE | GROUPS else "".join(one.after)
        for word, one in entered.items()
        if set(one.before) != set(one.after)
    }


def problems(entered: Mapping[str, Entered], indexes: Sequence[str], project: str) -> tuple[Problem, ...]:
    """Return what is wrong with what was entered, all at once, each with the word that it is about."""
    everything = {
        word: one.text if word in PEOPLE | GROUPS else "".join(one.after) for word, one in entered.items()
    }
    tried = changed(Policy(), everything, indexes, project)
    if isinstance(tried, tuple):
        return tried
    if {"quorum", "approvers"} <= set(entered) and (few := too_few(tried)) is not None:
        text = f"Only {few} of those named below could approve: ask for fewer, name more, or bar fewer."
        return (Problem("quorum", text),)
    return ()
