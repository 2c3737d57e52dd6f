"""The forge client's questions and orders against servers that say exactly what a test wants."""

import asyncio
import hashlib
import io
import json
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest

from bot.core.forge import (
    ActOutcome,
    Compared,
    Done,
    Exists,
    Fetched,
    Forbidden,
    HeadFacts,
    Invalid,
    Nothing,
    Repo,
    TagFacts,
    Unsure,
)
from bot.forge.client import ForgeClient
from bot.transport import Transport
from storage.records import Secret
from tests.transport.servers import Script, Server, answer, cut, raw, serving

REPO = Repo("acme", "widgets")
ROOT = "/repos/acme/widgets"
SHA, OTHER = "a" * 40, "b" * 40
TOKEN = "ghp_marked9931"
COMMIT = {"sha": SHA, "html_url": "https://x/c", "commit": {"message": "Fix"}, "author": {"login": "neo"}}
USED_UP = {
    "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795255800", "Date": "Sat, 21 Nov 2026 10:00:00 GMT",
}  # fmt: skip


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    """Give a transport that may talk to the loopback."""
    async with Transport(allow_private_addresses=True) as there:
        yield there


def told(value: object, status: int = 200, **headers: str) -> Script:
    """Send JSON."""
    return answer(status, json.dumps(value).encode(), headers={"Content-Type": "application/json", **headers})


def table(answers: dict[str, Script]) -> Script:
    """Answer by path, 404 for any other."""

    async def script(server: Server, writer: asyncio.StreamWriter) -> None:
        path = server.requests[-1].split(b" ")[1].decode().removeprefix(ROOT)
        await answers.get(path, told({"message": "Not Found"}, 404))(server, writer)

    return script


def turns(*scripts: Script) -> Script:
    """Answer each request in turn, the last for ever."""

    async def script(server: Server, writer: asyncio.StreamWriter) -> None:
        await scripts[min(len(server.requests), len(scripts)) - 1](server, writer)

    return script


def client(transport: Transport, server: Server, write_gap: float = 0) -> ForgeClient:
    """Return a client with a token."""
    return ForgeClient(transport, server.url, "https://forge.x", Secret(TOKEN), write_gap=write_gap)


def paths(server: Server) -> list[str]:
    """Return what was asked, in turn."""
    return [request.split(b" ")[1].decode().removeprefix(ROOT) for request in server.requests]


def body_of(request: bytes) -> Any:
    """Return a request's JSON."""
    return json.loads(request.partition(b"\r\n\r\n")[2])


async def test_the_head_is_the_default_branch_s(transport: Transport) -> None:
    """First the branch is asked for, then its commit."""
    answers = {"": told({"default_branch": "rel/main"}), "/commits/rel/main": told(COMMIT)}
    async with serving(table(answers)) as server:
        got = await client(transport, server).head(REPO)
        assert isinstance(got, HeadFacts)
        assert (got.branch, got.commit.sha, got.commit.title) == ("rel/main", SHA, "Fix")
        assert await client(transport, server).head(Repo("acme", "other")) == Nothing()


def pointing(kind: str, sha: str = SHA) -> Script:
    """Send a ref or tag object that points there."""
    return told({"object": {"type": kind, "sha": sha}})


async def test_tags_are_followed_to_their_commit(transport: Transport) -> None:
    """However a tag was made, it is the commit at its end that counts, five objects deep at most."""
    chain = {f"/git/tags/{sign * 40}": pointing("tag", after * 40) for sign, after in pairwise("123456")}
    answers = {
        "/git/ref/tags/light": pointing("commit"), "/git/ref/tags/rel/v1": pointing("tag", OTHER),
        f"/git/tags/{OTHER}": pointing("commit"), "/git/ref/tags/deep": pointing("tag", "2" * 40),
        "/git/ref/tags/deeper": pointing("tag", "1" * 40), **chain, f"/git/tags/{'6' * 40}": pointing("commit"),
        "/git/ref/tags/blob": pointing("blob"), "/git/ref/tags/lost": pointing("tag", "f" * 40),
    }  # fmt: skip
    async with serving(table(answers)) as server:
        there = client(transport, server)
        assert await there.tag(REPO, "light") == TagFacts("light", SHA, annotated=False)
        assert await there.tag(REPO, "rel/v1") == TagFacts("rel/v1", SHA, annotated=True)
        assert await there.tag(REPO, "deep") == TagFacts("deep", SHA, annotated=True)
        assert isinstance(await there.tag(REPO, "deeper"), Unsure)
        assert isinstance(await there.tag(REPO, "blob"), Unsure)
        assert await there.tag(REPO, "none") == Nothing()
        asked = len(server.requests)
        assert await there.tag(REPO, "..") == Nothing()
        assert len(server.requests) == asked


