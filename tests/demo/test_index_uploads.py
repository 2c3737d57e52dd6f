"""The index takes, refuses and shows files as warehouse does, beyond what was recorded."""

import hashlib
import json
from typing import Any

import aiohttp
import pytest

from bot.demo.forge import ForgeStandIn
from bot.demo.index import IndexStandIn
from bot.demo.index_files import make_distribution
from tests.demo.clock import StoppedClock
from tests.demo.test_index_publisher_api import register

ATTESTATION = {"version": 1, "verification_material": {}, "envelope": {}}
SIMPLE_JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}


async def upload(
    client: aiohttp.ClientSession,
    index: IndexStandIn,
    token: str,
    filename: str = "widgets-2.0-py3-none-any.whl",
    *,
    content: bytes | None = None,
    **changed: Any,
) -> tuple[int, str]:
    """Return status and reason of one upload; a field that is None is left out."""
    name, version = filename.removesuffix(".tar.gz").split("-")[:2]
    data = make_distribution(filename) if content is None else content
    fields: dict[str, str | None] = {
        ":action": "file_upload",
        "protocol_version": "1",
        "name": name,
        "version": version,
        "filetype": "sdist" if filename.endswith(".gz") else "bdist_wheel",
        "pyversion": "source" if filename.endswith(".gz") else "py3",
        "sha256_digest": hashlib.sha256(data).hexdigest(),
        **changed,
    }
    form = aiohttp.FormData({key: value for key, value in fields.items() if value is not None})
    form.add_field("content", data, filename=filename, content_type="application/octet-stream")
    headers = {"Authorization": f"Token {token}"}
    async with client.post(index.upload_url, data=form, headers=headers) as answer:
        return answer.status, answer.reason or ""


async def minted(client: aiohttp.ClientSession, index: IndexStandIn, forge: ForgeStandIn) -> str:
    """Return a token from the exchange, for `widgets`."""
    await register(client, index, index.make_token())
    index.confirm("widgets")
    async with client.post(f"{index.url}/_/oidc/mint-token", json={"token": forge.id_token()}) as answer:
        return str((await answer.json())["token"])


async def simple(client: aiohttp.ClientSession, index: IndexStandIn, name: str = "widgets") -> Any:
    """Return a project's simple JSON."""
    async with client.get(f"{index.url}/simple/{name}/", headers=SIMPLE_JSON) as answer:
        assert answer.status == 200
        return await answer.json(content_type=None)


async def test_uploaded_file_can_be_downloaded_byte_for_byte(
    client: aiohttp.ClientSession, index: IndexStandIn
) -> None:
    """What was uploaded is listed with its digest and comes back the same."""
    assert await upload(client, index, index.make_token(), "widgets-2.0.tar.gz") == (200, "OK")
    file = (await simple(client, index))["files"][-1]
    async with client.get(file["url"]) as answer:
        content = await answer.read()
    assert content == make_distribution("widgets-2.0.tar.gz")
    assert hashlib.sha256(content).hexdigest() == file["hashes"]["sha256"]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({":action": "submit"}, "no longer supported"),
        ({"protocol_version": "2"}, "Unknown protocol version."),
        ({"name": "-"}, "'-' is invalid for 'name'."),
        ({"version": "1.0+local"}, "local versions"),
        ({"version": "3.0"}, "Invalid distribution file."),
        ({"filetype": "bdist_egg"}, "Use a known file type."),
        ({"pyversion": None}, "Python version is required"),
        ({"sha256_digest": None}, "Include at least one message digest."),
        ({"sha256_digest": "0" * 64}, "does not match a digest"),
        ({"attestations": "[]"}, "only supported when using Trusted Publishing"),
    ],
)
async def test_bad_form_is_refused_in_the_status_line(
    client: aiohttp.ClientSession, index: IndexStandIn, changed: dict[str, Any], told: str
) -> None:
    """Each bad field has its reason in the status line and leaves no file behind."""
    status, reason = await upload(client, index, index.make_token(), **changed)
    assert status in {400, 410}
    assert told in reason
    assert len((await simple(client, index))["files"]) == 1


