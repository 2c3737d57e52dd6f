"""What the bot says of releases: each finding, step, answer, refusal and reason in words; which buttons each state has."""

import json
from dataclasses import replace
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from bot.core.approvals import Denied
from bot.core.findings import Check, Finding, Found, Level, Report
from bot.core.lifecycle import ACTING
from bot.core.progress import Progress
from bot.core.release_notices import Heard, NotCounted, ReleaseAnswer, ReleaseShown, ReleaseStep, Step
from bot.slack.blocks import findings, releases
from bot.slack.blocks.pieces import fence, moment
from bot.slack.blocks.release_reasons import STATES, About, explain
from storage.records import ReleaseReason, ReleaseState
from tests.unit.release_examples import ASKED, BLOCKED, REPORT, ROOTS, standing
from tests.unit.wording import AT, HOSTILE, ID, URL, WANTED, marked_up, problems, rendered, wild

VALUES = {
    "version": "1.4.0", "files": "2", "at": str(int(AT.timestamp())), "status": "archived", "latest": "2.0",
    "detail": "it answered 502", "tag": "v1.4.0", "sha": "1f0c9d2ab34e", "kind": "annotated", "branch": "main",
    "wanted": "2.0.0", "name": "gadgets", "passed": "5", "failed": "lint, test", "pending": "docs",
    "workflow": "release.yml", "environment": "pypi", "environments": "none", "event": "push", "url": f"{URL}/run/7",
    "conclusion": "failure", "triggers": "push, pull_request", "reason": "Docs first.", "until": AT.isoformat(),
    "by": "U2", "why": "A hole in it.", "commits": "12", "people": "2", "since": "v1.3.0", "state": "verifying",
    "project": "acme-widgets", "index": "testpypi", "count": "2", "seats": "2", "have": "1", "need": "2",
    "expires": str(int(AT.timestamp())), "freeze": "Holidays", "from": "1f0c9d2ab34e", "to": "9abcdef01234",
    "attempt": "2", "reviewers": "carol, dave", "job": "publish", "step": "Upload", "log": "one\ntwo `three`\n<four>",
    "compared": "2", "repository": "acme/widgets", "commit": "1f0c9d2ab34e", "not_verified": "", "indexes": "a, b",
    "told": "3", "untold": "1", "trouble": "", "cut": "",
}  # fmt: skip
BLOCKED_ROOT = ROOTS["release blocked"]
ABOUT = About("acme-widgets", "1.4.0", "company", "release.yml")


