"""Confirmation runs, decided: which may be started, which is ours, and what its end proves; each refusal in words."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from bot.core import confirming as decide
from bot.core import publishers
from bot.core.confirm_logs import differences
from bot.core.confirm_notices import ConfirmEnded, ConfirmRuns, ConfirmWaits, Difference, Part
from bot.core.confirming import Decision, End, Progress, Situation, Start
from bot.core.forge import (
    CommitFacts,
    Conclusion,
    Done,
    EnvironmentFacts,
    EnvironmentsOutcome,
    Forbidden,
    HeadFacts,
    JobFacts,
    Nothing,
    RunFacts,
    TextOutcome,
    Unsure,
    WaitingDeployment,
)
from bot.core.outcomes import Absent, ByHand, Present, SimpleOutcome
from bot.core.repositories import WorkflowFacts
from bot.core.sites import IndexSite
from bot.slack.blocks.confirming import explain
from bot.slack.clicks import asks_first, confirms
from storage.records import (
    Confirmation,
    ConfirmationReason,
    ConfirmationState,
    Evidence,
    EvidenceKind,
    Publisher,
    PublisherState,
    Reason,
    Registration,
)
from tests.unit.confirm_examples import CARRIED
from tests.unit.wording import AT, ID, URL

Why = ConfirmationReason
WANTED = Registration("pypi", "gizmos", "Acme", "gizmos", "release.yml", "pypi")
PUBLISHER = Publisher(
    id=UUID(int=3), team_id=UUID(int=1), project_id=UUID(int=2), registration=WANTED, channel="C1", requested_by="U1",
    state=PublisherState.PENDING, reason=Reason.SUBMITTED_BY_HAND, detail="", existed_before=False, attempts=0,
    unanswered=False, polls=0, etag="", requested_at=AT, state_at=AT, pending_at=AT, expires_at=AT + timedelta(days=30),
    reminded_at=None, next_at=AT,
)  # fmt: skip
ROW = Confirmation(
    UUID(int=4), UUID(int=1), UUID(int=3), "U2", ConfirmationState.FOLLOWED, Why.STARTED, 7, AT, {}
)
BASE = timedelta(seconds=30)
FORM = ByHand("", prefilled=False, fields=())
PAGE = f"{URL}/acme/gizmos/actions/runs/7"
RUN = RunFacts(
    7, 1, "workflow_dispatch", "a" * 40, "main", "release.yml", "completed", Conclusion.SUCCESS, PAGE, AT
)
JOB = JobFacts(8, "confirm", "completed", Conclusion.SUCCESS, PAGE)
HEAD = HeadFacts("main", CommitFacts("a" * 40, "First", "ada", ""))
OFFERED = WorkflowFacts(found=True, readable=True, detailed=True, confirms=True)
CLAIMS = {
    "repository": "acme/gizmos", "repository_owner": "acme", "repository_owner_id": "1001",
    "job_workflow_ref": "acme/gizmos/.github/workflows/release.yml@refs/heads/main", "environment": "pypi",
    "ref": "refs/heads/main",
}  # fmt: skip
SEEN = Evidence(EvidenceKind.APPEARED, f"{URL}/simple/gizmos/", "0" * 64, AT)
THERE = Present((), "active", "", SEEN)
NOT_THERE = Absent()
DOWN = Unsure("GitHub is out of order (503).")
END = "##[error]Process completed with exit code 1."


def at(
    state: ConfirmationState = ConfirmationState.FOLLOWED,
    progress: Progress | None = None,
    *,
    shared: bool = False,
    after: timedelta = timedelta(),
    **publisher: object,
) -> Situation:
    """Return a situation, some time after the run was begun."""
    known = progress or Progress("main", (5,), PAGE)
    row = replace(ROW, state=state, run_id=7 if state is ConfirmationState.FOLLOWED else None)
    site = IndexSite("pypi", URL, publisher_api=False)
    changed = replace(PUBLISHER, **publisher)  # type: ignore[arg-type]
    return Situation(row, publishers.Situation(changed, site, AT + after, BASE, FORM), known, shared)


def of(state: PublisherState) -> Situation:
    """Return the situation of a publisher in that state."""
    seen = at()
    return replace(seen, publisher=replace(seen.publisher, publisher=replace(PUBLISHER, state=state)))


def log(*more: str, **claims: str) -> str:
    """Return a job's log with the claims that it printed."""
    said = [f"claim {name}: {value}" for name, value in (CLAIMS | claims).items()]
    return "\n".join((*said, "::add-mask::***", *more))