async def test_checks_are_read_by_the_page(transport: Transport) -> None:
    """Pages are asked for until one is not full, three of each kind at most; where there are more nobody calls it green."""
    check = {"name": "t", "status": "completed", "conclusion": "success"}
    full = told({"check_runs": [check] * 100})
    last = told({"check_runs": [{**check, "name": "last", "conclusion": "failure"}]})
    where = f"/commits/{SHA}/check-runs?filter=latest&per_page=100&page="
    statuses = {
        f"/commits/{SHA}/status?per_page=100&page=1": told(
            {"statuses": [{"context": "s", "state": "pending"}]}
        )
    }
    async with serving(table({f"{where}1": full, f"{where}2": last, **statuses})) as server:
        got: Any = await client(transport, server).checks(REPO, SHA)
        assert (got.passed, got.failed, got.pending) == (("t",), ("last",), ("s",))
        assert len(server.requests) == 3
        assert await client(transport, server).checks(REPO, OTHER) == Nothing()
    async with serving(table({**{f"{where}{page}": full for page in range(1, 9)}, **statuses})) as server:
        assert isinstance(await client(transport, server).checks(REPO, SHA), Unsure)
        assert len(server.requests) == 4
    red = told({"check_runs": [{**check, "conclusion": "failure"}] * 100})
    async with serving(table({**{f"{where}{page}": red for page in range(1, 9)}, **statuses})) as server:
        got = await client(transport, server).checks(REPO, SHA)
        assert got.failed == ("t",)
    async with serving(table({f"{where}1": full, f"{where}2": told({})})) as server:
        assert isinstance(await client(transport, server).checks(REPO, SHA), Unsure)


async def test_a_tag_is_made_in_two_steps(transport: Transport) -> None:
    """The tag's object is made first; the ref points to it and makes the tag."""
    answers = {"/git/tags": told({"sha": OTHER}, 201), "/git/refs": told({}, 201)}
    async with serving(table(answers)) as server:
        got = await client(transport, server).make_tag(REPO, "rel/v1", SHA, "One")
        assert got == Done("https://forge.x/acme/widgets/releases/tag/rel/v1")
        assert body_of(server.requests[1]) == {"ref": "refs/tags/rel/v1", "sha": OTHER}
        assert isinstance(await client(transport, server).make_tag(REPO, "a b", SHA, "One"), Invalid)
        assert paths(server) == ["/git/tags", "/git/refs"]
    answers["/git/refs"] = told({"message": "Reference already exists"}, 422)
    async with serving(table(answers)) as server:
        assert isinstance(await client(transport, server).make_tag(REPO, "v1", SHA, "One"), Exists)


@pytest.mark.parametrize(
    ("first", "second", "kind", "maybe"),
    [
        (cut, cut, Unsure, False), (told({}, 502), cut, Unsure, False), (told({}, 403), cut, Forbidden, False),
        (told({}), cut, Unsure, False), (told({"sha": OTHER}, 201), cut, Unsure, True),
        (told({"sha": OTHER}, 201), told({}, 502), Unsure, True), (told({"sha": OTHER}, 201), told({}, 403), Forbidden, False),
    ],
)  # fmt: skip
async def test_a_tag_that_may_be_there(
    transport: Transport, first: Script, second: Script, kind: type, maybe: bool
) -> None:
    """Only when the order for the ref was sent may the tag be there all the same; no order is sent twice."""
    async with serving(table({"/git/tags": first, "/git/refs": second})) as server:
        got = await client(transport, server).make_tag(REPO, "v1", SHA, "One")
        assert isinstance(got, kind)
        assert getattr(got, "arrived_maybe", False) is maybe
        assert len(set(paths(server))) == len(server.requests)


