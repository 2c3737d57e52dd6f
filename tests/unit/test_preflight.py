"""The look before a release, judged."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.binding import changed, digest
from bot.core.findings import Check, Finding, Found, Level
from bot.core.forge import ChecksFacts, Compared, HeadFacts, Nothing, TagFacts, Unsure
from bot.core.outcomes import Absent, TryLater, Unchanged
from bot.core.preflight import Books, judge, located, uncertain, undecided
from bot.core.starting import Way
from bot.core.versions import read
from storage.records import Freeze, PublisherState, Reason, StartBy
from tests.unit.preflight_examples import (
    COMMIT,
    FACTS,
    LATER,
    NOW,
    OTHER_SHA,
    PUBLISHER,
    RELEASE,
    SHA,
    TAG,
    TARGET,
    chosen,
    file,
    found,
    present,
    run,
    seen,
)

B, W, F, U = Level.BLOCKING, Level.WARNING, Level.FINE, Level.UNKNOWN
SILENT = Unsure("it is silent")
FREEZE = Freeze(UUID(int=3), UUID(int=1), "", NOW - timedelta(hours=1), LATER, "Holidays", "U2")
BOOKS = FACTS.books
HOSTILE = st.one_of(
    st.text(st.characters(), max_size=30),
    st.sampled_from(
        ["", "1" * 5_000, "../../x", "<!channel>", "\u202e", "\ud800", "1.4.0\n", "[" * 2_000, "v1.4.0"]
    ),
)


def wanted(typed: str) -> Any:
    """Return a version as asked for."""
    return read(typed, "acme-widgets")


CASES: list[tuple[Check, dict[str, Any], Level, Found, dict[str, str]]] = [
    (Check.VERSION, {}, F, Found.VERSION_FINE, {"version": "1.4.0"}),
    (Check.VERSION, {"wanted": wanted("latest")}, B, Found.VERSION_INVALID, {"version": "latest"}),
    (Check.VERSION, {"wanted": wanted("v1.4.0-final")}, B, Found.VERSION_INVALID, {"version": "v1.4.0-final"}),
    (Check.VERSION, {"wanted": wanted("1.4.0+cpu")}, B, Found.VERSION_LOCAL, {"version": "1.4.0+cpu"}),
    (Check.INDEX, {}, F, Found.INDEX_FREE, {}),
    (Check.INDEX, {"simple": Absent()}, F, Found.INDEX_NEW, {}),
    (Check.INDEX, {"simple": present()}, F, Found.INDEX_FREE, {}),
    (Check.INDEX, {"simple": None}, U, Found.INDEX_UNKNOWN, {"detail": ""}),
    (Check.INDEX, {"simple": Unchanged()}, U, Found.INDEX_UNKNOWN, {"detail": ""}),
    (Check.INDEX, {"simple": TryLater(Reason.TIMED_OUT, "late")}, U, Found.INDEX_UNKNOWN, {"detail": "late"}),
    (Check.INDEX, {"simple": present(file("1.4.0"), file("1.4.0"))}, B, Found.INDEX_TAKEN, {"version": "1.4.0", "files": "2"}),
    (Check.INDEX, {"simple": present(file("1.4"))}, B, Found.INDEX_TAKEN, {"version": "1.4", "files": "1"}),
    (Check.INDEX, {"simple": present(file("v1.4.0"))}, B, Found.INDEX_TAKEN, {"version": "v1.4.0", "files": "1"}),
    (Check.INDEX, {"simple": present(file("1.4.0.post1"), file("1.4.0rc1"), file("1!1.4.0"), file("1.4.0+x"))}, W, Found.INDEX_OLDER, {"latest": "1!1.4.0"}),
    (Check.INDEX, {"simple": present(file("1.4", yanked=""))}, B, Found.INDEX_YANKED, {"version": "1.4"}),
    (Check.INDEX, {"simple": present(file("1.4", yanked="x"), file("1.4"))}, B, Found.INDEX_TAKEN, {"version": "1.4", "files": "2"}),
    (Check.INDEX, {"simple": present(file("1.4")), "run_id": 7}, W, Found.INDEX_TAKEN, {"version": "1.4", "files": "1"}),
    (Check.INDEX, {"simple": present(file("1.4", yanked="")), "run_id": 7}, B, Found.INDEX_YANKED, {"version": "1.4"}),
    (Check.INDEX, {"simple": present(status="archived")}, B, Found.INDEX_CLOSED, {"status": "archived"}),
    (Check.INDEX, {"simple": present(status="quarantined")}, B, Found.INDEX_CLOSED, {"status": "quarantined"}),
    (Check.INDEX, {"simple": present(status="deprecated")}, F, Found.INDEX_FREE, {}),
    (Check.INDEX, {"simple": present(file("2.0"))}, W, Found.INDEX_OLDER, {"latest": "2.0"}),
    (Check.INDEX, {"simple": present(file("2.0rc1"), file("1.3"), file("2.1", yanked=""), file(""))}, F, Found.INDEX_FREE, {}),
    (Check.INDEX, {"books": replace(BOOKS, published=RELEASE)}, B, Found.INDEX_PUBLISHED_BEFORE, {"at": NOW.isoformat()}),
    (Check.INDEX, {"books": replace(BOOKS, published=RELEASE), "simple": Absent()}, B, Found.INDEX_PUBLISHED_BEFORE, {"at": NOW.isoformat()}),
    (Check.TAG, {}, F, Found.TAG_THERE, {"tag": "v1.4.0", "sha": SHA, "kind": "annotated"}),
    (Check.TAG, {"tag": replace(TAG, annotated=False)}, F, Found.TAG_THERE, {"tag": "v1.4.0", "sha": SHA, "kind": "lightweight"}),
    (Check.TAG, {"tag": Nothing()}, F, Found.TAG_TO_MAKE, {"tag": "v1.4.0", "sha": SHA, "branch": "main"}),
    (Check.TAG, {"tag": Nothing(), "head": Nothing()}, B, Found.TAG_NO_COMMIT, {"tag": "v1.4.0"}),
    (Check.TAG, {"tag": replace(TAG, commit="")}, B, Found.TAG_NO_COMMIT, {"tag": "v1.4.0"}),
    (Check.TAG, {"tag": Nothing(), "shown": OTHER_SHA, "commit": Nothing()}, B, Found.TAG_NO_COMMIT, {"tag": "v1.4.0"}),
    (Check.TAG, {"tag": SILENT}, U, Found.TAG_UNKNOWN, {"detail": "it is silent"}),
    (Check.TAG, {"tag": Nothing(), "head": SILENT}, U, Found.TAG_UNKNOWN, {"detail": "it is silent"}),
    (Check.TAG, {"tag": Unsure("")}, U, Found.TAG_UNKNOWN, {"detail": "the forge gave no answer"}),
    (Check.METADATA, {}, F, Found.METADATA_EQUAL, {"version": "1.4.0"}),
    (Check.METADATA, {"pyproject": '[project]\nversion = "1.4"'}, F, Found.METADATA_EQUAL, {"version": "1.4"}),
    (Check.METADATA, {"pyproject": '[project]\nversion = "1.3"'}, B, Found.METADATA_DIFFERS, {"version": "1.3", "wanted": "1.4.0"}),
    (Check.METADATA, {"pyproject": '[project]\nname = "x"'}, B, Found.METADATA_OTHER_NAME, {"name": "x", "wanted": "acme-widgets"}),
    (Check.METADATA, {"pyproject": '[project]\ndynamic = ["version"]'}, F, Found.METADATA_DYNAMIC, {}),
    (Check.METADATA, {"pyproject": ""}, U, Found.METADATA_NONE, {}),
    (Check.METADATA, {"pyproject": Nothing()}, U, Found.METADATA_NONE, {}),
    (Check.METADATA, {"pyproject": None}, U, Found.METADATA_UNKNOWN, {"detail": ""}),
    (Check.METADATA, {"pyproject": SILENT}, U, Found.METADATA_UNKNOWN, {"detail": "it is silent"}),
    (Check.METADATA, {"pyproject": "["}, U, Found.METADATA_UNKNOWN, {"detail": "pyproject.toml can't be read"}),
    (Check.CI, {}, F, Found.CI_GREEN, {"passed": "1"}),
    (Check.CI, {"checks": ChecksFacts((), tuple("abcdefg"), ())}, B, Found.CI_RED, {"failed": "a, b, c, d, e and 2 more"}),
    (Check.CI, {"checks": ChecksFacts(("a",), ("b",), ("c",))}, B, Found.CI_RED, {"failed": "b"}),
    (Check.CI, {"checks": ChecksFacts(("a",), (), ("c",))}, W, Found.CI_PENDING, {"pending": "c"}),
    (Check.CI, {"checks": ChecksFacts((), (), ())}, W, Found.CI_NONE, {}),
    (Check.CI, {"checks": Nothing()}, U, Found.CI_UNKNOWN, {"detail": ""}),
    (Check.CI, {"checks": SILENT}, U, Found.CI_UNKNOWN, {"detail": "it is silent"}),
    (Check.CI, {"checks": ChecksFacts(("a",), ("publish",), (), (("publish", 7),))}, F, Found.CI_GREEN, {"passed": "1"}),
    (Check.CI, {"checks": ChecksFacts((), (), ("publish",), (("publish", 7),))}, W, Found.CI_NONE, {}),
    (Check.CI, {"checks": ChecksFacts((), ("build",), (), (("build", 7), ("build", 5)))}, B, Found.CI_RED, {"failed": "build"}),
    (Check.CI, {"checks": ChecksFacts((), ("build",), (), (("build", 0), ("build", 7)))}, B, Found.CI_RED, {"failed": "build"}),
    (Check.CI, {"checks": ChecksFacts(("a",), ("publish",), (), (("publish", 8),)), "run_id": 8}, F, Found.CI_GREEN, {"passed": "1"}),
    (Check.PUBLISHER, {}, F, Found.PUBLISHER_CONFIRMED, {"workflow": "release.yml", "environment": "pypi"}),
    (Check.PUBLISHER, {"books": Books()}, B, Found.PUBLISHER_NONE, {"project": "acme-widgets", "index": "company"}),
    (Check.FREEZE, {}, F, Found.FREEZE_NONE, {}),
    (Check.FREEZE, {"books": replace(BOOKS, freezes=(FREEZE,))}, B, Found.FREEZE_STANDS, {"reason": "Holidays", "until": LATER.isoformat(), "by": "U2"}),
    (Check.FREEZE, {"books": replace(BOOKS, freezes=(replace(FREEZE, ends_at=None),))}, B, Found.FREEZE_STANDS, {"reason": "Holidays", "until": "", "by": "U2"}),
    (Check.FREEZE, {"books": replace(BOOKS, freezes=(FREEZE,)), "override": "fire", "asked_by": "U1"}, W, Found.FREEZE_OVERRIDDEN, {"reason": "Holidays", "by": "U1", "why": "fire"}),
    (Check.FREEZE, {"books": replace(BOOKS, freezes=(replace(FREEZE, starts_at=LATER),))}, F, Found.FREEZE_NONE, {}),
    (Check.FREEZE, {"books": replace(BOOKS, freezes=(replace(FREEZE, ends_at=NOW),))}, F, Found.FREEZE_NONE, {}),
    (Check.FREEZE, {"override": "fire"}, F, Found.FREEZE_NONE, {}),
    (Check.CHANGES, {}, F, Found.CHANGES_SEEN, {"commits": "2", "people": "1", "since": "v1.3.0"}),
    (Check.CHANGES, {"since": ""}, F, Found.CHANGES_FIRST, {}),
    (Check.CHANGES, {"compared": Compared(0, (), (), "")}, W, Found.CHANGES_NONE, {"since": "v1.3.0"}),
    (Check.CHANGES, {"compared": SILENT}, U, Found.CHANGES_UNKNOWN, {"detail": "it is silent"}),
    (Check.CHANGES, {"compared": Nothing()}, U, Found.CHANGES_UNKNOWN, {"detail": "the tag v1.3.0 is not there"}),
    (Check.OTHER, {}, F, Found.OTHER_NONE, {}),
    (Check.OTHER, {"books": replace(BOOKS, others=(replace(RELEASE, version="1.5.0"),))}, W, Found.OTHER_UNDER_WAY, {"version": "1.5.0", "state": "requested"}),
    # Another spelling of the same version: of the two only one may act.
    (Check.OTHER, {"books": replace(BOOKS, others=(replace(RELEASE, version="1.4"),))}, B, Found.OTHER_UNDER_WAY, {"version": "1.4", "state": "requested"}),
    (Check.WORKFLOW, {"way": None}, U, Found.WORKFLOW_UNKNOWN, {"detail": ""}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("check", "changes", "level", "what", "values"), CASES, ids=[f"{c[3]}-{i}" for i, c in enumerate(CASES)]
)
def test_each_check_finds_what_is_so(
    check: Check, changes: dict[str, Any], level: Level, what: Found, values: dict[str, str]
) -> None:
    """Each check says one thing, with its weight and the names that stand behind it."""
    assert found(check, **changes) == [Finding(check, level, what, values)]


@pytest.mark.parametrize("state", PublisherState)
def test_only_an_open_publisher_will_do(state: PublisherState) -> None:
    """A confirmed publisher is fine, one under way is said, any other is none."""
    [finding] = found(Check.PUBLISHER, books=Books(publisher=replace(PUBLISHER, state=state)))
    level = {"confirmed": F, "pending": W, "requested": W}.get(state, B)
    assert finding.level is level


def test_all_is_fine_where_all_is_fine() -> None:
    """Every check says something, nothing stands in the way, and the report says what would be done."""
    report = judge(FACTS)
    assert {finding.check for finding in report.findings} == set(Check)
    assert {finding.level for finding in report.findings} == {F}
    assert (report.tag, report.commit, report.make_tag, report.start, report.run_id) == (
        "v1.4.0",
        SHA,
        False,
        StartBy.PUSH,
        7,
    )
    assert (report.publishing_jobs, report.changes_total, report.commit_url) == (("publish",), 2, COMMIT.url)
    assert report.blocking == report.unknown == ()


def test_a_tag_that_is_not_there_is_made_where_people_saw_it() -> None:
    """Before people are asked it is the branch's head; afterwards what they were shown, wherever the branch is by now."""
    to_make = replace(FACTS, tag=Nothing(), wanted=read("1.4.0", "acme-widgets"))
    moved = replace(to_make, head=HeadFacts("main", replace(COMMIT, sha=OTHER_SHA)))
    assert located(to_make) == ("v1.4.0", SHA, True)
    assert located(moved) == ("v1.4.0", OTHER_SHA, True)
    assert located(replace(moved, shown=SHA)) == ("v1.4.0", SHA, True)
    assert located(replace(moved, shown=SHA, tag=TagFacts("1.4.0", OTHER_SHA, annotated=True))) == (
        "1.4.0",
        OTHER_SHA,
        False,
    )
    assert located(replace(to_make, head=Nothing())) == ("v1.4.0", "", True)
    assert located(replace(to_make, tag=SILENT)) == ("v1.4.0", "", False)
    last = replace(BOOKS, last=replace(RELEASE, tag="widgets2/1.3.0"))
    assert located(replace(to_make, books=last))[0] == "widgets2/1.4.0"


