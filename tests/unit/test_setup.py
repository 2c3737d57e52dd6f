"""What a look at a set-up finds, what is proposed, and the words for it."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from bot.core import intents
from bot.core.findings import Level
from bot.core.forge import AccountFacts, CommitFacts, Compared, EnvironmentFacts, Nothing, Unsure
from bot.core.outcomes import Absent, Present, TryLater, Unchanged
from bot.core.proposing import Proposal, change, draft, is_ours, missing_confirm, propose
from bot.core.repositories import Filters, RepositoryFacts, WorkflowFacts, WorkflowJob
from bot.core.setup import Found, SetupFacts, judge
from bot.core.setup_notices import Outcome, PullAnswer
from bot.core.sites import IndexSite
from bot.core.workflow_text import Plan, blob, write
from bot.demo.forge_state import GOOD_WORKFLOW
from bot.forge.workflow_file import read_workflow
from bot.slack import clicks
from bot.slack.blocks import setup
from storage.records import Evidence, EvidenceKind, Publisher, PublisherState, Reason
from tests.unit.setup_examples import VALUES
from tests.unit.wording import AT, HOSTILE, ID, WANTED, marked_up, told

SITE = IndexSite("company", "https://index.example", "https://index.example/legacy/", publisher_api=False)
TEXT = write(Plan(WANTED.project, WANTED.workflow, WANTED.environment))
GOOD = read_workflow(TEXT)
THERE = RepositoryFacts(True, WANTED.slug, "https://forge.example", GOOD, branch="main")
OWNER = AccountFacts("acme", 1001, "Organization")
GUARDED = (EnvironmentFacts("PyPI", ("ada",)),)
ON_INDEX = Present((), "active", "", Evidence(EvidenceKind.APPEARED, "https://index.example", "", AT))


def publisher(**more: Any) -> Publisher:
    """Return a publisher that waits for a person to fill in the index's form."""
    usual: dict[str, Any] = {
        "id": UUID(ID), "team_id": UUID(int=1), "project_id": UUID(int=2), "registration": WANTED, "channel": "C1",
        "requested_by": "U1", "state": PublisherState.REQUESTED, "reason": Reason.NO_API, "detail": "", "existed_before": False,
        "attempts": 0, "unanswered": False, "polls": 0, "etag": "", "requested_at": AT, "state_at": AT, "pending_at": None,
        "expires_at": None, "reminded_at": None, "next_at": None,
    }  # fmt: skip
    return Publisher(**{**usual, **more})


def other(project: str = "acme-gears", environment: str = "pypi", **more: Any) -> Publisher:
    """Return another project's pending publisher of the same repository and workflow."""
    wanted = replace(WANTED, project=project, environment=environment)
    usual: dict[str, Any] = {
        "registration": wanted, "id": UUID(int=4), "project_id": UUID(int=3), "state": PublisherState.PENDING,
    }  # fmt: skip
    return publisher(**{**usual, **more})


GOOD_FACTS = SetupFacts(publisher(), THERE, OWNER, None, GUARDED, Absent(), (), by_hand=True)


def seen(workflow: WorkflowFacts | None = GOOD, **more: Any) -> SetupFacts:
    """Return the facts of a repository with this workflow."""
    return replace(GOOD_FACTS, repository=replace(THERE, workflow=workflow, **more))


def by_level(facts: SetupFacts) -> dict[Level, set[Found]]:
    """Return what is found of each weight, leaving out what is fine."""
    found: dict[Level, set[Found]] = {}
    for one in judge(facts).findings:
        if one.level is not Level.FINE:
            found.setdefault(one.level, set()).add(one.found)
    return found


def jobs(*jobs: WorkflowJob, **more: Any) -> WorkflowFacts:
    """Return a workflow that can be read, with these jobs."""
    usual: dict[str, Any] = {"triggers": ("push",), "readable": True, "detailed": True, "jobs": jobs}
    return WorkflowFacts(True, any(job.id_token for job in jobs), **{**usual, **more})