@pytest.fixture
def snapshot_json(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Keep snapshots as JSON."""
    return snapshot.use_extension(JSONSnapshotExtension)


def step(name: Step, values: dict[str, str], people: tuple[str, ...] = ()) -> ReleaseStep:
    """Return a line of the timeline."""
    return ReleaseStep(WANTED, URL, "1.4.0", name, values, people)


def said(notice: Any) -> str:
    """Return all mrkdwn of a notice, a line for each block."""
    return "\n".join(str(block["text"]["text"]) for block in rendered(notice)["blocks"] if "text" in block)


def test_every_finding_in_words(snapshot_json: SnapshotAssertion) -> None:
    """Each finding is a whole sentence, and one that stands in the way names what to do."""
    assert {str(found): findings.words(found, VALUES) for found in Found} == snapshot_json


def test_every_step_in_words(snapshot_json: SnapshotAssertion) -> None:
    """Each line of the timeline has a sign, names the release, and says what came to pass."""
    assert {str(name): said(step(name, VALUES, ("U3", "S1"))) for name in Step} == snapshot_json


def test_every_answer_in_words(snapshot_json: SnapshotAssertion) -> None:
    """Each answer to a click or command names the release and what became of it."""
    told = {str(heard): said(ReleaseAnswer("acme-widgets", "1.4.0", heard, VALUES)) for heard in Heard}
    assert told == snapshot_json


def test_every_refusal_in_words(snapshot_json: SnapshotAssertion) -> None:
    """Whoever may not decide hears why, and who may."""
    assert {str(why): said(NotCounted("acme-widgets", "1.4.0", why)) for why in Denied} == snapshot_json


def test_every_reason_in_words(snapshot_json: SnapshotAssertion) -> None:
    """Each reason has a cause and, where a person can do something, a remedy."""
    told = {str(reason): explain(reason, ABOUT, "a detail") for reason in ReleaseReason}
    assert {name: list(words) for name, words in told.items()} == snapshot_json


@pytest.mark.parametrize("state", ReleaseState)
def test_every_state_and_reason_fits(state: ReleaseState) -> None:
    """Whatever the state and reason, Slack takes the message, and the release is named in text, header and buttons."""
    for reason in ReleaseReason:
        shown = rendered(standing(state, reason, detail=HOSTILE))
        assert problems(shown) == [], reason
        assert "acme-widgets 1.4.0" in shown["text"], reason
        assert STATES[state][0] in shown["blocks"][0]["text"]["text"], reason
        assert STATES[state][1] in shown["blocks"][0]["text"]["text"], reason
        assert all("acme-widgets 1.4.0" in element["text"]["text"] for element in buttons(shown)), reason


def test_what_is_not_known_of_a_step_is_left_out() -> None:
    """A line whose values are missing, or hostile, is still told, and calls nobody."""
    for name in Step:
        for values in ({}, dict.fromkeys(VALUES, HOSTILE)):
            shown = rendered(step(name, values, (HOSTILE,) * 40))
            assert problems(shown) == []
            assert "<!channel>" not in "".join(marked_up(shown))
            assert "<@U1>" not in "".join(marked_up(shown))


def test_what_is_not_known_of_a_finding_is_left_out() -> None:
    """A report of every finding at every level, with hostile values, is told inside Slack's limits."""
    every = tuple(
        Finding(Check.OTHER, level, found, values)
        for level in Level
        for found in Found
        for values in ({}, dict.fromkeys(VALUES, HOSTILE))
    )
    shown = rendered(replace(ASKED, report=replace(REPORT, findings=every)))
    assert problems(shown) == []
    assert "<!channel>" not in "".join(marked_up(shown))


def test_people_are_called_in_the_thread_alone() -> None:
    """Who is to approve is called by the line that asks, and nowhere in the message that is edited again and again."""
    assert "<!subteam^S1> <@U3>" in said(step(Step.SHOWN, {"seats": "1"}, ("S1", "U3")))


def test_an_approval_that_is_void_is_not_called_taken_back() -> None:
    """It is said whether somebody wanted so, has left, or may not approve any more."""
    count = {"by": "U2", "have": "0", "need": "2"}
    told = [
        said(step(Step.WITHDRAWN, {**count, "why": why} if why else count)) for why in ("", "left", "denied")
    ]
    assert [one for one in told if "took the approval back (0 of 2)" in one] == told[:1]
    assert "the account of <@U2> is deactivated (0 of 2)" in told[1]
    assert "<@U2> may not approve this any more (0 of 2)" in told[2]
    root = "".join(marked_up(rendered(ASKED)))
    assert "subteam" not in root
    assert "<@U3>" not in root


def test_what_stands_in_the_way_comes_first() -> None:
    """Findings are told by weight, each with a sign and a word, and what is fine in one line at the end."""
    lines = findings.lines(BLOCKED)
    signs = [line.split(":")[1] for line in lines]
    assert signs == ["no_entry", "no_entry", "warning", "grey_question", "white_check_mark"]
    assert findings.lines(Report()) == []


def buttons(shown: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every button of a message."""
    return [one for block in shown["blocks"] if block["type"] == "actions" for one in block["elements"]]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("release looking", [releases.CANCEL]),
        ("release asked", [releases.APPROVE, releases.REJECT, releases.CANCEL, releases.BREAK_GLASS]),
        (
            "release asked anew, one approved",
            [releases.APPROVE, releases.REJECT, releases.WITHDRAW, releases.CANCEL, releases.BREAK_GLASS],
        ),
        ("release scheduled", [releases.CANCEL, releases.REJECT, releases.WITHDRAW]),
        ("release starting", []),
        ("release failed", [releases.RETRY, releases.CANCEL]),
        ("release blocked", [releases.RETRY, releases.CANCEL]),
        ("release published", []),
        ("release rejected", []),
    ],
)
def test_each_state_has_the_buttons_that_it_can_follow(name: str, wanted: list[str]) -> None:
    """A button is there where pressing it can do something, and carries the release and its round."""
    found = buttons(rendered(ROOTS[name]))
    assert [one["action_id"] for one in found] == wanted
    for one in found:
        carried = json.loads(one["value"])
        assert (carried["release"], carried["round"]) == (ID, ROOTS[name].round)


def test_nothing_can_be_pressed_while_it_acts() -> None:
    """Once something is done outside that can't be taken back, no button promises to."""
    for state in ACTING:
        assert buttons(rendered(standing(state, ReleaseReason.STARTED))) == []


def test_approving_asks_what_exactly() -> None:
    """Before an approval counts, Slack shows the version, the index and the commit."""
    question = buttons(rendered(ASKED))[0]["confirm"]
    assert question["title"]["text"] == "Approve acme-widgets 1.4.0?"
    for part in ("acme-widgets 1.4.0", "company", "1f0c9d2"):
        assert part in question["text"]["text"]


def test_a_retry_is_called_what_it_does() -> None:
    """After something was done it goes on from there; before, it begins with another look."""
    assert buttons(rendered(ROOTS["release failed"]))[0]["text"]["text"] == "Retry acme-widgets 1.4.0"
    assert buttons(rendered(ROOTS["release blocked"]))[0]["text"]["text"].startswith("Look again at")


def test_whatever_is_long_the_buttons_and_findings_stay() -> None:
    """A hostile commit, note or author can't push out what stands in the way, nor the buttons."""
    shown = rendered(
        replace(wild(BLOCKED_ROOT), report=replace(wild(BLOCKED_ROOT.report), findings=BLOCKED.findings))
    )
    assert problems(shown) == []
    assert ":no_entry: *in the way:*" in "".join(marked_up(shown))
    assert [one["action_id"] for one in buttons(shown)] == [releases.RETRY, releases.CANCEL]


def test_long_notes_are_cut_and_said_to_be() -> None:
    """Notes that do not fit are cut, and the message says where the rest is."""
    notes = "\n".join(f"* change number {number} <&>" for number in range(400))
    shown = rendered(replace(ASKED, notes=notes, progress=Progress(release_url=f"{URL}/releases/1")))
    assert problems(shown) == []
    assert f"<{URL}/releases/1|in the release>" in "".join(marked_up(shown))
    assert "*Notes*\n>short" in "".join(marked_up(rendered(replace(ASKED, notes="short"))))


def test_the_end_of_a_log_is_kept() -> None:
    """Of a long log the last lines are shown, as they came, and nothing in it ends the frame."""
    shown = fence("\n".join(f"line {number} ```<&>" for number in range(500)))
    assert shown.endswith("line 499 ˋˋˋ&lt;&amp;&gt;\n```")
    assert len(shown) < 3_000
    assert shown.count("```") == 2


@pytest.mark.parametrize("text", ["", "soon", "9" * 30, "²", "2026-13-40", HOSTILE])
def test_what_is_no_moment_is_shown_as_it_came(text: str) -> None:
    """A time that can't be read does not take the message down with it."""
    assert len(moment(text)) < 250
    assert "<!date" not in moment(text)


def test_moments_are_told_in_the_readers_own_time() -> None:
    """Unix seconds and ISO times are the same moment to a reader."""
    assert moment(str(int(AT.timestamp()))) == moment(AT.isoformat()) != ""
    assert "<!date^" in moment(AT.isoformat())


def test_a_release_without_a_commit_says_so() -> None:
    """Before the first look neither commit nor tag nor start is guessed."""
    shown = rendered(replace(ASKED, state=ReleaseState.REQUESTED, report=Report(), repository_url=""))
    assert "".join(marked_up(shown)).count("_not known yet_") == 3


def test_a_shown_release_is_a_value() -> None:
    """What is shown holds nothing that moves: the same facts give the same message."""
    again = ReleaseShown(**{name: getattr(ASKED, name) for name in ReleaseShown.__slots__})
    assert rendered(again) == rendered(ASKED)