def test_only_what_was_approved_may_be_done() -> None:
    """A tag that moved or is gone voids approvals, a new blocking finding too; a tag made at that commit does not."""
    to_make = judge(replace(FACTS, tag=Nothing()))
    approved = judge(FACTS)
    moved = judge(replace(FACTS, tag=replace(TAG, commit=OTHER_SHA)))
    assert changed(approved, approved) == ()
    assert changed(to_make, approved) == ()
    assert changed(approved, moved) == ("v1.4.0", SHA, OTHER_SHA)
    assert changed(approved, judge(replace(FACTS, tag=Nothing(), head=Nothing()))) == ("v1.4.0", SHA, "gone")
    assert changed(to_make, replace(approved, tag="1.4.0")) == ("1.4.0", SHA, SHA)
    red = judge(replace(FACTS, checks=ChecksFacts((), ("tests",), ())))
    assert changed(approved, red) == red.blocking
    assert changed(red, red) == ()
    assert changed(red, approved) == ()
    pending = judge(replace(FACTS, checks=ChecksFacts((), (), ("tests",))))
    assert changed(approved, pending) == ()


def test_a_branch_that_goes_on_voids_nothing() -> None:
    """The tag is made at the commit that was shown, so later commits change nothing; that commit gone does."""
    asked = replace(FACTS, tag=Nothing())
    later = replace(asked, shown=SHA, head=HeadFacts("main", replace(COMMIT, sha=OTHER_SHA)))
    assert changed(judge(asked), judge(later)) == ()
    lost = changed(judge(asked), judge(replace(later, commit=Nothing())))
    assert [one.found for one in lost if isinstance(one, Finding)] == [Found.TAG_NO_COMMIT]


