"""The index's pages: a stranger gets through each form, and nothing typed into one becomes markup."""

import html
import re
from urllib.parse import quote

import aiohttp
import pytest

from bot.demo.index import IndexStandIn
from tests.demo.clock import StoppedClock
from tests.demo.test_index_publisher_api import GOOD, register

PUBLISHING = "/manage/account/publishing/"
SETTINGS = "/manage/project/widgets/settings/publishing/"
TOKENS = "/manage/account/token/"
HOSTILE = "\"><script>alert('x')</script>"
FORM = {
    "project_name": "gadgets",
    "owner": "acme",
    "repository": "gadgets",
    "workflow_filename": "release.yml",
    "environment": "pypi",
}


async def page(client: aiohttp.ClientSession, index: IndexStandIn, path: str) -> tuple[int, str]:
    """Return status and text of one page, redirects followed."""
    async with client.get(index.url + path) as answer:
        return answer.status, await answer.text()


async def submit(
    client: aiohttp.ClientSession, index: IndexStandIn, path: str, **fields: str
) -> tuple[int, str]:
    """Submit a form and return status and text of where it leads."""
    async with client.post(index.url + path, data=fields) as answer:
        return answer.status, await answer.text()


async def signed_in(client: aiohttp.ClientSession, index: IndexStandIn, user: str = "demo") -> None:
    """Sign in."""
    assert (await submit(client, index, "/account/login/", user=user))[0] == 200


def buttons(text: str, action: str) -> list[str]:
    """Return the ids behind the buttons of one kind."""
    return re.findall(rf'action="{action}"><input type="hidden" name="id" value="([^"]+)"', text)


@pytest.mark.parametrize("path", [PUBLISHING, SETTINGS, TOKENS])
async def test_signed_out_people_are_sent_to_sign_in_and_back(
    client: aiohttp.ClientSession, index: IndexStandIn, path: str
) -> None:
    """Signed out: 303 to the login page, whose button leads back to the same address, query and all."""
    wanted = f"{path}?owner=acme&x=%26"
    async with client.get(index.url + wanted, allow_redirects=False) as answer:
        assert answer.status == 303
        assert answer.headers["Location"] == f"{index.url}/account/login/?next={quote(wanted, safe='')}"
    _, text = await page(client, index, wanted)
    back = re.search(r'name="next" value="([^"]*)"', text)
    assert back
    fields = {"user": "demo", "next": html.unescape(back.group(1))}
    async with client.post(f"{index.url}/account/login/", data=fields) as answer:
        assert (answer.status, str(answer.url.raw_path_qs)) == (200, wanted)


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example/", "/\\evil.example", "evil", "/a\r\nX: y"]
)
async def test_signing_in_never_leads_to_another_site(
    client: aiohttp.ClientSession, index: IndexStandIn, elsewhere: str
) -> None:
    """The address to go on to is a path of this site or the front page."""
    fields = {"user": "demo", "next": elsewhere}
    async with client.post(f"{index.url}/account/login/", data=fields, allow_redirects=False) as answer:
        assert answer.headers["Location"] == f"{index.url}/"


