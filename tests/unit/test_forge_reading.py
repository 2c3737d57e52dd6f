"""GitHub's answers are read right, or not at all."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.forge import (
    ArtifactFacts,
    Asset,
    ChecksFacts,
    CommitFacts,
    Compared,
    Conclusion,
    ForgeRelease,
    JobFacts,
    Nothing,
    RunFacts,
    Unsure,
    WaitingDeployment,
)
from bot.forge import acting, reading, refusals, runs
from bot.forge.reading import Check, Pointed
from bot.wire import Answer

SHA, OTHER = "a" * 40, "b" * 40
COMMIT = {
    "sha": SHA, "html_url": "https://x/c", "author": {"login": "neo"},
    "commit": {"message": "  Fix <b>it</b>\x07\n\nmore", "author": {"name": "Neo N."}},
}  # fmt: skip
RUN = {
    "id": 7, "run_attempt": 2, "event": "push", "head_sha": SHA, "head_branch": "v1", "status": "completed",
    "path": ".github/workflows/release.yml@refs/tags/a/v1", "conclusion": "failure", "html_url": "https://x/r",
    "created_at": "2026-11-21T10:00:00Z",
}  # fmt: skip
JOB = {
    "id": 8, "name": "publish", "status": "completed", "conclusion": "failure", "html_url": "https://x/j",
    "steps": [{"name": "a", "conclusion": "success"}, {"name": "b", "conclusion": "failure"}, {"name": "c", "conclusion": "failure"}],
}  # fmt: skip
AT = datetime(2026, 11, 21, 10, tzinfo=UTC)


def answer(status: int, value: object = None, **headers: str) -> Answer:
    """Return an answer with a body: JSON, or bytes as they are."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Answer(status, "", headers, body)


def read(value: object, reader: Callable[[Any], Any]) -> Any:
    """Read a body of status 200."""
    return refusals.read(answer(200, value), reader)


def test_a_commit() -> None:
    """The first line is its title, clean; its author is a login, else the name written in it."""
    assert read(COMMIT, reading.commit) == CommitFacts(SHA, "Fix it", "neo", "https://x/c")
    named = {**COMMIT, "author": None, "html_url": "javascript:x"}
    assert read(named, reading.commit) == CommitFacts(SHA, "Fix it", "Neo N.", "")
    long = {**COMMIT, "commit": {"message": "x" * 300, "author": None}, "author": None}
    got = read(long, reading.commit)
    assert (len(got.title), got.author) == (200, "")


def test_where_a_ref_points() -> None:
    """Kind and name of the object."""
    assert read({"object": {"type": "tag", "sha": SHA}}, reading.pointed) == Pointed("tag", SHA)


def test_checks_of_both_kinds() -> None:
    """Check runs and statuses are sorted together; of one name the worst counts; runs are told by their address."""
    page = "https://x/acme/widgets/actions/runs/77/job/3"
    found = read(
        {
            "check_runs": [
                {"name": "a", "status": "completed", "conclusion": "success", "details_url": page},
                {"name": "b", "status": "completed", "conclusion": "neutral", "details_url": None},
                {"name": "c", "status": "completed", "conclusion": "skipped"},
                {"name": "d", "status": "completed", "conclusion": "action_required"},
                {"name": "e", "status": "in_progress", "conclusion": None},
                {"name": "a", "status": "completed", "conclusion": "failure"},
                {"name": "f", "status": "completed", "conclusion": "success"},
            ]
        },
        reading.check_runs,
    )
    states = {"success": "s1", "failure": "s2", "error": "s3", "pending": "f"}
    statuses = read(
        {"statuses": [{"state": state, "context": name} for state, name in states.items()]}, reading.statuses
    )
    assert found[0] == Check("a", "passed", 77)
    facts = reading.checks(found + statuses)
    assert facts == ChecksFacts(
        passed=("b", "c", "s1"),
        failed=("a", "d", "s2", "s3"),
        pending=("e", "f"),
        runs=(("a", 77), ("b", 0), ("c", 0), ("d", 0), ("e", 0), ("a", 0), ("f", 0), ("s1", 0), ("s2", 0), ("s3", 0)),
    )  # fmt: skip


