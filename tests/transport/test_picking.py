"""A repository on the forge stand-in, read to the end: what it proposes, and what a hostile one can't do."""

from collections.abc import AsyncIterator

import pytest

from bot.core.forge import Repo
from bot.core.proposals import LONGEST, MOST_PACKAGES, Noted, Package
from bot.core.sites import IndexSite
from bot.demo.forge import ForgeStandIn
from bot.demo.forge_seed import pyproject
from bot.forge.client import ForgeClient
from bot.transport import Transport
from bot.workflow.picking import Picking
from tests.demo.openapi import check_seen

WIDGETS = Repo("acme", "widgets")
SITES = {"pypi": IndexSite("pypi", "https://pypi.org")}


@pytest.fixture
async def forge() -> AsyncIterator[ForgeStandIn]:
    """Give a running forge, and look at the end that it was asked as GitHub describes."""
    async with ForgeStandIn() as running:
        yield running
        assert not check_seen(running.requests)


@pytest.fixture
async def picking(forge: ForgeStandIn) -> AsyncIterator[Picking]:
    """Give what reads that forge's repositories."""
    async with Transport(allow_private_addresses=True) as transport:
        yield Picking(ForgeClient(transport, forge.url, forge.web_url))


async def test_a_good_repository_tells_everything(picking: Picking) -> None:
    """Name, workflow and environment come from the files of the newest commit, without a note."""
    found = await picking.proposal(WIDGETS, SITES)
    assert (found.packages, found.workflow, found.environment) == (
        (Package("widgets"),),
        "release.yml",
        "pypi",
    )
    assert (found.publishes, found.notes, found.slug) == (True, (), "acme/widgets")


async def test_a_monorepo_costs_a_bounded_number_of_requests(forge: ForgeStandIn, picking: Picking) -> None:
    """Of a hundred packages a dozen are read, and the rest is counted."""
    files: dict[str, bytes] = {
        f"libs/p{number:02}/pyproject.toml": pyproject(f"p{number}", "1") for number in range(100)
    }
    forge.add_repository("acme/mono", files)
    found = await picking.proposal(Repo("acme", "mono"), SITES)
    assert len(found.packages) == MOST_PACKAGES
    assert found.packages[0] == Package("p0", "libs/p00")
    assert found.notes_of(Noted.MORE_PACKAGES)[0].values == {"count": "88"}
    assert len(forge.requests) < MOST_PACKAGES + 6


async def test_a_hostile_repository_costs_little_and_is_told(forge: ForgeStandIn, picking: Picking) -> None:
    """A pyproject of 10 MB, one that is no text, a workflow of anchors: each is left out with a note, the good one stays."""
    files = {
        "pyproject.toml": b"#" * 10_000_000,
        "a/pyproject.toml": bytes(range(256)),
        "b/pyproject.toml": pyproject("good", "1"),
        "c\n/pyproject.toml": pyproject("odd", "1"),
        ".github/workflows/publish.yml": b"on: push\njobs:\n  a: &a [" + b"*a," * 10_000 + b"]\n",
        ".github/workflows/long.yml": b"#" * (LONGEST + 1),
    }
    forge.add_repository("acme/evil", files)
    found = await picking.proposal(Repo("acme", "evil"), SITES)
    assert found.packages == (Package("good", "b"),)
    noted = [note.what for note in found.notes]
    assert noted.count(Noted.PYPROJECT_UNREAD) == 2
    assert noted.count(Noted.WORKFLOW_UNREAD) == 2


async def test_what_is_not_there_is_told(forge: ForgeStandIn, picking: Picking) -> None:
    """No such repository, and a list of files that can't be had, leave a proposal with notes and the usual names."""
    none = await picking.proposal(Repo("acme", "nothing"), SITES)
    assert [note.what for note in none.notes] == [Noted.UNSEEN]
    forge.fail("/repos/acme/widgets/git/trees", status=500, times=-1)
    found = await picking.proposal(WIDGETS, SITES)
    assert (found.packages, found.workflow) == ((Package("widgets"),), "release.yml")
    assert [note.what for note in found.notes] == [Noted.CUT]
    await forge.stop()
    assert [note.what for note in (await picking.proposal(WIDGETS, SITES)).notes] == [Noted.UNSEEN]
