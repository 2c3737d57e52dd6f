"""The Home tab: what waits for you, what goes on, the projects, what needs somebody, and the settings of admins.

Knows: words, the ids of its buttons. Must not know: Bolt, network, rules.

A tab takes 100 blocks; the lists are cut by whoever makes them, and what is left out is counted
(https://docs.slack.dev/surfaces/app-home).
"""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from bot.core.approvals import Policy
from bot.core.home_notices import Aging, AgingLine, HomePage, HomeProject, HomeSettings, OpenLine, Viewer
from bot.core.install_notices import ScopesMissing
from bot.core.release_notices import ReleaseDialog
from bot.slack.blocks import credentials, health, installing, policies
from bot.slack.blocks.base import (
    Block,
    actions,
    button,
    code,
    context,
    date,
    escape,
    header,
    link_button,
    section,
)
from bot.slack.blocks.dialogs import CHANGE_POLICY, OPEN_PUBLISHER, WHOLE_TEAM
from bot.slack.blocks.forms import View, modal
from bot.slack.blocks.pieces import called, count, mention, one_line, tidy
from bot.slack.blocks.publishers import OPEN_CREDENTIALS, SIGNS
from bot.slack.blocks.release_reasons import STATES
from bot.slack.blocks.yank_reasons import YANK_STATES
from bot.slack.blocks.yanks import either
from storage.records import ReleaseKind, ReleaseState

OPEN_RELEASE, LOOK, POLICY, AUDIT = "release.open", "release.look", "policy.show", "audit.show"
BACK, ON, FIRST, LAST, STATUS = "home.back", "home.on", "home.first", "home.last", "home.status"
TURNS = frozenset({BACK, ON, FIRST, LAST})
"""Buttons that turn the pages; each brings the number of its page."""
DIVIDER: Block = MappingProxyType({"type": "divider"})


def view(page: HomePage) -> View:
    """Return a person's Home tab."""
    if page.viewer is Viewer.OUTSIDER:
        return _tab([header("Shipbell"), section(_OUTSIDE)])
    if not page.projects_total and not page.open_total and not page.waiting_total:
        return _tab([*_top(page), *_first_steps(page), *_credentials(page), *_settings(page), _foot(page)])
    blocks = [
        *_top(page), *_waiting(page), *_open(page), *_projects(page), *_credentials(page), *_settings(page), _foot(page),
    ]  # fmt: skip
    return _tab(blocks)


def broken() -> View:
    """Return the tab where Slack would not take what was made for it."""
    why = ":warning: I can't draw this page: Slack did not take it. Whoever runs Shipbell finds the reason in its log."
    return _tab(
        [header("Shipbell"), section(f"{why}\n*Meanwhile:* `/release status` and `/publisher list` work.")]
    )


def _tab(blocks: Sequence[Block]) -> View:
    return {"type": "home", "blocks": [dict(block) for block in blocks[:100]]}


_OUTSIDE = (
    "I serve the members of this workspace: only they see what is set up and released here.\n"
    "*If you are one,* your account may be deactivated or belong to another workspace: ask an admin."
)
_WELCOME = "I register your packages' trusted publishers, release what the right people approve, and tell you what the index really has."


def _top(page: HomePage) -> list[Block]:
    more = [
        actions(
            button("Release a package", OPEN_RELEASE, style="primary"),
            button("Add a publisher", OPEN_PUBLISHER),
            *(_keeping() if page.viewer is not Viewer.GUEST else []),
        )
    ]
    return [header("Shipbell"), section(_WELCOME), *more]


def _keeping() -> list[dict[str, Any]]:
    return [
        button("Credentials", OPEN_CREDENTIALS),
        button("Enter a token in the browser", credentials.PAGE),
    ]


def _first_steps(page: HomePage) -> list[Block]:
    """What a team sees that has nothing yet."""
    steps = (
        "*1. Invite me* to the channel that should hear about releases: `/invite @shipbell`.\n"
        "*2. Add a publisher:* I read the repository and fill in the values for you; some indexes then want one step in the browser. I watch until it is confirmed.\n"
        "*3. Release a package:* I check the version, ask the right people, and publish only what they approve."
    )
    return [DIVIDER, header("Nothing set up yet"), section(steps), *_untold(page)]


