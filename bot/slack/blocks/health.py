"""What the bot says of how publishers fare: what broke and what mends it, what is in order again, who looks after it.

Knows: words, every `Ailment`. Must not know: how it was found, Bolt, network.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bot.core.health import MENDABLE, WEAKER, Ailment, Trouble
from bot.core.health_notices import Fares, HealthBroke, HealthMended, HealthShown, NotTakenOver, TakenOver
from bot.slack.blocks import setup
from bot.slack.blocks.base import (
    Block,
    Message,
    actions,
    button,
    context,
    date,
    link_button,
    message,
    section,
)
from bot.slack.blocks.pieces import count, mention, moment, paragraphs, tick, tidy
from storage.records import Registration

TAKE_OVER, LINK = "publisher.take_over", "link"

FARES: Mapping[Fares, str] = MappingProxyType(
    {
        Fares.OK: ":large_green_circle: in order",
        Fares.ATTENTION: ":large_orange_circle: needs attention",
        Fares.NOT_LOOKED: ":white_circle: set-up not checked yet",
    }
)
"""How a publisher fares, in a list: a sign beside words."""


class _Values(dict[str, str]):
    """Values by name; one that is missing is "", as in older notices."""

    def __missing__(self, name: str) -> str:
        return ""


Words = tuple[str, str]


def words(trouble: Trouble) -> Words:
    """Return cause and remedy of a trouble; mrkdwn, escaped."""
    return _WORDS[trouble.ailment](_Values(trouble.values))


def broke(notice: HealthBroke) -> Message:
    """Tell the channel what broke."""
    wanted = notice.registration
    weaker = all(one.ailment in WEAKER for one in notice.troubles)
    what = "needs attention" if weaker else "is broken"
    sign = ":warning:" if weaker else ":rotating_light:"
    others = [f"{count(notice.others, 'trouble')} told before"] if notice.others else []
    return message(
        f"The trusted publisher for {wanted.project} on {wanted.index} {what}.",
        [
            section(f"{sign} The trusted publisher for {_what(wanted)} *{what}*."),
            *_lines(notice.troubles),
            *_buttons(notice),
            context(
                f"{mention(notice.asked_by)} asked for it · told once · `/publisher check {tidy(wanted.project, 60)}` looks again",
                *others,
            ),
        ],
    )


def _lines(troubles: tuple[Trouble, ...]) -> list[Block]:
    told = map(words, troubles)
    return paragraphs([f"*Cause:* {cause}\n*Remedy:* {remedy}" for cause, remedy in told], most=len(troubles))


def _buttons(notice: HealthBroke) -> list[Block]:
    ailments = {one.ailment for one in notice.troubles}
    found = []
    if Ailment.PERSON_LEFT in ailments:
        found.append(button("I'll look after it", TAKE_OVER, notice.publisher_id, style="primary"))
    if ailments & MENDABLE:
        found.append(button("Look at the workflow", setup.OPEN, notice.publisher_id))
    if Ailment.TOKEN_USED in ailments:
        found.append(link_button("Tokens on the index", f"{notice.index_url}/manage/account/token/", LINK))
    return [actions(*found)] if found else []


def mended(notice: HealthMended) -> Message:
    """Tell the channel, in a line, what is in order again."""
    wanted = notice.registration
    what = ", ".join(dict.fromkeys(_NAMES[one.ailment] for one in notice.troubles))
    left = f" Still there: {count(notice.left, 'trouble')} told before." if notice.left else ""
    return message(
        f"The trusted publisher for {wanted.project} on {wanted.index} is in order again.",
        [section(f":large_green_circle: In order again for {_what(wanted)}: {what}.{left}")],
    )


def taken_over(notice: TakenOver) -> Message:
    """Tell the channel who looks after a publisher now."""
    wanted = notice.registration
    who = f"{mention(notice.by)} looks after the trusted publisher for {_what(wanted)} now, in place of {mention(notice.before)}."
    return message(
        f"Somebody else looks after the trusted publisher for {wanted.project} now.",
        [
            section(f":handshake: {who}"),
            context(
                "On the index this changes nothing: see there that somebody who is still here owns the project."
            ),
        ],
    )


def not_taken_over(notice: NotTakenOver) -> Message:
    """Tell somebody that only full members look after publishers."""
    wanted = notice.registration
    why = f" Slack did not say who you are: {tidy(notice.detail)}." if notice.detail else ""
    return message(
        f"You can't look after {wanted.project}.",
        [
            section(
                f":no_entry: Only full members of this workspace look after publishers.{why} Nothing was changed."
            )
        ],
    )


def report(shown: HealthShown) -> list[Block]:
    """Return how a publisher fares, below a look at its set-up."""
    lines = [f":large_orange_circle: {' '.join(words(trouble))}" for trouble in shown.troubles]
    lines = lines or [f"{FARES[Fares.OK if shown.looked_at else Fares.NOT_LOOKED]}."]
    at = [context(f"Looked at {date(shown.looked_at)}")] if shown.looked_at else []
    return [*paragraphs([f"*Health:* {lines[0]}", *lines[1:]], most=len(lines)), *at]


def _what(registration: Registration) -> str:
    return f"*{tidy(registration.project)}* on *{tidy(registration.index)}*"


def _moved(v: _Values) -> Words:
    now = f" to {tick(v['now'])}" if v["now"] else ""
    return (
        f"{tick(v['slug'])} was renamed or moved{now}, and the index would not know its runs by the old name.",
        "Remove this publisher, here and on the index, and add it with the present name.",
    )


def _owner_replaced(v: _Values) -> Words:
    cause = (
        f"*another account is called {tick(v['owner'])} now*: its number was {tick(v['was'], 20)} and is {tick(v['now'], 20)}. The "
        "name was given up and somebody took it. The index keeps the number, so it does not trust the new one."
    )
    return (
        cause,
        "Trust nothing from there until you know who that is; remove the publisher here and on the index.",
    )


def _token_used(v: _Values) -> Words:
    cause = (
        f"the newest file, of version {tick(v['version'])}, has no provenance though it came after the publisher was confirmed: it "
        "was uploaded with a long-lived token, or by a workflow that makes no attestations."
    )
    return (
        cause,
        "If it was a token, revoke it on the index and delete it from wherever it is kept: the publisher needs none.",
    )


def _unseen(v: _Values) -> Words:
    detail = tidy(v["detail"]).rstrip(".")
    why = f" ({detail})" if detail else ""
    return (
        f"since {moment(v['since'])} I could not look at the {tidy(v['what'], 60)}{why}, so nobody knows whether it is in order.",
        "See that the token or App may still read the repository, and that the index answers. I go on looking.",
    )


def _workflow_gone(v: _Values) -> Words:
    others = f" There is {tidy(v['others'])}: was it renamed?" if v["others"] else ""
    return (
        f"{tick(v['workflow'])} is not in `.github/workflows/` on {tick(v['branch'] or 'the default branch')} any more.{others}",
        "Bring it back under that name, or add a publisher that names the present file.",
    )


def _other_publisher(v: _Values) -> Words:
    by = " / ".join(tick(v[name]) for name in ("repository", "workflow") if v[name]) or tidy(v["kind"], 40)
    return (
        f"the newest file, of version {tick(v['version'])}, was published by {by or 'another publisher'} and not by this one.",
        "See on the index's publishing page whether that publisher is meant. If not, remove it there, and look at that version.",
    )


_WORDS: Mapping[Ailment, Callable[[_Values], Words]] = MappingProxyType(
    {
        Ailment.REPOSITORY_GONE: lambda v: (
            f"the repository {tick(v['slug'])} is gone, or my token may not see it any more.",
            "Give the token or App access to it again; if it is deleted, remove the publisher here and on the index.",
        ),
        Ailment.REPOSITORY_MOVED: _moved,
        Ailment.REPOSITORY_ARCHIVED: lambda v: (
            f"{tick(v['slug'])} is archived, so no workflow runs there.",
            "Unarchive it, or publish from another repository.",
        ),
        Ailment.OWNER_GONE: lambda v: (
            f"GitHub knows no user or organization {tick(v['owner'])} any more. *Anybody can take that name now.*",
            "Add a publisher with the present owner, and remove this one on the index.",
        ),
        Ailment.OWNER_REPLACED: _owner_replaced,
        Ailment.WORKFLOW_GONE: _workflow_gone,
        Ailment.WORKFLOW_NO_TOKEN: lambda v: (
            f"no job of {tick(v['workflow'])} has `permissions: id-token: write` any more.",
            "Add it to the publishing job.",
        ),
        Ailment.WORKFLOW_REUSABLE: lambda v: (
            f"{tick(v['workflow'])} is a reusable workflow now (`on: workflow_call`), and those do not match a publisher.",
            "Publish in the workflow that calls it, and let the publisher name that one.",
        ),
        Ailment.WORKFLOW_CALLS: lambda v: (
            f"the publishing job {tick(v['job'])} of {tick(v['workflow'])} calls a reusable workflow now ({tick(v['uses'])}), and those do not match a publisher.",
            "Publish in a job of this file.",
        ),
        Ailment.TRIGGER_GONE: lambda v: (
            f"nothing that releases starts {tick(v['workflow'])} any more (only {tidy(v['triggers']) or 'nothing'}).",
            "Let it start on a tag's `push`, on `release` or on `workflow_dispatch`.",
        ),
        Ailment.JOB_NO_ENVIRONMENT: lambda v: (
            f"the publishing job of {tick(v['workflow'])} has no environment any more, and the publisher expects {tick(v['wanted'])}.",
            f"Add `environment: {tidy(v['wanted']).replace('`', 'ˋ')}` to it.",
        ),
        Ailment.JOB_OTHER_ENVIRONMENT: lambda v: (
            f"{tick(v['workflow'])} uses the environment {tick(v['used'])} now, and the publisher expects {tick(v['wanted'])}.",
            "Name the same one in both.",
        ),
        Ailment.ENVIRONMENT_GONE: lambda v: (
            f"the repository has no environment {tick(v['environment'])} any more: GitHub makes it anew at the next run, without any protection.",
            "Make it again, with its reviewers (Settings, Environments).",
        ),
        Ailment.REVIEWERS_GONE: lambda v: (
            f"nobody need agree in the environment {tick(v['environment'])} any more: whoever can start the workflow can publish.",
            "Give it its required reviewers again (Settings, Environments).",
        ),
        Ailment.PROJECT_GONE: lambda v: (
            f"{tick(v['project'])} is not on the index any more. *Anybody may be able to take that name now.*",
            "Ask the owners of the project there what has become of it.",
        ),
        Ailment.PROJECT_CLOSED: lambda v: (
            f"{tick(v['project'])} is {tidy(v['status'], 40)} on the index, so it takes no uploads.",
            "Its owner can change that there; of a quarantined one the index's staff decides.",
        ),
        Ailment.OTHER_PUBLISHER: _other_publisher,
        Ailment.TOKEN_USED: _token_used,
        Ailment.PERSON_LEFT: lambda v: (
            f"{mention(v['who'])}, who asked for it, is not in this workspace any more.",
            "Let somebody look after it from now on, and see on the index that the project has an owner who is still here.",
        ),
        Ailment.STALE: lambda v: (
            f"it is pending since {moment(v['since'])}, and no sign of it was seen.",
            "Run the workflow once, or follow the index's confirmation link; if nobody needs it, `/publisher remove` it.",
        ),
        Ailment.UNSEEN: _unseen,
    }
)  # fmt: skip

_NAMES: Mapping[Ailment, str] = MappingProxyType(
    {
        Ailment.REPOSITORY_GONE: "the repository is there",
        Ailment.REPOSITORY_MOVED: "the repository has its name",
        Ailment.REPOSITORY_ARCHIVED: "the repository is not archived",
        Ailment.OWNER_GONE: "the owner is there",
        Ailment.OWNER_REPLACED: "the owner is the one it was",
        Ailment.WORKFLOW_GONE: "the workflow is there",
        Ailment.WORKFLOW_NO_TOKEN: "the workflow may ask for an identity token",
        Ailment.WORKFLOW_REUSABLE: "the workflow is no reusable one",
        Ailment.WORKFLOW_CALLS: "the publishing job calls no reusable workflow",
        Ailment.TRIGGER_GONE: "the workflow has its trigger",
        Ailment.JOB_NO_ENVIRONMENT: "the publishing job names the environment",
        Ailment.JOB_OTHER_ENVIRONMENT: "job and publisher name the same environment",
        Ailment.ENVIRONMENT_GONE: "the environment is there",
        Ailment.REVIEWERS_GONE: "the environment has reviewers",
        Ailment.PROJECT_GONE: "the project is on the index",
        Ailment.PROJECT_CLOSED: "the project takes uploads",
        Ailment.OTHER_PUBLISHER: "the newest file is by this publisher",
        Ailment.TOKEN_USED: "the newest file has its provenance",
        Ailment.PERSON_LEFT: "somebody looks after it",
        Ailment.STALE: "it is not pending any more",
        Ailment.UNSEEN: "it can be looked at",
    }
)
"""What is so once a trouble is over."""