async def test_file_that_is_not_what_it_says_is_refused(
    client: aiohttp.ClientSession, index: IndexStandIn
) -> None:
    """A wheel that is no zip, and an sdist that is no tar, are invalid."""
    token = index.make_token()
    for filename in ("widgets-2.0-py3-none-any.whl", "widgets-2.0.tar.gz"):
        status, reason = await upload(client, index, token, filename, content=b"not packed")
        assert (status, reason[:26]) == (400, "Invalid distribution file.")


async def test_name_is_used_up_after_deletion(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """Not even the identical file can be uploaded again once it was deleted."""
    token = index.make_token()
    await upload(client, index, token)
    index.state.delete_file("widgets-2.0-py3-none-any.whl")
    status, reason = await upload(client, index, token)
    assert (status, "File already exists" in reason) == (400, True)


async def test_late_file_is_refused(
    client: aiohttp.ClientSession, index: IndexStandIn, clock: StoppedClock
) -> None:
    """A release takes files for 14 days."""
    token = index.make_token()
    clock.forward(days=14)
    assert (await upload(client, index, token, "widgets-1.0.tar.gz"))[0] == 200
    clock.forward(seconds=1)
    status, reason = await upload(client, index, token, "widgets-1.0-py2-none-any.whl")
    assert (status, "older than 14 days" in reason) == (400, True)


@pytest.mark.parametrize("status", ["archived", "quarantined"])
async def test_closed_project_takes_nothing_and_says_so(
    client: aiohttp.ClientSession, index: IndexStandIn, status: str
) -> None:
    """An archived or quarantined project refuses uploads and shows its status in the simple index."""
    index.set_status("widgets", status, "told why")
    assert (await upload(client, index, index.make_token()))[0] == 400
    assert (await simple(client, index))["project-status"] == {"status": status, "reason": "told why"}


async def test_stranger_may_not_upload(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """Somebody else's account token is refused by user and project."""
    status, reason = await upload(client, index, index.make_token("alice"))
    assert status == 403
    assert reason.startswith("The user 'alice' isn't allowed to upload to project 'widgets'.")


async def test_account_token_makes_a_new_project(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """A user's first upload of a name makes the project theirs; too similar names are refused."""
    token = index.make_token("alice")
    assert (await upload(client, index, token, "gadgets-1.0.tar.gz"))[0] == 200
    assert index.state.projects["gadgets"].owner.name == "alice"
    assert (await upload(client, index, token, "w1dgets-1.0.tar.gz"))[0] == 400


async def test_refused_token_makes_no_project(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """A token for another project leaves no empty project behind."""
    token = index.make_token(projects=["widgets"])
    assert (await upload(client, index, token, "gadgets-1.0.tar.gz"))[0] == 403
    assert "gadgets" not in index.state.projects


async def test_too_many_new_projects_are_429(
    client: aiohttp.ClientSession, index: IndexStandIn, clock: StoppedClock
) -> None:
    """The 21st new project of a user within an hour is refused, after the hour it is taken."""
    token = index.make_token()
    names = [f"x{chr(97 + number)}y-1.0.tar.gz" for number in range(23) if chr(97 + number) not in "ilo"]
    answers = [(await upload(client, index, token, name))[0] for name in names]
    assert answers == [200] * 20
    assert await upload(client, index, token, "onemore-1.0.tar.gz") == (
        429,
        "Too many new projects created",
    )
    clock.forward(hours=1)
    assert (await upload(client, index, token, "onemore-1.0.tar.gz"))[0] == 200


async def test_attested_upload_has_a_provenance(
    client: aiohttp.ClientSession, index: IndexStandIn, forge: ForgeStandIn
) -> None:
    """A file uploaded with an attestation by a minted token names its publisher, with tag and 304."""
    token = await minted(client, index, forge)
    assert (await upload(client, index, token, attestations=json.dumps([ATTESTATION])))[0] == 200
    address = (await simple(client, index))["files"][-1]["provenance"]
    async with client.get(address) as answer:
        (bundle,) = (await answer.json())["attestation_bundles"]
        tag = answer.headers["ETag"]
    assert bundle["publisher"] == {
        "kind": "GitHub",
        "repository": "acme/widgets",
        "workflow": "release.yml",
        "environment": "pypi",
    }
    async with client.get(address, headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304


@pytest.mark.parametrize("sent", ["{", "{}", "[]", "[1]", json.dumps([ATTESTATION] * 3)])
async def test_bad_attestations_are_refused(
    client: aiohttp.ClientSession, index: IndexStandIn, forge: ForgeStandIn, sent: str
) -> None:
    """What is no list of one or two attestations is refused with its lead."""
    status, reason = await upload(client, index, await minted(client, index, forge), attestations=sent)
    assert (status, reason[:45]) == (400, "Invalid attestations supplied during upload: ")


async def test_minted_token_ends_after_a_quarter_of_an_hour(
    client: aiohttp.ClientSession, index: IndexStandIn, forge: ForgeStandIn, clock: StoppedClock
) -> None:
    """Up to its last second a minted token uploads, then it is expired."""
    token = await minted(client, index, forge)
    clock.forward(seconds=899)
    assert (await upload(client, index, token))[0] == 200
    clock.forward(seconds=1)
    status, reason = await upload(client, index, token, "widgets-3.0.tar.gz")
    assert (status, "token is expired" in reason) == (403, True)


async def test_exchange_switched_off_says_so(
    client: aiohttp.ClientSession, index: IndexStandIn, forge: ForgeStandIn
) -> None:
    """Without trusted publishing the audience is 403 and the exchange 422 `not-enabled`."""
    index.state.oidc_enabled = False
    async with client.get(f"{index.url}/_/oidc/audience") as answer:
        assert answer.status == 403
    async with client.post(f"{index.url}/_/oidc/mint-token", json={"token": forge.id_token()}) as answer:
        assert answer.status == 422
        assert (await answer.json())["errors"][0]["code"] == "not-enabled"


async def test_missing_slash_is_308(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """The upload address without its slash leads to the one with it."""
    async with client.post(f"{index.url}/legacy", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (308, index.upload_url)


async def test_hostile_values_do_not_break_the_status_line(
    client: aiohttp.ClientSession, index: IndexStandIn
) -> None:
    """Line breaks and endless text in a field can neither add a header nor overflow the line."""
    version = "1\r\nX-Evil: yes" + "é" * 20_000
    form = aiohttp.FormData({":action": "file_upload", "name": "widgets", "version": version})
    form.add_field("content", b"x", filename="x")
    headers = {"Authorization": f"Token {index.make_token()}"}
    async with client.post(index.upload_url, data=form, headers=headers) as answer:
        assert answer.status == 400
        assert "X-Evil" not in answer.headers
        assert len(answer.reason or "") <= 1000


@pytest.mark.parametrize("body", [b"", b"x" * 100])
async def test_upload_that_is_no_form_is_400(
    client: aiohttp.ClientSession, index: IndexStandIn, body: bytes
) -> None:
    """A body without a file is refused, not answered with 500."""
    headers = {
        "Authorization": f"Token {index.make_token()}",
        "Content-Type": "multipart/form-data; boundary=b",
    }
    async with client.post(index.upload_url, data=body, headers=headers) as answer:
        assert answer.status == 400


async def test_simple_index_in_html_and_for_one_version(
    client: aiohttp.ClientSession, index: IndexStandIn
) -> None:
    """Without asking for JSON the simple index is HTML; a release has a JSON of its own; other spellings lead on."""
    async with client.get(f"{index.url}/simple/Widgets") as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")
        assert "widgets-1.0-py3-none-any.whl" in await answer.text()
    async with client.get(f"{index.url}/pypi/widgets/1.0/json") as answer:
        assert (await answer.json())["info"]["version"] == "1.0"
    async with client.get(f"{index.url}/simple/", headers=SIMPLE_JSON) as answer:
        listed = await answer.json(content_type=None)
    assert [one["name"] for one in listed["projects"]] == ["widgets"]


async def test_removed_project_is_gone(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """A deleted project is 404 where it was 200."""
    index.remove_project("widgets")
    async with client.get(f"{index.url}/simple/widgets/", headers=SIMPLE_JSON) as answer:
        assert answer.status == 404


async def test_made_up_files_are_the_same_every_time() -> None:
    """The same name gives the same bytes, so that tests can know a digest."""
    for filename in ("widgets-1.0-py3-none-any.whl", "widgets-1.0.tar.gz"):
        assert make_distribution(filename) == make_distribution(filename)
    with pytest.raises(ValueError, match="no wheel's or sdist's name"):
        make_distribution("widgets.txt")