def test_nobody_is_asked_without_a_commit_that_is_sure() -> None:
    """The head matters only where the tag is not there; an answer without words is none all the same."""
    assert undecided(FACTS) == ""
    assert undecided(replace(FACTS, head=SILENT)) == ""
    assert undecided(replace(FACTS, tag=SILENT)) == "it is silent"
    assert undecided(replace(FACTS, tag=Nothing(), head=SILENT)) == "it is silent"
    assert undecided(replace(FACTS, tag=Nothing(), head=SILENT, shown=SHA)) == ""
    assert undecided(replace(FACTS, tag=Unsure(""))) != ""


@pytest.mark.parametrize(
    "changes",
    [
        {"simple": TryLater(Reason.TIMED_OUT)}, {"tag": Unsure("")}, {"tag": Nothing(), "head": Unsure("")},
        {"tag": Nothing(), "shown": SHA, "commit": Unsure("")}, {"way": chosen(seen(text=Unsure("")))},
        {"way": chosen(seen(pushed_runs=Unsure("")))}, {"way": chosen(seen(release=SILENT))}, {"way": Way(unsure="x")},
    ],
)  # fmt: skip
def test_the_bot_does_not_act_on_what_it_could_not_see(changes: dict[str, Any]) -> None:
    """What index or forge did not answer, even without a word, is waited for."""
    assert uncertain(FACTS) == ""
    assert uncertain(replace(FACTS, **changes)) != ""


