"""What a yank does next: what stands in its way, when the page is given, when it is done."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.core import commands, intents, yanking
from bot.core.approvals import Policy
from bot.core.commands import Context, parse
from bot.core.findings import Found, Level, Report
from bot.core.lifecycle import follow_release
from bot.core.outcomes import Absent, Present, SimpleFile, SimpleOutcome, TryLater, Unchanged
from bot.core.progress import Progress
from bot.core.release_notices import Step
from bot.core.releases import FAULTS_BORNE, Decision, Situation
from bot.workflow.releases import YANK_STEPS
from storage.records import (
    Approval,
    EvidenceKind,
    Reason,
    ReleaseKind,
    ReleaseReason,
    ReleaseState,
    Verdict,
)
from tests.unit.test_watching import BASE, NOW, RELEASE, present

S, R = ReleaseState, ReleaseReason
HERE = Context(("company", "pypi"), "C1")
PAGE = "https://index.example/manage/project/widgets/release/1.1/"
SILENT = TryLater(Reason.TIMED_OUT, "no answer")
ASKED = replace(RELEASE, kind=ReleaseKind.YANK, notes="It deletes everything.")


def at(state: ReleaseState = S.REQUESTED, report: Report = Report(), **more: Any) -> Situation:  # noqa: B008 - frozen
    """Return a yank of 1.1 that stands there."""
    given: dict[str, Any] = {"progress": Progress(), "now": NOW, "votes": (), "policy": Policy()} | {
        name: more.pop(name) for name in ("progress", "now", "votes", "policy") if name in more
    }
    later = NOW + timedelta(hours=24)
    release = replace(ASKED, state=state, round=1, asked_at=NOW, expires_at=later, **more)
    return Situation(release, report=report, base=BASE, **given)


def there(**yanked: str | None) -> Present:
    """Return the index with one file of each version (`v1_1="why"`), yanked or not."""
    files = tuple(
        SimpleFile(f"{name}.whl", name[1:].replace("_", "."), "", "", yanked=why)
        for name, why in yanked.items()
    )
    return replace(present(), files=files)


def after(seen: Situation, decision: Decision) -> ReleaseState:
    """Return where a decision leads."""
    return follow_release(seen.release.state, decision.event)


@pytest.mark.parametrize(
    ("simple", "found", "level"),
    [
        (Absent(), Found.YANK_MISSING, Level.BLOCKING),
        (there(v1_0=None), Found.YANK_MISSING, Level.BLOCKING),
        (there(v1_0=None, v1_1=""), Found.YANK_DONE, Level.BLOCKING),
        (there(v1_0=None, v1_1=None), Found.YANK_LEAVES, Level.FINE),
        (there(v1_0="", v1_1=None), Found.YANK_LAST, Level.WARNING),
        (there(v1_1=None), Found.YANK_LAST, Level.WARNING),
    ],
)
def test_what_a_look_finds(simple: SimpleOutcome, found: Found, level: Level) -> None:
    """A version that is not there, or is yanked as a whole, stands in the way; else what is left is told."""
    seen = at()
    decision = yanking.after_look(seen, simple)
    last = decision.values["report"].findings[-1]
    assert (last.found, last.level) == (found, level)
    assert after(seen, decision) is (S.FAILED if level is Level.BLOCKING else S.AWAITING_APPROVAL)
    assert (decision.values["commit"], decision.values["tag"]) == ("", "")


def test_a_version_of_which_some_is_yanked_can_be() -> None:
    """As long as one file is not yanked there is something to do, also in another spelling of the version."""
    files = (SimpleFile("a.whl", "1.1", "", "", yanked=""), SimpleFile("b.tar.gz", "1.1.0", "", ""))
    decision = yanking.after_look(at(), replace(present(), files=files))
    assert dict(decision.values["report"].findings[0].values) == {
        "version": "1.1",
        "files": "2",
        "yanked": "1",
    }


def test_the_digest_binds_the_reason() -> None:
    """What is approved is the yank of this version for this reason: with another it is something else."""
    digests = {
        yanking.after_look(at(notes=notes, kind=kind), there(v1_1=None)).values["digest"]
        for notes in ("one", "other")
        for kind in ReleaseKind
    }
    assert len(digests) == 4


def test_nobody_is_asked_while_the_index_does_not_answer() -> None:
    """An index that is out of order delays it, and in the end it is given up."""
    seen = at()
    assert after(seen, yanking.after_look(seen, SILENT)) is S.REQUESTED
    tired = at(faults=FAULTS_BORNE)
    decision = yanking.after_look(tired, SILENT)
    assert (after(tired, decision), decision.values["reason"]) == (S.FAILED, R.OUT_OF_ORDER)


def test_approvals_are_void_where_it_has_changed() -> None:
    """What is gone from the index, or yanked while people are asked, is looked at and told anew."""
    report = yanking.after_look(at(), there(v1_1=None)).values["report"]
    vote = Approval(ASKED.id, 1, "U2", Verdict.APPROVED, "", NOW, None)
    seen = at(S.AWAITING_APPROVAL, report, votes=(vote,))
    changed: tuple[SimpleOutcome, ...] = (there(v1_0=None), there(v1_1=""))
    for simple in changed:
        decision = yanking.waiting(seen, simple)
        assert (after(seen, decision), decision.withdrawn) == (S.VOIDED, ("U2",))
    same: tuple[SimpleOutcome, ...] = (there(v1_1=None), SILENT)
    for simple in same:
        assert after(seen, yanking.waiting(seen, simple)) is S.AWAITING_APPROVAL
    late = replace(seen, now=NOW + timedelta(hours=24))
    assert after(late, yanking.waiting(late, there(v1_1=""))) is S.EXPIRED


def test_the_page_is_given_once_it_is_approved() -> None:
    """Approved, the page and the reason are told; what people were faster with is not held against it."""
    report = yanking.after_look(at(), there(v1_1=None)).values["report"]
    seen = at(S.APPROVED, report)
    for simple in (there(v1_1=None), there(v1_1="")):
        decision = yanking.hand(seen, simple, PAGE)
        assert after(seen, decision) is S.VERIFYING
        (line,) = decision.lines
        assert (line.step, line.values) == (Step.YANK_PAGE, {"url": PAGE, "reason": ASKED.notes})
    assert after(seen, yanking.hand(seen, there(v1_0=None), PAGE)) is S.VOIDED
    assert after(seen, yanking.hand(seen, SILENT, PAGE)) is S.APPROVED


def test_it_is_done_when_every_file_is_yanked() -> None:
    """Not one file but all of them: then it ends, with the index's page as evidence."""
    seen = at(S.VERIFYING)
    half = SimpleFile("b.tar.gz", "1.1", "", "")
    index = there(v1_1="")
    part = yanking.after_page(seen, replace(index, files=(*index.files, half)))
    assert after(seen, part) is S.VERIFYING
    assert part.progress is not None
    assert part.progress.etag == "new"
    decision = yanking.after_page(seen, index)
    assert (after(seen, decision), decision.values["next_at"]) == (S.YANKED, None)
    assert [line.step for line in decision.lines] == [Step.YANKED]
    assert [fact.kind for fact in decision.evidence] == [EvidenceKind.YANKED]


