"""The answers that GitHub itself gives as examples are read as what they say."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.core.forge import (
    ArtifactFacts,
    Asset,
    CommitFacts,
    Compared,
    Conclusion,
    ForgeRelease,
    JobFacts,
    PullFacts,
    RunFacts,
    WaitingDeployment,
)
from bot.forge import reading, refusals, runs
from bot.forge.reading import Check, Pointed
from bot.wire import Answer

EXAMPLES = json.loads((Path(__file__).parents[1] / "data" / "github_examples.json").read_text())
"""Made by `tests/data/extract_examples.py`."""
EXAMPLE_ZIP = "2151b604e3429bff440b9fbc03eb3617bc2603cda96c95b9bb05277f9ddba255"
WEB = "https://github.com/octocat/Hello-World"
ACTIONS = "https://github.com/octo-org/octo-repo"
DIGEST = "cfc3236bdad15b5898bca8408945c9e19e1917da8704adc20eaa618444290a8c"
COMMIT = CommitFacts(
    "6dcb09b5b57875f334f61aebed695e2e4193db5e", "Fix all the bugs", "octocat",
    f"{WEB}/commit/6dcb09b5b57875f334f61aebed695e2e4193db5e",
)  # fmt: skip
RUN = RunFacts(
    30433642, 1, "push", "acb5820ced9479c074f688cc328bf03f341a511d", "main", "build.yml", "queued",
    Conclusion.UNDER_WAY, f"{ACTIONS}/actions/runs/30433642", datetime(2020, 1, 22, 19, 33, 8, tzinfo=UTC),
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "reader", "read"),
    [
        ("repository", reading.default_branch, "master"),
        ("commit", reading.commit, COMMIT),
        ("ref", reading.pointed, Pointed("commit", "aa218f56b14c9653891f9e74264a383fa43fefbd")),
        ("tag object", reading.pointed, Pointed("commit", "c3d0be41ecbe669545ee3e94d31ed9a4bc91ee3c")),
        ("check runs", reading.check_runs, (Check("mighty_readme", "passed"),)),
        ("statuses", reading.statuses,
         (Check("continuous-integration/jenkins", "passed"), Check("security/brakeman", "passed"))),
        ("comparison", reading.compared, Compared(1, (COMMIT,), ("octocat",), f"{WEB}/compare/master...topic", "behind")),
        ("release", reading.release, ForgeRelease(
            f"{WEB}/releases/v1.0.0", draft=False, prerelease=False,
            assets=(("example.zip", EXAMPLE_ZIP),), attached=(Asset("example.zip", 1, 1024, EXAMPLE_ZIP),),
        )),
        ("run", runs.run, RUN),
        ("jobs", runs.jobs,
         (JobFacts(399444496, "build", "completed", Conclusion.SUCCESS, f"{ACTIONS}/runs/29679449/jobs/399444496"),)),
        ("waiting", runs.waiting,
         (WaitingDeployment("staging", 161088068, may_approve=True, reviewers=("octocat", "Justice League")),)),
        ("pull requests", reading.pulls, (PullFacts(1347, merged=True, into="octocat/Hello-World"),)),
        ("comments", reading.comments, ("Me too",)),
        ("artifacts", runs.artifacts, (
            ArtifactFacts(11, "Rails", 556, DIGEST, expired=False),
            ArtifactFacts(13, "Test output", 453, DIGEST, expired=False),
        )),
    ],
)  # fmt: skip
def test_an_example(name: str, reader: Callable[[Any], Any], read: object) -> None:
    """Each reader takes GitHub's own example."""
    answer = Answer(200, "OK", {}, json.dumps(EXAMPLES[name]).encode())
    assert refusals.read(answer, reader) == read


def test_the_example_of_runs() -> None:
    """A list of runs holds runs of the same shape."""
    answer = Answer(200, "OK", {}, json.dumps(EXAMPLES["runs"]).encode())
    got = refusals.read(answer, runs.runs)
    assert isinstance(got, tuple)
    assert [(one.id, one.ref, one.workflow) for one in got] == [(30433642, "master", "build.yml")]