@pytest.mark.parametrize(
    "changes",
    [
        {"tag": replace(TAG, commit=OTHER_SHA)}, {"tag": replace(TAG, name="1.4.0")}, {"tag": replace(TAG, annotated=False)},
        {"tag": Nothing()}, {"checks": ChecksFacts(("a", "b"), (), ())}, {"since": ""}, {"simple": Absent()},
        {"compared": Compared(3, (), (), "")}, {"books": replace(BOOKS, others=(RELEASE,))},
        {"way": chosen(seen())}, {"pyproject": ""},
        {"books": replace(BOOKS, freezes=(FREEZE,)), "override": "x"}, {"books": replace(BOOKS, freezes=(FREEZE,)), "override": "y"},
    ],
)  # fmt: skip
def test_what_people_approve_is_all_they_were_shown(changes: dict[str, Any]) -> None:
    """Anything else that is shown makes another digest; the same makes the same."""
    usual = digest(TARGET, "1.4.0", "notes", judge(FACTS))
    assert digest(TARGET, "1.4.0", "notes", judge(replace(FACTS))) == usual
    assert digest(TARGET, "1.4.0", "notes", judge(replace(FACTS, **changes))) != usual


@given(HOSTILE, HOSTILE)
def test_notes_version_and_target_are_in_the_digest(one: str, other: str) -> None:
    """No text can be moved from one field to the next without being seen."""
    report = judge(FACTS)
    made = {
        digest(TARGET, one, other, report), digest(TARGET, other, one, report),
        digest(replace(TARGET, environment=one), "1", other, report), digest(replace(TARGET, workflow=one), "1", other, report),
    }  # fmt: skip
    assert len(made) == (3 if one == other else 4)