ORDERS: dict[str, Callable[[ForgeClient], Awaitable[ActOutcome]]] = {
    "/releases": lambda there: there.make_release(REPO, "v1", "One", "Notes", prerelease=False),
    "/actions/workflows/r.yml/dispatches": lambda there: there.dispatch(REPO, "r.yml", "v1"),
    "/actions/runs/7/pending_deployments": lambda there: there.approve(REPO, 7, (5,), "so"),
    "/actions/runs/7/rerun-failed-jobs": lambda there: there.rerun(REPO, 7),
}


@pytest.mark.parametrize("path", ORDERS)
@pytest.mark.parametrize(
    ("script", "kind", "maybe"),
    [
        (told({"html_url": "https://x/y"}, 201), Done, False), (answer(204), Done, False), (told([]), Done, False),
        (told({}, 401), Forbidden, False), (told({}, 403), Forbidden, False), (told({}, 404), Nothing, False),
        (told({}, 422), Invalid, False), (told({}, 500), Unsure, True), (cut, Unsure, True),
        (told({}, 429), Unsure, False), (raw(b"SSH-2.0\r\n\r\n"), Unsure, True),
    ],
)  # fmt: skip
async def test_orders_end_in_a_value(
    transport: Transport, path: str, script: Script, kind: type, maybe: bool
) -> None:
    """Each order is sent once; whatever becomes of it is a value, which says whether it may have arrived."""
    async with serving(script) as server:
        got = await ORDERS[path](client(transport, server))
        assert isinstance(got, kind)
        assert getattr(got, "arrived_maybe", False) is maybe
        assert paths(server) == [path]
        assert server.requests[0].startswith(b"POST ")


QUESTIONS: dict[str, Callable[[ForgeClient], Awaitable[object]]] = {
    "head": lambda there: there.head(REPO), "commit": lambda there: there.commit(REPO, SHA),
    "tag": lambda there: there.tag(REPO, "v1"), "text": lambda there: there.text(REPO, "a.toml", SHA),
    "checks": lambda there: there.checks(REPO, SHA), "compare": lambda there: there.compare(REPO, "v1", "v2"),
    "release": lambda there: there.release(REPO, "v1"), "runs": lambda there: there.runs(REPO, "r.yml", SHA, "push"),
    "run": lambda there: there.run(REPO, 7), "jobs": lambda there: there.jobs(REPO, 7),
    "waiting": lambda there: there.waiting(REPO, 7), "log_tail": lambda there: there.log_tail(REPO, 8),
    "artifacts": lambda there: there.artifacts(REPO, 7), "built": lambda there: there.built(REPO, 9),
    "save_artifact": lambda there: there.save_artifact(REPO, 9, io.BytesIO()),
    "save_asset": lambda there: there.save_asset(REPO, 9, io.BytesIO()),
}  # fmt: skip


@pytest.mark.parametrize("question", QUESTIONS)
async def test_questions_end_in_a_value(transport: Transport, question: str) -> None:
    """Whatever the forge does, no question raises, and none says that an order may have arrived."""
    bad = [told({}, 500), told({}, 401), told({}, 403), told({}, 301), cut, answer(200, b"\xff"),
           answer(302, headers={"Location": "ftp://x"}), answer(302)]  # fmt: skip
    for script in bad:
        async with serving(script) as server:
            got = await QUESTIONS[question](client(transport, server))
            # What is saved is saved as it is.
            assert isinstance(got, Unsure | Invalid | Fetched) or (question, got) == ("log_tail", "\ufffd")
            assert not isinstance(got, Fetched) or question.startswith("save_")
            assert not getattr(got, "arrived_maybe", False)
    async with serving(told({}, 404)) as server:
        assert await QUESTIONS[question](client(transport, server)) == Nothing()