@pytest.mark.parametrize("simple", [there(v1_1=None), there(v1_0=None), Absent(), Unchanged()])
def test_what_nobody_does_is_not_done(simple: SimpleOutcome) -> None:
    """For so long it is looked for; then it has failed as not done. An index that is silent is waited for."""
    early = at(S.VERIFYING, now=NOW + BASE * yanking.WAITS)
    assert after(early, yanking.after_page(early, simple)) is S.VERIFYING
    late = at(S.VERIFYING, now=NOW + BASE * yanking.WAITS + timedelta(seconds=1))
    decision = yanking.after_page(late, simple)
    assert (after(late, decision), decision.values["reason"]) == (S.FAILED, R.NOT_YANKED)
    assert after(late, yanking.after_page(late, SILENT)) is S.VERIFYING


def test_the_gaps_between_looks_stay_small() -> None:
    """However long people take, a yank is seen within minutes of being done."""
    decision = yanking.after_page(at(S.VERIFYING, progress=Progress(looks=500)), Unchanged())
    assert decision.values["next_at"] - NOW < timedelta(minutes=7)


def test_a_yank_has_no_step_that_does_anything() -> None:
    """There is no step of a yank in a state in which a release tags, starts or runs something."""
    assert not {S.TAGGING, S.BUILDING, S.PUBLISHING} & set(YANK_STEPS)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('yank Acme_Widgets v1.4.0 reason="It is &lt;bad&gt;"', intents.AskYank("acme-widgets", "v1.4.0", "It is <bad>")),
        ("yank a 1 reason=x index=pypi", intents.AskYank("a", "1", "x", "pypi")),
        ("yank a 1 raeson=x", commands.Misspelt("/release", "raeson", "reason=")),
        ("yank a 1 2 reason=x", commands.Misspelt("/release", "2", "")),
    ],
)  # fmt: skip
def test_what_is_typed_is_what_is_meant(text: str, meant: commands.Parsed) -> None:
    """Each spelling means one yank, and a typo gets "did you mean"."""
    assert parse("/release", text, HERE) == meant


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("yank", {"project", "reason"}),
        ("yank a", {"version", "reason"}),
        ("yank a 1", {"reason"}),
        (f"yank a 1 reason={'x' * 301}", {"reason"}),
        ("yank a 1..2 reason=x index=nowhere", {"version", "index"}),
    ],
)
def test_all_problems_come_at_once(text: str, fields: set[str]) -> None:
    """What is wanting is told together."""
    found = parse("/release", text, HERE)
    assert isinstance(found, commands.Wrong)
    assert {problem.field for problem in found.problems} == fields