@given(
    st.fixed_dictionaries(
        dict.fromkeys(("typed", "tag", "name", "version", "file", "check", "earlier"), HOSTILE)
    )
)
def test_no_facts_break_it(odd: dict[str, str]) -> None:
    """Whatever forge, index and people say, there is a finding of every check, and all of it can be digested."""
    pyproject = f"[project]\nname = '''{odd['name']}'''\nversion = '''{odd['version']}'''"
    for text in (pyproject, odd["name"], Nothing()):
        facts = replace(
            FACTS,
            wanted=read(odd["typed"], "acme-widgets"),
            tag=TagFacts(odd["tag"], SHA, annotated=True) if odd["tag"] else Nothing(),
            pyproject=text,
            simple=present(file(odd["file"]), file(odd["version"], yanked=odd["name"]), status=odd["check"]),
            checks=ChecksFacts((odd["check"],), (odd["name"],), (), ((odd["check"], 7),)),
            books=replace(BOOKS, last=replace(RELEASE, tag=odd["earlier"])),
            way=chosen(seen(tag=odd["tag"], pushed_runs=(run(ref=odd["tag"]),))),
        )
        report = judge(facts)
        assert {finding.check for finding in report.findings} == set(Check)
        assert len(digest(TARGET, odd["version"], odd["name"], report)) == 64
        assert changed(report, report) == ()
        assert undecided(facts) == uncertain(facts) == ""


def test_a_long_history_is_cut() -> None:
    """The report holds the newest changes and the busiest people, and says how many there are."""
    many = Compared(
        900, (COMMIT,) * 250, tuple(f"p{number}" for number in range(40)), "https://forge.example/c"
    )
    report = judge(replace(FACTS, compared=many))
    assert (len(report.changes), report.changes_total, len(report.contributors)) == (8, 900, 12)