def test_a_comparison() -> None:
    """Newest first; authors once each, the busiest first."""
    authors = ["neo", "trin", "neo"]
    commits = [
        {**COMMIT, "sha": sign * 40, "author": {"login": who}}
        for sign, who in zip("abc", authors, strict=True)
    ]
    got = read(
        {"total_commits": 300, "commits": commits, "html_url": "https://x/d", "status": "diverged"},
        reading.compared,
    )
    assert isinstance(got, Compared)
    assert [one.sha[0] for one in got.commits] == ["c", "b", "a"]
    assert (got.total, got.contributors, got.url, got.status) == (
        300,
        ("neo", "trin"),
        "https://x/d",
        "diverged",
    )


def test_a_release() -> None:
    """Its page, kind and files with their digests."""
    assets = [
        {"name": "a.whl", "digest": "sha256:" + "0" * 64, "id": 7, "size": 9},
        {"name": "b", "digest": None},
    ]
    value = {"html_url": "https://x/v1", "draft": False, "prerelease": True, "assets": assets}
    assert read(value, reading.release) == ForgeRelease(
        "https://x/v1", draft=False, prerelease=True, assets=(("a.whl", "0" * 64), ("b", "")),
        attached=(Asset("a.whl", 7, 9, "0" * 64), Asset("b", 0, 0, "")),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("got", "text"),
    [
        (answer(200, b"a\r\nb\n"), "a\r\nb\n"), (answer(200, b""), ""), (answer(404), Nothing()),
        (answer(200, b"[{}]", **{"content-type": "application/json; charset=utf-8"}), Nothing()),
        (answer(200, b"[1]", **{"content-type": "application/vnd.github.raw+json"}), "[1]"),
    ],
)  # fmt: skip
def test_a_file(got: Answer, text: object) -> None:
    """A file is its text as it is; a folder is no file."""
    assert reading.file_text(got) == text


@pytest.mark.parametrize(
    "got",
    [answer(200, b"\xff"), answer(200, b"a\0b"), Answer(200, "", {}, b"x", truncated=True), answer(500)],
)
def test_a_file_that_cannot_be_read(got: Answer) -> None:
    """A file that is cut or no text is not taken for another."""
    assert isinstance(reading.file_text(got), Unsure)


def test_runs() -> None:
    """Newest first, each with its workflow's file name."""
    newer = {
        **RUN,
        "id": 8,
        "created_at": "2026-11-21T12:00:00+01:00",
        "status": "queued",
        "conclusion": None,
    }
    newest = {
        **RUN,
        "id": 9,
        "created_at": "2026-11-21T11:30:00Z",
        "conclusion": "stale",
        "head_branch": None,
    }
    got = read({"workflow_runs": [RUN, newest, newer]}, runs.runs)
    assert [one.id for one in got] == [9, 8, 7]
    assert [one.conclusion for one in got] == [Conclusion.OTHER, Conclusion.UNDER_WAY, Conclusion.FAILURE]
    assert got[2] == RunFacts(
        7, 2, "push", SHA, "v1", "release.yml", "completed", Conclusion.FAILURE, "https://x/r", AT
    )
    assert got[0].ref == ""
    assert read(RUN, runs.run) == got[2]


@pytest.mark.parametrize("conclusion", [None, "", "startup_failure", "action_required", 7])
def test_a_run_that_has_ended_is_never_under_way(conclusion: object) -> None:
    """However GitHub calls a new kind of end, it is one; what is no word is unreadable."""
    got = read({**RUN, "conclusion": conclusion}, runs.run)
    assert got.conclusion is Conclusion.OTHER if conclusion != 7 else isinstance(got, Unsure)


def test_jobs() -> None:
    """A job tells its first failed step."""
    waiting = {**JOB, "status": "waiting", "conclusion": None, "steps": None}
    assert read({"jobs": [JOB, waiting]}, runs.jobs) == (
        JobFacts(8, "publish", "completed", Conclusion.FAILURE, "https://x/j", "b"),
        JobFacts(8, "publish", "waiting", Conclusion.UNDER_WAY, "https://x/j"),
    )


def test_waiting_deployments() -> None:
    """Who may approve is told by login, or by the team's name."""
    reviewers = [
        {"type": "User", "reviewer": {"login": "neo", "name": "Neo"}},
        {"type": "Team", "reviewer": {"name": "Crew", "slug": "crew"}},
        {"type": "Team", "reviewer": None},
    ]
    value = {
        "environment": {"id": 5, "name": "pypi"},
        "current_user_can_approve": True,
        "reviewers": reviewers,
    }
    assert read([value], runs.waiting) == (
        WaitingDeployment("pypi", 5, may_approve=True, reviewers=("neo", "Crew")),
    )


