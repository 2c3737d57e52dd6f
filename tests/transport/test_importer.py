"""`publisher import`: what is listed, registered and printed, against the stand-ins of forge and index."""

import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from bot.demo.forge import ForgeStandIn
from bot.demo.forge_seed import WORKFLOW_PATH, pyproject
from bot.demo.forge_state import GOOD_WORKFLOW
from bot.demo.index import IndexStandIn
from bot.importer import COLUMNS, ImportOptions, bring_in
from bot.index.publisher_api import PATH
from bot.settings import Settings, load
from bot.transport import Transport
from storage.records import Secret
from tests.demo.openapi import check_seen

ALL = ImportOptions("globex", "company")
DOCUMENT = {"ok", "dry_run", "owner", "index", "repositories", "left_out", "unseen", "packages", "totals"}
PACKAGE = {
    "project", "repository", "workflow", "environment", "verdict", "lacks", "detail", "outcome", "cause", "remedy",
    "by_hand",
}  # fmt: skip


@dataclass
class Done:
    """What a run printed and returned."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one line of JSON."""
        assert self.out.count("\n") == 1
        return json.loads(self.out)


@dataclass
class Places:
    """A running forge and index."""

    forge: ForgeStandIn
    index: IndexStandIn
    api: bool | None = None

    def settings(self) -> Settings:
        """Return settings that lead there."""
        site: dict[str, Any] = {"url": self.index.url, "upload_url": self.index.upload_url}
        if self.api is not None:
            site["publisher_api"] = self.api
        return load(
            {
                "SHIPBELL_GITHUB_API_URL": self.forge.url,
                "SHIPBELL_GITHUB_WEB_URL": self.forge.web_url,
                "SHIPBELL_INDEXES": json.dumps({"company": site}),
                "SHIPBELL_ALLOW_PRIVATE_ADDRESSES": "true",
            }
        )

    async def go(self, options: ImportOptions, **more: Any) -> Done:
        """Run once."""
        out, err = io.StringIO(), io.StringIO()
        wanted = replace(options, **more)
        code = await bring_in(
            wanted, self.settings(), lambda: Transport(allow_private_addresses=True), out=out, err=err
        )
        return Done(code, out.getvalue(), err.getvalue())


@pytest.fixture
async def there() -> AsyncIterator[Places]:
    """Give a running forge with an organisation's repositories, and an index with two of its packages."""
    async with ForgeStandIn() as forge, IndexStandIn(name="company") as index:
        good = {"pyproject.toml": pyproject("Anvils", "1"), WORKFLOW_PATH: GOOD_WORKFLOW}
        forge.add_repository("globex/anvils", good, ["pypi"])
        forge.add_repository("globex/rockets", {"pyproject.toml": pyproject("rockets", "1")})
        forge.add_repository("globex/skates", {"pyproject.toml": pyproject("skates", "1")})
        forge.add_repository("globex/legacy", {"setup.py": b""})
        forge.add_repository("globex/site", {"index.html": b""})
        forge.add_repository("globex/old", {"setup.py": b""}).archived = True
        for name in ("anvils", "rockets"):
            index.add_project(name)
        yield Places(forge, index)
        assert not check_seen(forge.requests)


async def test_a_dry_run_lists_what_is_lacking(there: Places) -> None:
    """Each package stands in a table of 80 columns with what it lacks, nothing is registered, and no token is needed."""
    done = await there.go(ALL, dry_run=True)
    assert (done.code, done.err) == (0, "")
    assert all(len(line) <= COLUMNS for line in done.out.splitlines())
    assert "rockets                globex/rockets          ready: no workflow that publishes\n" in done.out
    assert "(no name)              globex/legacy           not: no name that can be read" in done.out
    assert (
        done.out.splitlines()[-1]
        == "3 can be set up, 0 already, 0 without a first release, 1 can't be set up"
    )
    assert there.index.registrations == []


