"""Changes of policy that wait for a second person, in words.

Knows: words, the ids of its buttons. Must not know: Bolt, network, rules.
"""

from collections.abc import Mapping
from types import MappingProxyType

from bot.core.policy_notices import ChangeAnswer, ChangeOutcome, PolicyChangeShown
from bot.slack.blocks.base import Message, actions, button, confirm, context, date, header, message, section
from bot.slack.blocks.pieces import mention, one_line, paragraphs, tidy
from bot.slack.blocks.policies import described
from storage.records import ChangeState

AGREE = "agree_policy"
REFUSE = "refuse_policy"


def shown(notice: PolicyChangeShown) -> Message:
    """Show what would change, and how that stands."""
    of = f"of {one_line(notice.project, 60)}" if notice.project else "of this workspace"
    title = f"A change of the release policy {of}"
    return message(
        f"{title}: {_PLAIN[notice.state]}",
        [
            header(title),
            section(f"{mention(notice.asked_by)} asks for this. {_state(notice)}"),
            *paragraphs(_changes(notice)),
            *_buttons(notice),
        ],
    )


def _changes(notice: PolicyChangeShown) -> list[str]:
    was, will = dict(described(notice.before, notice.project)), described(notice.after, notice.project)
    lines = [f"*{name}:* {was[name]} → *{text}*" for name, text in will if was[name] != text]
    return lines or ["It changes nothing that is shown here."]


_PLAIN: Mapping[ChangeState, str] = MappingProxyType(
    {
        ChangeState.WAITING: "a second person decides",
        ChangeState.MADE: "made",
        ChangeState.REFUSED: "refused",
        ChangeState.WITHDRAWN: "taken back",
        ChangeState.EXPIRED: "nobody agreed in time",
        ChangeState.OVERTAKEN: "overtaken",
    }
)


def _state(notice: PolicyChangeShown) -> str:
    by = mention(notice.decided_by) if notice.decided_by else "Nobody"
    words = {
        ChangeState.WAITING: (
            ":hourglass_flowing_sand: It waits for a second person who may set the policy, until "
            f"{date(notice.expires_at)}; until then nothing changes."
        ),
        ChangeState.MADE: (
            f":white_check_mark: {by} agreed: *it holds* for releases asked for from now on; one under way only gets stricter."
        ),
        ChangeState.REFUSED: f":no_entry_sign: {by} refused it: nothing was changed.",
        ChangeState.WITHDRAWN: f":leftwards_arrow_with_hook: {by} took it back: nothing was changed.",
        ChangeState.EXPIRED: ":hourglass: Nobody agreed in time: nothing was changed. Whoever still wants it types it again.",
        ChangeState.OVERTAKEN: (
            ":fast_forward: Another change came in between: this one was not made. Whoever still wants it types it again."
        ),
    }
    return words[notice.state]


def _buttons(notice: PolicyChangeShown) -> list[Mapping[str, object]]:
    if notice.state is not ChangeState.WAITING:
        return []
    sure = confirm("Change the policy?", "It holds at once for releases asked for from now on.", "Change it")
    return [
        actions(
            button("Agree to the change", AGREE, notice.change_id[:36], style="primary", confirm=sure),
            button("Refuse it, or take it back", REFUSE, notice.change_id[:36]),
        ),
        context("Whoever asked can't agree. `/shipbell settings policy` shows who may set the policy."),
    ]


_ANSWERS: Mapping[ChangeOutcome, tuple[str, str]] = MappingProxyType(
    {
        ChangeOutcome.OWN: (
            "you asked for this change yourself, and the policy wants a second person",
            "Ask somebody else who may set the policy: `/shipbell settings policy` names them.",
        ),
        ChangeOutcome.ENDED: (
            "this change has been decided, or its time is over",
            "Look at the message: it says how it ended. Type the change again if it is still wanted.",
        ),
        ChangeOutcome.OVERTAKEN: (
            "the policy was changed since this was asked for",
            "Look at `/shipbell settings policy`, and type the change again if it is still wanted.",
        ),
        ChangeOutcome.ASKER_MAY_NOT: (
            "whoever asked for it may not set the policy any more, or Slack did not tell me",
            "Type the change yourself, and let somebody else agree; or try again in a minute.",
        ),
        ChangeOutcome.UNKNOWN: ("I don't know this change any more", "Type it again."),
        ChangeOutcome.NOBODY_SEES: (
            "a second person must agree, and nobody else reads here",
            "Type the same command in a channel where those are who may set the policy, and where I am.",
        ),
    }
)


def answer(notice: ChangeAnswer) -> Message:
    """Say why a click changed nothing."""
    cause, remedy = _ANSWERS[notice.outcome]
    who = f" ({mention(notice.asked_by)})" if notice.asked_by else ""
    of = f" of {tidy(notice.project, 60)}" if notice.project else ""
    return message(
        "The release policy was not changed.",
        [
            section(f":no_entry_sign: The release policy{of} was *not changed*."),
            section(f"*Cause:* {cause}{who}.\n*Remedy:* {remedy}"),
        ],
    )