def failing(
    said: TextOutcome, environments: EnvironmentsOutcome = (), seen: Situation | None = None
) -> ConfirmEnded:
    """Return what is told where the job failed with such a log."""
    run = replace(RUN, conclusion=Conclusion.FAILURE)
    job = replace(JOB, conclusion=Conclusion.FAILURE)
    return told(decide.ended(seen or at(), End(run, job, said, environments)))


def succeeding(
    said: TextOutcome,
    simple: SimpleOutcome = NOT_THERE,
    seen: Situation | None = None,
) -> Decision:
    """Return what follows where the job ended well with such a log."""
    return decide.ended(seen or at(), End(RUN, JOB, said, simple=simple))


def told(decision: Decision) -> ConfirmEnded:
    """Return the one thing that is said of a run that came to nothing."""
    (said,) = decision.say
    assert isinstance(said, ConfirmEnded)
    assert decision.state is ConfirmationState.FAILED
    assert decision.next_at is None
    assert decision.reason is said.reason
    return said


REFUSALS = {
    "invalid-publisher": Why.INVALID_PUBLISHER,
    "invalid-pending-publisher": Why.PROJECT_TAKEN,
    "not-enabled": Why.NOT_ENABLED,
    "invalid-token": Why.INVALID_TOKEN,
    "invalid-payload": Why.INVALID_PAYLOAD,
    "invalid-reuse-token": Why.TOKEN_REUSED,
    "some-other-code": Why.OTHER_REFUSAL,
}


@pytest.mark.parametrize(("code", "reason"), REFUSALS.items())
@pytest.mark.parametrize("sign", ["::error::", "##[error]"])
def test_each_refusal_of_the_index_is_translated(code: str, reason: ConfirmationReason, sign: str) -> None:
    """Whatever code the exchange ends with, the channel hears its cause, in the index's own words too, and a remedy."""
    known = at(
        existed_before=True
    )  # of a new project the index has dropped the publisher with some of these words
    said = failing(log(f"{sign}{code}: because of this", END), seen=known)
    assert said.reason is reason
    cause, remedy = explain(said)
    assert "because of this" in cause
    assert remedy
    if reason is Why.OTHER_REFUSAL:
        assert code in cause


def test_the_docs_have_every_code_with_the_bots_words() -> None:
    """The table in the docs is what the bot says for a plain example of each code."""
    page = (Path(__file__).parents[2] / "docs" / "publisher-lifecycle.md").read_text()
    for code in (*REFUSALS, ""):
        if code == "some-other-code":
            continue
        reason = REFUSALS.get(code, Why.NETWORK)
        example = ConfirmEnded(
            ID, replace(WANTED, owner="acme"), "https://pypi.org", "U1", reason, "", "", ()
        )
        cause, remedy = explain(example)
        name = f"`{code}`" if code else "no answer"
        assert f"| {name} | {cause} | {remedy} |" in page, name


@pytest.mark.parametrize(
    ("claims", "part", "registered", "claimed"),
    [
        ({"environment": "live"}, Part.ENVIRONMENT, "pypi", "live"),
        ({"environment": ""}, Part.ENVIRONMENT, "pypi", ""),
        ({"repository": "acme/widgets"}, Part.REPOSITORY, "gizmos", "widgets"),
        ({"job_workflow_ref": "acme/gizmos/.github/workflows/other.yml@refs/heads/main"}, Part.WORKFLOW, "release.yml", "other.yml"),
    ],
)  # fmt: skip
def test_a_difference_is_named_exactly(
    claims: dict[str, str], part: Part, registered: str, claimed: str
) -> None:
    """Of what the run claims and what is registered, that which differs is named with both values, and nothing else."""
    job = CLAIMS["job_workflow_ref"].replace("acme/gizmos", claims.get("repository", "acme/gizmos"))
    said = failing(log("##[error]invalid-publisher: no", END, **{"job_workflow_ref": job} | claims))
    assert said.differences == (Difference(part, registered, claimed),)
    cause, _ = explain(said)
    assert (claimed or "none") in cause
    assert registered in cause


