"""A yank's one message in its channel, edited in place: what, why, who decides, where it is done.

Knows: words. Must not know: Bolt, network, rules.
"""

import json
from typing import Any

from bot.core.release_notices import ReleaseShown
from bot.slack.blocks import findings, releases
from bot.slack.blocks.base import (
    Block,
    Message,
    actions,
    button,
    confirm,
    context,
    date,
    escape,
    fields,
    fitted,
    header,
    message,
    section,
)
from bot.slack.blocks.pieces import count, go, mention, one_line, quoted, tick
from bot.slack.blocks.release_reasons import at_time
from bot.slack.blocks.releases import APPROVE, BREAK_GLASS, CANCEL, DECIDING, REJECT, RETRY, WITHDRAW, about
from bot.slack.blocks.yank_reasons import YANK_STATES, explain_yank
from storage.records import ReleaseKind, ReleaseState

S = ReleaseState


def either(notice: ReleaseShown) -> Message:
    """Show a release, or a yank, as it stands."""
    return shown(notice) if notice.kind is ReleaseKind.YANK else releases.shown(notice)


def shown(notice: ReleaseShown) -> Message:
    """Show a yank as it stands."""
    known = about(notice.target, notice.version)
    sign, word = YANK_STATES[notice.state]
    blocks = [
        header(f"{sign} Yank {known.name} from {known.index}: {word}"),
        section(_standing(notice)),
        section(f"*Reason*\n{quoted(notice.notes)}"),
        fields([("Version", tick(notice.version)), ("Index", go(notice.index_url, notice.target.index))]),
        *findings.blocks(notice.report, fine=notice.state in DECIDING),
        *releases.decisions(notice),
        *_buttons(notice),
        context(" · ".join(_small(notice))),
    ]
    told = message(f"Yank of {known.name} from {known.index}: {_headline(notice)}.", blocks)
    return Message(told.text, fitted(told.blocks))


def _headline(notice: ReleaseShown) -> str:
    if notice.state is S.AWAITING_APPROVAL:
        return f"waiting for {releases.wanted(notice)}"
    if notice.state is S.REQUESTED:
        return "checking before anybody is asked"
    if notice.state is S.FAILED and notice.report.blocking:
        return f"{count(len(notice.report.blocking), 'finding')} in the way"
    return "not done" if notice.state is S.FAILED else YANK_STATES[notice.state][1]


def _standing(notice: ReleaseShown) -> str:
    """The state in words, with cause and remedy."""
    known = about(notice.target, notice.version)
    what = f"*{escape(known.name)}* on *{escape(known.index)}*"
    if notice.state is S.AWAITING_APPROVAL:
        return f"To yank {what} waits for *{releases.wanted(notice)}*. Installers then skip it, unless it is pinned."
    if notice.state is S.VERIFYING:
        page = go(notice.release_url, "open the page") if notice.release_url else "open its page there"
        return (
            f"To yank {what} is approved. *Somebody who owns the project there does it now: {page}*, choose “Yank” and "
            "copy the reason below. I see by myself when every file is yanked."
        )
    cause, remedy = explain_yank(notice.reason, known, one_line(notice.detail, 400))
    told = f"{what}: *{_headline(notice)}*. {escape(cause)}"
    return f"{told}\n*Remedy:* {escape(remedy)}" if remedy else told


def _small(notice: ReleaseShown) -> list[str]:
    small = [
        f"{mention(notice.asked_by)} asked for it",
        at_time(notice.state, YANK_STATES[notice.state][1], date(notice.since)),
    ]
    if notice.expires_at and notice.state is S.AWAITING_APPROVAL:
        small.append(f"expires {date(notice.expires_at)}")
    return [*small, f"round {notice.round}"] if notice.round > 1 else small


def _name(notice: ReleaseShown) -> str:
    """The version, short enough for a button."""
    return f"{one_line(notice.target.project, 30)} {one_line(notice.version, 15)}"


def _press(notice: ReleaseShown, text: str, action: str, **more: Any) -> dict[str, Any]:
    names = {
        "project": one_line(notice.target.project, 60),
        "version": one_line(notice.version, 40),
        "kind": notice.kind.value,
    }
    carried = {"release": notice.release_id, "round": notice.round}
    return button(
        text, action, json.dumps(carried | (names if action in {REJECT, BREAK_GLASS} else {})), **more
    )


def _buttons(notice: ReleaseShown) -> list[Block]:
    name = _name(notice)
    match notice.state:
        case S.AWAITING_APPROVAL:
            return _deciding(notice)
        case S.REQUESTED | S.APPROVED | S.VOIDED:
            return [actions(_cancel(notice))]
        case S.FAILED:
            look = _press(notice, f"Look again at {name}", RETRY, style="primary")
            return [actions(look, _press(notice, f"Give up the yank of {name}", CANCEL))]
        case _:
            return []


def _deciding(notice: ReleaseShown) -> list[Block]:
    name = _name(notice)
    approve = _press(notice, f"Approve yank of {name}", APPROVE, style="primary", confirm=_approval(notice))
    reject = _press(notice, f"Reject yank of {name}…", REJECT, style="danger")
    withdraw = _press(notice, f"Withdraw my approval of {name}", WITHDRAW)
    glass = _press(notice, f"Break glass for yank of {name}…", BREAK_GLASS)
    rare = ([withdraw] if releases.have(notice.votes) else []) + [_cancel(notice), glass]
    return [actions(approve, reject), actions(*rare)]


def _cancel(notice: ReleaseShown) -> dict[str, Any]:
    text = f"*{escape(_name(notice))}* stays as it is then."
    question = confirm("Cancel the yank?", text, "Cancel the yank")
    keep = {"type": "plain_text", "text": "Keep it", "emoji": True}
    return _press(notice, f"Cancel the yank of {_name(notice)}", CANCEL, confirm=question | {"deny": keep})


def _approval(notice: ReleaseShown) -> dict[str, Any]:
    name, index = one_line(notice.target.project, 40), one_line(notice.target.index, 30)
    version = one_line(notice.version, 20)
    text = f"*{escape(name)} {escape(version)}* is yanked on *{escape(index)}*: installers skip it, unless it is pinned."
    return confirm(f"Approve yank of {name} {version}?", text, "Approve")