async def test_the_document_has_its_fields(there: Places) -> None:
    """`--json` is one line with the fields that are documented, of a list and of what was done."""
    listed = (await there.go(ALL, dry_run=True, as_json=True)).json
    done = (await there.go(ALL, api_token=Secret(there.index.make_token()), as_json=True)).json
    for told in (listed, done):
        assert set(told) == DOCUMENT
        assert all(set(package) == PACKAGE for package in told["packages"])
        assert told["left_out"] == {"archived": 1, "forks": 0, "without_python": 1}
        assert told["repositories"] == 6
    assert listed["dry_run"]
    assert [(one["project"], one["verdict"], one["lacks"]) for one in listed["packages"]] == [
        ("anvils", "ready", ["workflow"]), ("rockets", "ready", ["workflow"]), ("skates", "ready", ["new", "workflow"]),
        ("", "not", ["name"]),
    ]  # fmt: skip
    outcomes = {one["project"]: one["outcome"] for one in done["packages"]}
    assert outcomes == {"anvils": "set_up", "rockets": "set_up", "skates": "first", "": None}
    assert done["totals"] == {"set_up": 2, "already": 0, "first": 1, "failed": 0, "by_hand": 0}


async def test_run_again_it_skips_what_is_done(there: Places) -> None:
    """What the index lists or answers to be pending counts as already; the numbers stand in the last line."""
    token = Secret(there.index.make_token())
    first = await there.go(ALL, api_token=token)
    assert first.code == 0
    assert first.out.splitlines()[-1] == "2 set up, 0 already, 1 without a first release, 0 failed"
    again = await there.go(ALL, api_token=token)
    assert again.out.splitlines()[-1] == "0 set up, 2 already, 1 without a first release, 0 failed"
    assert len(there.index.registrations) == 2


async def test_a_refused_token_is_sent_once(there: Places) -> None:
    """Where the index refuses the token, the rest is not tried with it: exit 1, and each package says why."""
    there.index.fail(PATH, status=403, times=-1, body=b'{"message": "because marked-1"}')
    done = await there.go(ALL, api_token=Secret("marked-1"))
    assert done.code == 1
    assert done.out.splitlines()[-1] == "0 set up, 0 already, 0 without a first release, 3 failed"
    assert sum(one.path == PATH and one.method == "POST" for one in there.index.requests) == 1
    assert "marked-1" not in done.out + done.err


async def test_an_index_without_the_api_is_left_to_people(there: Places) -> None:
    """The page for each package is printed, filled in where the project is there, and no token is asked for."""
    there.api = False
    done = await there.go(ALL)
    assert done.code == 0
    assert f"anvils: {there.index.url}/manage/project/anvils/settings/publishing/?" in done.out
    assert f"skates: {there.index.url}/manage/account/publishing/\n  PyPI Project Name: skates\n" in done.out
    assert done.out.splitlines()[-1].endswith("0 failed; 3 waiting for a person")
    assert [one["by_hand"]["prefilled"] for one in (await there.go(ALL, as_json=True)).json["packages"][:3]] == [
        True, True, False,
    ]  # fmt: skip


async def test_named_repositories_alone_are_looked_at(there: Places) -> None:
    """`--repo` may be given again and may name the owner; nothing else is asked for."""
    told = (await there.go(ALL, repos=("rockets", "globex/Skates"), dry_run=True, as_json=True)).json
    assert [one["project"] for one in told["packages"]] == ["rockets", "skates"]
    assert not there.forge.count("/repos/globex/anvils")


async def test_what_is_wrong_is_told(there: Places) -> None:
    """Wrong use is 2 before anybody is asked; an owner that nobody knows, and a repository without an answer, are 1."""
    wrong = await there.go(ALL, owner="-", index="compny")
    assert (wrong.code, wrong.out) == (2, "")
    assert "Did you mean company?" in wrong.err
    assert (await there.go(ALL)).code == 2
    told = await there.go(ALL, owner="-", as_json=True)
    assert len(told.json["problems"]) == 2
    assert there.forge.requests == []
    nobody = await there.go(ALL, owner="nobody-knows", dry_run=True, as_json=True)
    assert (nobody.code, nobody.json["ok"]) == (1, False)
    assert nobody.err.startswith("error: GitHub knows no such owner")
    there.forge.fail("/repos/globex/rockets", status=502, times=-1)
    away = await there.go(ALL, dry_run=True, as_json=True)
    assert (away.code, away.json["unseen"]) == (1, ["globex/rockets"])
    assert "note: globex/rockets can't be looked at" in away.err
