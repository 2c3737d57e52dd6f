"""What the forge stand-in's runs build and publish, and how that can go wrong."""

from typing import Any

import pytest

from bot.demo.forge import ForgeStandIn
from bot.demo.index import IndexStandIn
from bot.demo.sigstore_signer import Signer
from tests.demo.clock import StoppedClock
from tests.demo.forge_kit import PUBLISHER, REPO, SLUG, WHEEL, Caller, publishes_to


@pytest.fixture
def caller(forge: ForgeStandIn) -> Caller:
    """Give a caller with a token that may do everything."""
    return Caller(forge, forge.make_token())


async def test_the_index_refuses_a_stranger(caller: Caller, forge: ForgeStandIn, index: IndexStandIn) -> None:
    """Without a publisher the job fails and its log names the index's reason."""
    forge.runner.indexes[""] = (index.url, index.upload_url)
    run = await caller.pushed()
    job = (await caller.jobs(run))["publish"]
    led = await caller.ask("GET", f"{REPO}/actions/jobs/{job['id']}/logs")
    log = (await Caller(forge).ask("GET", led.headers["location"])).raw.decode()
    assert job["conclusion"] == "failure"
    assert "`invalid-publisher`" in log


async def test_an_upload_may_stop_half_way(caller: Caller, forge: ForgeStandIn, index: IndexStandIn) -> None:
    """A job that fails after one file leaves that one on the index."""
    publishes_to(forge, index)
    forge.fail_next(SLUG, uploads=1)
    await caller.pushed()
    assert {file.filename for file in index.state.projects["widgets"].files} >= {WHEEL}
    assert len(index.state.projects["widgets"].files) == 2


async def test_the_identity_names_the_run(
    caller: Caller, forge: ForgeStandIn, index: IndexStandIn, clock: StoppedClock
) -> None:
    """What attests a file is told which commit, ref, event and environment it was built for."""
    publishes_to(forge, index)
    told: list[tuple[str, dict[str, Any]]] = []

    def attest(filename: str, content: bytes, claims: dict[str, Any]) -> None:
        told.append((filename, claims))

    forge.runner.attest = attest
    run = await caller.pushed()
    assert [name for name, _ in told] == [WHEEL, "widgets-1.4.0.tar.gz"]
    claims = told[0][1]
    assert claims["sub"] == f"repo:{SLUG}:environment:pypi"
    assert (claims["ref"], claims["sha"], claims["run_id"]) == (
        "refs/tags/v1.4.0",
        forge.head(SLUG),
        str(run["id"]),
    )


async def test_what_is_built_can_be_known_before(
    caller: Caller, forge: ForgeStandIn, index: IndexStandIn
) -> None:
    """The same commit gives the same bytes each time, another one others."""
    publishes_to(forge, index)
    await caller.pushed()
    built = forge.built(SLUG, "v1.4.0")
    known = {file.filename: file.content for file in index.state.projects["widgets"].files}
    assert built.items() <= known.items()
    assert forge.built(SLUG, forge.commit(SLUG, {"new.py": b""}))[WHEEL] != built[WHEEL]
    with pytest.raises(LookupError):
        forge.built(SLUG, "nowhere")


async def test_files_can_be_attested(
    caller: Caller, forge: ForgeStandIn, index: IndexStandIn, clock: StoppedClock
) -> None:
    """A signer as the hook: each file is on the index with an attestation by the run's publisher."""
    publishes_to(forge, index)
    forge.runner.attest = Signer(clock).attest_file
    await caller.pushed()
    files = [file for file in index.state.projects["widgets"].files if file.version == "1.4.0"]
    assert [len(file.attestations) for file in files] == [1, 1]
    assert {file.attested_by for file in files} == {PUBLISHER}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pyproject.toml": None}, "does not appear to be a Python project"),
        ({"pyproject.toml": b"[project"}, "Failed to parse pyproject.toml"),
        ({"pyproject.toml": b"[project]\nname = 'w'\nversion = 'one'"}, "Failed to parse pyproject.toml"),
    ],
)
async def test_what_cannot_be_built(
    caller: Caller, forge: ForgeStandIn, change: dict[str, bytes | None], words: str
) -> None:
    """The build fails with the reason in its log, and nothing is kept."""
    forge.commit(SLUG, change)
    run = await caller.pushed()
    assert run["conclusion"] == "failure"
    found = forge.state.found(SLUG).runs[0]
    assert words in found.jobs[0].log[-1][1]
    assert found.artifacts == []


async def test_a_dynamic_version_is_the_tags(caller: Caller, forge: ForgeStandIn) -> None:
    """Where the project's version comes from its tags, the files are of the tag."""
    forge.commit(SLUG, {"pyproject.toml": b"[project]\nname = 'Wid-gets'\ndynamic = ['version']"})
    forge.push_tag(SLUG, "v2.0rc1")
    assert sorted(forge.built(SLUG, "v2.0rc1")) == [
        "wid_gets-2.0rc1-py3-none-any.whl",
        "wid_gets-2.0rc1.tar.gz",
    ]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"id-token: write", b"contents: read", "missing or insufficient OIDC token permissions"),
        (b"publish@0123", b"publish@v1\n        with: {repository-url: 'http://127.0.0.1:9/'}\n      - uses: a/b@0", "could not be reached"),
    ],
)  # fmt: skip
async def test_what_cannot_be_published(
    caller: Caller, forge: ForgeStandIn, index: IndexStandIn, old: bytes, new: bytes, words: str
) -> None:
    """No permission for an identity, an index that is not there: the log names it."""
    publishes_to(forge, index)
    path = ".github/workflows/release.yml"
    forge.commit(SLUG, {path: forge.state.found(SLUG).files[path].replace(old, new)})
    run = await caller.pushed()
    assert run["conclusion"] == "failure"
    assert words in forge.state.found(SLUG).runs[0].jobs[1].log[-1][1]


async def test_an_index_that_is_ill_fails_the_job(
    caller: Caller, forge: ForgeStandIn, index: IndexStandIn
) -> None:
    """A server error at any of the three steps is in the log, and a second attempt does the rest."""
    publishes_to(forge, index)
    for path, words in (
        ("/_/oidc/audience", "audience: HTTP 503"),
        ("/_/oidc/mint", "HTTP 503"),
        ("/legacy/", "503"),
    ):
        index.fail(path, status=503)
        if not forge.state.found(SLUG).runs:
            await caller.pushed()
        else:
            await caller.post(f"{REPO}/actions/runs/{forge.state.found(SLUG).runs[0].id}/rerun-failed-jobs")
            await forge.runner.settled()
        log = forge.state.found(SLUG).runs[0].jobs[1].log
        assert any(words in line for _, line in log)
    run = await caller.only_run()
    await caller.post(f"{REPO}/actions/runs/{run['id']}/rerun-failed-jobs")
    await forge.runner.settled()
    assert (await caller.only_run())["run_attempt"] == 4
    assert len(index.state.projects["widgets"].files) == 3


async def test_what_breaks_inside_a_run_is_not_hidden(forge: ForgeStandIn, index: IndexStandIn) -> None:
    """An error of the hook reaches whoever waits for the run."""
    publishes_to(forge, index)

    def attest(filename: str, content: bytes, claims: dict[str, Any]) -> None:
        raise ZeroDivisionError(filename)

    forge.runner.attest = attest
    forge.push_tag(SLUG, "v1.4.0")
    with pytest.raises(ZeroDivisionError):
        await forge.runner.settled()