def _waiting(page: HomePage) -> list[Block]:
    title = f"Waiting for you ({page.waiting_total})" if page.waiting_total else "Waiting for you"
    blocks = [DIVIDER, header(title), *_untold(page)]
    if page.viewer in {Viewer.GUEST, Viewer.UNTOLD}:
        return blocks
    if not page.waiting:
        return [*blocks, context(":white_check_mark: Nothing needs your approval right now.")]
    lines = [
        section(_row(line), accessory=_look(line, "Review and decide", style="primary"))
        for line in page.waiting
    ]
    return [*blocks, *lines, *_more(len(page.waiting), page.waiting_total, "`/release status` lists all.")]


def _untold(page: HomePage) -> list[Block]:
    if page.viewer is Viewer.GUEST:
        return [context("You are a guest here: you see what goes on, and full members decide.")]
    if page.viewer is Viewer.UNTOLD:
        why = ":warning: Slack did not tell me who you are, so I can't say what waits for you. Open this tab again in a minute."
        return [context(why)]
    return []


def _open(page: HomePage) -> list[Block]:
    if not page.open:
        return []
    inside = page.viewer in {Viewer.MEMBER, Viewer.ADMIN}
    lines = [
        section(_row(line), **({"accessory": _look(line, "Details")} if inside else {})) for line in page.open
    ]
    more = _more(len(page.open), page.open_total, "`/release status` lists all.")
    return [DIVIDER, header(f"Under way ({page.open_total})"), *lines, *more]


def _more(listed: int, total: int, where: str) -> list[Block]:
    return [context(f"… and {total - listed} more. {where}")] if total > listed else []


def _row(line: OpenLine) -> str:
    """A release in a list: what, how far, who and where."""
    yank = line.kind is ReleaseKind.YANK
    sign, word = (YANK_STATES if yank else STATES)[line.state]
    what = f"{'Yank of ' if yank else ''}*{tidy(line.project, 60)} {tidy(line.version, 40)}*"
    way = "from" if yank else "to"
    far = f"{sign} {word} since {date(line.since)}"
    if line.state is ReleaseState.AWAITING_APPROVAL:
        ends = f" · expires {date(line.expires_at)}" if line.expires_at else ""
        far = f"{sign} *{line.have} of {count(line.need, 'approval')}* · asked {date(line.since)}{ends}"
    where = f" in <#{escape(line.channel)}>" if line.channel else ""
    return f"{what} {way} *{tidy(line.index, 40)}*\n{far}\nasked for by {mention(line.asked_by)}{where}"


def _look(line: OpenLine, text: str, **more: Any) -> dict[str, Any]:
    name = f"{one_line(line.project, 40)} {one_line(line.version, 20)}"
    # Slack reads this to those who don't see which line the button stands beside.
    label = {"accessibility_label": f"{text}: {name}"[:75]}
    return button(text, LOOK, line.release_id, **label, **more)


def _projects(page: HomePage) -> list[Block]:
    if not page.projects:
        return []
    lines = [section(_project(one), accessory=_release(one)) for one in page.projects]
    where = [context(f"Page {page.page} of {page.pages}, by name")] if page.pages > 1 else []
    return [DIVIDER, header(f"Projects ({page.projects_total:,})"), *where, *lines, *_turning(page)]


def _project(one: HomeProject) -> str:
    state = f"publisher {SIGNS[one.state]}" if one.state else ":heavy_minus_sign: no publisher"
    fares = f" · {health.FARES[one.fares]}" if one.fares else ""
    last = "not released by me yet"
    if one.published:
        at = f", {date(one.published_at)}" if one.published_at else ""
        last = f"last release *{tidy(one.published, 40)}*{at}"
    return f"*{tidy(one.project, 60)}* on *{tidy(one.index, 40)}* · {last}\n{state}{fares} · {code(one.slug)}"


def _release(one: HomeProject) -> dict[str, Any]:
    value = json.dumps({"project": one_line(one.project, 200), "index": one_line(one.index, 64)})
    label = {"accessibility_label": f"Release {one_line(one.project, 60)}…"}
    return button("Release…", OPEN_RELEASE, value, **label)


