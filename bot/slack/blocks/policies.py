"""Who decides about releases, and freezes, in words.

Knows: words. Must not know: Bolt, network, rules.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from bot.core.approvals import Policy, Publish, Tell
from bot.core.release_notices import FreezeLine, FreezeSet, PolicyRefused, PolicyShown
from bot.slack.blocks import permissions
from bot.slack.blocks.base import Message, actions, button, context, date, fields, header, message, section
from bot.slack.blocks.dialogs import CHANGE_POLICY, WHOLE_TEAM
from bot.slack.blocks.pieces import called, count, mention, one_line, paragraphs, quoted, span, tidy

TELLS: Mapping[Tell, str] = MappingProxyType(
    {
        Tell.ALL: "every release",
        Tell.FINAL: "releases that are no pre-releases",
        Tell.PRE: "pre-releases",
        Tell.FAILURES: "failures",
    }
)


PUBLISHES: Mapping[Publish, str] = MappingProxyType(
    {
        Publish.WORKFLOW: "the project's workflow, through its trusted publisher",
        Publish.BOT: ":warning: I do, with a credential that is kept for long: the exception",
    }
)


def _names(people: Sequence[str], nobody: str) -> str:
    return called(people) if people else nobody


def _yes(said: bool) -> str:  # noqa: FBT001 - a policy's own yes or no
    return ":white_check_mark: yes" if said else ":heavy_minus_sign: no"


def _pairs(policy: Policy) -> list[tuple[str, str]]:
    return [
        ("Approvals (quorum)", str(policy.quorum) if policy.seats else "0: nobody has to approve"),
        ("Approvers (approvers)", _names(policy.approvers, "every full member")),
        ("Required groups (groups)", _names(policy.one_of_each, "no group is required")),
        ("Never approves (deny)", _names(policy.deny, "nobody is barred")),
        ("Whoever asked may approve (requester)", _yes(policy.requester_counts)),
        ("A request ends after (expires)", span(policy.expires_seconds)),
        ("May break the glass (glass)", _names(policy.break_glass, "workspace admins and owners")),
        ("Rehearsal (rehearsal)", f"first on {tidy(policy.rehearsal, 40)}" if policy.rehearsal else "none"),
        ("I approve the run's environment (deployments)", _yes(policy.approve_deployments)),
        ("The channel hears of (tell)", TELLS[policy.tell]),
    ]


def _more(policy: Policy) -> list[tuple[str, str]]:
    return [
        ("Tell of versions that were not released through me (watch)", _yes(policy.watch)),
        ("Comment on pull requests that shipped (thank)", _yes(policy.thank)),
        ("Whoever asks or approves must have push access (rights)", _yes(policy.rights)),
        ("What publishes (publish)", PUBLISHES[policy.publish]),
        ("A change of this policy needs a second person (second)", _yes(policy.second)),
    ]


def described(policy: Policy, project: str) -> list[tuple[str, str]]:
    """Return all that a policy says, in words: what it is, with the word that sets it, and how it stands."""
    return [*_pairs(policy), *_more(policy), *permissions.held(policy, project)]


def shown(notice: PolicyShown) -> Message:
    """Show who decides, and which freezes stand."""
    of = f" of {one_line(notice.project, 60)}" if notice.project else " of this workspace"
    title = f"Release policy{of}"
    project = f" {tidy(notice.project, 60)}" if notice.project else ""
    if notice.project:
        whose = (
            "the project's own"
            if notice.of_project
            else "the workspace's, since the project has none of its own"
        )
    else:
        whose = "the workspace's"
    done = ":white_check_mark: *Changed.* It holds for releases asked for from now on; one under way only gets stricter."
    return message(
        f"{title}: changed" if notice.changed else title,
        [
            header(title),
            *([section(done)] if notice.changed else []),
            fields(_pairs(notice.policy)),
            section(
                "\n".join(f"*{name}:* {text}" for name, text in _more(notice.policy))
            ),
            section(permissions.roles(notice.policy, notice.project)),
            *freezes(notice.freezes),
            *([section(waits(notice.waiting_by))] if notice.waiting_by else []),
            actions(button("Change the policy…", CHANGE_POLICY, one_line(notice.project, 200) or WHOLE_TEAM)),
            context(f"This policy is {whose}. To change a value without the dialog, type its word in brackets, as in `/shipbell settings policy{project} quorum=2`"),
        ],
    )  # fmt: skip


def waits(asked_by: str) -> str:
    """Say that a change of the policy waits."""
    return f":hourglass_flowing_sand: A change that {mention(asked_by)} asked for waits for a second person."


def freezes(lines: Sequence[FreezeLine]) -> list[Mapping[str, object]]:
    """Return the freezes that stand."""
    if not lines:
        return [section("*Freezes:* none right now.")]
    return list(paragraphs(["*Freezes*", *(f":ice_cube: {_freeze(line)}" for line in lines)], 15))


def _freeze(line: FreezeLine) -> str:
    what = f"*{tidy(line.project, 60)}*" if line.project else "*every project*"
    return f"{what} from {date(line.starts_at)} {_until(line)}: “{tidy(line.reason, 200)}” ({mention(line.set_by)})"


def _until(line: FreezeLine) -> str:
    return f"until {date(line.ends_at)}" if line.ends_at else "until somebody lifts it"


_REFUSED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "not_admin": (
            (
                "policies, and freezes of every project, are set by admins and owners of this workspace; a lock of one "
                "project by any full member"
            ),
            "Ask one of them to type the same command.",
        ),
        "cannot_tell": (
            "Slack did not tell me whether you are an admin",
            "Try again in a minute; if it stays so, tell whoever runs Shipbell (`shipbell doctor` names what is missing).",
        ),
        "unreadable": ("a value can't be used", "Correct it and type the command again."),
        "changed_meanwhile": (
            "somebody else has changed it since your dialog was opened",
            "Open it anew, look at what it says now, and save again.",
        ),
        "nobody_left": (
            "so few people would be left that the quorum could never be met",
            "Name more approvers, ask for fewer approvals, or bar fewer people.",
        ),
    }
)


def refused(notice: PolicyRefused) -> Message:
    """Say why a policy was not changed."""
    cause, remedy = _REFUSED.get(
        notice.why, (tidy(notice.why) or "it can't be read", "Correct it and type it again.")
    )
    detail = f": {tidy(notice.detail, 300).rstrip('.')}" if notice.detail else ""
    return message(
        "The release policy was not changed.",
        [
            section(":no_entry_sign: The release policy was *not changed*."),
            section(f"*Cause:* {cause}{detail}.\n*Remedy:* {remedy}"),
        ],
    )  # fmt: skip


def freeze(notice: FreezeSet) -> Message:
    """Tell the channel that nothing is released for a time, or that it may be again."""
    line = notice.line
    plain = one_line(line.project, 60) or "every project"
    what = f"*{tidy(line.project, 60)}*" if line.project else "*every project*"
    if notice.lifted:
        return _lifted(notice, plain, what)
    verb = f"{date(line.starts_at)} {_until(line)}"
    return message(
        f"Releases of {plain} are frozen.",
        [
            section(f":ice_cube: {mention(line.set_by)} froze releases of {what} from {verb}."),
            section(quoted(line.reason)),
            context('In an emergency: `/release PROJECT VERSION override="why"`, which the channel is told.'),
        ],
    )


def _lifted_not_all(notice: FreezeSet, plain: str, what: str) -> Message:
    """Say that what was set after the dialog was opened stands."""
    left = f"{count(notice.left, 'more freeze')} still stand{'s' if notice.left == 1 else ''}"
    if notice.count:
        text = f":ice_cube: {count(notice.count, 'freeze')} of {what} ended; {left}."
        return message(f"Not all freezes of {plain} are lifted.", [section(text)])
    text = f"The freezes of {what} that the dialog showed have ended already; {left}. Nothing was changed."
    remedy = "Open the policy again to see what stands, and lift it there if you mean that too."
    return message(f"No freeze of {plain} was lifted.", [section(text), context(remedy)])


def _lifted(notice: FreezeSet, plain: str, what: str) -> Message:
    line = notice.line
    if notice.left:
        return _lifted_not_all(notice, plain, what)
    if not notice.count:
        text = f"There is no freeze of {what}, so nothing was changed."
        return message(f"There is no freeze of {plain}.", [section(text)])
    was = f"It was set by {mention(line.set_by)}: “{tidy(line.reason, 200)}”."
    more = f" {count(notice.count, 'freeze')} ended." if notice.count > 1 else ""
    return message(
        f"The freeze of {plain} is lifted.",
        [
            section(f":sunny: The freeze of {what} is lifted: releases are possible again.{more}"),
            context(was),
        ],
    )
