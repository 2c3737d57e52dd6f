"""The forge client drives a whole release on the forge stand-in, whose runs publish to the index stand-in."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.core.forge import Conclusion, Done, Exists, Forbidden, Invalid, Nothing, Repo, TagFacts
from bot.demo.forge import ForgeStandIn
from bot.demo.index import IndexStandIn
from bot.forge import webhooks
from bot.forge.client import ForgeClient
from bot.forge.tag_filters import starts_on_tag
from bot.forge.workflow_file import read_workflow
from bot.transport import Transport
from storage.records import Secret
from tests.demo.forge_kit import SLUG, publishes_to
from tests.transport.servers import answer, serving

REPO = Repo("acme", "widgets")
FLOW = "release.yml"


@pytest.fixture
async def forge() -> AsyncIterator[ForgeStandIn]:
    """Give a running forge."""
    async with ForgeStandIn() as running:
        yield running


@pytest.fixture
async def index(forge: ForgeStandIn) -> AsyncIterator[IndexStandIn]:
    """Give a running index that takes what the forge's runs upload."""
    async with IndexStandIn(issuers={forge.issuer: forge.jwks}, github_api_url=forge.url) as running:
        running.add_project("widgets", ["widgets-1.0-py3-none-any.whl"])
        publishes_to(forge, running)
        yield running


@pytest.fixture
async def there(forge: ForgeStandIn) -> AsyncIterator[ForgeClient]:
    """Give a client whose token may do everything."""
    async with Transport(allow_private_addresses=True) as transport:
        yield client(transport, forge, forge.make_token())


def client(transport: Transport, forge: ForgeStandIn, token: str) -> ForgeClient:
    """Return a client with this token."""
    return ForgeClient(transport, forge.url, forge.web_url, Secret(token), write_gap=0)


async def test_a_release_from_tag_to_files(
    there: ForgeClient, forge: ForgeStandIn, index: IndexStandIn
) -> None:
    """Tag, run, review, jobs, artifact: the files that the run built are those on the index, byte by byte."""
    forge.require_review(SLUG, "pypi", ["ada"])
    head: Any = await there.head(REPO)
    assert (head.branch, head.commit.title, head.commit.author) == ("main", "Release 1.4.0", "ada")
    facts = read_workflow(str(await there.text(REPO, f".github/workflows/{FLOW}", head.commit.sha)))
    assert facts.detailed
    assert starts_on_tag(facts, "v1.4.0")

    assert await there.tag(REPO, "v1.4.0") == Nothing()
    made = await there.make_tag(REPO, "v1.4.0", head.commit.sha, "Widgets 1.4.0")
    assert isinstance(made, Done)
    assert await there.tag(REPO, "v1.4.0") == TagFacts("v1.4.0", head.commit.sha, annotated=True)
    assert isinstance(await there.make_tag(REPO, "v1.4.0", head.commit.sha, "Again"), Exists)

    await forge.runner.settled()
    (run,) = await runs(there, head.commit.sha)
    assert (run.ref, run.workflow, run.status, run.ended) == ("v1.4.0", FLOW, "waiting", False)
    waiting: Any = await there.waiting(REPO, run.id)
    assert [(one.environment, one.may_approve, one.reviewers) for one in waiting] == [
        ("pypi", True, ("ada",))
    ]
    ids = tuple(one.environment_id for one in waiting)
    assert isinstance(await there.approve(REPO, run.id, ids, "Approved in Slack."), Done)
    assert isinstance(await there.approve(REPO, run.id, ids, "Again."), Invalid)

    await forge.runner.settled()
    done: Any = await there.run(REPO, run.id)
    assert (done.conclusion, done.ended) == (Conclusion.SUCCESS, True)
    jobs: Any = await there.jobs(REPO, run.id)
    assert {job.name: job.conclusion for job in jobs} == dict.fromkeys(
        ["build", "publish"], Conclusion.SUCCESS
    )
    (artifact,) = await artifacts(there, run.id)
    files: Any = await there.built(REPO, artifact.id)
    published = {file.filename: file.content for file in index.state.projects["widgets"].files}
    assert {file.filename for file in files} == {"widgets-1.4.0-py3-none-any.whl", "widgets-1.4.0.tar.gz"}
    for file in files:
        content = published[file.filename]
        assert (file.sha256, file.size) == (hashlib.sha256(content).hexdigest(), len(content))
    checks: Any = await there.checks(REPO, head.commit.sha)
    assert ("build", run.id) in checks.runs


async def runs(there: ForgeClient, sha: str, event: str = "push") -> Any:
    """Return the runs of the release workflow."""
    return await there.runs(REPO, FLOW, sha, event)


async def artifacts(there: ForgeClient, run_id: int) -> Any:
    """Return what a run has kept."""
    return await there.artifacts(REPO, run_id)