@pytest.mark.parametrize(
    ("claims", "parts"),
    [
        ({}, ()),
        ({"repository": "ACME/Gizmos", "environment": "PyPI",
          "job_workflow_ref": "ACME/Gizmos/.github/workflows/release.yml@refs/heads/main"}, ()),
        ({"repository": "elsewhere/gizmos", "job_workflow_ref": "elsewhere/gizmos/.github/workflows/release.yml@x"}, (Part.OWNER,)),
        ({"job_workflow_ref": "acme/shared/.github/workflows/release.yml@x"}, (Part.REUSABLE,)),
        ({"ref": "refs/heads/other"}, (Part.REF,)),
        ({"job_workflow_ref": "nonsense"}, (Part.WORKFLOW,)),
    ],
)  # fmt: skip
def test_claims_are_compared_as_the_index_compares(claims: dict[str, str], parts: tuple[Part, ...]) -> None:
    """Owner, repository and environment count whatever their case, the workflow's file as it is written."""
    assert tuple(one.part for one in differences(WANTED, CLAIMS | claims, "main")) == parts


def test_without_an_environment_any_will_do() -> None:
    """A publisher without an environment takes a run of any."""
    assert differences(replace(WANTED, environment=""), CLAIMS) == ()


def test_where_nothing_differs_the_form_is_at_fault() -> None:
    """A refused identity that is exactly the registered one points at what was, or was not, submitted on the index."""
    said = failing(log("##[error]invalid-publisher: valid token, but no corresponding publisher", END))
    assert said.differences == ()
    cause, remedy = explain(said)
    assert "exactly" in cause
    assert "was not submitted yet" in remedy


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("urllib.error.HTTPError: HTTP Error 403: Forbidden", Why.NOT_ENABLED),
        ("urllib.error.HTTPError: HTTP Error 503: Unavailable", Why.NETWORK),
        ("urllib.error.URLError: <urlopen error [Errno -2] Name or service not known>", Why.NETWORK),
        ("TimeoutError: The read operation timed out", Why.NETWORK),
        ("KeyError: 'ACTIONS_ID_TOKEN_REQUEST_TOKEN'", Why.NO_IDENTITY),
        ("SyntaxError: invalid syntax", Why.JOB_FAILED),
    ],
)
def test_what_broke_on_the_way_is_told(said: str, reason: ConfirmationReason) -> None:
    """A job that fails without the index's word is told by what its log ends with, not by the runner's afterword."""
    found = failing(f"{said}\n{END}\nCleaning up orphan processes")
    assert found.reason is reason
    assert "exit code" not in found.detail


RULED = (EnvironmentFacts("PyPI", restricted=True),)
GUARDED = (EnvironmentFacts("pypi", ("ada",)),)


@pytest.mark.parametrize(
    ("environments", "waited", "reason"),
    [
        (RULED, "", Why.BRANCH_RULE),
        (GUARDED, "", Why.REJECTED),
        (RULED, "pypi", Why.REJECTED),
        ((), "", Why.NEVER_RAN),
        (DOWN, "", Why.NEVER_RAN),
    ],
)
def test_a_job_that_never_began_is_told_by_the_environment(
    environments: EnvironmentsOutcome, waited: str, reason: ConfirmationReason
) -> None:
    """Without a log it was a reviewer who said no, a branch rule that kept it out, or no machine that took it."""
    seen = at(progress=Progress("main", (), PAGE, waits_for=waited))
    assert failing(Nothing(), environments, seen).reason is reason


@pytest.mark.parametrize(
    ("run", "job", "reason"),
    [
        (Conclusion.CANCELLED, None, Why.CANCELLED),
        (Conclusion.CANCELLED, Conclusion.SKIPPED, Why.CANCELLED),
        (Conclusion.FAILURE, Conclusion.CANCELLED, Why.CANCELLED),
        (Conclusion.SUCCESS, Conclusion.SKIPPED, Why.NO_JOB),
        (Conclusion.FAILURE, None, Why.NO_JOB),
    ],
)
def test_a_run_without_its_job_proves_nothing(
    run: Conclusion, job: Conclusion | None, reason: ConfirmationReason
) -> None:
    """A cancelled run, or one that has left the job out, confirms nothing however it ended."""
    done = replace(JOB, conclusion=job) if job else None
    end = End(replace(RUN, conclusion=run), done, log())
    assert told(decide.ended(at(), end)).reason is reason


def test_a_run_that_exchanged_the_registered_identity_is_evidence() -> None:
    """Its log with exactly the registered claims confirms the publisher; that the project has appeared is kept beside it."""
    for simple, more in ((Absent(), ()), (THERE, (SEEN,))):
        decision = succeeding(log(), simple)
        assert decision.state is ConfirmationState.CONFIRMED
        assert decision.of_publisher is not None
        evidence = decision.of_publisher.evidence
        assert evidence is not None
        assert (evidence.kind, evidence.url) == (EvidenceKind.EXCHANGED, PAGE)
        assert len(evidence.digest) == 64
        assert decision.more_evidence == more
        assert not decision.say  # the publisher's own message says it


