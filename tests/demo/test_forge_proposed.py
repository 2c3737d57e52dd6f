"""The workflow that the bot proposes, played by the forge stand-in against the index stand-in."""

import pytest

from bot.core.workflow_text import Plan, write
from bot.demo.forge import ForgeStandIn
from bot.demo.forge_conditions import holds
from bot.demo.forge_seed import pyproject
from bot.demo.index import IndexStandIn
from bot.demo.index_model import PendingPublisher, PublisherValues
from tests.demo.forge_kit import Caller

SLUG = "acme/gears"
REPO = f"/repos/{SLUG}"
RUNS = f"{REPO}/actions/workflows/release.yml"


@pytest.fixture
def caller(forge: ForgeStandIn, index: IndexStandIn) -> Caller:
    """Give a caller to a forge with the proposed workflow, and to an index where its publisher is pending."""
    plan = Plan("gears", "release.yml", "pypi", index.url, index.upload_url)
    forge.add_repository(
        SLUG, {plan.path: write(plan).encode(), "pyproject.toml": pyproject("gears", "1.0")}, ["pypi"]
    )
    forge.runner.indexes[""] = (index.url, index.upload_url)
    values = PublisherValues("acme", "gears", "release.yml", "pypi")
    pending = PendingPublisher(
        project="gears", values=values, owner_id=str(forge.state.accounts["acme"].id),
        added_by=index.state.user("demo"), added_at=index.state.clock(), by_api=False,
    )  # fmt: skip
    index.state.pending.append(pending)
    return Caller(forge, forge.make_token())


async def ended(caller: Caller) -> dict[str, str]:
    """Return how each job of the newest run has ended."""
    await caller.forge.runner.settled()
    run = (await caller.get(f"{RUNS}/runs"))["workflow_runs"][0]
    found = await caller.get(f"{REPO}/actions/runs/{run['id']}/jobs")
    return {job["name"]: job["conclusion"] for job in found["jobs"]}


async def test_confirming_claims_the_name_and_publishes_nothing(caller: Caller, index: IndexStandIn) -> None:
    """Run by hand with `confirm`, only that job runs: the pending publisher is real, the project is there and empty."""
    assert "gears" not in index.state.projects
    await caller.post(f"{RUNS}/dispatches", {"ref": "main", "inputs": {"confirm": "true"}})
    jobs = await ended(caller)
    assert {name for name, end in jobs.items() if end == "success"} == {"confirm"}
    assert index.state.projects["gears"].files == []
    assert not index.state.pending


async def test_a_tag_builds_attests_and_publishes(
    caller: Caller, forge: ForgeStandIn, index: IndexStandIn
) -> None:
    """A pushed tag runs build, attest and publish, each once, and leaves `confirm` out."""
    forge.push_tag(SLUG, "v1.0")
    assert await ended(caller) == {
        "build": "success",
        "attest": "success",
        "publish": "success",
        "confirm": "skipped",
    }
    assert {file.version for file in index.state.projects["gears"].files} == {"1.0"}
    assert len(index.state.projects["gears"].files) == 2


async def test_a_run_by_hand_without_confirm_only_builds(caller: Caller, index: IndexStandIn) -> None:
    """On a branch nothing is published and nothing exchanged: it is a rehearsal of the build."""
    await caller.post(f"{RUNS}/dispatches", {"ref": "main"})
    jobs = await ended(caller)
    assert {name for name, end in jobs.items() if end == "success"} == {"build"}
    assert "gears" not in index.state.projects


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ("", True), ("${{ !inputs.confirm }}", True), ("inputs.confirm", False), ("inputs.yes", True), ("!inputs.yes", False),
        ("inputs.no", False), ("github.ref_type == 'tag'", True), ("github.ref_type != 'tag'", False),
        ("${{ github.ref_type == 'tag' && !inputs.yes }}", False), ("${{ github.ref_type == 'tag' && inputs.yes }}", True),
        ("success()", True), ("github.event_name == 'it''s'", True),
    ],
)  # fmt: skip
def test_conditions(condition: str, *, met: bool) -> None:
    """The expressions of publishing workflows are played as GitHub plays them; others let the job run."""
    values = {"github.ref_type": "tag", "github.event_name": "it's", "inputs.yes": True, "inputs.no": "false"}
    assert holds(condition, values) is met