def test_artifacts() -> None:
    """Each with its size and digest, if GitHub says it."""
    value = {"id": 6, "name": "dist", "size_in_bytes": 9, "digest": "sha256:" + "c" * 64, "expired": True}
    assert read({"artifacts": [value, {**value, "digest": None, "expired": None}]}, runs.artifacts) == (
        ArtifactFacts(6, "dist", 9, "c" * 64, expired=True),
        ArtifactFacts(6, "dist", 9, "", expired=False),
    )


READERS: list[Callable[[Any], Any]] = [
    reading.default_branch, reading.commit, reading.pointed, reading.check_runs, reading.statuses, reading.compared,
    reading.release, runs.runs, runs.run, runs.jobs, runs.waiting, runs.artifacts,
]  # fmt: skip
WHOLE: list[tuple[Callable[[Any], Any], Any]] = [
    (reading.commit, COMMIT), (runs.run, RUN), (runs.jobs, {"jobs": [JOB]}), (runs.runs, {"workflow_runs": [RUN]}),
    (reading.compared, {"total_commits": 1, "commits": [COMMIT], "status": "ahead"}),
]  # fmt: skip


@pytest.mark.parametrize(
    "value", [b"", b"<html>", b"[" * 100_000, b"9" * 10_000, None, 7, "x", {"x": 1}, [7], b"\xff"]
)
def test_another_answer_is_no_answer(value: object) -> None:
    """What is not GitHub's says nothing of what was asked."""
    for reader in READERS:
        assert isinstance(read(value, reader), Unsure), reader


def test_a_cut_answer_is_no_answer() -> None:
    """Of an answer that is too long nothing is taken for the whole."""
    cut = Answer(200, "", {}, json.dumps({"jobs": []}).encode(), truncated=True)
    got = refusals.read(cut, runs.jobs)
    assert isinstance(got, Unsure)
    assert "too long" in got.detail


def test_what_a_run_may_lack() -> None:
    """GitHub's own description lets the attempt be missing and some words be null."""
    value = {**RUN, "status": None, "conclusion": None, "head_branch": None, "event": "<>"}
    del value["run_attempt"]
    got = read(value, runs.run)
    assert (got.attempt, got.status, got.conclusion, got.ref, got.event) == (
        1,
        "",
        Conclusion.UNDER_WAY,
        "",
        "?",
    )


WRONG: list[object] = [None, True, -1, 1.5, [], "", {}, "0000", 2**70]


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in ("id", "run_attempt", "event", "head_sha", "path", "status", "created_at")
     for value in WRONG],
)  # fmt: skip
def test_a_lying_run_is_unreadable(name: str, value: object) -> None:
    """A run that lacks something, or has it wrong, is not half read: acting twice could follow."""
    got = read({"workflow_runs": [RUN, {**RUN, name: value}]}, runs.runs)
    may_be = [
        ("event", "0000"),
        ("path", "0000"),
        ("status", "0000"),
        ("status", ""),
        ("status", None),
        ("run_attempt", None),
    ]
    assert isinstance(got, Unsure) or (name, value) in may_be


NAMES = sorted(
    {*COMMIT, *RUN, *JOB, "jobs", "commits", "workflow_runs", "object", "type", "check_runs", "environment"}
)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from([SHA, "completed"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=8),
    max_leaves=12,
)


@given(st.sampled_from(READERS), st.integers(100, 999), ANYTHING | st.binary(), st.text(max_size=20))
def test_no_answer_breaks_a_reader(
    reader: Callable[[Any], Any], status: int, value: object, header: str
) -> None:
    """Whatever comes back, reading it is a value, its words clean and short."""
    got = answer(status, value, **{"retry-after": header, "date": header})
    outcome = refusals.read(got, reader)
    if status != 200:
        assert isinstance(outcome, Nothing | Unsure)
    for one in (outcome, refusals.acted(got), acting.tag_made(got), refusals.refused(got)):
        detail = getattr(one, "detail", "")
        assert detail.isprintable()
        assert len(detail) <= 350


@given(st.sampled_from(WHOLE), st.data())
def test_no_member_breaks_a_reader(whole: tuple[Callable[[Any], Any], Any], data: st.DataObject) -> None:
    """An answer that is GitHub's but for one member is read, or unreadable."""
    reader, value = whole
    changed = json.loads(json.dumps(value))
    inner = next((below[0] for below in changed.values() if isinstance(below, list) and below), changed)
    inner[data.draw(st.sampled_from(sorted(inner)))] = data.draw(ANYTHING)
    assert read(changed, reader) is not None