def test_what_was_there_before_proves_nothing_by_being_there() -> None:
    """Of a project that existed only the run counts."""
    decision = succeeding(log(), THERE, at(existed_before=True))
    assert decision.of_publisher is not None
    assert decision.more_evidence == ()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("", Why.LOG_UNREADABLE), (Nothing(), Why.LOG_UNREADABLE), (log(environment="live"), Why.CLAIMS_DIFFER),
        (log(ref="refs/heads/other"), Why.CLAIMS_DIFFER),
    ],
)  # fmt: skip
def test_a_green_run_alone_proves_nothing(said: TextOutcome, reason: ConfirmationReason) -> None:
    """Without the claims, or with others, a run that ended well leaves the publisher pending."""
    assert told(succeeding(said)).reason is reason


def test_an_unread_log_leaves_the_projects_appearance() -> None:
    """A project that has appeared confirms a publisher even where the run's log can't be read."""
    decision = succeeding(Nothing(), THERE)
    assert decision.of_publisher is not None
    assert decision.of_publisher.evidence == SEEN


def test_an_identity_that_two_projects_share_needs_more() -> None:
    """Where another project's publisher has the same identity, only the project's own appearance tells whose it was."""
    shared = at(shared=True)
    assert told(succeeding(log(), Absent(), shared)).reason is Why.SHARED
    assert succeeding(log(), THERE, shared).state is ConfirmationState.CONFIRMED
    other = replace(WANTED, project="gears", owner="ACME")
    assert decide.shares_identity(WANTED, other)
    assert decide.shares_identity(WANTED, replace(other, environment=""))
    assert not decide.shares_identity(WANTED, replace(other, environment="live"))
    assert not decide.shares_identity(WANTED, WANTED)


def test_a_name_that_is_taken_ends_a_new_projects_publisher() -> None:
    """The index drops such a pending publisher with these words, so it is a conflict here too, told once."""
    run, job = replace(RUN, conclusion=Conclusion.FAILURE), replace(JOB, conclusion=Conclusion.FAILURE)
    end = End(run, job, log("##[error]invalid-pending-publisher: valid token, but project already exists"))
    decision = decide.ended(at(), end)
    assert decision.say == ()
    assert decision.of_publisher is not None
    assert decision.of_publisher.values["reason"] is Reason.NAME_TAKEN
    assert PAGE in decision.of_publisher.values["detail"]


def test_a_log_that_does_not_come_is_asked_for_again() -> None:
    """An unanswered question for the log is repeated a few times, then the run is told without it."""
    seen = at()
    for _ in range(decide.LOG_LOOKS):
        decision = decide.ended(seen, End(RUN, JOB, DOWN))
        assert decision.next_at is not None
        seen = replace(seen, progress=decision.progress)
    assert told(decide.ended(seen, End(RUN, JOB, DOWN))).reason is Why.LOG_UNREADABLE


def test_it_is_started_only_where_the_workflow_has_the_job() -> None:
    """The runs that are there are kept first; without the job nothing is started."""
    asked = at(ConfirmationState.ASKED, Progress())
    start = decide.before_start(asked, HEAD, OFFERED, (RUN,))
    assert start == Start(Progress("main", (7,)))
    for facts in (None, replace(OFFERED, confirms=False)):
        found = decide.before_start(asked, HEAD, facts, ())
        assert isinstance(found, Decision)
        assert told(found).reason is Why.NOT_OFFERED
    refused = decide.before_start(asked, Nothing(), None, ())
    assert isinstance(refused, Decision)
    assert told(refused).reason is Why.FORGE_REFUSED
    later = decide.before_start(asked, DOWN, None, ())
    assert isinstance(later, Decision)
    assert later.state is ConfirmationState.ASKED


