"""Why a workflow's step did not end well, as Slack tells whoever built or ran the workflow: plain text, cause and remedy.

Knows: every ending. Must not know: Bolt, network, rules.
"""

from typing import assert_never

from bot import codec
from bot.core import notices
from bot.core.steps import (
    Ending,
    StepDone,
    StepMisused,
    StepPublisherEnded,
    StepRefused,
    StepReleaseEnded,
    StepTooLong,
    StepUnknown,
)
from bot.slack.blocks import reasons, release_reasons
from bot.slack.blocks.base import cut
from bot.slack.blocks.pieces import one_line
from bot.slack.blocks.release_reasons import state_word
from bot.slack.blocks.releases import about
from bot.slack.blocks.render import MESSAGES
from bot.slack.blocks.yank_reasons import explain_yank
from storage.records import ReleaseKind

LONGEST = 1_500
"""Characters of an error; Slack names no limit, and a person reads it in a message."""


def error(ending: Ending) -> str:  # noqa: PLR0911 - one for each ending
    """Return what is told of a step that did not end well; "" for one that did."""
    match ending:
        case StepDone():
            return ""
        case StepMisused():
            told = "; ".join(
                f"{one_line(one.field, 40)}: {one_line(one.message, 300)}" for one in ending.problems
            )
            return cut(f"This step was given something that can't be used. {told}", LONGEST)
        case StepRefused():
            return cut(_spoken(codec.unpack(ending.kind, ending.facts, notices.KINDS)), LONGEST)
        case StepReleaseEnded():
            return cut(_release(ending), LONGEST)
        case StepPublisherEnded():
            cause, remedy = reasons.explain(
                ending.reason,
                index=ending.registration.index,
                index_url=ending.index_url,
                registration=ending.registration,
                detail=one_line(ending.detail, 400),
            )
            return cut(f"Publishing is not set up. {cause} {remedy}".strip(), LONGEST)
        case StepUnknown():
            named = one_line(ending.named, 60)
            return (
                f"This workspace has no release {named!r}. "
                "Take the release from the output of the step that asked for it."
            )
        case StepTooLong():
            return (
                f"It has waited for {ending.days} days, and waits no longer. "
                "/release status shows how it stands; run the workflow again when it goes on."
            )
        case _:
            assert_never(ending)


def _release(ending: StepReleaseEnded) -> str:
    known = about(ending.target, ending.version)
    explain = explain_yank if ending.kind is ReleaseKind.YANK else release_reasons.explain
    cause, remedy = explain(ending.reason, known, one_line(ending.detail, 400))
    return f"{known.name} on {known.index}: {state_word(ending.state)}. {cause} {remedy}".strip()


def _spoken(notice: notices.Notice) -> str:
    """Return a message's paragraphs as plain text: what a person would have read in Slack."""
    said = MESSAGES[type(notice)](notice)
    texts = [
        str(block["text"]["text"]) for block in said.blocks if block["type"] == "section" and "text" in block
    ]
    plain = " ".join(texts) or said.text
    for sign, text in (("*", ""), ("`", ""), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        plain = plain.replace(sign, text)
    return " ".join(plain.split())