async def test_a_failed_job_tells_why_and_runs_again(
    there: ForgeClient, forge: ForgeStandIn, index: IndexStandIn
) -> None:
    """The end of its log is told; the second attempt's jobs are the ones that count."""
    forge.fail_next(SLUG, log=b"\x1b[31mtwine: boom ghp_marked9931aaaa\x1b[0m\n##[error]exit code 1")
    forge.push_tag(SLUG, "v1.4.0")
    await forge.runner.settled()
    (run,) = await runs(there, forge.head(SLUG))
    assert run.conclusion is Conclusion.FAILURE
    jobs: Any = await there.jobs(REPO, run.id)
    failed = next(job for job in jobs if job.conclusion is Conclusion.FAILURE)
    assert failed.failed_step.startswith("Run pypa/gh-action-pypi-publish")
    said = await there.log_tail(REPO, failed.id)
    assert isinstance(said, str)
    assert "twine: boom [redacted]\n##[error]exit code 1" in said
    assert isinstance(await there.rerun(REPO, run.id), Done)
    assert isinstance(await there.rerun(REPO, run.id), Forbidden)
    await forge.runner.settled()
    again: Any = await there.run(REPO, run.id)
    assert (again.attempt, again.conclusion) == (2, Conclusion.SUCCESS)


async def test_a_release_and_a_dispatch(there: ForgeClient, forge: ForgeStandIn, index: IndexStandIn) -> None:
    """The forge's own release is made once; a dispatch at its tag starts a run of its own."""
    assert await there.release(REPO, "v1.0") == Nothing()
    made = await there.make_release(REPO, "v1.0", "Widgets 1.0", "First.", prerelease=False)
    assert isinstance(made, Done)
    release: Any = await there.release(REPO, "v1.0")
    assert (release.url, release.draft, release.prerelease) == (made.url, False, False)
    assert isinstance(await there.make_release(REPO, "v1.0", "x", "x", prerelease=False), Exists)
    tag: Any = await there.tag(REPO, "v1.0")
    compared: Any = await there.compare(REPO, "v1.0", "main")
    assert (compared.total, compared.status) == (4, "ahead")
    assert [one.title for one in compared.commits][:2] == ["Release 1.4.0", "Say what widgets are"]
    assert set(compared.contributors) == {"ada", "grace"}

    assert isinstance(await there.dispatch(REPO, FLOW, "v1.0"), Done)
    assert isinstance(await there.dispatch(REPO, FLOW, "v9"), Invalid)
    assert await there.dispatch(REPO, "none.yml", "v1.0") == Nothing()
    await forge.runner.settled()
    (run,) = await runs(there, tag.commit, "workflow_dispatch")
    assert (run.event, run.ref) == ("workflow_dispatch", "v1.0")


async def test_a_token_that_may_only_read(there: ForgeClient, forge: ForgeStandIn) -> None:
    """Every order of such a token is Forbidden, and changes nothing."""
    head = forge.head(SLUG)
    async with Transport(allow_private_addresses=True) as transport:
        reader = client(
            transport, forge, forge.make_token({"contents:read", "actions:read", "metadata:read"})
        )
        orders = [
            await reader.make_tag(REPO, "v1.4.0", head, "x"),
            await reader.make_release(REPO, "v1.0", "x", "x", prerelease=False),
            await reader.dispatch(REPO, FLOW, "v1.0"),
        ]
    assert all(isinstance(order, Forbidden) for order in orders), orders
    assert await there.tag(REPO, "v1.4.0") == Nothing()


async def test_webhooks_of_a_release_nudge(forge: ForgeStandIn, index: IndexStandIn) -> None:
    """Each event of a run is genuine, and those that count name the repository, the commit and the run."""
    async with serving(answer(204)) as server:
        forge.hook_url, forge.hook_secret = f"{server.url}/hook", "marked-9931"
        forge.push_tag(SLUG, "v1.4.0")
        await forge.runner.settled()
        await forge.hooks.drained()
        events = [event_of(request) for request in server.requests]
    nudges = [nudge for name, body in events if (nudge := webhooks.read(name, body))]
    assert {nudge.repo for nudge in nudges} == {REPO}
    assert {nudge.what for nudge in nudges} >= {"push", "create", "workflow_run", "workflow_job"}
    runs_of = {nudge.run_id for nudge in nudges if nudge.what in {"workflow_run", "workflow_job"}}
    assert runs_of == {forge.state.found(SLUG).runs[0].id}
    assert {nudge.sha for nudge in nudges if nudge.what == "workflow_run"} == {forge.head(SLUG)}


def event_of(request: bytes) -> tuple[str, bytes]:
    """Return the name and body of a delivery, which must be genuine."""
    head, _, body = request.partition(b"\r\n\r\n")
    lines = (line.decode().partition(": ") for line in head.split(b"\r\n")[1:])
    headers = {name.lower(): value for name, _, value in lines}
    assert webhooks.signed(Secret("marked-9931"), body, headers["x-hub-signature-256"])
    assert not webhooks.signed(Secret("other"), body, headers["x-hub-signature-256"])
    return headers["x-github-event"], body