def test_a_start_is_followed_waited_for_or_refused() -> None:
    """A named run is followed; a start that may have arrived is waited for; one that did not arrive is asked for again."""
    begun = at(ConfirmationState.BEGUN)
    named = decide.after_start(begun, Done(run_id=9))
    assert (named.state, named.run_id) == (ConfirmationState.FOLLOWED, 9)
    for outcome in (Done(), Unsure("lost", arrived_maybe=True)):
        assert decide.after_start(begun, outcome).state is ConfirmationState.BEGUN
    assert decide.after_start(begun, DOWN).state is ConfirmationState.ASKED
    assert told(decide.after_start(begun, Forbidden("no"))).reason is Why.FORGE_REFUSED
    assert told(decide.after_start(begun, Nothing())).reason is Why.FORGE_REFUSED


def test_a_lost_start_is_looked_for_and_never_repeated() -> None:
    """Only a new run by hand of that workflow on that branch is ours; several can't be told apart; none in time is told."""
    begun = at(ConfirmationState.BEGUN)
    found = decide.after_search(begun, (RUN, replace(RUN, id=5), replace(RUN, id=6, ref="other")))
    assert (found.state, found.run_id) == (ConfirmationState.FOLLOWED, 7)
    assert isinstance(found.say[0], ConfirmRuns)
    several = decide.after_search(begun, (RUN, replace(RUN, id=6)))
    assert told(several).reason is Why.SEVERAL_RUNS
    seen = begun
    for _ in range(decide.RUN_APPEARS):
        seen = replace(seen, progress=decide.after_search(seen, ()).progress)
    assert decide.after_search(seen, ()).state is ConfirmationState.BEGUN
    late = at(ConfirmationState.BEGUN, seen.progress, after=BASE * (decide.RUN_APPEARS + 1))
    assert told(decide.after_search(late, ())).reason is Why.START_LOST


def test_a_forge_that_is_away_for_long_is_told() -> None:
    """Unanswered looks are repeated, more and more rarely, and at last told."""
    seen = at()
    while (decision := decide.again(seen, DOWN)).next_at is not None:
        seen = replace(seen, progress=decision.progress)
    assert told(decision).reason is Why.FORGE_SILENT
    assert seen.progress.faults == decide.FAULTS_BORNE
    lost = decide.after_start(at(ConfirmationState.BEGUN, seen.progress), DOWN)
    assert lost.state is ConfirmationState.FAILED


def test_a_run_is_followed_by_what_it_is() -> None:
    """A run of another workflow, branch or event is not ours, nor is one that is gone; one that nobody can show is waited for."""
    assert decide.not_ours(at(), RUN) is None
    strangers = (replace(RUN, ref="x"), replace(RUN, workflow="x.yml"), replace(RUN, event="push"), Nothing())
    for strange in strangers:
        decision = decide.not_ours(at(), strange)
        assert decision is not None
        assert told(decision).reason is Why.OTHER_RUN
    later = decide.not_ours(at(), DOWN)
    assert later is not None
    assert later.next_at is not None


def test_a_waiting_environment_is_told_and_never_timed_out() -> None:
    """Who must agree is told once; a run that waits for people waits as long as the publisher does, any other one a day."""
    holds = WaitingDeployment("pypi", 1, may_approve=False, reviewers=("ada",))
    waiting = replace(RUN, status="waiting", conclusion=Conclusion.UNDER_WAY)
    first = decide.following(at(progress=Progress("main")), waiting, (holds,))
    assert [type(one) for one in first.say] == [ConfirmRuns, ConfirmWaits]
    long = BASE * (decide.RUN_LASTS + 1)
    again = decide.following(at(progress=first.progress, after=long), waiting, (holds,))
    assert again.say == ()
    assert again.next_at is not None
    running = replace(waiting, status="in_progress")
    assert told(decide.following(at(after=long), running, ())).reason is Why.TOO_LONG


@pytest.mark.parametrize("state", PublisherState)
def test_it_ends_with_the_publishers_wait(state: PublisherState) -> None:
    """Once the publisher is pending no more the run is let be, unless what it says can be kept beside other evidence."""
    decision = decide.over(of(state))
    assert (decision is None) == (state in {PublisherState.PENDING, PublisherState.CONFIRMED})
    assert decision is None or (decision.say == () and decision.next_at is None)
    not_started = replace(of(state), confirmation=replace(ROW, state=ConfirmationState.ASKED, run_id=None))
    assert (decide.over(not_started) is None) == (state is PublisherState.PENDING)


def test_the_button_carries_what_the_question_needs() -> None:
    """A button that can't be read opens nothing; a sent dialog names the publisher."""
    assert asks_first("publisher.confirm", "{}", "C1") is None
    assert asks_first("publisher.confirm", "nonsense", "C1") is None
    assert confirms(CARRIED).publisher_id == ID
