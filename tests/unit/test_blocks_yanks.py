"""What the bot says of yanks: never in the words of a release."""

import json
from dataclasses import replace
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from bot.core.approvals import Denied
from bot.core.findings import Report
from bot.core.release_notices import Heard, NotCounted, ReleaseAnswer, ReleaseStep, Step
from bot.slack.blocks import release_dialogs, releases
from storage.records import ReleaseKind, ReleaseReason, ReleaseState
from tests.unit.release_examples import PAGE, YANK, YANKS
from tests.unit.test_blocks_releases import VALUES, buttons, said
from tests.unit.wording import HOSTILE, ID, URL, WANTED, marked_up, problems, rendered

NEVER = {
    Step.TAG_MADE,
    Step.TAG_USED,
    Step.RELEASE_MADE,
    Step.DISPATCHED,
    Step.REHEARSAL,
    Step.REHEARSED,
    Step.PUBLISHED,
}
NEVER |= {step for step in Step if step.name.startswith(("RUN_", "JOB_", "DEPLOY"))}
NEVER |= {Step.ACCEPTED, Step.INSTALLABLE, Step.DOWNLOADABLE, Step.ATTESTED, Step.SCHEDULED, Step.OVERRIDDEN}
STEPS = [step for step in Step if step not in NEVER and "THANK" not in step.name]
RUNS = {ReleaseState.TAGGING, ReleaseState.BUILDING, ReleaseState.PUBLISHING, ReleaseState.PUBLISHED}
STATES = [state for state in ReleaseState if state not in RUNS]


@pytest.fixture
def snapshot_json(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Keep snapshots as JSON."""
    return snapshot.use_extension(JSONSnapshotExtension)


def step(name: Step, values: dict[str, str]) -> ReleaseStep:
    """Return a line of a yank's timeline."""
    return ReleaseStep(WANTED, URL, "1.4.0", name, values, kind=ReleaseKind.YANK)


def is_of_a_release(text: str) -> bool:
    """Whether the words are a release's."""
    return any(
        word in text.lower()
        for word in ("release of", "published", "this release", "the release", "released")
    )


def test_every_step_of_a_yank_in_words(snapshot_json: SnapshotAssertion) -> None:
    """Each line names the yank, and none speaks of a release."""
    values = VALUES | {"reason": "It deletes everything.", "url": PAGE, "finding": "yank_missing", "tag": ""}
    told = {str(name): said(step(name, values)) for name in STEPS}
    assert told == snapshot_json
    for text in told.values():
        assert "*Yank of acme-widgets 1.4.0*" in text
        assert not is_of_a_release(text), text


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("detail", ["", HOSTILE])
def test_every_state_of_a_yank_fits(state: ReleaseState, detail: str) -> None:
    """Whatever state and reason, Slack takes the message, which names the yank and speaks of no release."""
    for reason in ReleaseReason:
        shown = rendered(replace(YANK, state=state, reason=reason, detail=detail, report=Report()))
        assert problems(shown) == []
        assert shown["text"].startswith("Yank of acme-widgets 1.4.0 from company: ")
        assert not is_of_a_release(shown["text"])
        assert "<!channel>" not in "".join(marked_up(shown))


@pytest.mark.parametrize("name", YANKS)
def test_no_example_speaks_of_a_release(name: str) -> None:
    """Neither text, nor blocks, nor questions before a click use the words of a release."""
    shown = (
        json.dumps(rendered(YANKS[name]))
        .replace('"release', "")
        .replace("release.", "")
        .replace("/release", "")
    )
    assert not is_of_a_release(shown), shown


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("yank looking", [releases.CANCEL]),
        ("yank asked", [releases.APPROVE, releases.REJECT, releases.CANCEL, releases.BREAK_GLASS]),
        (
            "yank asked, one approved",
            [releases.APPROVE, releases.REJECT, releases.WITHDRAW, releases.CANCEL, releases.BREAK_GLASS],
        ),
        ("yank blocked", [releases.RETRY, releases.CANCEL]),
        ("yank to be done", []),
        ("yank not done", [releases.RETRY, releases.CANCEL]),
        ("yank done", []),
        ("yank rejected", []),
    ],
)
def test_each_state_has_the_buttons_that_it_can_follow(name: str, wanted: list[str]) -> None:
    """A button is there where pressing it can do something, and carries the yank and its round."""
    found = buttons(rendered(YANKS[name]))
    assert [one["action_id"] for one in found] == wanted
    for one in found:
        carried = json.loads(one["value"])
        assert (carried["release"], carried["round"]) == (ID, 1)
        assert "acme-widgets 1.4.0" in one["text"]["text"]


def test_the_page_and_the_reason_are_given() -> None:
    """Whoever yanks it gets the index's page, and the reason to copy, escaped."""
    for notice in (YANKS["yank to be done"], step(Step.YANK_PAGE, {"url": PAGE, "reason": YANK.notes})):
        text = "".join(marked_up(rendered(notice)))
        assert f"<{PAGE}|open the page>" in text
        assert ">It deletes &lt;everything&gt; &amp; more." in text


def test_answers_name_the_yank(snapshot_json: SnapshotAssertion) -> None:
    """Each answer and refusal says that it is about a yank."""
    heard = {
        str(one): said(ReleaseAnswer("acme-widgets", "1.4.0", one, VALUES, ReleaseKind.YANK)) for one in Heard
    }
    denied = {
        str(one): said(NotCounted("acme-widgets", "1.4.0", one, kind=ReleaseKind.YANK)) for one in Denied
    }
    assert {"heard": heard, "denied": denied} == snapshot_json
    for one in Heard:
        named = rendered(ReleaseAnswer("acme-widgets", "1.4.0", one, VALUES, ReleaseKind.YANK))["text"]
        assert named.startswith("Yank of acme-widgets 1.4.0: ")


@pytest.mark.parametrize("make", [release_dialogs.reject, release_dialogs.break_glass])
def test_dialogs_name_the_yank(make: Any) -> None:
    """The dialogs that ask for a reason speak of the yank."""
    known = {"release": ID, "round": "1", "project": "acme-widgets", "version": "1.4.0", "kind": "yank"}
    view = make(known, "C1")
    assert problems(dict(view)) == []
    assert "yank" in json.dumps([view["title"], view["blocks"]])
    assert not is_of_a_release(json.dumps([view["title"], view["blocks"]]))