@pytest.mark.parametrize("question", [*QUESTIONS, *ORDERS])
async def test_nobody_there_is_a_value(transport: Transport, question: str) -> None:
    """A forge that refuses connections has got no order."""
    async with serving(cut) as server:
        pass
    ask = {**QUESTIONS, **ORDERS}[question]
    got = await ask(client(transport, server))
    assert isinstance(got, Unsure)
    assert not got.arrived_maybe


async def test_a_comparison_has_its_page(transport: Transport) -> None:
    """A comparison is one question, without a page, so that the newest commits are in it."""
    value = {"total_commits": 1, "commits": [COMMIT], "status": "ahead", "html_url": "https://x/d"}
    async with serving(table({"/compare/v1...rel/v2": told(value)})) as server:
        got = await client(transport, server).compare(REPO, "v1", "rel/v2")
        assert isinstance(got, Compared)
        assert (got.total, got.contributors, got.url) == (1, ("neo",), "https://x/d")


async def test_our_token_is_in_no_value(transport: Transport) -> None:
    """A forge that repeats the token gets it taken out, however odd its form."""
    odd = Secret("odd-marked-9931")
    async with serving(told({"message": "you sent odd-marked-9931"}, 403)) as server:
        there = ForgeClient(transport, server.url, "https://forge.x", odd, write_gap=0)
        for got in (await there.head(REPO), await there.dispatch(REPO, "r.yml", "v1")):
            assert "you sent" in repr(got)
            assert "marked" not in repr(got)


def zipped() -> bytes:
    """Return a zip with a wheel."""
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w") as writing:
            writing.writestr("dist/w.whl", b"wheel")
        return file.getvalue()


@pytest.mark.parametrize(
    ("question", "path"), [("log_tail", "/actions/jobs/8/logs"), ("built", "/actions/artifacts/9/zip")]
)
async def test_what_lies_elsewhere_is_fetched_without_the_token(
    transport: Transport, question: str, path: str
) -> None:
    """One redirect is followed, by a request of its own; a second one is not."""
    script = answer(200, zipped() if question == "built" else b"2026-11-21T10:00:00Z last\n")
    async with serving(script) as storage:
        led = answer(302, headers={"Location": f"{storage.url}/blob?sig=1"})
        async with serving(table({path: led})) as server:
            got: Any = await QUESTIONS[question](client(transport, server))
        assert got == "last" or got[0].filename == "w.whl"
        assert b"uthorization: Bearer" in server.requests[0]
        assert TOKEN.encode() not in storage.requests[0]
        assert b"uthorization" not in storage.requests[0]
        assert (b"Range: bytes=-65536" in storage.requests[0]) is (question == "log_tail")
    async with serving(answer(302, headers={"Location": "/again"})) as server:
        assert isinstance(await QUESTIONS[question](client(transport, server)), Unsure)
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("question", "path"),
    [("save_artifact", "/actions/artifacts/9/zip"), ("save_asset", "/releases/assets/9")],
)
async def test_a_file_is_saved_from_where_it_is(transport: Transport, question: str, path: str) -> None:
    """The forge gives it itself, or leads to a storage, which never gets the token; it is written whole, and hashed."""
    content = b"x" * 300_000
    wanted = Fetched(hashlib.sha256(content).hexdigest(), len(content))
    async with serving(answer(200, content)) as storage:
        led = answer(302, headers={"Location": f"{storage.url}/blob?sig=1"})
        for script in (led, answer(200, content)):
            async with serving(table({path: script})) as server:
                into = io.BytesIO(b"left over" * 100_000)
                assert await getattr(client(transport, server), question)(REPO, 9, into) == wanted
                assert into.getvalue() == content
                assert b"uthorization: Bearer" in server.requests[0]
        assert len(storage.requests) == 1
        assert b"uthorization" not in storage.requests[0]