async def test_signing_out_ends_the_session(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """After signing out the pages ask to sign in again."""
    await signed_in(client, index)
    await submit(client, index, "/account/logout/")
    assert "Who are you?" in (await page(client, index, PUBLISHING))[1]


async def test_unknown_user_cannot_sign_in(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """Only users that the page offers exist."""
    assert (await submit(client, index, "/account/login/", user="root"))[0] == 404


async def test_registration_by_api_is_confirmed_on_the_page(
    client: aiohttp.ClientSession, index: IndexStandIn
) -> None:
    """What the API registered shows up as pending, and its Confirm button puts it in force."""
    await register(client, index, index.make_token())
    await signed_in(client, index)
    _, before = await page(client, index, PUBLISHING)
    (pending,) = buttons(before, f"{PUBLISHING}confirm/")
    _, after = await submit(client, index, f"{PUBLISHING}confirm/", id=pending)
    assert buttons(after, f"{PUBLISHING}confirm/") == []
    (active,) = index.state.active
    assert [project.name for project in active.projects] == ["widgets"]
    assert '<span class="pill good">active</span>' in after


async def test_confirming_a_form_registration_makes_its_project(
    client: aiohttp.ClientSession, index: IndexStandIn
) -> None:
    """A pending publisher for a new project makes that project appear, without a release."""
    await signed_in(client, index)
    status, text = await submit(client, index, PUBLISHING, **FORM)
    assert status == 200
    assert (await page(client, index, "/simple/gadgets/"))[0] == 404
    (pending,) = buttons(text, f"{PUBLISHING}confirm/")
    await submit(client, index, f"{PUBLISHING}confirm/", id=pending)
    assert (await page(client, index, "/simple/gadgets/"))[0] == 200
    assert "No release yet" in (await page(client, index, "/project/gadgets/"))[1]
    assert index.registrations == []


async def test_removing_withdraws_it(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """Remove leaves nothing pending and nothing active."""
    await signed_in(client, index)
    _, text = await submit(client, index, PUBLISHING, **FORM)
    (pending,) = buttons(text, f"{PUBLISHING}remove/")
    await submit(client, index, f"{PUBLISHING}remove/", id=pending)
    assert (index.state.pending, index.state.active) == ([], [])


@pytest.mark.parametrize("action", ["confirm/", "remove/"])
async def test_nobody_touches_what_others_have_pending(
    client: aiohttp.ClientSession, index: IndexStandIn, action: str
) -> None:
    """Another user's pending publisher is neither shown nor confirmed nor removed."""
    await register(client, index, index.make_token())
    await signed_in(client, index, "alice")
    assert buttons((await page(client, index, PUBLISHING))[1], PUBLISHING + action) == []
    pending = index.state.pending[0].id
    assert (await submit(client, index, PUBLISHING + action, id=pending))[0] == 404
    assert len(index.state.pending) == 1


async def test_account_page_ignores_its_query(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """The form for a new project can't be pre-filled."""
    await signed_in(client, index)
    assert 'value="from-link"' not in (await page(client, index, f"{PUBLISHING}?owner=from-link"))[1]


async def test_project_page_takes_its_query(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """The form of an existing project is filled from the link, and submitting it puts the publisher in force."""
    await signed_in(client, index)
    fields = {name: value for name, value in GOOD.items() if name != "name"}
    query = "&".join(f"{name}={value}" for name, value in fields.items())
    _, text = await page(client, index, f"{SETTINGS}?provider=github&{query}")
    for name, value in fields.items():
        assert f'name="{name}" value="{value}"' in text
    assert (await submit(client, index, SETTINGS, **fields))[0] == 200
    assert [one.values.slug for one in index.state.active] == ["acme/widgets"]


async def test_project_page_tells_problems(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """A bad value on an existing project's form comes back with its reason."""
    await signed_in(client, index)
    status, text = await submit(client, index, SETTINGS, **{**FORM, "owner": "nobody"})
    assert (status, "Unknown GitHub user or organization." in text) == (400, True)
    assert index.state.active == []


@pytest.mark.parametrize("path", ["/manage/project/nothing/settings/publishing/", "/project/nothing/", "/no"])
async def test_what_is_not_there_is_404(
    client: aiohttp.ClientSession, index: IndexStandIn, path: str
) -> None:
    """An unknown project or address is a page that says so."""
    await signed_in(client, index)
    status, text = await page(client, index, path)
    assert (status, "Page Not Found (404)" in text) == (404, True)


async def test_token_is_shown_once_and_works(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """The page shows a new token in full once; it registers a publisher; no later page holds it."""
    await signed_in(client, index)
    _, text = await submit(client, index, TOKENS, scope="")
    shown = re.search(r'id="token">(pypi-[\w-]+)<', text)
    assert shown
    token = shown.group(1)
    assert (await register(client, index, token))[0] == 201
    for path in (TOKENS, PUBLISHING, "/"):
        assert token not in (await page(client, index, path))[1]


async def test_token_for_a_project_is_bound_to_it(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """Chosen for one project, the token may not register."""
    await signed_in(client, index)
    _, text = await submit(client, index, TOKENS, scope="widgets")
    token = re.findall(r'id="token">([^<]+)<', text)[0]
    assert (await register(client, index, token))[0] == 403


async def test_revoked_token_is_unknown(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """Revoking ends a token at once, and nobody revokes another's."""
    token = index.make_token()
    (token_id,) = index.state.tokens.issued
    await signed_in(client, index, "alice")
    assert (await submit(client, index, f"{TOKENS}revoke/", id=token_id))[0] == 404
    await signed_in(client, index)
    assert (await submit(client, index, f"{TOKENS}revoke/", id=token_id))[0] == 200
    assert (await register(client, index, token))[0] == 401


async def test_token_for_somebody_elses_project_is_404(
    client: aiohttp.ClientSession, index: IndexStandIn
) -> None:
    """Nobody makes a token for a project of another."""
    await signed_in(client, index, "alice")
    assert (await submit(client, index, TOKENS, scope="widgets"))[0] == 404


@pytest.mark.parametrize("field", list(FORM))
async def test_hostile_form_values_are_escaped(
    client: aiohttp.ClientSession, index: IndexStandIn, field: str
) -> None:
    """Markup typed into any field of either form comes back as text."""
    await signed_in(client, index)
    for path in (PUBLISHING, SETTINGS):
        status, text = await submit(client, index, path, **{**FORM, field: HOSTILE})
        assert status in {200, 400}
        assert "<script>" not in text


@pytest.mark.parametrize(
    "path",
    [f"{SETTINGS}?owner={quote(HOSTILE)}", f"/{quote(HOSTILE)}", f"/account/login/?next=/{quote(HOSTILE)}"],
)
async def test_hostile_addresses_are_escaped(
    client: aiohttp.ClientSession, index: IndexStandIn, path: str
) -> None:
    """Markup in an address is text on the page it leads to."""
    await signed_in(client, index)
    assert "<script>" not in (await page(client, index, path))[1]


async def test_hostile_metadata_is_escaped(client: aiohttp.ClientSession) -> None:
    """Markup in a summary, a status' reason or the index's own name is text on pages and in feeds."""
    async with IndexStandIn(f"a{HOSTILE}") as index:
        index.add_project("widgets", ["widgets-1.0.tar.gz"])
        index.state.projects["widgets"].releases["1.0"].fields["summary"] = HOSTILE
        index.set_status("widgets", "archived", HOSTILE)
        await signed_in(client, index)
        for path in (
            "/",
            "/project/widgets/",
            "/rss/packages.xml",
            "/rss/updates.xml",
            PUBLISHING,
            "/nothing",
        ):
            assert "<script>" not in (await page(client, index, path))[1]


async def test_front_page_lists_projects(
    client: aiohttp.ClientSession, index: IndexStandIn, clock: StoppedClock
) -> None:
    """The newest project comes first, with its newest version."""
    clock.forward(minutes=1)
    index.add_project("gadgets", ["gadgets-1.9.tar.gz", "gadgets-1.10.tar.gz"], owner="alice")
    _, text = await page(client, index, "/")
    assert re.findall(r'<a href="/project/([^/]+)/">', text) == ["gadgets", "widgets"]
    assert "1.10" in text


@pytest.mark.parametrize(
    "path", ["/", "/help/", "/account/login/", PUBLISHING, SETTINGS, TOKENS, "/project/widgets/"]
)
async def test_pages_load_nothing_from_elsewhere(
    client: aiohttp.ClientSession, index: IndexStandIn, path: str
) -> None:
    """Every page stands alone: no script, and no style, font or picture from another address."""
    await signed_in(client, index)
    status, text = await page(client, index, path)
    assert status == 200
    assert not re.search(r"<script|https?://(?!127\.0\.0\.1)|@import", text)