PUBLISH = WorkflowJob("publish", "publish", "pypi", id_token=True)
BLOCKING, WARNING, UNKNOWN = Level.BLOCKING, Level.WARNING, Level.UNKNOWN
HERS = {"requested_by": "U2"}
PENDING_TWO = (other("a1", "e1"), other("a2", "e2"))

CASES: dict[str, tuple[SetupFacts, dict[Level, set[Found]]]] = {
    "all is well": (GOOD_FACTS, {}),
    "no repository": (replace(GOOD_FACTS, repository=RepositoryFacts(False)), {BLOCKING: {Found.REPOSITORY_NONE}}),
    "moved": (replace(GOOD_FACTS, repository=RepositoryFacts(None, "acme/wheels", moved=True)), {BLOCKING: {Found.REPOSITORY_MOVED}}),
    "not shown": (replace(GOOD_FACTS, repository=RepositoryFacts(None)), {UNKNOWN: {Found.REPOSITORY_UNKNOWN}}),
    "archived": (seen(archived=True), {BLOCKING: {Found.REPOSITORY_ARCHIVED}}),
    "no owner": (replace(GOOD_FACTS, owner=Nothing()), {BLOCKING: {Found.OWNER_NONE}}),
    "owner not shown": (replace(GOOD_FACTS, owner=Unsure("")), {UNKNOWN: {Found.OWNER_UNKNOWN}}),
    "no workflow": (seen(WorkflowFacts(False)), {BLOCKING: {Found.WORKFLOW_NONE}}),
    "workflow not shown": (seen(None), {UNKNOWN: {Found.WORKFLOW_UNKNOWN}}),
    "unreadable": (seen(WorkflowFacts(True)), {UNKNOWN: {Found.WORKFLOW_UNREADABLE}}),
    "no token": (seen(jobs(replace(PUBLISH, id_token=False))), {BLOCKING: {Found.WORKFLOW_NO_TOKEN}}),
    "reusable": (seen(jobs(PUBLISH, triggers=("workflow_call",))), {BLOCKING: {Found.WORKFLOW_REUSABLE}}),
    "calls one": (seen(jobs(replace(PUBLISH, uses="a/b/c.yml@v1"))), {BLOCKING: {Found.WORKFLOW_CALLS}}),
    "no trigger": (seen(jobs(PUBLISH, triggers=("pull_request",))), {BLOCKING: {Found.TRIGGER_NONE}}),
    "branches alone": (seen(jobs(PUBLISH, push=Filters(branches=("main",)))), {BLOCKING: {Found.TRIGGER_NONE}}),
    "inputs needed": (seen(jobs(PUBLISH, triggers=("workflow_dispatch",), dispatch_needs_inputs=True)), {BLOCKING: {Found.TRIGGER_NONE}}),
    "tags and branches": (seen(jobs(PUBLISH, push=Filters(tags=("v*",), branches=("main",)))), {}),
    "another environment": (seen(jobs(replace(PUBLISH, environment="live"))), {BLOCKING: {Found.ENVIRONMENT_OTHER}}),
    "no environment": (seen(jobs(replace(PUBLISH, environment=""))), {BLOCKING: {Found.ENVIRONMENT_LACKING}}),
    "in other letters": (seen(jobs(replace(PUBLISH, environment="PyPI"))), {}),
    "computed": (seen(jobs(replace(PUBLISH, environment="${{ inputs.a }}"))), {UNKNOWN: {Found.ENVIRONMENT_COMPUTED}}),
    "any environment": (
        replace(GOOD_FACTS, publisher=publisher(registration=replace(WANTED, environment=""))), {WARNING: {Found.ENVIRONMENT_ANY}}
    ),
    "not in the repository": (replace(GOOD_FACTS, environments=()), {WARNING: {Found.ENVIRONMENT_MISSING}}),
    "nobody need agree": (replace(GOOD_FACTS, environments=(EnvironmentFacts("pypi"),)), {WARNING: {Found.ENVIRONMENT_OPEN}}),
    "environments not shown": (replace(GOOD_FACTS, environments=Nothing()), {UNKNOWN: {Found.ENVIRONMENT_UNKNOWN}}),
    "on the index": (replace(GOOD_FACTS, simple=ON_INDEX), {UNKNOWN: {Found.NAME_THERE}}),
    "ours": (replace(GOOD_FACTS, simple=ON_INDEX, publisher=publisher(state=PublisherState.CONFIRMED)), {}),
    "gone": (replace(GOOD_FACTS, publisher=publisher(state=PublisherState.CONFIRMED)), {WARNING: {Found.NAME_GONE}}),
    "quarantined": (replace(GOOD_FACTS, simple=replace(ON_INDEX, status="quarantined")), {BLOCKING: {Found.NAME_CLOSED}}),
    "index away": (replace(GOOD_FACTS, simple=TryLater(Reason.TIMED_OUT)), {UNKNOWN: {Found.NAME_UNKNOWN}}),
    "index unchanged": (replace(GOOD_FACTS, simple=Unchanged()), {UNKNOWN: {Found.NAME_UNKNOWN}}),
    "no slot left": (
        replace(GOOD_FACTS, others=tuple(other(f"a{n}", f"e{n}") for n in range(3))), {BLOCKING: {Found.SLOTS_NONE}}
    ),
    "a form that was given out has a slot": (
        replace(GOOD_FACTS, others=(*PENDING_TWO, other("a3", "e3", state=PublisherState.REQUESTED, handed_at=AT))),
        {BLOCKING: {Found.SLOTS_NONE}},
    ),
    "one that waits has none": (
        replace(GOOD_FACTS, others=(*PENDING_TWO, other("a3", "e3", state=PublisherState.REQUESTED, queued_at=AT))), {}
    ),
    "an organization's has none": (
        replace(GOOD_FACTS, others=(*PENDING_TWO, other("a3", "e3", organization=True))), {}
    ),
    "an organization's needs none": (
        replace(GOOD_FACTS, publisher=publisher(organization=True), others=(*PENDING_TWO, other("a3", "e3"))), {}
    ),
    "our own form has one": (
        replace(GOOD_FACTS, publisher=publisher(handed_at=AT), others=(*PENDING_TWO, other("a3", "e3"))), {}
    ),
    "others' slots": (replace(GOOD_FACTS, others=tuple(other(f"a{n}", f"e{n}", **HERS) for n in range(3))), {}),
    "slots of an own index": (
        replace(GOOD_FACTS, by_hand=False, others=tuple(other(f"a{n}", f"e{n}") for n in range(3))), {}
    ),
    "shared": (replace(GOOD_FACTS, others=(other(),)), {BLOCKING: {Found.SHARED}}),
    "shared with one that exists": (replace(GOOD_FACTS, others=(other(existed_before=True),)), {}),
    "confirmed ones share nothing": (replace(GOOD_FACTS, others=(other(state=PublisherState.CONFIRMED),)), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_fault_is_found_and_nothing_else(name: str) -> None:
    """One fault in a set-up that is well otherwise gives one finding of its weight."""
    facts, found = CASES[name]
    assert by_level(facts) == found


def test_a_second_new_package_gets_an_environment_of_its_own() -> None:
    """The trap of several packages in one repository is told with another environment to take."""
    found = next(
        one for one in judge(replace(GOOD_FACTS, others=(other(),))).findings if one.found is Found.SHARED
    )
    assert found.values == {"other": "acme-gears", "environment": "pypi", "proposal": "pypi-acme-widgets"}


def test_the_files_that_are_there_are_named() -> None:
    """Where the workflow is missing, the others are named: perhaps only its name is wrong."""
    facts = replace(seen(WorkflowFacts(False)), files=("publish.yml", "README.md"))
    found = next(one for one in judge(facts).findings if one.found is Found.WORKFLOW_NONE)
    assert found.values == {"workflow": "release.yml", "branch": "main", "others": "publish.yml"}


FACTS = st.sampled_from([facts for facts, _ in CASES.values()])


@given(FACTS, FACTS, FACTS)
def test_what_can_be_mended_is_offered(first: SetupFacts, second: SetupFacts, third: SetupFacts) -> None:
    """Whatever comes together, a pull request is offered only in a repository that is there, and then one can be made."""
    facts = replace(first, environments=second.environments, simple=third.simple, others=second.others)
    report = judge(facts)
    assert len({one.found for one in report.findings}) == len(report.findings)
    assert not report.mendable or (facts.repository.exists and not facts.repository.archived)
    for old in (None, "on: push\n", TEXT):
        proposal = propose(facts.publisher.registration, report, old, (facts.repository, SITE), read_workflow)
        assert (proposal is not None) is report.mendable


def proposed(old: str | None, facts: RepositoryFacts = THERE) -> Proposal | None:
    """Return what is proposed where this is the workflow that is there."""
    workflow = WorkflowFacts(False) if old is None else read_workflow(old)
    report = judge(replace(GOOD_FACTS, repository=replace(facts, workflow=workflow)))
    return propose(WANTED, report, old, (facts, SITE), read_workflow)


def test_a_missing_file_is_written_whole() -> None:
    """It is the workflow that the publisher names, for its index, and shown as it will be."""
    found = proposed(None)
    assert found is not None
    assert (found.path, found.old, found.beside) == (".github/workflows/release.yml", "", False)
    assert 'repository-url: "https://index.example/legacy/"' in found.text
    assert found.difference() == found.text
    assert "\n  attest:\n" in found.text
    private = proposed(None, replace(THERE, private=True))
    assert private is not None
    assert "attest" not in private.text.partition("jobs:")[2]


def test_a_small_fault_is_mended() -> None:
    """Only what is lacking changes, and what is proposed has nothing in the way."""
    found = proposed(
        GOOD_WORKFLOW.decode().replace("    environment: pypi\n", "").replace("id-token", "contents")
    )
    assert found is not None
    assert (found.path, found.beside) == (".github/workflows/release.yml", False)
    shown = [line for line in found.difference().splitlines() if line[:3] not in {"+++", "---"}]
    assert [line for line in shown if line[0] in "+-"] == ["+      id-token: write", "+    environment: pypi"]


def test_what_is_not_plain_gets_a_file_beside_it() -> None:
    """A workflow that a small change does not mend is left as it is, and the new file has another name."""
    found = proposed(
        "on: workflow_call\njobs:\n  publish:\n    permissions:\n      id-token: write\n    steps: []\n"
    )
    assert found is not None
    assert (found.path, found.old, found.beside) == (".github/workflows/publish-acme-widgets.yml", "", True)
    assert "workflow=publish-acme-widgets.yml" in draft(WANTED, found, "main").body


def test_nothing_is_proposed_where_nothing_lacks() -> None:
    """A set-up that is well needs no pull request."""
    assert proposed(TEXT) is None


def test_what_lacks_only_the_job_that_confirms_is_told_its_lines() -> None:
    """It is in nobody's way, no pull request is made of it, and the lines have input, job and the other jobs' condition.

    In the place where they belong they make a workflow that the bot reads as one that confirms.
    """
    facts = seen(read_workflow(GOOD_WORKFLOW.decode()))
    report = judge(facts)
    assert (report.mendable, report.lacks_confirm, judge(GOOD_FACTS).lacks_confirm) == (False, True, False)
    assert propose(WANTED, report, GOOD_WORKFLOW.decode(), (THERE, SITE), read_workflow) is None
    lines = missing_confirm(WANTED, report, SITE)
    assert read_workflow(lines).confirms
    assert "if: ${{ !inputs.confirm }}" in lines
    assert f'INDEX: "{SITE.url}"' in lines
    assert missing_confirm(WANTED, judge(GOOD_FACTS), SITE) == ""
    confirmed = replace(facts, publisher=publisher(state=PublisherState.CONFIRMED))
    assert not judge(confirmed).lacks_confirm
    assert not judge(replace(facts, by_hand=False)).lacks_confirm


def test_the_commit_goes_to_the_bots_own_branch() -> None:
    """The file is put on a branch named after the project, over exactly the file that was seen there."""
    found = proposed(None)
    assert found is not None
    ordered = change(WANTED, found, "old")
    assert (ordered.branch, ordered.replaces) == ("shipbell/publish-acme-widgets", blob("old"))
    assert change(WANTED, found, None).replaces == ""
    assert draft(WANTED, found, "main").branch == ordered.branch
    assert len(found.digest) == 32
    assert replace(found, old="other").digest != found.digest


def test_other_peoples_commits_are_told_from_ours() -> None:
    """Only a branch all of whose commits are ours is written to."""
    ours = CommitFacts("a" * 40, "Publish", "shipbell-bot", "")
    assert is_ours(Compared(0, (), (), ""), "Publish")
    assert is_ours(Compared(1, (ours,), (), ""), "Publish")
    assert not is_ours(Compared(2, (ours, replace(ours, title="Mine")), (), ""), "Publish")
    assert not is_ours(Compared(300, (ours,) * 250, (), ""), "Publish")


def test_every_finding_in_words(snapshot: SnapshotAssertion) -> None:
    """Each finding has a sentence of its own, which names the remedy where there is one."""
    found = {one.value: setup.words(one, VALUES) for one in Found}
    assert found == snapshot(extension_class=JSONSnapshotExtension)
    assert len(set(found.values())) == len(found)


@pytest.mark.parametrize("found", Found)
def test_no_value_breaks_a_sentence(found: Found) -> None:
    """Values from outside call nobody and end no style; an older report without values is shown too."""
    assert setup.words(found, {})
    shown = told(setup.answer(PullAnswer(WANTED, Outcome.UNSURE, HOSTILE)))
    for text in (setup.words(found, dict.fromkeys(VALUES, HOSTILE)), *marked_up(shown)):
        assert "<!channel>" not in text
        assert "<@U1>" not in text


def test_the_dialogs_answer() -> None:
    """Logins with commas or spaces, an @ before them or not, each once; without an environment nobody can review it."""
    carried = {"publisher": ID, "digest": "d", "channel": "C1"}
    sent = clicks.setup_sent(carried, {"environment": "yes", "reviewers": "@ada, grace  ada"})
    assert sent == intents.OpenSetupPull(ID, "d", make_environment=True, reviewers=("ada", "grace"))
    assert clicks.setup_sent(carried, {}) == intents.OpenSetupPull(ID, "d")
    assert clicks.opens_setup(setup.OPEN, ID) == ID
    assert clicks.opens_setup(setup.OPEN, "x") == clicks.opens_setup("other", ID) == ""


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"environment": "yes", "reviewers": "acme/team"}, "reviewers"),
        ({"environment": "yes", "reviewers": "<@U1>"}, "reviewers"),
        ({"environment": "yes", "reviewers": "a b c d e f g"}, "reviewers"),
        ({"environment": "yes", "reviewers": "ghp_" + "a" * 36}, "reviewers"),
        ({"environment": "no", "reviewers": "ada"}, "environment"),
    ],
)
def test_a_wrong_answer_is_told_at_its_field(typed: dict[str, str], field: str) -> None:
    """What GitHub would not take is told before anything is done."""
    found = clicks.setup_sent({"publisher": ID, "digest": "d"}, typed)
    assert isinstance(found, dict)
    assert set(found) == {field}
