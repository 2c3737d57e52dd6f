"""What one person hears of a click or command about a release, and the lists of releases.

Knows: every `Heard` and `Denied`. Must not know: Bolt, network, rules.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bot.core.approvals import Denied
from bot.core.release_notices import (
    Heard,
    NotCounted,
    ReleaseAnswer,
    ReleaseLine,
    ReleaseList,
    Unapproved,
)
from bot.slack.blocks.base import Message, context, date, header, message, section
from bot.slack.blocks.pieces import count, go, mention, one_line, tick, tidy
from bot.slack.blocks.release_reasons import STATES, at_time, state_word
from bot.slack.blocks.yank_reasons import YANK_STATES
from storage.records import ReleaseKind, ReleaseState


class _Words:
    def __init__(self, notice: ReleaseAnswer) -> None:
        self.notice = notice
        name = f"*{tidy(notice.project, 60)} {tidy(notice.version, 40)}*"
        self.name = f"{name} (yank)" if notice.kind is ReleaseKind.YANK else name

    def __getitem__(self, name: str) -> str:
        return tidy(self.notice.values.get(name, ""), 100)

    @property
    def state(self) -> str:
        state = self.notice.values.get("state", "")
        if self.notice.kind is ReleaseKind.YANK and state == ReleaseState.VERIFYING:
            return YANK_STATES[ReleaseState.VERIFYING][1]
        return tidy(state_word(state), 40) or "further on"

    @property
    def command(self) -> str:
        return f"{tidy(self.notice.project, 60)} {tidy(self.notice.version, 40)}"


def answer(notice: ReleaseAnswer) -> Message:
    """Tell one person what became of a click or command."""
    named = f"{one_line(notice.project, 60)} {one_line(notice.version, 40)}".strip()
    yank = notice.kind is ReleaseKind.YANK
    named = f"Yank of {named}" if yank else named
    title, words = (_HEARD_OF_YANKS if yank else _HEARD).get(notice.heard, _HEARD[notice.heard])
    return message(f"{named}: {title}" if named else title, [section(words(_Words(notice)))])


_HEARD: Mapping[Heard, tuple[str, Callable[[_Words], str]]] = MappingProxyType(
    {
        Heard.COUNTED: ("your approval counts", lambda w: f":+1: Your approval of {w.name} counts: {w['have']} of {w['need']}."),
        Heard.VOTED_BEFORE: ("you approved it before", lambda w: f":+1: You had approved {w.name} already; it counts once."),
        Heard.REJECTED: ("you rejected it", lambda w: f":no_entry_sign: You rejected {w.name}. The thread tells your reason."),
        Heard.WITHDRAWN: ("your approval is taken back", lambda w: f":leftwards_arrow_with_hook: Your approval of {w.name} is taken back."),
        Heard.NOTHING_TO_WITHDRAW: ("nothing to withdraw", lambda w: f"You have not approved {w.name} in this round, so there is nothing to withdraw."),
        Heard.OLD_ROUND: ("it was asked anew", lambda w: f":warning: {w.name} was asked anew meanwhile, since something had changed, so your click counted for nothing. *Look at the message again*, then decide."),
        Heard.TOO_LATE: ("too late", lambda w: f":warning: Too late, so nothing was changed. {w.name} now stands at: {w.state}."),
        Heard.BROKE_GLASS: ("you broke the glass", lambda w: f":rotating_light: You broke the glass for {w.name}. The channel hears your reason, and the audit trail keeps it."),
        Heard.CANCELLED: ("it is cancelled", lambda w: f":wastebasket: {w.name} is cancelled."),
        Heard.CANNOT_CANCEL: ("it can't be cancelled", lambda w: f":warning: {w.name} can't be cancelled from here any more. It stands at: {w.state}. If its run must not go on, cancel that on the forge."),
        Heard.RETRIED: ("it is tried again", lambda w: f":arrows_counterclockwise: {w.name} is tried again; its message shows how far it comes."),
        Heard.CANNOT_RETRY: ("nothing to retry", lambda w: f":warning: Only what failed can be tried again, so nothing was changed. {w.name} stands at: {w.state}."),
        Heard.UNKNOWN_RELEASE: ("no such release", lambda w: f"This workspace has no release of {w.name}. `/release status` lists what there is."),
        Heard.OPEN_ALREADY: ("it is under way already", lambda w: f":warning: {w.name} is under way already ({w.state}), so nothing new was begun. `/release cancel {w.command}` ends it."),
        Heard.ASKED: ("it is asked for", lambda w: f":bell: {w.name}: I check it first; its message in the channel shows what I find."),
        Heard.WHICH_INDEX: ("which index?", lambda w: f"{w.name}: the project is on several indexes ({w['indexes']}). Say which: `/release {w.command} index=NAME`."),
    }
)  # fmt: skip


_HEARD_OF_YANKS: Mapping[Heard, tuple[str, Callable[[_Words], str]]] = MappingProxyType(
    {
        Heard.CANNOT_CANCEL: ("it can't be cancelled", lambda w: f":warning: {w.name} is {w.state}, which I can't take back. What is not to be done is left alone on the index: nobody has to."),
        Heard.WHICH_INDEX: ("which index?", lambda w: f"{w.name}: the project is on several indexes ({w['indexes']}). Say which: `/release yank {w.command} index=NAME reason=\"…\"`."),
    }
)  # fmt: skip
"""What is worded otherwise for a yank."""


def not_counted(notice: NotCounted) -> Message:
    """Tell somebody why an approval, or a glass, does not count: cause and remedy."""
    named = f"{one_line(notice.project, 60)} {one_line(notice.version, 40)}"
    named = f"yank of {named}" if notice.kind is ReleaseKind.YANK else named
    what = "You can't break the glass for" if notice.glass else "Your vote does not count for"
    what = "You can't ask for" if notice.asked else what
    cause, remedy = DENIED[notice.why]
    if notice.glass and notice.why is Denied.NOT_APPROVER:
        cause, remedy = _GLASS
    if notice.kind is ReleaseKind.YANK:
        cause = cause.replace("this release", "this yank")
    detail = f" ({tidy(notice.detail, 200)})" if notice.detail else ""
    return message(
        f"{what} {named}.",
        [
            section(f":no_entry_sign: {what} *{tidy(named, 120)}*, and nothing was changed."),
            section(f"*Cause:* {cause}{detail}.\n*Remedy:* {remedy}"),
        ],
    )


_ANOTHER = "Ask somebody whom the policy names; `/shipbell settings policy` shows who that is."
_MEMBER = "Ask a full member of this workspace to decide."
_GLASS = (
    "only those whom the policy names may break the glass; where it names nobody, the workspace's admins and owners",
    "Ask one of them, or wait for the approvals.",
)
DENIED: Mapping[Denied, tuple[str, str]] = MappingProxyType(
    {
        Denied.OWN_RELEASE: (
            "you asked for this release yourself",
            ("Ask somebody else to look at it. An admin can allow it for the future: "
            "`/shipbell settings policy requester=yes`."),
        ),
        Denied.NOT_APPROVER: ("the policy does not name you or a group of yours as approver", _ANOTHER),
        Denied.NOT_NAMED: ("the policy names others for this", _ANOTHER),
        Denied.NOT_ADMIN: ("this is for workspace admins and owners", "Ask one of them."),
        Denied.DENIED: ("the policy says that your approval, or that of a group of yours, never counts", _ANOTHER),
        Denied.GUEST: ("guests of this workspace can't decide about releases", _MEMBER),
        Denied.BOT: ("bots can't decide about releases", _MEMBER),
        Denied.DEACTIVATED: ("this account is deactivated", _MEMBER),
        Denied.STRANGER: ("people of another workspace can't decide about releases", _MEMBER),
        Denied.UNKNOWN: ("Slack knows no such person here", _MEMBER),
        Denied.NOT_LINKED: (
            "I don't know which GitHub account is yours, and the policy wants people here who may push",
            "Type `/shipbell connect github` and sign in there, then again.",
        ),
        Denied.NO_PUSH: (
            "your GitHub account may not push to this repository, and the policy wants people here who may",
            "Ask whoever runs the repository for write access, or somebody who has it to do this.",
        ),
        Denied.RIGHTS_UNKNOWN: (
            "GitHub did not tell me what you may do in this repository, so I count nothing",
            "Try again in a minute; if it stays so, tell whoever runs Shipbell (`shipbell doctor` names what is missing).",
        ),
        Denied.CANNOT_TELL: (
            "Slack did not tell me who you are or who is in a group, so I count nothing",
            "Try again in a minute; if it stays so, tell whoever runs Shipbell (`shipbell doctor` names what is missing).",
        ),
    }
)  # fmt: skip


def row(line: ReleaseLine) -> str:
    """Return one release of a list."""
    sign, word = (YANK_STATES if line.kind is ReleaseKind.YANK else STATES)[line.state]
    yank = "Yank of " if line.kind is ReleaseKind.YANK else ""
    return (
        f"{sign} {at_time(line.state, word, date(line.since))} · {yank}*{tidy(line.project, 60)} {tidy(line.version, 40)}* on "
        f"*{tidy(line.index, 40)}*\nasked for by {mention(line.asked_by)} · <#{tidy(line.channel, 40)}>"
    )


def listed(notice: ReleaseList) -> Message:
    """Show the team's releases, or a project's, newest first."""
    of = f" of {one_line(notice.project, 60)}" if notice.project else ""
    title = f"Releases{of}: {notice.total}"
    if not notice.lines:
        ask = f"`/release {tidy(notice.project, 60) or 'PROJECT'} VERSION`"
        return message(
            f"No release{of} yet.",
            [section(f"No release{tidy(of, 80) and f' of {tick(notice.project)}'} yet. {ask} asks for one.")],
        )
    lines = notice.lines[:40]
    more = [context(f"The newest {len(lines)} of {notice.total}.")] if notice.total > len(lines) else []
    return message(title, [header(title), *(section(row(line)) for line in lines), *more])  # fmt: skip


def _unasked(notice: Unapproved) -> str:
    if notice.asked is None:
        return "nobody asked for it here"
    return f"its release here is not approved: {STATES[notice.asked][1]}"


def unapproved(notice: Unapproved) -> Message:
    """Say that a version has appeared that nobody asked this bot for."""
    target = notice.target
    named = f"{one_line(target.project, 60)} {one_line(notice.version, 40)}"
    index = one_line(target.index, 40)
    return message(
        f"{named} has appeared on {index} without an approved release.",
        [
            section(
                f":rotating_light: *{tidy(named, 120)}* has appeared on *{go(notice.index_url, index)}* "
                f"({count(notice.files, 'file')}), and *{_unasked(notice)}*."
            ),
            section(
                "*Cause:* it was uploaded past this bot: by hand, with a token, or by a run that nobody approved here.\n"
                f"*Remedy:* find out who did it. If it was none of you, yank it on {tidy(index, 40)}, revoke the project's "
                f"tokens there, and look at the last runs of {tick(target.workflow)} in {tick(target.slug)}."
            ),
        ],
    )