def _turning(page: HomePage) -> list[Block]:
    if page.pages < 2:
        return []
    before = [
        button("« First", FIRST, "1"),
        button("‹ Back", BACK, str(page.page - 1), accessibility_label="Back: the page before"),
    ]
    after = [
        button("Next ›", ON, str(page.page + 1), accessibility_label="Next page of projects"),
        button("Last »", LAST, str(page.pages)),
    ]
    turns = [*(before if page.page > 1 else []), *(after if page.page < page.pages else [])]
    return [actions(*turns)]


_AGES: Mapping[Aging, str] = MappingProxyType(
    {
        Aging.REFUSED: ":x: *the index refused it:* enter a new one",
        Aging.ENDED: ":x: *it has expired:* enter a new one",
        Aging.ENDS: ":alarm_clock: *it expires soon:* enter a new one before then",
        Aging.OLD: ":hourglass: *it is more than half a year old:* replace it, or set up a trusted publisher, which needs none",
    }
)


def _credentials(page: HomePage) -> list[Block]:
    if not page.credentials:
        return []
    lines = [section(_aging(one), accessory=credentials.revoke(one.line)) for one in page.credentials]
    more = _more(len(page.credentials), page.credentials_total, "The button Credentials lists all.")
    return [DIVIDER, header(f"Credentials that need attention ({page.credentials_total})"), *lines, *more]


def _aging(one: AgingLine) -> str:
    return f"{credentials.row(one.line, refused=False)}\n{_AGES[one.why]}"


def _settings(page: HomePage) -> list[Block]:
    """What those who may set the policy see below all."""
    if page.settings is None:
        return []
    buttons = actions(button("Release policy…", CHANGE_POLICY, WHOLE_TEAM), button("Audit trail", AUDIT))
    small = context(
        "Only those who may set the release policy see this part. `/shipbell policy PROJECT` opens a project's."
    )
    lines = [section(_policy(page.settings.policy)), *policies.freezes(page.settings.freezes)]
    return [DIVIDER, header("Settings"), *_lacks(page.settings), *lines, buttons, small]


def _lacks(settings: HomeSettings) -> Sequence[Block]:
    """Return what the workspace has not granted, and how it is granted."""
    if not settings.lacks:
        return []
    return installing.lacking(ScopesMissing(settings.lacks, settings.install_url))


def _policy(policy: Policy) -> str:
    who = called(policy.approvers) if policy.approvers else "any full member"
    if policy.one_of_each:
        who = f"one of each of {called(policy.one_of_each)}"
    need = count(policy.seats, "approval") if policy.seats else "no approval"
    own = "may approve too" if policy.requester_counts else "can't approve"
    return f"*A release needs:* {need} by {who}. Whoever asked {own}. A project can have a policy of its own."


def _foot(page: HomePage) -> Block:
    if page.status_url:
        return actions(link_button("Open the status page", page.status_url, STATUS))
    return context("`/shipbell help`, `/publisher help` and `/release help` list everything that I can do.")


def loading(external_id: str) -> View:
    """Return the dialog that opens at once, since Slack's `trigger_id` lives for three seconds."""
    return modal(
        "Release", [section(":hourglass_flowing_sand: Loading …")], "loading", external_id=external_id
    )


def counting(external_id: str) -> View:
    """Return what the dialog shows from a click until it has been counted."""
    words = ":hourglass_flowing_sand: Taken. In a moment this shows how the release stands now."
    return modal("Release", [section(words)], "loading", external_id=external_id)


def release(notice: ReleaseDialog) -> View:
    """Return the dialog with one release, and the buttons that decide about it."""
    carried = json.dumps({"dialog": notice.view_id})
    more = {"external_id": notice.view_id, "private_metadata": carried}
    if notice.shown is None:
        why = ":warning: I can't show this release: it is not one of this workspace, or you are not a full member of it."
        return modal("Release", [section(why)], "release.dialog", **more)
    blocks = either(notice.shown).blocks
    return modal(one_line(notice.shown.target.project, 24), blocks, "release.dialog", **more)
