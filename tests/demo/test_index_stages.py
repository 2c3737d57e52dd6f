"""The index shows a release at different times, yanks it, and keeps the attestations that came with it."""

import hashlib
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.core.outcomes import Attested
from bot.demo.forge import ForgeStandIn
from bot.demo.index import IndexStandIn
from bot.demo.index_files import make_distribution
from bot.demo.index_stages import Stage
from bot.demo.sigstore_signer import Signer
from bot.index.attestations import Trust, read_attested
from bot.wire import Answer
from tests.demo.clock import StoppedClock
from tests.demo.test_index_uploads import minted, simple, upload

FILENAME = "widgets-2.0.tar.gz"


async def seen(client: aiohttp.ClientSession, index: IndexStandIn) -> set[str]:
    """Return the stages that `FILENAME` has reached."""
    found = set()
    async with client.get(f"{index.url}/pypi/widgets/2.0/json") as answer:
        found |= {"accepted"} if answer.status == 200 else set()
    async with client.get(f"{index.url}/pypi/widgets/json") as answer:
        newest = (await answer.json())["info"]["version"]
    assert (newest == "2.0") == ("accepted" in found)
    files = [file["filename"] for file in (await simple(client, index))["files"]]
    found |= {"installable"} if FILENAME in files else set()
    async with client.get(index.url + index.state.used_filenames[FILENAME].path) as answer:
        found |= {"downloadable"} if answer.status == 200 else set()
    return found


async def test_a_file_shows_everywhere_at_once(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """Unless told otherwise, an uploaded file has reached every stage."""
    await upload(client, index, index.make_token(), FILENAME)
    assert await seen(client, index) == set(Stage)


@pytest.mark.parametrize("stage", list(Stage))
async def test_a_held_stage_shows_when_it_is_let_go(
    client: aiohttp.ClientSession, index: IndexStandIn, stage: Stage
) -> None:
    """What is held at one stage shows at the others, and there when it is let go; older files stay as they are."""
    index.hold_stage(stage)
    await upload(client, index, index.make_token(), FILENAME)
    assert await seen(client, index) == set(Stage) - {stage}
    assert len((await simple(client, index))["files"]) >= 1
    index.show_stage(stage.value)
    assert await seen(client, index) == set(Stage)
    index.add_project("widgets", ["widgets-2.1.tar.gz"])
    assert "widgets-2.1.tar.gz" in [file["filename"] for file in (await simple(client, index))["files"]]


async def test_delayed_stages_come_one_after_the_other(
    client: aiohttp.ClientSession, index: IndexStandIn, clock: StoppedClock
) -> None:
    """Each stage is reached after its own time, to the second."""
    index.delay_stages(installable=60, downloadable=90)
    await upload(client, index, index.make_token(), FILENAME)
    assert await seen(client, index) == {"accepted"}
    clock.forward(seconds=59)
    assert await seen(client, index) == {"accepted"}
    clock.forward(seconds=1)
    assert await seen(client, index) == {"accepted", "installable"}
    clock.forward(seconds=30)
    assert await seen(client, index) == set(Stage)


async def test_the_identical_file_again_hides_nothing(
    client: aiohttp.ClientSession, index: IndexStandIn
) -> None:
    """A second upload of what is there already does not start its stages anew."""
    token = index.make_token()
    await upload(client, index, token, FILENAME)
    index.hold_stage(Stage.INSTALLABLE)
    assert await upload(client, index, token, FILENAME) == (200, "OK")
    assert await seen(client, index) == set(Stage)


async def test_an_unknown_stage_is_a_mistake(index: IndexStandIn) -> None:
    """A test that holds what there is not is told so."""
    with pytest.raises(ValueError, match="nowhere"):
        index.hold_stage("nowhere")


async def test_a_yanked_version_says_so_everywhere(
    client: aiohttp.ClientSession, index: IndexStandIn
) -> None:
    """The simple index in both forms and the project JSON tell that, and why, a version was yanked."""
    index.yank("widgets", "1.0", "broken & wrong")
    assert (await simple(client, index))["files"][0]["yanked"] == "broken & wrong"
    async with client.get(f"{index.url}/simple/widgets/") as answer:
        assert 'data-yanked="broken &amp; wrong"' in await answer.text()
    async with client.get(f"{index.url}/pypi/widgets/1.0/json") as answer:
        page = await answer.json()
    assert [(one["yanked"], one["yanked_reason"]) for one in (page["info"], page["urls"][0])] == [
        (True, "broken & wrong")
    ] * 2
    index.yank("widgets", "1.0")
    assert (await simple(client, index))["files"][0]["yanked"] is True
    with pytest.raises(LookupError):
        index.yank("widgets", "9.9")


async def provenance(client: aiohttp.ClientSession, index: IndexStandIn) -> tuple[str, Any]:
    """Return the newest file's provenance, with its address."""
    url = (await simple(client, index))["files"][-1]["provenance"]
    async with client.get(url) as answer:
        return url, await answer.json()


async def test_an_uploaded_attestation_verifies(
    client: aiohttp.ClientSession, index: IndexStandIn, forge: ForgeStandIn, tmp_path: Path
) -> None:
    """What a run signs and uploads with its own token is served with its publisher, and verifies."""
    signer = Signer()
    place = "acme/widgets/.github/workflows/release.yml@refs/tags/v2.0"
    claims = {"repository": "acme/widgets", "ref": "refs/tags/v2.0", "sha": "c0" * 20, "workflow_ref": place}
    content = make_distribution(FILENAME)
    sent = json.dumps([signer.attest_file(FILENAME, content, claims)])
    token = await minted(client, index, forge)
    assert await upload(client, index, token, FILENAME, attestations=sent) == (200, "OK")
    url, page = await provenance(client, index)
    answer = Answer(200, "OK", {}, json.dumps(page).encode())
    trust = Trust(signer.write_trusted_root(tmp_path / "root.json"))
    sha256 = hashlib.sha256(content).hexdigest()
    assert read_attested(answer, url, FILENAME, sha256, trust) == Attested(
        "acme/widgets", "release.yml", "pypi", "c0" * 20, "refs/tags/v2.0", url
    )


async def test_attestations_can_be_put_in_place_of_others(
    client: aiohttp.ClientSession, index: IndexStandIn
) -> None:
    """A lying index serves what a test gives it, under the publisher that the test names."""
    index.attach("widgets-1.0-py3-none-any.whl", [{"version": 1}], ("mallory/evil", "x.yml", ""))
    _, page = await provenance(client, index)
    (bundle,) = page["attestation_bundles"]
    assert bundle["attestations"] == [{"version": 1}]
    assert (bundle["publisher"]["repository"], bundle["publisher"]["environment"]) == ("mallory/evil", None)
    with pytest.raises(LookupError):
        index.attach("nothing-1.0.tar.gz", [], ("a/b", "c.yml", ""))