async def test_a_long_log_is_asked_for_by_its_end(transport: Transport) -> None:
    """A storage that gives the whole of a long log is asked again for its last bytes."""
    body = b"line\n" * 700_000 + b"the end\n"
    size, start = len(body), len(body) - 65_536
    whole = answer(200, body)
    end = answer(206, body[start:], headers={"Content-Range": f"bytes {start}-{size - 1}/{size}"})
    async with serving(turns(whole, end)) as storage:
        led = answer(302, headers={"Location": f"{storage.url}/blob"})
        async with serving(led) as server:
            got = await client(transport, server).log_tail(REPO, 8)
        assert isinstance(got, str)
        assert got.endswith("line\nthe end")
        assert f"Range: bytes={start}-".encode() in storage.requests[1]


async def test_what_is_unchanged_is_not_sent_again(transport: Transport) -> None:
    """A 304 gives the answer that was kept; a changed one takes its place; each address is kept by itself."""
    first, second = told(COMMIT, ETag='"1"'), told({**COMMIT, "sha": OTHER}, ETag='W/"2"')
    async with serving(turns(first, answer(304), second, answer(304), told({}, 500), told(COMMIT))) as server:
        there = client(transport, server)
        got: list[Any] = [await there.commit(REPO, "main") for _ in range(4)]
        assert [one.sha for one in got] == [SHA, SHA, OTHER, OTHER]
        assert isinstance(await there.commit(REPO, "main"), Unsure)
        await there.commit(REPO, "main")
    sent = [
        next((line for line in request.split(b"\r\n") if line.lower().startswith(b"if-none-match")), b"")
        for request in server.requests
    ]
    tags = [b"", b'"1"', b'"1"', b'W/"2"', b'W/"2"', b""]
    assert [line.partition(b": ")[2] for line in sent] == tags


@pytest.mark.parametrize(
    ("script", "seconds"),
    [
        (told(COMMIT, 200, **USED_UP), 601), (told({}, 403, **USED_UP), 601), (told({}, 429, **{"Retry-After": "30"}), 30),
        (told({"message": "You have exceeded a secondary rate limit"}, 403), 60),
    ],
)  # fmt: skip
async def test_a_limit_holds_everything(transport: Transport, script: Script, seconds: float) -> None:
    """After a limit nothing is sent before its end, neither questions nor orders, and each says how long."""
    async with serving(script) as server:
        there = client(transport, server)
        await there.commit(REPO, "main")
        for held in (
            await there.run(REPO, 7),
            await there.rerun(REPO, 7),
            await there.make_tag(REPO, "v1", SHA, "x"),
        ):
            assert isinstance(held, Unsure)
            assert seconds - 5 < (held.retry_after or 0) <= seconds
            assert not held.arrived_maybe
        assert "no more requests" in (await there.look("acme", "widgets", "r.yml")).detail
        assert len(server.requests) == 1


async def test_a_limit_ends(transport: Transport) -> None:
    """When its time is over, the forge is asked again."""
    async with serving(turns(told({}, 429, **{"Retry-After": "1"}), told(COMMIT))) as server:
        there = client(transport, server)
        limited = await there.commit(REPO, "main")
        assert isinstance(limited, Unsure)
        assert limited.retry_after == 1
        await asyncio.sleep(limited.retry_after)
        assert not isinstance(await there.commit(REPO, "main"), Unsure)


async def test_orders_go_one_at_a_time(transport: Transport) -> None:
    """Of many orders at once no two are open together, and a gap lies between them; questions don't wait."""
    async with serving(answer(204)) as server:
        there = client(transport, server, write_gap=0.1)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.gather(*(there.rerun(REPO, 7) for _ in range(4)))
        assert loop.time() - began >= 0.3
        assert (len(server.requests), server.busiest) == (4, 1)


async def test_too_long_answers_are_not_read(transport: Transport) -> None:
    """A body without end is cut, and says nothing."""
    async with serving(answer(200, b'{"jobs": [' + b" " * 9_000_000 + b"]}")) as server:
        got = await client(transport, server).jobs(REPO, 7)
        assert isinstance(got, Unsure)
        assert "too long" in got.detail
